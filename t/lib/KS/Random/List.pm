# Random commands of lists, as rows for KS::Random.
#
# Few different elements, so that LREM, LPOS and LINSERT find some; at times
# big ones, and many, so that lists grow beyond one leaf and shrink again.

package KS::Random::List;

use strict;
use warnings;

use KS::Random;

our (%COMMANDS, %MAKE);

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"}
        for qw(pick chance some key value small integer shuffle);
}

my @common = ('a' .. 'f', '', 1, 2, -3, 1000, 70_000, "\0\xff",
              'x' x 63, 'y' x 64, 'z' x 250, 'w' x 251, 'v' x 512, 'u' x 513);


sub element {
    return chance(75) ? pick(@common) : value();
}


# mostly a few; at times enough for several leaves
sub elements {
    return map { element() } 1 .. 1 + rand 4 if chance(90);
    return map { element() } 1 .. 1 + rand 60 if chance(70);
    return map { pick(@common[0 .. 9]) } 1 .. 400 + rand 400;
}


sub index_ { return chance(50) ? pick(-8 .. 8) : small() }

# half of the ranges are wide, lest LTRIM leave nothing
sub range {
    return (pick(0, 0, 1, 2), pick(-1, -1, -2, -3, 500)) if chance(60);
    return (index_(), index_());
}


sub end { return chance(97) ? pick(qw(LEFT RIGHT left Right)) : 'MIDDLE' }


sub count {
    return chance(85) ? pick(0, 1, 1, 2, 3, 5, 20, 300) : integer();
}


# What the least number is to RANK, 7.0 and 7.2 do not agree about.
sub rank {
    my $n = chance(85) ? pick(1, 1, 2, 3, -1, -2, 0) : integer();

    return $n eq '-9223372036854775808' ? -1 : $n;
}


sub lpos_options {
    my @groups;

    push @groups, ['RANK', rank()]              if chance(50);
    push @groups, [pick(qw(COUNT count)), count()] if chance(50);
    push @groups, ['MAXLEN', count()]           if chance(30);
    push @groups, [pick('RANK', 'X', '')]       if chance(3);

    return map { @$_ } shuffle(@groups);
}


sub lmpop {
    my @keys = some(3, \&place);
    my $n = chance(94) ? scalar @keys : integer();

    return ($n, @keys, end(), chance(50) ? ('COUNT', count()) : (),
            chance(4) ? pick('COUNT', 'X') : ());
}


# mostly one of a few keys, so that values grow
sub place { return chance(75) ? 'k' . (1 + int rand 4) : key() }


%COMMANDS = (
    LPUSH     => [7, sub { (place(), elements()) }],
    RPUSH     => [8, sub { (place(), elements()) }],
    LPUSHX    => [2, sub { (place(), elements()) }],
    RPUSHX    => [2, sub { (place(), elements()) }],
    LPOP      => [4, sub { (place(), chance(50) ? count() : ()) }],
    RPOP      => [4, sub { (place(), chance(50) ? count() : ()) }],
    LLEN      => [2, sub { (place()) }],
    LRANGE    => [5, sub { (place(), range()) }],
    LINDEX    => [4, sub { (place(), index_()) }],
    LSET      => [5, sub { (place(), index_(), element()) }],
    LINSERT   => [5, sub { (place(), pick(qw(BEFORE AFTER before After BESIDE)),
                            element(), element()) }],
    LREM      => [4, sub { (place(), chance(80) ? pick(-3 .. 3) : integer(),
                            element()) }],
    LTRIM     => [2, sub { (place(), range()) }],
    LPOS      => [5, sub { (place(), element(), lpos_options()) }],
    LMOVE     => [5, sub { (place(), place(), end(), end()) }],
    RPOPLPUSH => [3, sub { (place(), place()) }],
    LMPOP     => [4, sub { lmpop() }],
);

%MAKE = (list => sub { ['RPUSH', place(), elements()] });


1;
