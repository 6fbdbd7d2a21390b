# Random commands of hashes, as rows for KS::Random, and how their replies are
# compared, as rules for KS::Referee.
#
# Few different fields, so that most are found; at times long ones, big values
# and hundreds of fields at once, so that hashes become hashtables in each way.

package KS::Random::Hash;

use strict;
use warnings;

use KS::Random;
use KS::Referee;
use KS::RESP;

our (%COMMANDS, %MAKE);

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"}
        for qw(pick chance some bytes value integer float pattern shuffle);
}

my @common = ((map { "f$_" } 1 .. 9), '', 'f*', 'f[1]', 1, -2, 3000, 70_000,
              "\0\xff\r\n");
my @long = ('x' x 63, 'y' x 64, 'z' x 65, 'u' x 250, 'v' x 251, 'w' x 512,
            't' x 513, 's' x 3000);
my @noise = ('', 'x', 'MATCH', 'COUNT', 'NOVALUE', 'TYPE', 'hash',
             'WITHVALUES', '0', '-1', '5', 'abc', '3.5', 'f1', 'f2', '*',
             '9223372036854775807');


# Hashes meet each other and other types now and then.
sub key { return chance(80) ? 'k' . pick(1 .. 4) : KS::Random::key() }


sub field {
    my $n = rand 100;

    return pick(@common)            if $n < 75;
    return 'g' . int rand 100       if $n < 92;
    return bytes(int rand 6)        if $n < 98;
    return pick(@long);
}


sub content {
    my $n = rand 100;

    return int rand 50              if $n < 30;
    return 'v' . int rand 1000      if $n < 50;
    return chance(50) ? pick(KS::Random::integer()) : float() if $n < 70;
    return bytes(int rand 64)       if $n < 90;
    return 'a' x pick(63, 64)       if $n < 96;
    return value();
}


# mostly a few; at times as many as a listpack takes, or more
sub pairs {
    return map { (field(), content()) } 1 .. 1 + rand 4 if chance(95);
    return map { (int rand 900, int rand 10) } 1 .. 20 + rand 100
        if chance(70);
    return map { ("n$_", $_) } 1 .. pick(510 .. 514, 600);
}


# what is not answered by a reply of millions of fields
sub count {
    return chance(90) ? pick(-20 .. 20, 100, 300, -300, 1000)
                      : pick('x', '', '1.5', '9223372036854775807',
                             '-9223372036854775808', '9223372036854775808');
}


sub draw {
    my @out = (key());

    return @out if chance(20);

    push @out, count();
    push @out, pick('WITHVALUES', 'withvalues') if chance(45);
    push @out, pick(@noise)                     if chance(4);

    return @out;
}


sub scan_options {
    my @groups;

    push @groups, ['MATCH', chance(70) ? pick('f*', 'f?', '*', 'g*', '', '1*',
                                              'f[1]', '*1*') : pattern()]
        if chance(40);
    push @groups, ['COUNT', chance(85) ? pick(1, 5, 10, 1000) : integer()]
        if chance(50);
    push @groups, [pick(@noise)] if chance(4);

    return map { @$_ } shuffle(@groups);
}


sub cursor {
    return chance(90) ? 0 : pick(1, 7, 'x', '-1', '', ' 1', '1.5',
                                 '99999999999999999999');
}


%COMMANDS = (
    HSET         => [14, sub { (key(), pairs(), chance(3) ? field() : ()) }],
    HMSET        => [3, sub { (key(), pairs(), chance(3) ? field() : ()) }],
    HSETNX       => [4, sub { (key(), field(), content()) }],
    HGET         => [5, sub { (key(), field()) }],
    HMGET        => [3, sub { (key(), some(5, \&field)) }],
    HGETALL      => [5, sub { (key()) }],
    HKEYS        => [2, sub { (key()) }],
    HVALS        => [2, sub { (key()) }],
    HDEL         => [6, sub { (key(), some(4, \&field)) }],
    HLEN         => [3, sub { (key()) }],
    HEXISTS      => [2, sub { (key(), field()) }],
    HSTRLEN      => [3, sub { (key(), field()) }],
    HINCRBY      => [5, sub { (key(), field(), integer()) }],
    HINCRBYFLOAT => [5, sub { (key(), field(), float()) }],
    HRANDFIELD   => [6, \&draw],
    HSCAN        => [6, sub { (key(), cursor(), scan_options()) }],
);

%MAKE = (hash => sub { ['HSET', key(), pairs()] });


# --- how replies are compared ---

@KS::Referee::RULE{qw(HGETALL HKEYS HVALS HRANDFIELD HSCAN)}
    = qw(hash_pairs hash_list hash_list hash_drawn hash_scan);


# Only a hashtable has its fields in an order of its own.
sub KS::Referee::hash_list {
    my ($self, $argv, $want, $got) = @_;

    return is_hashtable($self, $argv) && $self->sorted($argv, $want, $got);
}


sub KS::Referee::hash_pairs {
    my ($self, $argv, $want, $got) = @_;

    return is_hashtable($self, $argv)
           && KS::RESP::outline($want) eq KS::RESP::outline($got)
           && join("\n", sort(elements($want, 2)))
              eq join("\n", sort(elements($got, 2)));
}


# As many of what the hash has as Redis draws, and each once where it says so.
sub KS::Referee::hash_drawn {
    my ($self, $argv, $want, $got) = @_;
    my $n = @$argv > 3 ? 2 : 1;

    return 0 if KS::RESP::outline($want) ne KS::RESP::outline($got);

    my %have = map { $_ => 1 }
        elements($self->single([@$argv > 3 ? 'HGETALL' : 'HKEYS', $argv->[1]]),
                 $n);

    return !!$have{(elements($got, 1))[0]} if @$argv == 2;

    my @want = elements($want, $n);
    my @got = elements($got, $n);
    my %seen;

    return 0 if @want != @got || grep { !$have{$_} } @got;
    return $argv->[2] < 0 || !grep { $seen{$_}++ } @got;
}


# Each server's fields of the whole iteration that this call starts.
sub KS::Referee::hash_scan {
    my ($self, $argv, $want, $got) = @_;

    return 0 if !is_hashtable($self, $argv);
    return $self->same_iteration($argv, $want, $got, 2, 2);
}


sub is_hashtable {
    my ($self, $argv) = @_;

    return $self->{redis}->run('OBJECT', 'ENCODING', $argv->[1])
           eq 'hashtable';
}


# the elements of a list of strings, n of them as one
sub elements {
    my ($bytes, $n) = @_;

    return KS::Referee::grouped($n, KS::RESP::texts($bytes));
}


1;
