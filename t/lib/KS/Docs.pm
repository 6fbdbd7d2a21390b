# The pages that people read: README.md, docs/*.md, and those that stand beside
# the code; what is in them.

package KS::Docs;

use strict;
use warnings;

use Exporter 'import';

use KS::Proc qw(root slurp);

our @EXPORT_OK = qw(pages user_pages page prose anchors links blocks);

my %text;


# All pages, as paths from the top of the source tree.
sub pages {
    my $root = root();

    return map { s{^\Q$root\E/}{}r } grep { -f }
        map { glob "$root/$_" } qw(README.md docs/*.md src/README.md
                                   src/*/README.md t/README.md);
}


# Those for users.
sub user_pages { return grep { !m{^(?:src|t)/} } pages() }


sub page {
    my ($path) = @_;

    return $text{$path} //= slurp(root() . "/$path");
}


# Everything of a page but its examples.
sub prose {
    my ($path) = @_;

    return page($path) =~ s/^```.*?^```$//gmsr;
}


# The anchors of a page's headings, as GitHub makes them: anchor => how many.
sub anchors {
    my ($path) = @_;
    my %anchor;

    for my $heading (prose($path) =~ /^#+ (.*)$/mg) {
        my $id = lc $heading;

        $id =~ s/[^\w\- ]//g;
        $id =~ tr/ /-/;
        $anchor{$id}++;
    }

    return \%anchor;
}


# The targets of a page's links, each once.
sub links {
    my ($path) = @_;
    my %target = map { $_ => 1 } prose($path) =~ /\]\(([^)\s]+)\)/g;

    return sort keys %target;
}


# The examples of a page: ([language, text], ...)
sub blocks {
    my ($path) = @_;
    my $text = page($path);
    my @blocks;

    push @blocks, [$1, $2] while $text =~ /^```(\w*)\n(.*?)^```$/msg;

    return @blocks;
}


1;
