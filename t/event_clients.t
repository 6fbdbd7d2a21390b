# Subscribers, blocking consumers and client-side caches of people's libraries,
# with several workers, of which some are killed: npm's redis, ioredis, redis-py.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(check_left run_tap want_npm);
use KS::Nginx;
use KS::Proc qw(capture root);

my $TOKEN = $KS::Nginx::TOKEN;
my $WORKERS = 4;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size        => '32m',
    workers     => $WORKERS,
    resp        => '',
    resp_listen => 'reuseport',
);

# the programs kill workers themselves
$ngx->allow('exited on signal 9');

my $port = $ngx->resp_port;


subtest "npm's redis" => sub {
    want_npm('redis');
    run_tap('node', "$clients/node_redis_events.mjs", $port, $TOKEN);
    check_left($ngx);
};


subtest 'ioredis' => sub {
    want_npm('ioredis');
    run_tap('node', "$clients/ioredis_events.mjs", $port, $TOKEN);
    check_left($ngx);
};


subtest 'redis-py' => sub {
    # the system's own, which has Debian's packages
    my ($python) = grep {
        -x && (capture(20, {}, $_, '-c', 'import redis'))[0] == 0
    } '/usr/bin/python3', '/usr/local/bin/python3';

    plan skip_all => 'there is no redis-py' unless $python;

    run_tap($python, "$clients/redis_py_events.py", $port, $TOKEN,
            $ngx->workers);
    check_left($ngx);
};


is(scalar(my @workers = $ngx->workers), $WORKERS, 'the workers live');
$ngx->stop;
done_testing;
