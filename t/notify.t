# Keyspace notifications as clients hear them: random commands of all types, and
# transactions, to the module and to redis-server, and what a subscriber to all
# channels hears of each, in its order.  The subscriber is a client of another
# worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Events;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP;
use KS::Random::Mixed;
use KS::Redis;
use KS::Referee;

my $seed = $ENV{KS_SEED} // 20240312;
my $rounds = $ENV{KS_ROUNDS} // 4;

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
                           zone => 'notify_keyspace_events KEAmn;');
my ($mine, $ear) = $ngx->two_workers;
my @module = ($mine, $ngx->resp, $ear);

$ear->command('PSUBSCRIBE', '*');


subtest 'beside redis-server' => sub {
    plan skip_all => 'there is no redis-server' unless KS::Redis::available();
    note("KS_SEED=$seed");

    my $redis = KS::Redis->start('--notify-keyspace-events', 'KEAmn');
    my @redis = map { KS::RESP->new(port => $redis->port) } 1 .. 3;
    my $heard = 0;

    $redis->run('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
    $redis[2]->command('PSUBSCRIBE', '*');
    KS::Random::Mixed::dumps($redis);

    for my $this ($seed .. $seed + $rounds - 1) {
        KS::Random::seed($this);
        KS::Random::Mixed::seed();
        step(['FLUSHALL'], @$_) for [@module], [@redis];

        for (1 .. 400) {
            my $argv = command();
            my ($want, @want) = step($argv, @redis);
            my ($got, @got) = step($argv, @module);

            next if ($want =~ /^-/) != ($got =~ /^-/);

            $heard += @got;
            next if "@got" eq "@want";
            fail("KS_SEED=$this KS_ROUNDS=1");
            diag(KS::Referee::show($argv), "\n  redis:  @want",
                 "\n  module: @got");
            last;
        }

        $_->[0]->replies(['DISCARD'], ['UNWATCH']) for [@module], [@redis];
    }

    cmp_ok($heard, '>', 200, "$heard messages");
    $redis->stop;
};


subtest 'a key that expires by itself' => sub {
    step(['FLUSHALL'], @module);
    step(['SET', 'short', 1, 'PX', 30], @module);

    my (undef, undef, $channel, $message) = KS::RESP::texts($ear->reply);
    is("$channel $message", '__keyspace@0__:short expired', 'is told');
    (undef, undef, $channel, $message) = KS::RESP::texts($ear->reply);
    is("$channel $message", '__keyevent@0__:expired short', '... twice');
};


subtest 'over REST, and by CONFIG SET' => sub {
    my $http = $ngx->client;

    is($http->run('CONFIG', 'SET', 'notify-keyspace-events', 'E$'), 'OK',
       'other classes');
    $http->run('SET', 'k', 'v');
    $http->run('DEL', 'k');
    is(join(' ', said($module[1], $ear)), '(set k)', 'one of them');

    $http->run('CONFIG', 'SET', 'notify-keyspace-events', '');
    $http->run('SET', 'k', 'v');
    is(join(' ', said($module[1], $ear)), '', 'none');
};

$_->close for @module;
$ngx->stop;
done_testing;


# A command, by the first; its reply, and what the last has heard until the
# second publishes the end.
sub step {
    my ($argv, $client, $publisher, $ear) = @_;
    my ($reply) = $client->replies($argv);

    return ($reply, said($publisher, $ear));
}


sub said {
    my ($publisher, $ear) = @_;
    my @events;

    $publisher->command('PUBLISH', 'end', '');

    for ( ;; ) {
        my (undef, undef, $channel, $message) = KS::RESP::texts($ear->reply);

        return @events if $channel eq 'end';
        push @events, KS::Referee::show_bytes(
                          KS::Events::event($channel, $message));
    }
}


# The next one that does not depend on the clock, or on chance.
sub command {
    for ( ;; ) {
        my ($argv, $brief) = KS::Random::Mixed::command();

        return $argv unless $brief || $argv->[0] =~ /^(?:spop|sort)/i
                            || KS::Referee::rule($argv) eq 'scan';
    }
}
