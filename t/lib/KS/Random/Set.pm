# Random commands of sets, as rows for KS::Random, and what of their replies
# is each server's own, as rules for KS::Referee.
#
# Few different members, so that sets have some in common; at times many, so
# that they outgrow each of their encodings.

package KS::Random::Set;

use strict;
use warnings;

use KS::RESP;
use KS::Random;
use KS::Referee;

our (%COMMANDS, %MAKE);

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"}
        for qw(pick chance some key value small integer pattern shuffle);
    *$_ = \&{"KS::RESP::$_"} for qw(texts outline);
}

my @common = ('a' .. 'h', '', -5 .. 20, '9223372036854775807',
              '-9223372036854775808', '9223372036854775808', '01', '-0', '+1',
              "\0\xff", "a\0", 'x' x 64, 'y' x 65, 'z' x 250, 'w' x 251,
              'v' x 512, 'u' x 513, 't' x 5000);


sub member {
    return pick(@common) if chance(70);
    return int rand 600  if chance(70);
    return value();
}


# runs of integers and of words that go beyond what each encoding takes
sub many {
    my $n = pick(100, 127, 128, 129, 200, 511, 512, 513, 700);
    my $from = pick(0, 1, 100, -300);
    my $word = chance(50) ? '' : 'word';

    return shuffle_some(map { "$word$_" } $from .. $from + $n - 1);
}


# KS::Random::shuffle() is too slow for many
sub shuffle_some {
    for my $i (reverse 1 .. $#_) {
        my $k = int rand $i + 1;
        @_[$i, $k] = @_[$k, $i];
    }

    return @_;
}


sub members {
    return some(4, \&member)   if chance(88);
    return some(60, \&member)  if chance(50);
    return many();
}


sub count {
    return chance(85) ? pick(0, 1, 1, 2, 3, 5, 20, 100, 300, 600) : integer();
}


# what a reply may safely have so many elements of
sub signed {
    my $n = chance(85) ? pick(0, 1, 1, 2, 3, 5, 20, 300, 600, -1, -2, -30)
                       : integer();

    return $n =~ /^-\d{4}/ ? -3 : $n;
}


sub sintercard {
    my @keys = some(3, \&key);
    my $n = chance(94) ? scalar @keys : integer();

    return ($n, @keys, chance(50) ? ('LIMIT', count()) : (),
            chance(4) ? pick('LIMIT', 'X') : ());
}


sub scan_options {
    my @groups;

    push @groups, ['MATCH', chance(70) ? pick('*', '[0-9]*', '?', 'w*', '*1*')
                                       : pattern()]       if chance(40);
    push @groups, ['COUNT', chance(85) ? pick(1, 5, 10, 1000) : integer()]
        if chance(50);
    push @groups, [pick('TYPE', 'X', 'COUNT', '')] if chance(4);

    return map { @$_ } shuffle(@groups);
}


%COMMANDS = (
    SADD        => [16, sub { (key(), members()) }],
    SREM        => [8, sub { (key(), members()) }],
    SISMEMBER   => [4, sub { (key(), member()) }],
    SMISMEMBER  => [4, sub { (key(), members()) }],
    SCARD       => [4, sub { (key()) }],
    SMEMBERS    => [4, sub { (key()) }],
    SMOVE       => [6, sub { (key(), key(), member()) }],
    SPOP        => [4, sub { (key(), chance(60) ? count() : (),
                              chance(2) ? 1 : ()) }],
    SRANDMEMBER => [4, sub { (key(), chance(75) ? signed() : (),
                              chance(2) ? 1 : ()) }],
    SINTER      => [4, sub { some(3, \&key) }],
    SINTERCARD  => [4, sub { sintercard() }],
    SINTERSTORE => [4, sub { (key(), some(3, \&key)) }],
    SUNION      => [3, sub { some(3, \&key) }],
    SUNIONSTORE => [4, sub { (key(), some(3, \&key)) }],
    SDIFF       => [4, sub { some(3, \&key) }],
    SDIFFSTORE  => [4, sub { (key(), some(3, \&key)) }],
    SSCAN       => [4, sub { (key(), chance(92) ? 0 : pick('x', '-1', '', 7,
                              '99999999999999999999', '1.5'),
                              scan_options()) }],
);

%MAKE = (set => sub { (['SADD', key(), members()]) });

%KS::Referee::RULE = (
    %KS::Referee::RULE,
    SMEMBERS => 'sorted', SINTER => 'sorted', SUNION => 'sorted',
    SDIFF => 'sorted', SSCAN => \&same_scan, SPOP => \&same_pop,
    SRANDMEMBER => \&same_random, 'OBJECT ENCODING' => \&same_encoding,
);


# Each server pops what it likes: what redis-server popped is put back, and
# what the module popped is taken out instead, which must all be there.
sub same_pop {
    my ($referee, $argv, $want, $got) = @_;
    my @want = texts($want);
    my @got = texts($got);

    return 0 unless outline($want) eq outline($got) && @want;
    return 1 if join("\n", sort @want) eq join("\n", sort @got);

    my @r = $referee->{redis}->replies(['SADD', $argv->[1], @want],
                                       ['SREM', $argv->[1], @got]);

    return $r[0] eq ':' . @want . "\r\n" && $r[1] eq ':' . @got . "\r\n";
}


# Any members, and different ones unless their number is negative.
sub same_random {
    my ($referee, $argv, $want, $got) = @_;
    my @got = texts($got);
    my %seen = map { $_ => 1 } @got;

    return 0 unless outline($want) eq outline($got) && @got;
    return 0 if ($argv->[2] // 0) > 0 && keys %seen != @got;

    my ($r) = $referee->{redis}->replies(['SMISMEMBER', $argv->[1], @got]);

    return !grep { $_ ne '1' } texts($r);
}


sub same_scan {
    my ($referee, $argv, $want, $got) = @_;

    return $referee->same_iteration($argv, $want, $got, 2, 1);
}


# Redis 7.0 has no listpacks of sets; 7.2 makes one of what SPOP leaves.
sub same_encoding {
    my ($referee, $argv, $want, $got) = @_;
    my ($old, $new) = (texts($want), texts($got));

    return $old =~ /^(?:hashtable|intset)$/ && $new eq 'listpack';
}


1;
