# Keyspace notifications, with real Redis as the referee: random commands of all
# types, and every event of each in its order, of both channels.  The engine is
# asked without an nginx; see KS::Events.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Events;
use KS::Random;
use KS::Random::Fields;
use KS::Random::Geo;
use KS::Random::Group;
use KS::Random::HLL;
use KS::Random::Hash;
use KS::Random::List;
use KS::Random::Set;
use KS::Random::Sort;
use KS::Random::Stream;
use KS::Random::Zset;
use KS::Referee;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();
plan skip_all => "no $KS::Events::PROGRAM" unless -x $KS::Events::PROGRAM;

my $seed = $ENV{KS_SEED} // 20240311;
my $rounds = $ENV{KS_ROUNDS} // 10;
my $limit = $ENV{KS_DIFFER} // 8;

note("KS_SEED=$seed");

# what says nothing of keys, or what chance decides
my %strings = %KS::Random::COMMANDS;

delete @strings{qw(COMMAND CONFIG INFO MEMORY TIME PING ECHO SELECT NOSUCH
                   RANDOMKEY SCAN FLUSHALL)};

my %tables = (
    strings => \%strings,
    lists   => \%KS::Random::List::COMMANDS,
    sets    => \%KS::Random::Set::COMMANDS,
    hashes  => \%KS::Random::Hash::COMMANDS,
    zsets   => \%KS::Random::Zset::COMMANDS,
    places  => \%KS::Random::Geo::COMMANDS,
    hll     => \%KS::Random::HLL::COMMANDS,
    sort    => \%KS::Random::Sort::COMMANDS,
    streams => \%KS::Random::Stream::COMMANDS,
);

for my $name (sort keys %tables) {
    subtest $name => sub { rounds($tables{$name}) };
}

subtest 'fields that expire, beside Redis 8.0' => sub {
    plan skip_all => 'KS_TRIXIE names no tree of Debian 13'
        unless KS::Redis::of_trixie('redis-server');

    rounds(\%KS::Random::Fields::COMMANDS, 'redis-server');
};

# 7.0 makes consumers later
subtest 'consumer groups, beside Redis 8.0' => sub {
    plan skip_all => 'KS_TRIXIE names no tree of Debian 13'
        unless KS::Redis::of_trixie('redis-server');

    $KS::Random::Stream::NEWER = 1;
    rounds({ %KS::Random::Stream::COMMANDS, %KS::Random::Group::COMMANDS },
           'redis-server');
};

done_testing;


sub rounds {
    my ($rows, $program) = @_;
    my $both = KS::Events->start('KEAmn', $program);
    my $newer = $both->{redis}->since('8.0');
    my $sent = 0;
    my $differences = 0;

    for my $this ($seed .. $seed + $rounds - 1) {
        KS::Random::seed($this);
        KS::Random::Stream::seed();
        $both->$_(['FLUSHALL']) for qw(redis engine);

        for (1 .. 400) {
            my @bad = map { differs($both, @$_) } steps($rows, $newer);

            $sent++;
            next unless @bad;
            fail("KS_SEED=$this KS_ROUNDS=1");
            diag(@bad);
            $differences++;
            last;
        }

        last if $differences >= $limit;
    }

    ok(!$differences, "$sent commands, no difference");
    is($both->stop, 0, 'the engine ends well');
}


# The next command, with what has to follow it for both to stay the same, in
# groups of commands of which the events are compared as a whole: a key whose
# time is over expires when the next one comes upon it, or at once.
sub steps {
    my ($rows, $newer) = @_;
    my ($argv, $brief) = KS::Random::finished(sub {
        return chance(6) ? KS::Random::choose(\%strings)
             : chance(3) ? made()
             :             KS::Random::choose($rows);
    });
    $argv = KS::Random::newer($argv) if $newer;

    my $key = $argv->[1] // '';

    return [$argv], [['DEL', $key]] if $argv->[0] =~ /^spop$/i;
    return [$argv] unless $brief;
    return [$argv, ['EXISTS', $key], ['EXISTS', KS::Random::keys(), @$argv]];
}


# A difference, in words, or nothing.
sub differs {
    my ($both, @argv) = @_;
    my ($first, @rest) = @argv;
    my @want = $both->redis($first);
    my @got = $both->engine($first);

    if (@rest) {
        select undef, undef, undef, 0.004;
        push @want, $both->redis(@rest);
        push @got, $both->engine(@rest);
    }

    # an error that only another version knows: what the other has made of it
    # is taken back

    if (($want[0][0] =~ /^-/) != ($got[0][0] =~ /^-/)) {
        $both->$_(['FLUSHALL']) for qw(redis engine);
        return;
    }

    my @events = map { [map { KS::Events::show($_) } @$_] } \@want, \@got;

    # what SORT looks up, and in which order, depends on that of a set
    @events = map { [grep { !/keymiss/ } @$_] } @events
        if $first->[0] =~ /^sort/i;

    my ($want, $got) = map { KS::Referee::show_bytes(join ', ', @$_) } @events;

    return if $want eq $got;

    my ($r, $e) = map { KS::Referee::show_bytes($_) } $want[0][0], $got[0][0];

    return KS::Referee::show($argv[0])
           . "\n  redis:  $want  $r\n  engine: $got  $e\n";
}


sub made {
    my @types = sort keys %KS::Random::MAKE;

    return @{$KS::Random::MAKE{pick(@types)}->()};
}


sub chance { return KS::Random::chance(@_) }
sub pick { return KS::Random::pick(@_) }
