# What is told of an edge and of its primary: how many bytes it is behind, on which
# history it is, and the id of its life.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(tempdir wait_for within);
use KS::Redis;
use KS::Replica qw(info same_place);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0);
my $r = KS::RESP->new(port => $redis->port);
my $dir = tempdir();

sub up { return (info($_[0], 'master_link_status') // '') eq 'up' }

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    resp_listen => 'reuseport',
    locations => "location / { keyspace_rest main; }\n"
                 . 'location = /metrics { keyspace_metrics; }',
    zone => 'file ' . "$dir/zone; "
            . 'upstream redis://127.0.0.1:' . $redis->port . ' mode=replica;');
$ngx->allow(qr/keyspace zone "main": |upstream ".*" of keyspace zone/);
my $edge = $ngx->resp;

ok(wait_for(30, sub { up($edge) }), 'it follows');
$r->run('SET', 'a', 1);
ok(wait_for(30, sub { same_place($r, $edge) }), 'and has all');
is(info($edge, 'keyspace_upstream_lag_bytes'), 0, 'nothing is missing');
is(info($edge, 'master_replid'), info($r, 'master_replid'),
   'it is on the history of its primary');
is(info($edge, 'master_repl_offset'), info($edge, 'slave_repl_offset'),
   'at its place there');


# --- the worker that has the link stands still, and the other one hears more ---

my ($one, $other) = $ngx->two_workers;
my %pid = map { $_ => info($_, 'process_id', 'server') } $one, $other;
my $lag = 0;

for my $pair ([$one, $other], [$other, $one]) {
    my ($still, $runs) = @$pair;
    my $looks;

    # another connection of the worker that runs
    wait_for(30, sub {
        $looks = $ngx->resp;
        info($looks, 'process_id', 'server') == $pid{$runs};
    });

    kill 'STOP', $pid{$still};
    $runs->send(KS::RESP::encode('SET', 'b', 'x' x 1000));
    within(3, sub { ($lag = info($looks, 'keyspace_upstream_lag_bytes'))
                      >= 1000 });

    kill 'CONT', $pid{$still};
    is($runs->reply, "+OK\r\n", 'a write is forwarded');
    last if $lag >= 1000;
}

cmp_ok($lag, '>=', 1000, 'by so many bytes it is behind');
ok(wait_for(30, sub { same_place($r, $edge)
        && info($edge, 'keyspace_upstream_lag_bytes') == 0 }),
   'and then no more');
like($ngx->client->request('GET', '/metrics')->{body},
     qr/^keyspace_upstream_lag_bytes\{zone="main"\} 0$/m, 'which is a metric');


# --- ids ---

my $id = info($edge, 'run_id', 'server');

like($id, qr/^[0-9a-f]{40}$/, 'the id of its life');
is(info($_, 'run_id', 'server'), $id, 'that all workers tell') for $one, $other;
$ngx->reload;
$edge = $ngx->resp;
is(info($edge, 'run_id', 'server'), $id, 'after a reload');
$ngx->halt;
$ngx->launch;
$edge = $ngx->resp;
is(info($edge, 'run_id', 'server'), $id, 'after a restart that keeps the zone');


# --- replicas of a zone ---

my $top = KS::Nginx->start(size => '16m', resp => '',
    locations => "location / { keyspace_rest main; }\n"
                 . 'location = /metrics { keyspace_metrics; }',
    zone => "replicas $dir/replicas;");
my $t = $top->resp;

isnt(info($t, 'run_id', 'server'), $id, 'another zone has another id');

my $replica = KS::Redis->start('--replicaof', '127.0.0.1 ' . $top->resp_port,
                               '--masterauth', $KS::Nginx::TOKEN);
my $p = KS::RESP->new(port => $replica->port);
my $lags = sub {
    my ($v) = $top->client->request('GET', '/metrics')->{body}
        =~ /^keyspace_replica_lag_bytes\{zone="main",slave_ip="127.0.0.1",slave_port="\d+",slave_state="online"\} (\d+)$/m;
    return $v;
};

ok(wait_for(30, sub { up($p) && defined $lags->() && $lags->() == 0 }),
   'a replica lags by nothing');
is(info($p, 'master_replid'), info($t, 'master_replid'), 'of this history');
kill 'STOP', $replica->{pid};
$t->run('SET', 'k', 'x' x 1000);
ok(wait_for(30, sub { $lags->() >= 1000 }), 'one that stands still lags');
kill 'CONT', $replica->{pid};
ok(wait_for(30, sub { $lags->() == 0 }), 'until it goes on');

$_->stop for $ngx, $top, $replica, $redis;
done_testing;
