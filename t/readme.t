# README.md, docs/ and the pages beside the code: their links lead somewhere,
# what they name is there, and all that is there is named.  readme_examples.t
# tries their examples.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(dirname);
use Test::More;

use KS::Docs qw(pages user_pages page prose anchors links blocks);
use KS::Nginx;
use KS::Proc qw(root slurp);

my $ngx = KS::Nginx->start(size => '16m');

my $users = join '', map { page($_) } user_pages();
my $index = page('docs/README.md');


subtest 'links' => sub {
    my %linked;

    for my $page (pages()) {
        my $anchor = anchors($page);
        my @twice = grep { $anchor->{$_} > 1 } sort keys %$anchor;

        is("@twice", '', "$page: a heading is there once");

        for my $target (links($page)) {
            next if $target =~ m{^https://};

            my ($path, $id) = $target =~ /^([^#]*)(?:#(.*))?$/;

            $path = $path eq '' ? $page : join '/', dirname($page), $path;
            $path =~ s{^\./}{};
            1 while $path =~ s{[^/]+/\.\./}{};

            ok(-e root() . "/$path", "$page: $target") or next;
            ok(anchors($path)->{$id}, "$page: $target, its heading")
                if defined $id;

            $linked{$path} = 1;
        }
    }

    my @alone = grep { !$linked{$_} && m{^docs/} } pages();
    is("@alone", '', 'there is a way to each page');
};


# What README.md promises of its own length.
subtest 'size' => sub {
    my $lines = () = page('README.md') =~ /\n/g;

    cmp_ok($lines, '<=', 250, 'README.md is read at one sitting');
    cmp_ok($lines, '>=', 150, '... and says enough');
};


subtest 'directives' => sub {
    my %declared;

    for my $file (glob root() . '/src/nginx/*.c') {
        my $text = slurp($file);

        $declared{$_} = 1
            for $text =~ /^    \{ ngx_string\("(keyspace_\w+|user)"\),$/mg;

        # those within the braces of keyspace_zone
        my ($lines) = $text =~ /^static \w+  ngx_keyspace_zone_lines\[\](.*?)^};/ms;
        $declared{$_} = 1 for ($lines // '') =~ /ngx_keyspace_param_row\("(\w+)"/g;
    }

    ok($declared{$_}, "$_ is found in the code")
        for qw(keyspace_zone keyspace_limit token eviction);

    is_deeply([sort map { "$_" } $users =~ /^\| Syntax \| \*\*(\w+)\*\*/mg],
              [sort keys %declared], 'each has its syntax, once');

    for my $page (user_pages()) {
        my @tables = page($page) =~ /^### (\w+)\n\n((?:\|.*\n)+)/mg;

        while (my ($name, $table) = splice @tables, 0, 2) {

            like($table, qr/\A\| \| \|\n\|---\|---\|\n\| Syntax \| (?:\*\*$name\*\* .*)\|\n\| Default \| (?:—|$name [^;]+;) \|\n\| Context \| [^|]+ \|\n\z/,
                 "$name has its syntax, default and context");
            like($index, qr/^- \[\Q$name\E\]\(\Q@{[$page =~ s{.*\/}{}r]}\E#$name\)$/m,
                 '... and stands in the index');
        }
    }

    my @indexed = $index =~ /^- \[([a-z]\w+)\]\(/mg;
    is_deeply(\@indexed, [sort keys %declared], 'the index names all, in order');
};


subtest 'variables' => sub {
    my %declared;

    for my $file (glob root() . '/src/nginx/*.c') {
        $declared{$_} = 1 for slurp($file)
            =~ /^    \{ ngx_string\("(keyspace_\w+)"\), NULL,$/mg;
    }

    my %used = map { $_ => 1 } grep { !/^keyspace_session_/ }
        $users =~ /\$(keyspace_\w+)/g;
    my @unknown = grep { !$declared{$_} } sort keys %used;

    is("@unknown", '', 'no page speaks of one that is not there');

    is_deeply([sort $users =~ /^- `\$(keyspace_\w+)`(?:\*field\*)?:/mg],
              [sort keys %declared], 'each is told of, once');
    is_deeply([$index =~ /^- \[\$(keyspace_\w+)\]\(\w+\.md#variables\)/mg],
              [sort keys %declared], 'the index names all, in order');
};


subtest 'commands' => sub {
    my ($text, $missing) = page('docs/commands.md')
        =~ /(.*?)^## Missing commands\n(.*?)^## /ms;
    my $http = $ngx->client;

    my @named = map { lc } map { /\b([A-Z][A-Z_.]+)\b/g }
        $text =~ /^\| [^|]+ \| ([A-Z][A-Z_. ]+) \|$/mg;
    my @there = grep { !/\|/ } @{$http->run('COMMAND', 'LIST')};

    is_deeply([sort @named], [sort @there], 'all are named, once');

    for my $command ($missing =~ /`([A-Z]+)`/g) {
        like($http->post($command)->{body}, qr/unknown command/,
             "$command is missing");
    }
};


subtest 'examples' => sub {
    for my $page (user_pages()) {
        for my $block (blocks($page)) {
            my ($language, $text) = @$block;

            like($language, qr/^(?:sh|nginx|js|python|text)$/,
                 "$page: " . substr($text, 0, 40) =~ s/\n.*//sr);
            unlike($text, qr/.{91}/, '... no line is too long for a page')
                if $language !~ /^(?:sh|text)$/;
        }

        my @bare = prose($page) =~ /^    ((?:\$ )?(?:curl|redis-cli) .*)/mg;
        is("@bare", '', "$page: what can be run is marked as such");
    }
};


$ngx->stop;
done_testing;
