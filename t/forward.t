# Writes of an edge's clients that the other store runs: their replies come back
# as they are, over RESP and REST, and what becomes of them when the connection
# is cut, delayed or swallowed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Proxy;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $redis = KS::Redis->start;
my $proxy = KS::Proxy->start(to => $redis->port);
my $port = $proxy->port;

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    locations => 'location / { keyspace_rest main; } location = /ready { keyspace_ready; }',
    zone => "upstream redis://127.0.0.1:$port local_prefix=here:,limit: timeout=1s;
             user few { token few-token; rights ~* +\@all; commands 3/d; }");
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);

my $r = $ngx->resp;
my $http = $ngx->client;


# --- replies ---

is($r->run('SET', 'a', '1'), 'OK', 'SET');
is($redis->run('GET', 'a'), '1', 'it is there, ...');
is($r->run('INCRBY', 'a', '41'), 42, 'a number');
is($http->run('GETSET', 'a', "x\r\ny\0"), '42', 'over REST');
is($redis->run('GET', 'a'), "x\r\ny\0", 'all bytes arrive');
is($r->error('INCR', 'a'), 'ERR value is not an integer or out of range', 'an error');
is($http->error('LPUSH', 'a', 'x'),
   'WRONGTYPE Operation against a key holding the wrong kind of value', 'over REST');
is($r->run('GETDEL', 'none'), undef, 'null');
is_deeply($r->run('SPOP', 'none', '2'), [], 'an empty array');
is($r->run('ZADD', 'z', '1.5', 'm'), 1, 'ZADD');
is_deeply($r->run('ZPOPMIN', 'z'), ['m', '1.5'], 'ZPOPMIN of RESP2');

{
    my $r3 = $ngx->resp;
    $r3->run('HELLO', '3');
    is($r3->run('ZADD', 'z', '1.5', 'm', '2', 'n'), 2, 'a client of RESP3');
    is_deeply($r3->run('ZPOPMIN', 'z', '2'), [['m', '1.5'], ['n', '2']], 'has its own forms');
    $r3->close;
}

is($r->run('EVAL', 'return redis.call("append", KEYS[1], ARGV[1])', '1', 's', 'abc'), 3,
   'a script');
my $sha = $r->run('SCRIPT', 'LOAD', 'return redis.call("incr", KEYS[1])');
is($r->run('EVALSHA', $sha, '1', 'n'), 1, 'SCRIPT LOAD goes to where EVALSHA does');
like($r->run('PUBLISH', 'ch', 'm'), qr/^[01]$/, 'PUBLISH: subscribers over there, of which this edge may be one');
like($r->error('SET', 'a'), qr/wrong number of arguments/, 'what is wrong is said here');
is($r->run('PING'), 'PONG', 'PING is answered here');

{
    my @replies = $r->replies(map { ['INCR', 'pipelined'] } 1 .. 50);
    is(join('', @replies), join('', map { ":$_\r\n" } 1 .. 50), 'a pipeline');
}

is($redis->run('GET', 'pipelined'), 50, 'each of it once');

# a user with a quota

{
    my $few = $ngx->client(token => 'few-token');

    is($few->run('INCR', 'few'), $_, 'a write that counts') for 1 .. 3;
    like($few->error('INCR', 'few'), qr/max daily request limit exceeded/, 'the quota is used up');
    is($redis->run('GET', 'few'), 3, '... and none more is sent');
}

# what is large goes and comes whole

my $large = join '', map { chr(32 + $_ % 90) } 1 .. 3_000_000;
is($r->run('SET', 'large', $large), 'OK', 'three megabytes');
is($redis->run('STRLEN', 'large'), 3_000_000, 'are there');
is($r->run('GETSET', 'large', 'x'), $large, 'and come back');


# --- rights come first ---

{
    my $before = $redis->run('DBSIZE');
    is($r->run('MULTI'), 'OK', 'MULTI');
    is($r->run('SET', 'm', '1'), 'QUEUED', 'is queued here');
    is($redis->run('EXISTS', 'm'), 0, 'and has not been sent');
    is($r->run('DISCARD'), 'OK', 'DISCARD');
    is($redis->run('DBSIZE'), $before, 'nothing has changed');
}


# --- transactions ---

$r->run('MULTI');
$r->run('SET', 'm', '1');
$r->run('INCR', 'm');
$r->run('LPUSH', 'm', 'x');
$r->run('GET', 'm');
my $exec = $r->run('EXEC');
is($exec->[0], 'OK', 'EXEC: the first reply');
is($exec->[1], 2, 'the second');
like($exec->[2], qr/WRONGTYPE/, 'an error among them');
is($exec->[3], 2, 'and one of a read');

{
    my $res = $http->request('POST', '/multi-exec', body => '[["SET","mm","5"],["INCR","mm"],["LPUSH","mm","x"]]');
    is($res->{status}, 200, '/multi-exec');
    is($res->{body}, '[{"result":"OK"},{"result":6},{"error":"WRONGTYPE Operation against a key '
       . 'holding the wrong kind of value"}]', 'its replies') ;
    $res = $http->request('POST', '/pipeline', body => '[["SET","pp","5"],["INCR","pp"],["PING"],["INCR","mm","x"]]');
    like($res->{body}, qr/^\[\{"result":"OK"\},\{"result":6\},\{"result":"PONG"\},\{"error":"ERR wrong/, '/pipeline');
}

like($r->error('WATCH', 'a'), qr/^ERR WATCH is not possible with an upstream/, 'WATCH is refused');
is($r->run('WATCH', 'here:a'), 'OK', 'but not of a local key');
is($r->run('UNWATCH'), 'OK', 'UNWATCH');


# --- local keys ---

is($r->run('SET', 'here:a', '1'), 'OK', 'a local key');
is($redis->run('EXISTS', 'here:a'), 0, 'is not over there');
is($r->run('GET', 'here:a'), '1', 'but here');
is($r->error('MSET', 'here:a', '1', 'b', '2'),
   'CROSSSLOT keys that are local to this edge (local_prefix) and others do not go together',
   'both at once are refused');
$r->run('MULTI');
$r->run('SET', 'here:a', '2');
$r->run('SET', 'b', '2');
like($r->error('EXEC'), qr/^EXECABORT .*local to this edge/, 'in a transaction as well');
$r->run('MULTI');
$r->run('INCR', 'here:a');
is_deeply($r->run('EXEC'), [2], 'a local transaction');


# --- blocking ---

{
    my $b = $ngx->resp;
    $b->send(KS::RESP::encode('BLPOP', 'list', '10'));
    ok(wait_for(10, sub { $redis->run('INFO', 'clients') =~ /blocked_clients:1/ }), 'BLPOP waits over there');
    is($r->run('SET', 'between', '1'), 'OK', 'others do not wait behind it');
    is($redis->run('RPUSH', 'list', 'item'), 1, 'something comes');
    is_deeply(KS::RESP::plain(KS::RESP::value($b->reply)), ['list', 'item'], 'and is its reply');

    $b->send(KS::RESP::encode('BLPOP', 'list', '0'));
    ok(wait_for(10, sub { $redis->run('INFO', 'clients') =~ /blocked_clients:1/ }), 'it waits again');
    $b->close;
    ok(wait_for(10, sub { $redis->run('INFO', 'clients') =~ /blocked_clients:0/ }),
       'a client that goes does not wait over there any more');
    is($redis->run('RPUSH', 'list', 'kept'), 1, 'so nothing');
    is($redis->run('LLEN', 'list'), 1, 'is taken in its name');
    is_deeply($http->run('BLPOP', 'list', '1'), ['list', 'kept'], 'over REST');
}


# --- the connection fails ---

$proxy->tell('cut');
ok(wait_for(10, sub { my $v = eval { $r->run('SET', 'cut', '1') } // ''; $v eq 'OK' }), 'after a cut it comes again');

$redis->run('DEL', 'fate');
$proxy->tell('swallow');
my $t = time;
like($r->error('INCR', 'fate'), qr/^UNCERTAIN whether the command was run is not known: it does not answer/,
     'a reply that does not come');
cmp_ok(time - $t, '>', 0.5, 'is waited for');
$proxy->tell('pass');
ok(wait_for(10, sub { $redis->run('GET', 'fate') }), 'it was run');
sleep 0.3;
is($redis->run('GET', 'fate'), 1, '... and not twice');

$proxy->tell('refuse');
$proxy->tell('cut');
ok(wait_for(10, sub { (eval { $r->error('INCR', 'never') } // '') =~ /^UPSTREAM nothing was run: / }),
   'what cannot be sent');
$redis->run('DEL', 'never');
like($http->error('INCR', 'never'), qr/^UPSTREAM nothing was run: /, 'has a clear error over REST');
is($redis->run('EXISTS', 'never'), 0, 'and is not sent later');
is($r->run('SET', 'here:b', '1'), 'OK', 'local keys go on');
$proxy->tell('accept');
ok(wait_for(10, sub { (eval { $r->run('SET', 'again', '1') } // '') eq 'OK' }), 'it recovers by itself');

$redis->stop;
ok(wait_for(10, sub { (eval { $r->error('SET', 'again', '2') } // '') =~ /^UPSTREAM/ }),
   'a store that is gone');

like($r->run('INFO', 'stats'), qr/keyspace_forwarded:[1-9]/, 'what was forwarded is counted');
like($r->run('INFO', 'stats'), qr/keyspace_forward_errors:[1-9]/, 'and what has failed');

my $ready = $http->request('GET', '/ready');
is($ready->{status}, 503, 'keyspace_ready: without the store');
like($ready->{body}, qr/^\{"zones":\{"main":\{"ready":false,"reason":"(it cannot be connected|it has closed|the connection is broken|the link that tells of changes is down)/, 'and why');

$ngx->stop;


# --- keyspace_ready ---

$redis = KS::Redis->start;
$port = $redis->port;
$ngx = KS::Nginx->start(size => '8m', locations => 'location / { keyspace_rest main; } location = /ready { keyspace_ready main; }',
                        zone => "upstream redis://127.0.0.1:$port;");
$http = $ngx->client;
ok(wait_for(10, sub { $http->request('GET', '/ready')->{status} == 200 }), 'keyspace_ready makes a connection');
is($http->request('GET', '/ready')->{body}, '{"zones":{"main":{"ready":true}},"ready":true}', 'its reply');
is($http->request('POST', '/ready', body => '')->{status}, 405, 'it is for GET');
$ngx->stop;

$ngx = KS::Nginx->start(size => '8m', locations => 'location / { keyspace_rest main; } location = /ready { keyspace_ready; }');
is($ngx->client->request('GET', '/ready')->{status}, 200, 'a zone that stands by itself is ready');
$ngx->stop;

done_testing;
