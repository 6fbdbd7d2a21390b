# mode=near: keys are fetched when they are asked for, are answered here, and are
# gone from here when they change over there.

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
plan skip_all => 'no CLIENT TRACKING' unless $redis->since('6.0');

my $proxy = KS::Proxy->start(to => $redis->port);
my $port = $proxy->port;

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    locations => 'location / { keyspace_rest main; } location = /ready { keyspace_ready; }',
    zone => "eviction allkeys-lru; upstream redis://127.0.0.1:$port local_prefix=here: timeout=2s;");
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);

my $r = $ngx->resp;
my $http = $ngx->client;


sub stat_of { return $r->run('INFO', 'stats') =~ /^keyspace_$_[0]:(\d+)/m ? $1 : undef }
sub calls { return $redis->run('INFO', 'commandstats') =~ /^cmdstat_$_[0]:calls=(\d+)/m ? $1 : 0 }
sub ready { return wait_for(20, sub { (grep { $http->request('GET', '/ready')->{status} == 200 } 1 .. 4) == 4 }) }

# until the edge says so of itself
sub soon { my ($want, @command) = @_; return wait_for(10, sub { my $v = eval { $r->run(@command) }; ($v // "\0none") eq ($want // "\0none") }) }

# both workers are told of each of n keys that the code writes over there
sub told {
    my ($n, $code) = @_;
    my $before = stat_of('near_invalidations');

    $code->();
    wait_for(30, sub { stat_of('near_invalidations') >= $before + 2 * $n }) or die 'a change is not told';
}

ok(ready(), 'both workers have a link');
is(() = $redis->run('CLIENT', 'LIST') =~ /name=keyspace-near/g, 2, 'a link each');


# --- a read fetches ---

told(1, sub { $redis->run('SET', 'a', '1') });
is($r->run('GET', 'a'), '1', 'GET of a key that is not here');
my ($gets, $dumps) = (calls('get'), calls('dump'));
is($r->run('GET', 'a'), '1', 'and again') for 1 .. 5;
is(calls('get'), $gets, 'is answered here');
is(calls('dump'), $dumps, 'and not fetched again');
is($http->run('STRLEN', 'a'), 1, 'other commands are, too');
is(calls('strlen'), 0, 'are answered here');
cmp_ok(stat_of('near_fetches'), '>=', 1, 'fetches are counted');

# each type

told(5, sub {
    $redis->run('RPUSH', 'list', 'x', 'y', 'z');
    $redis->run('HSET', 'hash', 'f', 'v', 'g', 'w');
    $redis->run('SADD', 'set', '1', '2', '3');
    $redis->run('ZADD', 'zset', '1.5', 'm', '2', 'n');
    $redis->run('XADD', 'stream', '1-1', 'f', 'v');
});
is_deeply($r->run('LRANGE', 'list', '0', '-1'), ['x', 'y', 'z'], 'a list');
is_deeply($r->run('HGETALL', 'hash'), ['f', 'v', 'g', 'w'], 'a hash');
is_deeply([sort @{$r->run('SMEMBERS', 'set')}], ['1', '2', '3'], 'a set');
is_deeply($r->run('ZRANGE', 'zset', '0', '-1', 'WITHSCORES'), ['m', '1.5', 'n', '2'], 'a sorted set');
is_deeply($r->run('XRANGE', 'stream', '-', '+'), [['1-1', ['f', 'v']]], 'a stream');
is($r->run('TYPE', 'zset'), 'zset', 'its type');
is_deeply($r->run('MGET', 'a', 'b', 'list'), ['1', undef, undef], 'several keys, one of which is none');
is($r->run('HGET', 'hash', 'none'), undef, 'a field that is none');
like($r->error('LPOP', 'a', 'x'), qr/not an integer|out of range|positive/, 'an error of over there');
like($r->error('LLEN', 'a'), qr/^WRONGTYPE/, 'an error of here');
is(calls('lrange') + calls('hgetall') + calls('mget') + calls('xrange'), 0, 'none of these was sent');


# --- keys that are none ---

is($r->run('GET', 'none'), undef, 'a key that is none');
$dumps = calls('dump');
$gets = calls('get');
is($r->run('GET', 'none'), undef, 'again') for 1 .. 3;
is(calls('dump') + calls('get'), $dumps + $gets, 'is remembered');
$redis->run('SET', 'none', 'now');
ok(soon('now', 'GET', 'none'), 'until there is one');


# --- changes ---

$redis->run('SET', 'a', '2');
ok(soon('2', 'GET', 'a'), 'a change');
$redis->run('DEL', 'a');
ok(soon(undef, 'GET', 'a'), 'an end');
$redis->run('SET', 'ttl', 'x', 'PX', '60000');
is($r->run('GET', 'ttl'), 'x', 'a key with a TTL');
my $pttl = $r->run('PTTL', 'ttl');
cmp_ok($pttl, '<=', 60000, 'has it here');
cmp_ok($pttl, '>', 50000, '... all of it');
$redis->run('PEXPIRE', 'ttl', '50');
ok(soon(undef, 'GET', 'ttl'), 'and expires');
$redis->run('SET', $_, 'v') for 'f1', 'f2';
is($r->run('GET', 'f1'), 'v', 'a key before FLUSHALL');
is($r->run('SET', 'here:k', 'mine'), 'OK', 'a local key');
$redis->run('FLUSHALL');
ok(soon(undef, 'GET', 'f1'), 'is gone');
ok(ready(), 'the edge is ready again');
is($r->run('GET', 'here:k'), 'mine', 'the local key is not');
is($r->run('GET', 'here:none'), undef, 'a local key that is none is not asked for');


# --- own writes ---

is($r->run('SET', 'own', '0'), 'OK', 'an own write');

my $bad = 0;
for my $i (1 .. 200) {
    $r->run('INCR', 'own');
    $bad++ if $r->run('GET', 'own') ne $i;
}
is($bad, 0, 'is seen at once, each time');

my $other = $ngx->resp;                         # of any worker
$bad = 0;
for my $i (1 .. 100) {
    $r->run('SET', 'own', "v$i");
    $bad++ if $other->run('GET', 'own') ne "v$i";
}
is($bad, 0, 'by other connections as well');

$r->run('MULTI');
$r->run('SET', 'own', 'm');
$r->run('GET', 'own');
is_deeply($r->run('EXEC'), ['OK', 'm'], 'a transaction');
is($r->run('GET', 'own'), 'm', 'and what it wrote');
is($r->run('EVAL', 'return redis.call("set", KEYS[1], "s")', '1', 'own'), 'OK', 'a script');
is($r->run('GET', 'own'), 's', 'and what it wrote');
is($r->run('EVAL_RO', 'return redis.call("get", KEYS[1])', '1', 'own'), 's', 'one that reads');
is($r->run('FLUSHALL'), 'OK', 'FLUSHALL');
is($r->run('GET', 'own'), undef, 'is seen at once');
is($redis->run('DBSIZE'), 0, 'over there, too');
is($r->run('GET', 'here:k'), 'mine', 'local keys stay');


# --- all keys ---

ok(ready(), 'ready');
$redis->run('SET', "k$_", 'v') for 1 .. 30;
is($r->run('DBSIZE'), 30, 'DBSIZE is that of over there');
is(scalar @{$r->run('KEYS', 'k*')}, 30, 'KEYS');
is(ref $r->run('SCAN', '0'), 'ARRAY', 'SCAN');
is_deeply($http->run('MGET', map { "k$_" } 1 .. 30), [('v') x 30], 'thirty keys at once');

{
    my $res = $http->request('POST', '/pipeline', body => '[["GET","k1"],["GET","new1"],["SET","new1","x"],["GET","new1"]]');
    is($res->{body}, '[{"result":"v"},{"result":null},{"result":"OK"},{"result":"x"}]', 'a pipeline over REST');
    $res = $http->request('POST', '/multi-exec', body => '[["GET","k2"],["GET","none2"]]');
    is($res->{body}, '[{"result":"v"},{"result":null}]', '/multi-exec that reads');
}

{
    my $r3 = $ngx->resp;
    $r3->run('HELLO', '3');
    $redis->run('HSET', 'h3', 'f', 'v');
    is($r3->command('HGETALL', 'h3'), "%1\r\n\$1\r\nf\r\n\$1\r\nv\r\n", 'RESP3');
    $r3->close;
}

my $large = 'x' x 2_000_000;
$redis->run('SET', 'large', $large);
is($r->run('GET', 'large'), $large, 'a large value');
is($r->run('STRLEN', 'large'), 2_000_000, 'is here');


# --- many that miss at once ---

$proxy->tell('delay', '0.2');
told(1, sub { $redis->run('SET', 'herd', 'v') });
$dumps = calls('dump');
my @herd = map { $ngx->resp } 1 .. 20;
$_->send(KS::RESP::encode('GET', 'herd')) for @herd;
is(join('', map { $_->reply } @herd), "\$1\r\nv\r\n" x 20, 'many that miss at once');
is(calls('dump') - $dumps, 1, 'wait for one fetch of all workers');

$dumps = calls('dump');
$_->send(KS::RESP::encode('GET', 'herd none')) for @herd;
is(join('', map { $_->reply } @herd), "\$-1\r\n" x 20, 'of a key that is none as well');
is(calls('dump') - $dumps, 1, 'which all know then');

$dumps = calls('dump') + calls('get');
is($r->run('GET', 'herd'), 'v', 'then it is here');
is(calls('dump') + calls('get'), $dumps, 'and the other side is not asked');
$proxy->tell('delay', '0');


# --- losses ---

is($r->run('GET', 'k1'), 'v', 'a key that is here');
$proxy->tell('refuse');
$proxy->tell('cut');
$redis->run('SET', 'k1', 'w');
ok(wait_for(10, sub { (eval { $r->error('GET', 'k1') } // '') =~ /^UPSTREAM/ }), 'without a link nothing is read that may be old');
is($http->request('GET', '/ready')->{status}, 503, 'it is not ready');
is($r->run('GET', 'here:k'), 'mine', 'local keys are');
$proxy->tell('accept');
ok(soon('w', 'GET', 'k1'), 'with a link it is, as it is now');
ok(ready(), 'ready');

# who fetches is killed: the others get their replies

$proxy->tell('delay', '0.5');
told(1, sub { $redis->run('SET', 'killed', 'v') });
$_->send(KS::RESP::encode('GET', 'killed')) for @herd;
sleep 0.2;
kill KILL => ($ngx->workers)[0];
{
    my @said = map { eval { $_->reply } // 'gone' } @herd;
    is(scalar(grep { $_ ne 'gone' && $_ ne "\$1\r\nv\r\n" } @said), 0, 'a worker is killed that may be fetching');
    cmp_ok(scalar(grep { $_ ne 'gone' } @said), '>', 0, 'clients of the other one have their replies');
}
$proxy->tell('delay', '0');
$ngx->allow(qr/exited on signal 9/);
$r = $ngx->resp;
$http = $ngx->client;

# the death of any worker costs nothing that is here, once its link has passed on what it covers

sub shared { return wait_for(20, sub { $redis->run('CLIENT', 'LIST') =~ /name=keyspace-near.* cmd=ping/ }) }

ok(ready() && shared(), 'a new worker has a link, and hears of what the other covers');
sleep 0.5;
is($r->run('GET', 'k6'), 'v', 'a key');
$dumps = calls('dump');

for my $round (0 .. 3) {
    my ($pid) = ($ngx->workers)[$round % 2];
    my @near = $redis->run('CLIENT', 'LIST') =~ /id=(\d+) .*name=keyspace-near/g;
    kill KILL => $pid;
    ok(wait_for(20, sub { my %was = map { $_ => 1 } @near; my $list = $redis->run('CLIENT', 'LIST');
                          my @now = $list =~ /id=(\d+) .*name=keyspace-near/g;
                          @now == 2 && grep({ !$was{$_} } @now) == 1 && $list =~ /name=keyspace-near.* cmd=ping/ }),
       "a worker is killed, round $round");
    sleep 0.3;
    $r = $ngx->resp;
    is($r->run('GET', 'k6'), 'v', 'the key');
}
is(calls('dump'), $dumps, 'is here all the time');
$redis->run('SET', 'k6', 'w');
ok(soon('w', 'GET', 'k6'), 'until it changes');
$http = $ngx->client;

# writers over there, cuts and kills in between: at the end all is as it is there

for my $round (1 .. 6) {
    $redis->run('SET', "x$_", "$round.$_") for 1 .. 20;
    $r->run('GET', "x$_") for 1 .. 20;
    if ($round % 3 == 1) { $proxy->tell('cut') }
    elsif ($round % 3 == 2) { kill KILL => ($ngx->workers)[0]; $r = $ngx->resp }
    $redis->run('SET', "x$_", "$round-$_") for 1 .. 20;
    ok(wait_for(20, sub { eval { $r = $ngx->resp unless $r->run('PING'); 1 } or $r = $ngx->resp;
                          my @v = map { eval { $r->run('GET', "x$_") } // '' } 1 .. 20;
                          join(',', @v) eq join(',', map { "$round-$_" } 1 .. 20) }), "round $round");
}
$ngx->allow(qr/exited on signal 9/);

# a reload passes on what is here

ok(ready(), 'ready');
is($r->run('GET', 'k2'), 'v', 'a key');
my $losses = stat_of('link_losses');
$ngx->reload;
$r = $ngx->resp;
$http = $ngx->client;
ok(ready(), 'ready after a reload');
sleep 1.5;
$dumps = calls('dump');
is($r->run('GET', 'k2'), 'v', 'it is still here');
is(calls('dump'), $dumps, 'and need not be fetched again');

$ngx->stop;


# --- stale=T ---

$ngx = KS::Nginx->start(size => '8m', resp => '', workers => 1,
    locations => 'location / { keyspace_rest main; } location = /ready { keyspace_ready; }',
    zone => "upstream redis://127.0.0.1:$port stale=10s timeout=5s;");
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
$r = $ngx->resp;
$http = $ngx->client;
ok(ready(), 'ready');
ok(soon('v', 'GET', 'k3'), 'a key');
$proxy->tell('refuse');
$proxy->tell('cut');
sleep 0.3;
is(eval { $r->run('GET', 'k3') }, 'v', 'stale: is read without a link');
like(eval { $r->error('GET', 'k4') } // '', qr/^UPSTREAM/, 'what is not here cannot be');
ok(wait_for(10, sub { (eval { $r->error('GET', 'k3') } // '') =~ /^UPSTREAM/ }), 'for that long');
$proxy->tell('accept');
ok(soon('v', 'GET', 'k3'), 'and with a link again');
$ngx->stop;


# --- without tracking ---

$redis->run('ACL', 'SETUSER', 'plain', 'on', '>p', '~*', '+@all', '-client|tracking');
$ngx = KS::Nginx->start(size => '8m', resp => '', workers => 1,
    zone => "upstream redis://plain:p\@127.0.0.1:$port ttl=300ms;");
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
$r = $ngx->resp;
ok(soon('v', 'GET', 'k3'), 'ttl: a key');
$redis->run('SET', 'k3', 'changed');
ok(soon('changed', 'GET', 'k3'), 'is asked for again after it');
is($r->run('GET', 'k99'), undef, 'one that is none');
$redis->run('SET', 'k99', 'x');
ok(soon('x', 'GET', 'k99'), 'as well');
$ngx->stop;

$ngx = KS::Nginx->start(size => '8m', resp => '', workers => 1,
    zone => "upstream redis://plain:p\@127.0.0.1:$port;");
$ngx->allow(qr/it does not tell of changes, and there is no "ttl"/);
$r = $ngx->resp;
is($r->run('GET', 'k5'), 'v', 'without tracking and without ttl each read is sent');
is($r->run('SET', 'k5', 'w'), 'OK', 'and writes are');
is($r->run('GET', 'k5'), 'w', 'and seen');
$ngx->stop;

done_testing;
