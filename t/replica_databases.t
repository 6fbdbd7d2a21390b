# What an edge of a store with several databases makes of commands that are about
# more than the one that it follows: both are the same at rest, and messages and
# functions come from all of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Redis;
use KS::Replica qw(differs info same_place);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0,
                             '--databases', 4);
my ($r, $far) = map { KS::RESP->new(port => $redis->port) } 1, 2;

$far->run('SELECT', 2);
$far->run('MSET', 'elsewhere', 1, 'moves', 2, 'both', 3);
$r->run('MSET', 'a', 1, 'moves off', 2, 'both', 4);

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    zone => 'upstream redis://127.0.0.1:' . $redis->port
            . ' mode=replica writes=refuse;');
$ngx->allow(qr/keyspace zone "main": (?:\d+ commands of|the link to its upstream
              |left out)|upstream ".*" of keyspace zone/x);
my $edge = $ngx->resp;

sub fulls { return info($edge, 'keyspace_upstream_full_syncs', 'stats') }
sub same { is_deeply([differs($r, $edge)], [], $_[0]) }

same('database 0 is followed');
is(fulls(), 1, 'which has come');
is($edge->run('DBSIZE'), 3, 'and no other one');

$far->run('SET', 'elsewhere', 2);
$r->run('MOVE', 'moves off', 2);
same('a key is moved off');
is($edge->run('EXISTS', 'moves off'), 0, 'and is not there');

$r->run('COPY', 'a', 'copied', 'DB', 2);
$r->run('COPY', 'a', 'copied here');
same('copies');
$r->replies(['MULTI'], ['MOVE', 'a', 1], ['SET', 'b', 1], ['EXEC']);
same('a move in a transaction');
$far->run('SWAPDB', 1, 2);
$far->run('SELECT', 2);
same('others change places');

my $sub = $ngx->resp;

$sub->run('SUBSCRIBE', 'news');
$far->run('PUBLISH', 'news', 'text');
is_deeply(KS::RESP::plain(KS::RESP::value($sub->reply)),
          ['message', 'news', 'text'], 'a message from another database');
$sub->close;

$far->run('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function{"
          . "function_name='f', callback=function() return 5 end, "
          . "flags={'no-writes'}}");
same('a function');
is($edge->run('FCALL_RO', 'f', 0), 5, 'from there, too');
is(fulls(), 1, 'all without another file');


# --- what only the store has the values for ---

for my $c (['COPY', 'copied', 'comes', 'DB', 0], ['MOVE', 'elsewhere', 0],
           ['SWAPDB', 0, 2])
{
    my $before = fulls();

    $far->run('SET', 'elsewhere', 3);
    $far->run('SET', 'copied', 3);
    $far->run(@$c);
    ok(wait_for(30, sub { fulls() > $before }), "@$c: all keys come anew");
    same('and both are the same');
}

like($ngx->log, qr/the link to its upstream has ended: "SWAPDB" .* database 0/,
     'the log says why');

$r->run('SET', 'c', 1);
$far->run('FLUSHALL');
same('all is deleted from another database');
is($edge->run('DBSIZE'), 0, 'and nothing is left');

$ngx->stop;
$redis->stop;
done_testing;
