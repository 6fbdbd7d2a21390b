# Redis clients as people have them: redis-cli, redis-benchmark, redis-py,
# ioredis and npm's redis, against the listener.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap want_npm);
use KS::Nginx;
use KS::Proc qw(capture installed root spew);

my $TOKEN = $KS::Nginx::TOKEN;
my $READONLY = $KS::Nginx::READONLY;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size        => '128m',
    workers     => 2,
    resp        => '',
    resp_listen => 'reuseport',
    zone        => '',
    main        => 'keyspace_zone open 32m { token off; }',
    stream      => <<'CONF',
    server {
        listen 127.0.0.1:%RESP2%;
        keyspace_resp open;
    }
CONF
);

my $port = $ngx->resp_port;


# redis-cli's output; the first arguments are its options
sub cli {
    my ($code, $out) = capture(60, { REDISCLI_AUTH => $TOKEN },
                               'redis-cli', '-p', $port, @_);
    return $out;
}


subtest 'redis-cli' => sub {
    plan skip_all => 'there is no redis-cli' unless installed('redis-cli');

    is(cli('SET', 'k', 'v'), "OK\n", 'SET');
    is(cli('GET', 'k'), "v\n", 'GET');
    is(cli('--no-raw', 'GET', 'none'), "(nil)\n", 'a null');
    is(cli('--no-raw', '-3', 'CONFIG', 'GET', 'save'),
       qq(1# "save" => ""\n), 'a map of RESP3');
    is(cli('--no-raw', 'RPUSH', 'l', 1, 2, 3), "(integer) 3\n", 'RPUSH');
    is(cli('LRANGE', 'l', 0, -1), "1\n2\n3\n", 'LRANGE');
    is(cli('-r', 3, 'INCR', 'n'), "1\n2\n3\n", 'one after another');

    # what is typed
    my $typed = $ngx->dir . '/typed';
    spew($typed, "MULTI\nSET t 1\nINCR t\nEXEC\nGET t\n");
    my ($code, $out) = capture(60, { REDISCLI_AUTH => $TOKEN },
                               'sh', '-c', "redis-cli -p $port < $typed");
    is($out, "OK\nQUEUED\nQUEUED\nOK\n2\n2\n", 'a transaction');

    my $n = 50_000;
    spew($typed, join '', map {
        "*3\r\n\$3\r\nSET\r\n\$" . length("mass$_") . "\r\nmass$_\r\n\$1\r\nv\r\n"
    } 1 .. $n);
    ($code, $out) = capture(120, { REDISCLI_AUTH => $TOKEN },
                            'sh', '-c', "redis-cli -p $port --pipe < $typed");
    like($out, qr/errors: 0, replies: $n$/m, '--pipe');

    is(scalar(() = cli('--scan', '--pattern', 'mass*') =~ /^mass/mg), $n,
       '--scan');
    like(cli('--bigkeys'), qr/Sampled 500\d\d keys/, '--bigkeys');
};


subtest 'redis-benchmark' => sub {
    plan skip_all => 'there is no redis-benchmark'
        unless installed('redis-benchmark');

    for my $pipeline (1, 64) {
        my ($code, $out) = capture(200, {}, 'redis-benchmark',
            '-p', $ngx->resp_port2, '-n', 5000, '-c', 16, '-P', $pipeline,
            '-r', 1000, '-q', '-t',
            'ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,'
            . 'zpopmin,lrange,mset');

        is($code, 0, "-P $pipeline comes to its end");
        unlike($out, qr/error|ERR/i, '... without an error')
            or diag($out);
        is(scalar(() = $out =~ /requests per second/g), 20,
           '... with all of its tests');
    }
};


subtest 'redis-py' => sub {
    # the system's own, which has Debian's packages
    my ($python) = grep {
        -x && (capture(20, {}, $_, '-c', 'import redis'))[0] == 0
    } '/usr/bin/python3', '/usr/local/bin/python3';

    plan skip_all => 'there is no redis-py' unless $python;

    run_tap($python, "$clients/redis_py.py", $port, $TOKEN, $READONLY);
};


for (['ioredis', 'ioredis.mjs'], ["npm's redis", 'node_redis.mjs']) {
    my ($name, $program) = @$_;

    subtest $name => sub {
        want_npm('ioredis');
        run_tap('node', "$clients/$program", $port, $TOKEN, $READONLY);
    };
}


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;
done_testing;
