# A Cluster as the upstream of an edge: commands go to the node of their slot, and
# behind what sends them elsewhere; what was fetched is gone when it changes, or when
# its slot is another node's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Cluster;
use KS::Nginx;
use KS::Proc qw(wait_for);

plan skip_all => 'no redis-server' unless KS::Cluster->available;

my $c = KS::Cluster->start(nodes => 3);
my ($n1, $n2, $n3) = $c->primaries;
plan skip_all => 'no CLIENT TRACKING' unless $n1->since('7.0');

# one address is enough
my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    locations => 'location / { keyspace_rest main; } location = /ready { keyspace_ready; }',
    zone => "eviction allkeys-lru; upstream cluster:127.0.0.1:" . $n2->port . " local_prefix=here: timeout=20s;");
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);

my $r = $ngx->resp;
my $http = $ngx->client;

sub stat_of { return $r->run('INFO', 'stats') =~ /^keyspace_$_[0]:(\d+)/m ? $1 : undef }
sub calls { my $n = 0; $n += $_->run('INFO', 'commandstats') =~ /^cmdstat_$_[0]:calls=(\d+)/m ? $1 : 0 for $c->primaries; return $n }
sub ready { return wait_for(30, sub { (grep { $http->request('GET', '/ready')->{status} == 200 } 1 .. 4) == 4 }) }
sub soon { my ($want, @command) = @_; return wait_for(20, sub { my $v = eval { $r->run(@command) }; ($v // "\0none") eq ($want // "\0none") }) }

ok(ready(), 'both workers have links to all nodes') or diag($http->request('GET', '/ready')->{body});
ok(wait_for(30, sub { (() = join('', map { $_->run('CLIENT', 'LIST') } $c->primaries) =~ /name=keyspace-near/g) == 6 }),
   'one each to each node');


# --- where commands go ---

my @keys = map { "key:$_" } 1 .. 60;

is($r->run('SET', $_, "v:$_"), 'OK', "SET $_") for @keys;
is_deeply([map { $c->run($_, 'GET', $_) } @keys], [map { "v:$_" } @keys], 'each is on the node of its slot');
cmp_ok($_->run('DBSIZE'), '>', 5, 'a node has a part of them') for $c->primaries;
is_deeply([map { $r->run('GET', $_) } @keys], [map { "v:$_" } @keys], 'and is read here');

{
    my $gets = calls('get');
    my $dumps = calls('dump');
    is_deeply([map { $r->run('GET', $_) } @keys], [map { "v:$_" } @keys], 'again');
    is(calls('get') + calls('dump'), $gets + $dumps, 'without a node');
}

is($r->run('INCR', "n:$_"), 1, 'a counter') for 1 .. 5;
is($r->run('MSET', '{tag}a', '1', '{tag}b', '2'), 'OK', 'keys with a tag lie in one slot');
is_deeply($r->run('MGET', '{tag}a', '{tag}b', '{tag}c'), ['1', '2', undef], 'and are read together');
my $cross = "CROSSSLOT Keys in request don't hash to the same slot";
is($r->error('MSET', 'a', '1', 'b', '2'), $cross, 'several slots');
is($r->error('MGET', 'key:1', 'key:2'), $cross, 'of a read that is here, too');
is($http->error('SUNIONSTORE', 'a', 'b'), $cross, 'over REST');
is($r->error('EVAL', 'return 1', '2', 'a', 'b'), $cross, 'a script');

$r->run('MULTI');
$r->run('INCR', '{tag}n');
$r->run('GET', '{tag}a');
is_deeply($r->run('EXEC'), [1, '1'], 'a transaction in one slot');
$r->run('MULTI');
$r->run('SET', 'a', '1');
$r->run('SET', 'b', '1');
is($r->error('EXEC'), $cross, 'in two');
is($c->run('a', 'EXISTS', 'a'), 0, 'nothing of it was run');
is($http->request('POST', '/multi-exec', body => '[["SET","{tag}m","5"],["INCR","{tag}m"]]')->{body},
   '[{"result":"OK"},{"result":6}]', '/multi-exec');
is($r->run('EVAL', 'return redis.call("incr", KEYS[1])', '1', 'scripted'), 1, 'a script');

for my $code ('TRYAGAIN', 'CLUSTERDOWN') {
    my $key = "wrote:$code";
    is($r->error('EVAL', "redis.call('incr', KEYS[1]) return redis.error_reply('$code for reasons of its own')", '1', $key),
       "$code for reasons of its own", "a script's own $code is its reply");
    is($c->run($key, 'GET', $key), 1, '... and it was run once');
}
is($r->run('GET', 'scripted'), '1', 'what it wrote');
is($r->run('SET', 'here:a', '1'), 'OK', 'a local key');
is_deeply($r->run('MGET', 'here:a', 'here:b'), ['1', undef], 'local keys have no slots');
like($r->run('DBSIZE'), qr/^\d+$/, 'a command without keys');
like($r->run('PUBLISH', 'channel', 'm'), qr/^[01]$/, 'PUBLISH');
is($r->run('SPUBLISH', 'channel', 'm'), 0, 'SPUBLISH');
is(stat_of('cluster_redirections'), 0, 'nothing was sent to a wrong node');

{
    my $b = $ngx->resp;
    $b->send(KS::RESP::encode('BLPOP', 'list', '20'));
    ok(wait_for(10, sub { $c->owner($c->slot('list'))->run('INFO', 'clients') =~ /blocked_clients:1/ }), 'BLPOP waits on its node');
    $c->run('list', 'RPUSH', 'list', 'item');
    is_deeply(KS::RESP::plain(KS::RESP::value($b->reply)), ['list', 'item'], 'and is served');
}


# --- messages of any node ---

{
    my $sub = $ngx->resp;
    my $n = 0;
    $sub->run('SUBSCRIBE', 'news');
    ok(wait_for(30, sub { $r->run('PUBLISH', 'news', 'ready' . ++$n); stat_of('near_messages') }), 'messages come');
    $_->run('PUBLISH', 'news', 'from' . $_->port) for $c->primaries;
    my %heard;
    wait_for(30, sub { $heard{$1}++ if $sub->reply =~ /(from\d+)\r\n\z/; keys %heard == 3 });
    is_deeply(\%heard, { map { ('from' . $_->port => 1) } $c->primaries }, 'of each node once');
    $sub->close;
}


# --- changes on any node ---

$c->run($_, 'SET', $_, "w:$_") for @keys;
ok(soon("w:$_", 'GET', $_), "$_ has changed") for @keys[0 .. 9];
is($r->run('GET', 'none'), undef, 'a key that is none');
my $dumps = calls('dump');
is($r->run('GET', 'none'), undef, 'is remembered');
is(calls('dump'), $dumps, '... here');
$c->run('none', 'SET', 'none', 'now');
ok(soon('now', 'GET', 'none'), 'until there is one');


# --- a slot is moved ---

# The state of each of its keys as the edge has it, before, amid and behind.
sub moved_ok {
    my ($name, $tag, $from, $to) = @_;
    my $slot = $c->slot($tag);
    my @k = map { "{$tag}$_" } 1 .. 12;

    $r->run('DEL', map { "{$tag}$_" } 'none', 'late', 't');
    $r->run('SET', $_, "1$_") for @k;
    is_deeply([map { $r->run('GET', $_) } @k], [map { "1$_" } @k], "$name: keys that are here");
    is($r->run('GET', "{$tag}none"), undef, "$name: and one that is none");
    is($r->run('GET', "{$tag}late"), undef, "$name: and another one");

    $c->begin($slot, $from, $to);
    is($c->migrate($slot, $from, $to, 6), 6, "$name: a half of them is moved");

    is_deeply([map { $r->run('GET', $_) } @k], [map { "1$_" } @k], "$name: amid it all are read");
    is($r->run('APPEND', $_, 'x'), length("1$_") + 1, "$name: and written") for @k;
    is_deeply([map { $r->run('GET', $_) } @k], [map { "1${_}x" } @k], "$name: which is seen");
    is($r->run('SET', "{$tag}none", 'x'), 'OK', "$name: a new one");
    is($r->run('GET', "{$tag}none"), 'x', "$name: is seen");

    # a client of the cluster's own makes one on the new node
    $to->replies(['ASKING'], ['SET', "{$tag}late", 'there']);
    ok(soon('there', 'GET', "{$tag}late"), "$name: a key that comes to be on the new node");

    $r->run('MULTI');
    $r->run('INCR', "{$tag}t");
    $r->run('INCR', "{$tag}t");
    is_deeply($r->run('EXEC'), [1, 2], "$name: a transaction");
    is($r->run('EVAL', 'return redis.call("incr", KEYS[1])', '1', "{$tag}t"), 3, "$name: a script");

    # commands of a pipeline keep their order, on whichever node each of them is run
    my @all = map { (['RPUSH', "{$tag}list", $_], ['STRLEN', $k[$_ % 12]], ['APPEND', $k[$_ % 12], ''],
                     ['RPUSH', "other:$tag", $_]) } 1 .. 24;
    my @want = map { my $n = length("1$k[$_ % 12]x"); ($_, $n, $n, $_) } 1 .. 24;
    $r->run('DEL', $_) for "{$tag}list", "other:$tag";
    is_deeply([$r->replies(@all)], [map { ":$_\r\n" } @want], "$name: a pipeline");
    $r->run('DEL', $_) for "{$tag}list", "other:$tag";
    my $json = '[' . join(',', map { '[' . join(',', map { "\"$_\"" } @$_) . ']' } @all) . ']';
    is($http->request('POST', '/pipeline', body => $json)->{body},
       '[' . join(',', map { "{\"result\":$_}" } @want) . ']', "$name: over REST");
    is_deeply($r->run('LRANGE', $_, 0, -1), [1 .. 24], "$name: $_ in order") for "{$tag}list", "other:$tag";

    # keys of both nodes at once are to be tried again, until they are together
    my $both = $ngx->resp;
    $both->send(KS::RESP::encode('SUNIONSTORE', "{$tag}union", "{$tag}s1", "{$tag}s2"));

    $c->migrate($slot, $from, $to);
    $c->end($slot, $from, $to);
    is($both->reply, ":0\r\n", "$name: several keys, which are tried again until it has come");

    is_deeply([map { $r->run('GET', $_) } @k], [map { "1${_}x" } @k], "$name: behind it all are read");
    is($r->run('APPEND', $_, 'y'), length("1$_") + 2, "$name: and written") for @k;
    is_deeply([map { $r->run('GET', $_) } @k], [map { "1${_}xy" } @k], "$name: which is seen");
    $to->run('SET', $_, "2$_") for @k;
    ok(soon("2$_", 'GET', $_), "$name: a change of $_ on the new node") for @k;
    is($r->run('GET', "{$tag}late"), 'there', "$name: the late one");
}

my $slot = $c->slot('move');
my $from = $c->owner($slot);
my ($to) = grep { $_ != $from } $c->primaries;

moved_ok('a slot moves', 'move', $from, $to);
cmp_ok(stat_of('cluster_redirections'), '>', 0, 'redirections are counted');
cmp_ok(stat_of('cluster_maps'), '>', 0, 'and maps');

{
    my $new = $c->add;
    my $owner = $c->owner($c->slot('fresh'));
    moved_ok('to a node that has just come', 'fresh', $owner, $new);
    moved_ok('and back', 'fresh', $new, $owner);
}

# a blocked client goes with its slot

{
    my $s = $c->slot('blocked');
    my $owner = $c->owner($s);
    my ($other) = grep { $_ != $owner } $c->primaries;
    my $b = $ngx->resp;
    $b->send(KS::RESP::encode('BLPOP', 'blocked', '30'));
    ok(wait_for(10, sub { $owner->run('INFO', 'clients') =~ /blocked_clients:1/ }), 'BLPOP waits');
    $c->move($s, $owner, $other);
    ok(wait_for(20, sub { $other->run('INFO', 'clients') =~ /blocked_clients:1/ }), 'on the new node as well');
    $other->run('RPUSH', 'blocked', 'item');
    is_deeply(KS::RESP::plain(KS::RESP::value($b->reply)), ['blocked', 'item'], 'and is served');
}


# --- errors ---

{
    my $e = $ngx->resp;
    my $s = $c->slot('x');
    like($e->error('EVAL', 'return redis.error_reply("MOVED 1 10.255.255.1:6379")', '1', 'x'),
         qr/^MOVED 1 10\.255/, 'an error that a script has made up is its reply');
    like($e->error('EVAL', "return redis.error_reply('ASK $s 10.255.255.1:6379')", '1', 'x'),
         qr/^ASK $s 10\.255/, 'and nobody is connected to that it names');
}

$ngx->stop;

$ngx = KS::Nginx->start(size => '32m', resp => '', workers => 1, locations => 'location / { keyspace_rest main; }',
    zone => 'upstream ' . $c->addresses . ' timeout=5s;');
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
$r = $ngx->resp;

{
    my $s = $c->slot('gone');
    my $owner = $c->owner($s);
    $_->run('CONFIG', 'SET', 'cluster-require-full-coverage', 'no') for $c->primaries;
    $owner->run('CLUSTER', 'DELSLOTS', $s);
    like($r->error('SET', 'gone', '1'), qr/^CLUSTERDOWN|^UPSTREAM nothing was run/, 'a slot that nobody has');
    is($r->run('SET', 'key:1', 'z'), 'OK', 'others go on');
    $owner->run('CLUSTER', 'ADDSLOTS', $s);
    ok(wait_for(20, sub { eval { $r->run('SET', 'gone', '2') eq 'OK' } }), 'when it is back, the command is run');
}

$ngx->stop;


# --- what the configuration refuses ---

sub refused {
    my ($zone) = @_;
    my $n = eval { KS::Nginx->start(size => '8m', zone => $zone) };
    $n->stop if $n;
    return $n ? 'no' : $@;
}

like(refused('upstream cluster:127.0.0.1:1 mode=replica;'), qr/follows one store, and no cluster/, 'mode=replica');
like(refused('upstream cluster:127.0.0.1:1 redis://127.0.0.1:2;'), qr/its only address/, 'another address behind it');
like(refused('upstream redis://127.0.0.1:2 cluster:127.0.0.1:1;'), qr/its only address/, 'or before it');
like(refused('upstream cluster:;'), qr/names no host/, 'no node');
like(refused('upstream cluster:127.0.0.1:1,;'), qr/names no host/, 'an empty one');

$c->stop;
done_testing;
