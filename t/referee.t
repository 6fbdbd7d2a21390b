# Real Redis is the referee: random commands, the same to the module and to
# redis-server, and every reply is compared.
#
#   KS_SEED=n     the first round's seed (printed)
#   KS_ROUNDS=n   how many rounds
#   KS_DIFFER=n   how many differences to look for before giving up

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Random;
use KS::Redis;
use KS::Referee;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my $SINGLES = 100;      # commands a round, each a request
my $BATCHED = 400;      # and in pipelines
my $rounds = $ENV{KS_ROUNDS} // 50;
my $seed = $ENV{KS_SEED} // 20240229;
my $limit = $ENV{KS_DIFFER} // 8;

my $ngx = KS::Nginx->start(size => '128m', http => 'keepalive_requests 1000000;',
                           tokens => "token $KS::Nginx::TOKEN;");
my $redis = KS::Redis->start;
my $referee = KS::Referee->new($ngx->client, $redis);

note("KS_SEED=$seed");


subtest 'the attributes of each command' => sub {
    for my $name (sort keys %KS::Random::COMMANDS) {
        next if $name eq 'NOSUCH';

        my ($want, $got) = map { KS::RESP::value($_) }
            ($redis->replies(['COMMAND', 'INFO', $name]))[0],
            $referee->single(['COMMAND', 'INFO', $name]);

        is(attributes($got), attributes($want), $name);
    }
};


# name, arity, flags, first key, last key, step, ACL categories
sub attributes {
    my ($v) = @_;

    return 'none' unless ref $v eq 'ARRAY' && ref $v->[0] eq 'ARRAY';

    my @v = @{$v->[0]}[0 .. 6];
    return join ' ', map {
        ref $_ eq 'ARRAY' ? '(' . join(' ', sort map { $_->{text} } @$_) . ')'
                          : $_->{text}
    } @v;
}


my $differences = 0;

for my $round (0 .. $rounds - 1) {
    last if $differences >= $limit;

    my $this = $seed + $round;
    my $d = play($this);

    next unless $d;

    $differences++;
    fail("round with KS_SEED=$this KS_ROUNDS=1");
    diag(report($d));
}

ok(!$differences, "$referee->{sent} commands, no difference");

$ngx->stop;
done_testing;


# One round: undef, or a difference with its {history}.
sub play {
    my ($this) = @_;
    my @history;

    KS::Random::seed($this);
    $referee->reset;

    for (1 .. $SINGLES) {
        my ($argv, $brief) = KS::Random::command();
        push @history, [$argv, $brief];

        my $d = $referee->compare($argv);
        return { %$d, history => \@history } if $d;

        $referee->settle if $brief;
    }

    my $left = $BATCHED;

    while ($left > 0) {
        my @batch = batch(1 + int rand 60);
        my $d = $referee->compare_batch(map { $_->[0] } @batch);

        if ($d) {
            push @history, @batch[0 .. $d->{at}];
            return { %$d, history => \@history };
        }

        push @history, @batch;
        $left -= @batch;

        $referee->settle if $batch[-1][1];
    }

    return undef;
}


# Up to n commands with an exact reply; a brief key ends it.
sub batch {
    my ($n) = @_;
    my @batch;

    while (@batch < $n) {
        my ($argv, $brief) = KS::Random::command();

        next if KS::Referee::rule($argv) ne 'exact';

        push @batch, [$argv, $brief];
        last if $brief;
    }

    return @batch;
}


sub report {
    my ($d) = @_;
    my ($found, @before) = $referee->shortest(@{$d->{history}});
    my $note = '';

    if (!$found) {
        $note = "(it does not happen again when replayed alone)\n";
        $found = $d;
    }

    return $note . join "\n",
        (map { '  ' . KS::Referee::show($_) } @before,
             $found->{argv}),
        'redis:  ' . KS::Referee::show_bytes($found->{want}),
        'module: ' . KS::Referee::show_bytes($found->{got});
}
