# What the benchmarks' scripts share.

package KS::Bench;

use strict;
use warnings;

use Exporter 'import';

use KS::Proc qw(capture slurp);

our @EXPORT_OK = qw(median on_cpu wrk);


sub median {
    my @v = sort { $a <=> $b } @_;

    return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}


# ns that a process has run, the first of its threads; or several
sub on_cpu {
    my $sum = 0;

    $sum += (slurp("/proc/$_/schedstat") =~ /^(\d+)/)[0] for @_;

    return $sum;
}


# A run of wrk on the second core, with 32 kept-alive connections: the requests
# a second, and for how many microseconds of each the worker was on its core (or
# several processes, of a list).  No response may be an error.
sub wrk {
    my ($worker, $seconds, $url, @more) = @_;
    my @pids = ref $worker ? @$worker : $worker;
    my $before = on_cpu(@pids);
    my ($code, $out) = capture($seconds + 30, {},
        'taskset', '-c', '1', 'wrk', '-t', 1, '-c', 32, '-d', "${seconds}s",
        @more, $url);

    my ($requests) = $out =~ /^\s*(\d+) requests in/m or die "wrk: $out\n";
    my ($rate) = $out =~ m{^Requests/sec:\s*(\S+)}m or die "wrk: $out\n";
    die "wrk: $out\n" if $out =~ /Non-2xx|Socket errors/;

    return ($rate, (on_cpu(@pids) - $before) / 1000 / $requests);
}


1;
