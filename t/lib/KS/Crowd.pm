# Processes that work beside a test while workers are killed: each runs a part
# of the test's code, and writes what it has seen to a file of its name.

package KS::Crowd;

use strict;
use warnings;

use Exporter qw(import);
use IO::Handle;
use POSIX ();

our @EXPORT_OK = qw(launch connection);


# $code->($name, $out), in a process of its own; out: the file.
sub launch {
    my ($dir, $name, $code) = @_;
    my $pid = fork // die "fork: $!";

    return $pid if $pid;

    open my $out, '>', "$dir/$name" or POSIX::_exit(1);
    $out->autoflush(1);
    eval { $code->($name, $out); 1 } or print STDERR "# $name: $@";
    close $out;
    POSIX::_exit(0);
}


# A connection of RESP; undef if that is not to be had right now.
sub connection {
    my ($ngx) = @_;
    my $c = eval { $ngx->resp(timeout => 20) };

    select undef, undef, undef, 0.005 unless $c;
    return $c;
}


1;
