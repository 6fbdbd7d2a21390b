# A zone that obeys REPLICAOF: over TLS, by names, and with Valkey on the other side.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Names qw(certificates);
use KS::Nginx;
use KS::Proc qw(free_port installed tempdir wait_for);
use KS::RESP;
use KS::Redis;
use KS::Replica qw(differs info);

plan skip_all => 'no redis-server' unless KS::Redis::available();
plan skip_all => 'no openssl' unless installed('openssl');

my $dir = tempdir();
chmod 0777, $dir;

my ($code, $said) = certificates($dir, 'DNS:redis.test,IP:127.0.0.1');

is($code, 0, 'certificates') or diag($said);

my $token = $KS::Nginx::TOKEN;
my @plain = ('--requirepass', $token, '--masterauth', $token, '--repl-diskless-sync-delay', 0);
my @files = ('--tls-cert-file', "$dir/pem", '--tls-key-file', "$dir/key", '--tls-ca-cert-file', "$dir/ca.pem",
             '--tls-auth-clients', 'no', '--tls-replication', 'yes');

sub zone {
    my ($line, %with) = @_;
    my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
                               zone => "replicas $dir/replicas; replicaof $line password=$token;", %with);

    $ngx->allow(qr/exited on signal 9|upstream "[^"]*" of keyspace zone|keyspace zone "main"|SSL_do_handshake|while resolving|could not be resolved/);

    return $ngx;
}

sub client { return KS::RESP->new(port => $_[0]->port, token => $token, timeout => 30) }
sub follows { is_deeply([differs($_[0], $_[1], 60)], [], $_[2]) }

sub edge {
    my ($ngx) = @_;
    my $r;

    wait_for(30, sub { eval { $r = $ngx->resp; $r->run('PING') } });
    return $r;
}


# --- TLS ---

my $tls = free_port();
my $redis = eval { KS::Redis->start('--tls-port', $tls, @plain, @files) };

SKIP: {
    skip 'redis-server without TLS', 1 unless $redis;

    my $r = client($redis);
    my $port = free_port();
    my $names = KS::Names->start('redis.test' => '127.0.0.1');

    $r->replies(map { ['SET', "k:$_", 'x' x ($_ * 10)] } 1 .. 1000);

    my $ngx = zone("none tls=on tls_ca=$dir/ca.pem " . $names->resolver, stream => <<"CONF");
server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $dir/pem;
    ssl_certificate_key $dir/key;
    keyspace_resp main;
}
CONF
    my $e = $ngx->resp;

    for my $host ('127.0.0.1', 'redis.test') {
        is($e->run('REPLICAOF', $host, $tls), 'OK', "TLS, $host: REPLICAOF");
        follows($r, $e, '... it has all keys');
        is(info($e, 'master_host'), $host, '... INFO says of whom');
        $r->replies(map { ['RPUSH', 'l:' . $_ % 7, 'y' x $_] } 1 .. 1000);
        follows($r, $e, '... and what follows');
        kill KILL => $ngx->workers;
        $e = edge($ngx);
        $r->run('SET', 'after', $host);
        follows($r, $e, '... also when all workers are killed');
    }

    # the Redis follows it over TLS, and goes on with what it has
    my $full = info($e, 'sync_full', 'stats');
    is($e->run('REPLICAOF', 'NO', 'ONE'), 'OK', 'TLS: it becomes a primary');
    $e->run('SET', 'written', 'here');
    is($r->run('REPLICAOF', '127.0.0.1', $port), 'OK', '... which the redis-server follows');
    follows($e, $r, '... it has what the zone has');
    is($e->run('WAIT', 1, 30_000), 1, '... and says so');
    $ngx->stop;
    $r->run('REPLICAOF', 'NO', 'ONE');

    # by the line; a name that is not known at first, and whose certificate has it
    $names->says('other.test' => '127.0.0.1');
    $ngx = zone("rediss://redis.test:$tls tls_ca=$dir/ca.pem connect_timeout=1s " . $names->resolver);
    $e = $ngx->resp;
    ok(wait_for(30, sub { $ngx->log =~ /redis\.test/ && info($e, 'master_link_status') eq 'down' }), 'a name that nobody knows: no link');
    $names->says('redis.test' => '127.0.0.1');
    follows($r, $e, '... when it is known, it follows');
    $ngx->stop;

    # who is not to be trusted, and who has another name
    for my $case (['tls=on', '127.0.0.1', 'a CA that is not trusted'],
                  ["tls=on tls_ca=$dir/ca.pem tls_name=other.test", '127.0.0.1', 'another name'],
                  ['connect_timeout=1s', '127.0.0.1', 'no TLS'])
    {
        my ($params, $host, $what) = @$case;

        $ngx = zone("none $params");
        $e = $ngx->resp;
        $e->run('SET', 'mine', 1);
        $e->run('REPLICAOF', $host, $tls);
        ok(wait_for(30, sub { $ngx->log =~ /keyspace zone "main".*127\.0\.0\.1|upstream "127\.0\.0\.1:\d+" of keyspace zone/ }),
           "$what: the log says it");
        is(info($e, 'master_link_status'), 'down', '... there is no link');
        is($e->run('GET', 'mine'), 1, '... and it serves what it has, for ever');
        $ngx->stop;
    }

    $redis->stop;
    $names->stop;
}


# --- a primary that cannot be reached ---

{
    my $ngx = zone('none stale=1s');
    my $e = $ngx->resp;

    for (1 .. 2) {
        $e->run('SET', 'mine', 1);
        is($e->run('REPLICAOF', '127.0.0.1', 1), 'OK', 'a primary that is not there');
        ok(wait_for(30, sub { eval { $e->run('GET', 'mine'); 0 } // $@ =~ /^MASTERDOWN/ }), '... is waited for as "stale" says');
        is($e->run('REPLICAOF', 'NO', 'ONE'), 'OK', '... and then it is a primary again');
        is($e->run('GET', 'mine'), 1, '... with what it had');
    }
    $ngx->stop;
}


# --- Valkey ---

SKIP: {
    skip 'no valkey-server', 1 unless KS::Redis::of_trixie('valkey-server');

    my ($p, $q) = map { KS::Redis->start_of('valkey-server', @plain) } 1, 2;
    my ($pr, $qr) = map { client($_) } $p, $q;
    my $ngx = zone('none');
    my $e = $ngx->resp;

    $pr->replies(map { ['SET', "k:$_", 'x' x $_] } 1 .. 500);
    $pr->replies(map { ['ZADD', 'z:' . $_ % 5, $_, "m$_"] } 1 .. 500);
    is($e->run('REPLICAOF', '127.0.0.1', $p->port), 'OK', 'Valkey: REPLICAOF');
    follows($pr, $e, '... it has all keys');
    is($qr->run('REPLICAOF', '127.0.0.1', $p->port), 'OK', '... and so has a valkey-server');
    follows($pr, $qr, '... of the same primary');
    $pr->replies(map { ['XADD', 's', '*', 'f', $_] } 1 .. 200);
    follows($pr, $e, '... what follows comes');
    follows($pr, $qr, '... to both');
    $p->stop;

    my $partial = info($e, 'sync_partial_ok', 'stats');
    is($e->run('REPLICAOF', 'NO', 'ONE'), 'OK', '... the zone becomes the primary');
    $e->run('SET', 'written', 'here');
    $qr->run('REPLICAOF', '127.0.0.1', $ngx->resp_port);
    follows($e, $qr, '... which the valkey-server follows');
    is(info($e, 'sync_partial_ok', 'stats'), $partial + 1, '... with what it has');
    is($e->run('WAIT', 1, 30_000), 1, '... and says so');

    $qr->run('REPLICAOF', 'NO', 'ONE');
    $qr->run('SET', 'written', 'there');
    is($e->run('REPLICAOF', '127.0.0.1', $q->port), 'OK', '... and the other way round');
    follows($qr, $e, '... it has what that has');
    kill KILL => $ngx->workers;
    $e = edge($ngx);
    $qr->run('INCR', 'n') for 1 .. 100;
    follows($qr, $e, '... also when all workers are killed');
    $ngx->stop;
    $q->stop;
}

done_testing;
