# Random commands of HyperLogLogs, as rows for KS::Random.
#
# Some get many elements, so that they become dense; and some are what a
# stranger wrote: those lie at keys of their own, because what a corrupted one
# is after an error in the midst of a command is not compared.

package KS::Random::HLL;

use strict;
use warnings;

use KS::Random;

our (%COMMANDS, %MAKE);

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"} for qw(pick chance some key value bytes);
}

my $next = 0;


sub element { return chance(50) ? int rand 5000 : value() }


# so many that nobody has seen yet
sub fresh {
    my ($n) = @_;

    return map { 'e' . $next++ } 1 .. $n;
}


sub elements {
    return ()                           if chance(5);
    return some(5, \&element)           if chance(80);
    return fresh(1 + int rand 100)      if chance(80);
    return fresh(500 + int rand 2000);
}


# the bytes of a run, and of how many registers it is
sub run {
    my $n = rand 10;

    if ($n < 2) {
        my $len = rand 64;
        return (chr $len, 1 + int $len);
    }

    if ($n < 5) {
        my $len = int rand pick(10, 300, 300, 2000);
        return (chr(64 | $len >> 8) . chr($len & 255), 1 + $len);
    }

    my $c = 128 | int rand 128;
    return (chr $c, 1 + ($c & 3));
}


# registers in runs, mostly as many as there must be
sub sparse {
    my ($left, $out) = (16384, '');

    while ($left) {
        my ($bytes, $len) = run();

        last if $len > $left;
        $left -= $len;
        $out .= $bytes;
    }

    if ($left && !chance(15)) {
        $left--;
        $out .= chr(64 | $left >> 8) . chr($left & 255);
    }

    return $out;
}


sub header {
    my ($encoding) = @_;
    my $estimate = chance(70) ? "\0" x 7 . "\x80" : bytes(8);

    return 'HYLL' . chr($encoding) . (chance(90) ? "\0\0\0" : bytes(3))
           . $estimate;
}


sub written {
    my $n = rand 100;

    return header(1) . sparse()                             if $n < 50;
    return header(0) . bytes(12288)                         if $n < 70;
    return header(0) . chr(pick(0, 255, 0x41)) x 12288      if $n < 75;
    return header(0) . bytes(pick(0, 100, 12287, 12289))    if $n < 80;
    return header(1) . "\x7f\xff"                           if $n < 85;
    return header(pick(2, 255)) . "\x7f\xff"                if $n < 90;
    return header(1)                                        if $n < 93;
    return substr header(1), 0, int rand 16                 if $n < 96;
    return 'hyll' . substr header(1), 4;
}


sub stranger { return 'hand' . int rand 3 }


# mostly one of a few keys, so that values grow
sub place { return chance(75) ? 'k' . (1 + int rand 4) : key() }


%COMMANDS = (
    PFADD   => [12, sub { chance(85) ? (place(), elements())
                                     : (stranger(), element()) }],
    PFCOUNT => [8, sub { chance(60) ? (place()) : some(4, sub {
                             chance(85) ? place() : stranger() }) }],
    PFMERGE => [5, sub { (place(), chance(95) ? some(3, sub {
                             chance(85) ? place() : stranger() }) : ()) }],
);

%MAKE = (hll => sub { chance(70) ? ['SET', stranger(), written()]
                                 : ['PFADD', place(), elements()] });


1;
