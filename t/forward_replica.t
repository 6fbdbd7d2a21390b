# Writes by an edge that holds all of another store: they are seen at once, with
# the reply on its way for a while, and with the stream held back.

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
my $proxy = KS::Proxy->start(to => $redis->port, delay => 0.03);
my $port = $proxy->port;

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    zone => "upstream redis://127.0.0.1:$port mode=replica local_prefix=here:;");
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone|keyspace zone "main"/);

my $r = $ngx->resp;
my $http = $ngx->client;

sub follows { return wait_for(30, sub { (eval { $r = $ngx->resp unless eval { $r->run('PING') }; $r->run('INFO', 'replication') } // '') =~ /master_link_status:up/ }) }

ok(follows(), 'it follows');

my $bad = 0;

for my $i (1 .. 30) {
    $r->run('INCR', 'n');
    $bad++ if ($r->run('GET', 'n') // '') ne $i;
    $bad++ if ($ngx->resp->run('GET', 'n') // '') ne $i;
    $bad++ if ($ngx->client->run('GET', 'n') // '') ne $i;
}

is($bad, 0, 'what was written is seen at once, by any connection');

$bad = 0;

for my $i (1 .. 10) {
    $http->run('RPUSH', 'list', $i);
    $bad++ if $http->run('LLEN', 'list') != $i;
    $http->request('POST', '/multi-exec', body => '[["INCR","m"],["INCR","m"]]');
    $bad++ if $http->run('GET', 'm') != 2 * $i;
}

is($bad, 0, 'over REST');
is($r->error('INCR', 'list'), 'WRONGTYPE Operation against a key holding the wrong kind of value', 'errors');
is($r->run('SET', 'here:k', '1'), 'OK', 'a local key');
is($r->run('GET', 'here:k'), '1', 'is here');
is($redis->run('EXISTS', 'here:k'), 0, 'alone');

my @pids = $ngx->workers;
my $acked = 0;

for my $round (1 .. 4) {
    for (1 .. 20) {
        my $v = eval { $r->run('INCR', 'acked') };
        if (defined $v) {
            $acked = $v;
            my $seen = eval { $r->run('GET', 'acked') };
            ok(0, "$v was acknowledged, and $seen is seen") if defined $seen && $seen < $v;
        }
        else { $r = eval { $ngx->resp } // $r }
        $proxy->tell('cut') if $_ == 7 && $round % 2;
        kill KILL => ($ngx->workers)[0] if $_ == 12 && $round % 2 == 0;
    }
    ok(follows(), "round $round: it follows again");
}

$ngx->allow(qr/exited on signal 9/);
cmp_ok($redis->run('GET', 'acked'), '>=', $acked, 'nothing that was acknowledged is lost');
is(wait_for(20, sub { ($r->run('GET', 'acked') // '') eq $redis->run('GET', 'acked') }), 1, 'both have the same');

$ngx->stop;
done_testing;
