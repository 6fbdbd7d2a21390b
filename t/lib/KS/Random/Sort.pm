# Random SORTs, and what they sort by, as rows for KS::Random; and which of
# the orders that come out are each server's own, as rules for KS::Referee.
#
# Elements are mostly small numbers, so that they have weights (w_N), hashes
# (h_N) and keys that are sorted themselves (kN).  What is stored has an order
# that Redis defines; all else would make the two servers differ for good.

package KS::Random::Sort;

use strict;
use warnings;

use KS::RESP;
use KS::Random;
use KS::Referee;

our (%COMMANDS, %MAKE);

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"}
        for qw(pick chance some key value float integer shuffle);
}

my @texts = ('a' .. 'f', 'A', 'ab', 'abc', 'z' x 64, "\xff", '', '10a',
             'x' x 600);
my @fields = ('f', 'g', '', 'f->g');


sub number {
    return int rand 12              if chance(60);
    return pick(-3 .. 3, 100, 1.5, '1e2', '0x10', ' 7', '-0', '+4', '1.50',
                'inf', '-inf')      if chance(70);
    return float();
}


# a NUL ends what is compared, but not in what is stored
sub element {
    return number()                        if chance(80);
    return pick("a\0b", "a\0c", "1\0x")    if chance(15);
    return pick(@texts);
}


sub member { return chance(85) ? number() : pick(@texts) }

# of a list all numbers, or some that are none
sub elements {
    my $code = chance(75) ? \&number : \&element;

    return some(chance(90) ? 12 : 200, $code);
}


sub weight { return chance(90) ? number() : pick(@texts) }
sub name   { return pick('w_', 'h_') . number() }

sub pattern {
    return pick('w_*', 'w_*', 'w_*', 'h_*->f', 'h_*->g', 'k*', 'h_*', 'w_*->f',
                'h_*->', 'h_*->f->g', '*', 'w_*x', '*_1', 'w_**', "w_\0*",
                "w_*\0", "h_*->\0", 'h_*-', 'k*->f');
}


sub by  { return chance(75) ? pattern() : pick('nosort', '#', '', 'w_1') }
sub get { return chance(60) ? pattern() : pick('#', '#', '##', 'nosort', '') }

sub limit {
    return chance(92) ? pick(-1, 0, 0, 0, 1, 2, 5, 10, 100) : integer();
}


sub options {
    my ($store) = @_;
    my $by = chance(60) ? by() : undef;
    my $limit = chance(40);
    my @groups;

    # what is stored is in no order but Redis's
    my $alpha = chance(45) && !($store && defined $by && $by =~ /^[^\0]*\*/);

    push @groups, ['BY', $by]                   if defined $by;
    push @groups, [pick('ALPHA', 'alpha')]      if $alpha;
    push @groups, [pick('DESC', 'desc', 'ASC')] if chance(45);
    push @groups, ['LIMIT', limit(), limit()]   if $limit;
    push @groups, some(3, sub { ['GET', get()] }) if chance(40);
    push @groups, ['STORE', key()]              if $store;
    push @groups, [pick('GET', 'BY', 'LIMIT', 'X')] if chance(2);

    return map { @$_ } shuffle(@groups);
}


sub pairs {
    my ($first, $second, $max) = @_;

    return some($max, sub { ($first->(), $second->()) });
}


%COMMANDS = (
    RPUSH   => [6, sub { (key(), elements()) }],
    SADD    => [4, sub { (key(), some(chance(90) ? 12 : 200, \&member)) }],
    ZADD    => [4, sub { (key(), pairs(sub { int rand 9 }, \&member, 12)) }],
    HSET    => [5, sub { (chance(90) ? 'h_' . number() : key(),
                          pairs(sub { pick(@fields) }, \&weight, 3)) }],
    MSET    => [5, sub { pairs(sub { chance(95) ? name() : key() }, \&weight,
                               8) }],
    LRANGE  => [5, sub { (key(), 0, -1) }],
    SCARD   => [1, sub { (key()) }],
    SORT    => [16, sub { (key(), options(chance(25))) }],
    SORT_RO => [6, sub { (key(), options(chance(2))) }],
);

%MAKE = (sorted => sub { (['RPUSH', key(), elements()]) });

@KS::Referee::RULE{qw(SORT SORT_RO)} = (\&same_order) x 2;


# Redis leaves the order open where it does not sort a set, and of elements
# that ALPHA finds equal, unless they come from a list and all are wanted.
sub same_order {
    my ($referee, $argv, $want, $got) = @_;
    my ($a, $b) = map { KS::RESP::value($_) } $want, $got;

    return 0 unless ref $a eq 'ARRAY' && ref $b eq 'ARRAY' && @$a == @$b;

    my %o = parse(@$argv[2 .. $#$argv]);
    my $type = $referee->{redis}->run('TYPE', $argv->[1]);

    return 0 unless $o{nosort} ? $type eq 'set'
                               : $o{alpha} && ($type ne 'list' || $o{limit});
    return 1 if $o{limit};

    my $per = $o{get} || 1;
    return rows($per, @$a) eq rows($per, @$b);
}


sub parse {
    my @argv = map { lc } @_;
    my %o = (get => 0);

    while (@argv) {
        my $word = shift @argv;

        $o{alpha} = 1                          if $word eq 'alpha';
        $o{limit} = splice @argv, 0, 2         if $word eq 'limit';
        $o{get} += defined shift @argv         if $word eq 'get';
        shift @argv                            if $word eq 'store';
        $o{nosort} |= shift(@argv) !~ /^[^\0]*\*/ if $word eq 'by';
    }

    return %o;
}


# the elements in groups of so many, in any order
sub rows {
    my ($per, @v) = @_;
    my @rows;

    push @rows, join "\0", map { defined $_ ? "=$_->{text}" : '-' }
                               splice @v, 0, $per while @v;

    return join "\n", sort @rows;
}


1;
