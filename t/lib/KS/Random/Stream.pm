# Random commands of streams, as rows for KS::Random, and how their replies are
# compared, as rules for KS::Referee.
#
# Ids are given, as both servers are to have the same: mostly by a clock that
# goes on, at times one that goes back, or at the ends of what there is.  What
# is trimmed nearly depends on how entries are kept, but where it is nothing or
# all.

package KS::Random::Stream;

use strict;
use warnings;

use KS::Random;
use KS::Referee;
use KS::RESP;

our (%COMMANDS, %MAKE);

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"}
        for qw(pick chance some key value integer shuffle);
}

my $MAX = '18446744073709551615';
my ($ms, $seq);

# Set if the referee is of 7.2 or later: XSETID refuses to go below what was
# deleted.
our $NEWER;

my @edges = ("$MAX-$MAX", "$MAX-18446744073709551614", "$MAX-0", $MAX,
             "18446744073709551614-$MAX", '0-0', '0-1', '0', '1',
             '9223372036854775807-9223372036854775808', '007-01');
my @bad = ('', '-', '+', '1-', '-1', '1-1-1', 'x', '1-x', ' 1', '1 -1', '*-1',
           '18446744073709551616', '1-18446744073709551616', '(1-1', '$', '>',
           '1--1', "1-1\0x", '+5', '0x10', '1-*', '9' x 130);
my @names = ('name', 'value', 'a', 'b', '', 'x' x 70, "\0\xff", 'sensor-id',
             'temperature');


# The clock begins anew.
sub seed { ($ms, $seq) = (1, 0) }

seed();


# A command, but none whose id each server would make by its own clock: what is
# wrong with a command may be that there is a star.
sub command {
    while (1) {
        my @c = KS::Random::command();

        return @c unless $c[0][0] =~ /^xadd$/i
                         && grep { $_ eq '*' } @{$c[0]};
    }
}


# mostly one of a few, so that streams grow
sub place { return chance(80) ? 's' . (1 + int rand 4) : key() }


# an id for a new entry, which is mostly above all others
sub next_id {
    my $n = rand 100;

    return pick(@bad)                       if $n < 1;
    return $ms - int(rand 40) . '-' . int rand 3 if $n < 4 && $ms > 40;
    return pick('0-*', '0-0', '0-1', '0')   if $n < 5;

    ($ms, $seq) = chance(60) ? ($ms + 1 + int rand 3, 0) : ($ms, $seq + 1);

    return "$ms-*"                          if $n < 12;
    return $ms += 1                         if $n < 18;
    return "$ms-$seq";
}


# an id that is looked for
sub id {
    my $n = rand 100;

    return pick(@bad)   if $n < 2;
    return pick(@edges) if $n < 6;

    my $near = $ms - int rand($n < 70 ? 20 : 300);

    $near = 0 if $near < 0;
    return $near if $n < 25;
    return "$near-" . int rand 4;
}


sub ids { return some(chance(85) ? 3 : 40, \&id) }


sub start {
    my $n = rand 100;

    return '-' if $n < 35;
    return '(' . id() if $n < 50;
    return $n < 53 ? '+' : id();
}


sub end {
    my $n = rand 100;

    return '+' if $n < 35;
    return '(' . id() if $n < 50;
    return $n < 53 ? '-' : id();
}


sub count { return chance(85) ? pick(0, 1, 1, 2, 5, 20, 100, -1) : integer() }


sub content {
    return int rand 1000 if chance(60);
    return chance(80) ? 'v' . int rand 50 : value();
}


# mostly the same fields; at times some of them, others, and very many
sub pairs {
    my $n = rand 100;

    return map { ($_, content()) } @names[0, 1]                 if $n < 50;
    return map { (pick(@names), content()) } 1 .. 1 + rand 4    if $n < 90;
    return map { ("f$_", content()) } 1 .. 1 + rand 30          if $n < 97;
    return map { ("f$_", $_ % 7) } 1 .. 300                     if $n < 99;
    return ('large', 'y' x pick(4000, 5000, 20_000, 100_000), 'b', 'c');
}


sub trim {
    my $n = rand 100;
    my $exact = chance(30) ? pick('=', '=') : ();

    return ('MAXLEN', $exact // (), pick(0, 1, 2, 5, 10, 50, 200)) if $n < 45;
    return ('MINID', $exact // (), id())                        if $n < 75;
    return ('maxlen', '~', pick(100_000, 0), 'LIMIT', 0)        if $n < 85;
    return ('minid', '~', pick(0, "$MAX-$MAX"), 'LIMIT', 0)     if $n < 90;
    return ('MAXLEN', pick('~', '='), pick('-1', 'x', ''))      if $n < 93;
    return ('MAXLEN', 5, 'LIMIT', pick(0, 1, -1, 'x'))          if $n < 95;
    return ('MAXLEN', '~', 100_000, 'LIMIT', pick(-1, 'x', 7))  if $n < 97;
    return ('MAXLEN', 5, pick('MINID', 'MAXLEN'), 3)            if $n < 98;
    return pick('LIMIT', 'MAXLEN', 'MINID', 'X');
}


sub xadd {
    my @options;

    push @options, [pick('NOMKSTREAM', 'nomkstream')] if chance(8);
    push @options, [trim()]                           if chance(20);

    my @pairs = pairs();

    pop @pairs if chance(1);

    return (place(), (map { @$_ } shuffle(@options)), next_id(), @pairs);
}


sub xread {
    my @keys = some(chance(80) ? 1 : 4, \&place);
    my @options;

    push @options, [pick('COUNT', 'count'), count()] if chance(50);
    push @options, ['BLOCK', pick('-1', 'x', '')]    if chance(2);
    push @options, [pick('GROUP', 'NOACK', 'X')]     if chance(1);

    my @ids = map { chance(4) ? pick('$', '>') : id() } @keys;

    pop @ids if chance(2);

    return ((map { @$_ } shuffle(@options)), pick('STREAMS', 'streams'), @keys,
            @ids);
}


sub xsetid {
    my @options;

    push @options, [pick('ENTRIESADDED', 'entriesadded'),
                    chance(90) ? pick(0, 5, 100, 100_000) : integer()]
        if chance(40);
    push @options, ['MAXDELETEDID', id()] if chance(30);
    push @options, [pick('ENTRIESADDED', 'X')] if chance(2);

    my $id = chance($NEWER ? 70 : 98) ? ++$ms . '-0'
           : $NEWER ? id() : pick(@edges[0 .. 4], @bad);

    return (place(), $id, map { @$_ } shuffle(@options));
}


sub xinfo {
    return ('STREAM', place(), chance(40) ? 'FULL' : (),
            chance(20) ? ('COUNT', count()) : ());
}


%COMMANDS = (
    XADD      => [30, \&xadd],
    XLEN      => [3, sub { (place()) }],
    XRANGE    => [7, sub { (place(), start(), end(),
                            chance(50) ? (pick('COUNT', 'count'), count())
                                       : ()) }],
    XREVRANGE => [6, sub { (place(), end(), start(),
                            chance(50) ? ('COUNT', count()) : ()) }],
    XREAD     => [6, \&xread],
    XDEL      => [5, sub { (place(), ids()) }],
    XTRIM     => [3, sub { (place(), trim()) }],
    XSETID    => [1, \&xsetid],
    XINFO     => [5, \&xinfo],
);

%MAKE = (stream => sub { ['XADD', place(), next_id(), pairs()] });


# How entries are kept is no matter; when a consumer came is near.
$KS::Referee::RULE{XINFO} = sub {
    my ($self, $argv, $want, $got) = @_;

    return flat($want) eq flat($got);
};


# The words of a reply, without numbers of nodes.
sub flat {
    my @words = map { join '', @$_ } KS::RESP::tokens($_[0]);

    for my $i (1 .. $#words) {
        $words[$i] = 'any' if $words[$i - 1] =~ /^\$radix-tree-/;
    }

    return join "\n", @words;
}


# 7.0 says what it last said to another client.
$KS::Referee::NEWER{XADD} = sub {
    my ($self, $argv, $want, $got) = @_;

    return $want =~ /^-ERR Elements are too large to be stored/
           && $got =~ /^-ERR The ID specified in XADD is equal or smaller/;
};

# From 7.2 on this error names the command as COMMAND does, and from 7.4 on it
# knows "+".
$KS::Referee::NEWER{XREAD} = sub {
    my ($self, $argv, $want, $got) = @_;

    return $want =~ /^-ERR Unbalanced XREAD list/
           && $got =~ /^-ERR Unbalanced 'xread' list/
           || $want =~ /^-ERR Invalid stream ID/ && grep { $_ eq '+' } @$argv;
};


1;
