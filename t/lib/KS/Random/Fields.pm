# Random commands of fields that expire, as rows for KS::Random, and how their
# replies are compared, as rules for KS::Referee.  They are of Redis 8.0.
#
# Times are far away, or over already: which of two servers' clocks is ahead is
# for nobody to say.

package KS::Random::Fields;

use strict;
use warnings;

use KS::Random;
use KS::Random::Hash;
use KS::Referee;
use KS::RESP;

our (%COMMANDS, %MAKE);

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"} for qw(pick chance shuffle);
}

my @noise = ('', 'x', 'NX', 'XX', 'GT', 'LT', 'FIELDS', 'EX', 'PX', 'KEEPTTL',
             'PERSIST', 'FNX', 'FXX', '0', '-1', '2', 'abc', 'f1');
my @bad = ('', 'x', '-1', '1.5', '9223372036854775807',
           '9223372036854775808', '-9223372036854775808');

# both servers are to take the same of two times for the later one: the number
# of seconds is 100, 200 and so on, from now or from a day far away
my $far = int(time / 86400) * 86400 + 86400 * 3650;

sub key    { return chance(85) ? 'k' . pick(1 .. 4) : KS::Random::key() }
sub field  { return KS::Random::Hash::field() }
sub cond   { return chance(35) ? pick('NX', 'XX', 'GT', 'LT', 'nx') : () }
sub odd    { return chance(2) ? pick(@noise) : () }


sub seconds { return chance(3) ? pick(@bad) : chance(8) ? 0
                                            : 100 * (1 + int rand 40) }
sub milliseconds { my $s = seconds(); return $s =~ /^\d\d+0$/ ? $s . '000' : $s }
sub second { return chance(3) ? pick(@bad) : chance(8) ? pick(1, 1000)
                                           : $far + int rand 5 }
sub millisecond { my $s = second(); return $s =~ /^\d{10}$/ ? $s . '000' : $s }


sub fields {
    my $n = 1 + int rand 4;
    my @fields = map { field() } 1 .. $n;

    $n = pick($n + 1, $n - 1, @bad, 0) if chance(3);

    return (chance(97) ? pick('FIELDS', 'fields') : pick(@noise), $n, @fields);
}


sub pairs {
    my $n = 1 + int rand 3;
    my @pairs = map { (field(), KS::Random::Hash::content()) } 1 .. $n;

    $n = pick($n + 1, @bad, 0) if chance(3);

    return ('FIELDS', $n, @pairs);
}


sub time_option {
    return pick([pick('EX', 'ex'), seconds()], ['PX', milliseconds()],
                ['EXAT', second()], ['PXAT', millisecond()]);
}


sub getex {
    my @o = chance(60) ? @{time_option()} : chance(50) ? ('PERSIST') : ();

    return (key(), @o, fields());
}


sub setex {
    my @o;

    push @o, time_option()                     if chance(55);
    push @o, ['KEEPTTL']                       if chance(@o ? 2 : 40);
    push @o, [pick('FNX', 'FXX', 'fnx')]       if chance(30);

    return (key(), (map { @$_ } shuffle(@o)), pairs());
}


%COMMANDS = (
    HEXPIRE      => [6, sub { (key(), seconds(), cond(), odd(), fields()) }],
    HPEXPIRE     => [6, sub { (key(), milliseconds(), cond(), fields()) }],
    HEXPIREAT    => [4, sub { (key(), second(), cond(), fields()) }],
    HPEXPIREAT   => [4, sub { (key(), millisecond(), cond(), odd(),
                               fields()) }],
    HTTL         => [4, sub { (key(), odd(), fields()) }],
    HPTTL        => [4, sub { (key(), fields()) }],
    HEXPIRETIME  => [4, sub { (key(), fields()) }],
    HPEXPIRETIME => [4, sub { (key(), fields()) }],
    HPERSIST     => [4, sub { (key(), odd(), fields()) }],
    HGETEX       => [8, \&getex],
    HSETEX       => [10, \&setex],
    HGETDEL      => [3, sub { (key(), odd(), fields()) }],

    # Redis's HLEN counts what is due and not yet deleted
    map({ $_ => $KS::Random::Hash::COMMANDS{$_} }
        qw(HSET HSETNX HMSET HGET HMGET HGETALL HDEL HEXISTS HSTRLEN HINCRBY
           HINCRBYFLOAT)),
);

%MAKE = %KS::Random::Hash::MAKE;

# A small hash of Redis's with such fields has them in the order of their times.
$KS::Referee::RULE{HGETALL} = sub {
    my ($self, $argv, $want, $got) = @_;
    my @pairs = map {
        my @in = grep { $_->[0] ne '*' && $_->[0] ne '%' } KS::RESP::tokens($_);

        join "\n", sort map { join '=', map { $_->[1] } splice @in, 0, 2 }
                        1 .. @in / 2;
    } $want, $got;

    return $pairs[0] eq $pairs[1];
};

# The next command, in which no argument that was moved has become a time that is
# over in the midst of a round, or an option that only Valkey has.
sub command {
    my ($argv, $brief);

    do {
        ($argv, $brief) = KS::Random::command();
    } while (soon(@$argv) || valkeys(@$argv));

    return ($argv, $brief);
}


sub valkeys {
    my ($name, @a) = @_;

    return $name =~ /^hsetex$/i && join(' ', @a[1 .. $#a])
                                   =~ /^(?:(?!fields ).)*\b[nx]x\b/i;
}


sub soon {
    my ($name, @a) = @_;
    my @times = $name =~ /^h(p?)expire$/i ? ([$1, $a[1]]) : ();

    push @times, map { $a[$_] =~ /^(?:e|(p))x$/i ? [$1 // '', $a[$_ + 1]] : () }
                     0 .. $#a - 1;

    return grep { ($_->[1] // '') =~ /^\d+$/ && $_->[1] > 0
                  && $_->[1] < ($_->[0] ? 60_000 : 60) } @times;
}


# Both say the same codes, and times that are close to each other.
for my $name (qw(HTTL HPTTL HEXPIRETIME HPEXPIRETIME)) {
    my $limit = $name =~ /^HP/ ? 60_000 : 60;

    $KS::Referee::RULE{$name} = sub {
        my ($self, $argv, $want, $got) = @_;
        my @want = map { $_->[1] } KS::RESP::tokens($want);
        my @got = map { $_->[1] } KS::RESP::tokens($got);

        return 0 if @want != @got;

        for (0 .. $#want) {
            next if $want[$_] eq $got[$_];
            return 0 if "$want[$_] $got[$_]" !~ /^\d+ \d+$/
                        || abs($want[$_] - $got[$_]) > $limit;
        }

        return 1;
    };
}

1;
