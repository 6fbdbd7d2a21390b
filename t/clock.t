# The clock is set, forward and back, while keys with a TTL and rate limits are
# there.  The clock is one of the test's own (lib/clock.c).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clock;
use KS::Info;
use KS::Nginx;
use KS::Proc qw(spew wait_for);

plan skip_all => 'there is no cc' unless KS::Clock::available();

my $clock = KS::Clock->new;
my $x = 'root %DIR%; try_files /x =404;';
my $ngx = KS::Nginx->start(
    workers => 2,
    resp    => '',
    env     => $clock->env,
    http    => <<'CONF',
    keyspace_limit_rule fixed zone=main key=$arg_k rate=2r/m
                        algorithm=fixed_window;
    keyspace_limit_rule sliding zone=main key=$arg_k rate=2r/m
                        algorithm=sliding_window;
    keyspace_limit_rule bucket zone=main key=$arg_k rate=2r/m
                        algorithm=token_bucket;
    keyspace_limit_rule gcra zone=main key=$arg_k rate=2r/m algorithm=gcra
                        burst=1;
CONF
    locations => join("\n", 'location / { keyspace_rest main; }',
        map { "location /l/$_ { keyspace_limit $_; $x }" }
            qw(fixed sliding bucket gcra)),
);

spew($ngx->dir . '/x', 'x');

my $redis = $ngx->resp;
my $http = $ngx->client;

subtest 'set forward: keys expire by the clock' => sub {
    is(scalar(my @all = $clock->listeners), 2, 'each worker listens');

    $redis->run('SET', "k$_", 'v', 'EX', 3600) for 1 .. 100;
    $redis->run('SET', 'later', 'v', 'EX', 8 * 3600);
    my $expired = KS::Info::field($redis, 'expired_keys');

    $clock->set(2 * 3600);
    ok(wait_for(20, sub { KS::Info::field($redis, 'expired_keys')
                          == $expired + 100 }),
       'in the background, at once');
    is($redis->run('DBSIZE'), 1, '... but for what is not due');
    is($redis->run('EXISTS', 'later'), 1, '... which is there');
};


subtest 'set back: nothing is lost, and nobody wakes in vain' => sub {
    $redis->run('SET', 'kept', 'v', 'EX', 60);
    $clock->set(-3600);
    is($redis->run('GET', 'kept'), 'v', 'a key is there');
    cmp_ok($redis->run('TTL', 'kept'), '>', 3600, '... by the clock');

    $redis->run('SET', 'short', 'v', 'PX', 50);
    ok(wait_for(20, sub { $redis->run('DBSIZE') == 2 }), 'a new one expires');
};


subtest 'set back: limits' => sub {
    for my $algorithm (qw(fixed sliding bucket gcra)) {
        my $get = sub { $http->request('GET', "/l/$algorithm?k=$_[0]") };

        $clock->hold;
        $get->('a') for 1 .. 3;
        is($get->('a')->{status}, 429, "$algorithm: used up");

        $clock->move(-86400);
        my $r = $get->('a');
        my $wait = $r->{headers}{'retry-after'};
        is($r->{status}, 429, '... a day earlier, too');
        cmp_ok($wait, '<=', 120, '... but not for that day');

        $clock->move(-86400 + $wait);
        is($get->('a')->{status}, 200, '... and the time to wait is true');
    }
};


$redis->close;
$ngx->stop;

done_testing;
