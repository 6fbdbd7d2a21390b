# Scripts and functions at an edge that refuses writes, beside a replica of Redis:
# what their flags allow and refuse, with the link and without it. And those that
# read at an edge that forwards writes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Redis;
use KS::Replica qw(proxy does info same_place);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0);
my $proxy = proxy($redis->port);
my $other = KS::Redis->start('--replicaof', "127.0.0.1 $proxy->{port}");
my ($r, $replica) = map { KS::RESP->new(port => $_->port) }
                    $redis, $other;


sub edge_of {
    my ($writes) = @_;
    my $ngx = KS::Nginx->start(size => '32m', resp => '',
        zone => "upstream redis://127.0.0.1:$proxy->{port} mode=replica "
                . "writes=$writes local_prefix=limit: stale=500ms;");

    $ngx->allow(qr/keyspace zone "main": |upstream ".*" of keyspace zone/);

    return $ngx;
}


my @ngx = map { edge_of($_) } 'refuse', 'forward';
my ($edge, $forward) = map { $_->resp } @ngx;

$r->run('SET', 'k', 'v');
$r->run('PFADD', 'hll', 1 .. 100);
$r->run('FUNCTION', 'LOAD', <<'LUA');
#!lua name=l
local function get(keys) return redis.call('GET', keys[1]) end
redis.register_function{function_name='reads', callback=get, flags={'no-writes'}}
redis.register_function('may_write', get)
redis.register_function{function_name='stale', callback=function() return 5 end,
                        flags={'no-writes', 'allow-stale'}}
redis.register_function{function_name='stale_get', callback=get,
                        flags={'no-writes', 'allow-stale'}}
LUA

ok(wait_for(30, sub {
    !grep { (info($_, 'master_link_status') // '') ne 'up'
            || !same_place($r, $_) } $edge, $forward, $replica }),
   'both edges and a replica follow');

my $get = 'return redis.call("GET", KEYS[1])';
my $set = 'return redis.call("SET", KEYS[1], "x")';
my $sha = sha1_hex($get);

my @scripts = map { my $s = $_; map { "$_$s" } '', "#!lua\n",
                    "#!lua flags=no-writes\n", "#!lua flags=allow-oom\n",
                    "#!lua flags=allow-stale\n",
                    "#!lua flags=no-writes,allow-stale\n" }
              $get, $set, 'return 7', 'return redis.call("ECHO", "a")',
              'return redis.pcall("GET", KEYS[1])',
              'return redis.pcall("SET", KEYS[1], "x")',
              'return redis.call("PFCOUNT", "hll")',
              'return redis.call("PUBLISH", "a", "b")';

my @commands = (
    (map { my $s = $_; map { [$_, $s, 1, 'k'] } 'EVAL', 'EVAL_RO' } @scripts,
         "#!lua flags=none\nreturn 1"),
    ['SCRIPT', 'LOAD', $get],
    (map { ([$_, '0' x 40, 1, 'k'], [$_, $sha, 1, 'k']) }
         'EVALSHA', 'EVALSHA_RO'),
    (map { my $c = $_; map { [$c, $_, 1, 'k'] } qw(reads may_write stale
           stale_get none) } 'FCALL', 'FCALL_RO'),
    ['SCRIPT', 'EXISTS', $sha], ['FUNCTION', 'STATS'], ['FUNCTION', 'DUMP'],
    ['FUNCTION', 'DELETE', 'l'], ['FUNCTION', 'FLUSH'],
    ['FUNCTION', 'LOAD', "#!lua name=z\nredis.register_function('z', print)"],
    ['PUBLISH', 'a', 'b'], ['PFCOUNT', 'hll'], ['GET', 'k'], ['SET', 'k', 1]);




sub compare {
    my ($when) = @_;
    my @bad;

    for my $c (@commands) {
        my ($is, $should) = ($edge->command(@$c), $replica->command(@$c));

        push @bad, "@$c: $is, should be: $should" if $is ne $should
            && "@$c" ne 'FUNCTION DUMP';
    }

    is_deeply(\@bad, [], scalar(@commands) . " commands, $when");
}


compare('with the link');

is($edge->run('EVAL', $set, 1, 'limit:k'), 'OK', 'a script writes local keys');
is($edge->run('EVAL', "#!lua\n$set", 1, 'limit:k'), 'OK',
   'also one with flags');
is_deeply($edge->run('EVAL', 'return {redis.call("GET", KEYS[1]), '
                     . 'redis.call("INCR", KEYS[2])}', 2, 'k', 'limit:n'),
          ['v', 1], 'and reads others');
like($edge->error('EVAL', 'return redis.call("INCR", "k")', 1, 'limit:n'),
     qr/^READONLY/, 'which it does not write');
is($edge->run('EVAL_RO', $get, 1, 'limit:k'), 'x', 'and one that reads');

my $ro = 'Can not execute a script with write flag using *_ro command.';

is($forward->run('EVAL_RO', $get, 1, 'k'), 'v', 'forward: EVAL_RO is run here');
is($forward->run('EVALSHA_RO', $sha, 1, 'k'), 'v', 'EVALSHA_RO');
is($forward->run('FCALL_RO', 'reads', 1, 'k'), 'v', 'FCALL_RO');

{
    my $text = 'return {redis.call("GET", KEYS[1]), "of the store"}';
    my $there = $r->run('SCRIPT', 'LOAD', $text);

    is_deeply($forward->run('EVALSHA_RO', $there, 1, 'k'), ['v', 'of the store'],
              'a script that only the store has');
    is_deeply($forward->run('EVALSHA_RO', $there, 1, 'k'), ['v', 'of the store'], '... again');
    is_deeply([map { /^-(\w+)/ } $forward->replies(['EVALSHA_RO', 'f' x 40, 1, 'k'], ['EVALSHA_RO', 'short', 0])],
              ['NOSCRIPT', 'NOSCRIPT'], 'one that it has not either');
    is($forward->run('EVALSHA_RO', $sha, 1, 'k'), 'v', 'and one that is here');
    like($forward->error('EVALSHA_RO', $there, 1, 'limit:k'), qr/^NOSCRIPT/, 'of local keys: none but its own');
    like($edge->error('EVALSHA_RO', $there, 1, 'k'), qr/^NOSCRIPT/, 'and so with writes=refuse');
}

is($forward->error('EVAL_RO', "#!lua\n$get", 1, 'k'), "ERR $ro",
   'says what a primary says');
is($forward->error('FCALL_RO', 'may_write', 1, 'k'), "ERR $ro", 'as this');
is($forward->run('EVAL', $set, 1, 'k'), 'OK', 'EVAL is forwarded');
is($forward->run('EVAL_RO', $get, 1, 'k'), 'x', 'and has been seen');


# --- without the link ---

# transactions that have been queued before
my @late = map {
    my $c = $_;

    [map {
        my $m = $c->();

        $m->replies(['MULTI'], map { [@$_] } @$_);
        $m;
    } [['GET', 'k'], ['ECHO', 'a']], [['ECHO', 'a']], [['TIME']],
      [['EVAL_RO', "#!lua flags=no-writes,allow-stale\nreturn 1", 0]]];
} sub { $ngx[0]->resp }, sub { $ngx[1]->resp },
  sub { KS::RESP->new(port => $other->port) };
my $mixed = $ngx[0]->resp;

$mixed->replies(['MULTI'], ['SET', 'limit:late', 1], ['GET', 'k']);

$replica->run('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
does($proxy, 'cut');
ok(wait_for(30, sub {
    !grep { $_->command('GET', 'k') !~ /^-MASTERDOWN/ } $edge, $forward,
            $replica }), 'nobody reads any more');

compare('without it');

my ($here, $there, $should) = map { [map { $_->command('EXEC')
                                           =~ s/:\d+|\$1\d\r\n\d+//gr } @$_] }
                              @late;

$_->[2] =~ s/\$.*//s for $here, $there, $should;       # the time
is_deeply($here, $should, 'nothing of a transaction is run');
is_deeply($there, $should, 'forward: nor there');
like($mixed->error('EXEC'), qr/^EXECABORT/,
     'with local keys neither');
is($edge->run('GET', 'limit:late'), undef, 'which are not written');

is($edge->run('EVAL', $get, 1, 'limit:k'), 'x', 'scripts read local keys');
is($edge->run('EVAL', $set, 1, 'limit:k'), 'OK', 'and write them');
is($edge->error('EVAL', 'return redis.pcall("GET", "k")', 1, 'limit:k'),
   'ERR Can not execute the command on a stale replica', 'but no others');

for my $c (['EVAL_RO', $get, 1, 'k'], ['EVAL_RO', 'return 7', 0],
           ['EVALSHA_RO', $sha, 1, 'k'], ['FCALL_RO', 'reads', 1, 'k'])
{
    like($forward->error(@$c), qr/^MASTERDOWN .*'no'\.$/,
         "forward: $c->[0] is not run");
}

is($forward->run('FCALL_RO', 'stale', 1, 'k'), 5, 'but what allows it');

$_->stop for @ngx, $other, $redis;
done_testing;
