# TLS with sentinels and in both directions of replication: an edge of a Redis that
# sentinels name, and a stock replica of a zone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Names qw(certificates);
use KS::Nginx;
use KS::Proc qw(free_port installed slurp tempdir wait_for);
use KS::RESP;
use KS::Redis;
use KS::Replica qw(differs);
use KS::Sentinel;

plan skip_all => 'no redis-server' unless KS::Redis::available();
plan skip_all => 'no openssl' unless installed('openssl');

my $dir = tempdir();
chmod 0777, $dir;

my ($code, $said) = certificates($dir, 'DNS:redis.test,IP:127.0.0.1');

is($code, 0, 'certificates') or diag($said);

my @files = ('--tls-cert-file', "$dir/pem", '--tls-key-file', "$dir/key", '--tls-ca-cert-file', "$dir/ca.pem",
             '--tls-auth-clients', 'no');
my $tls = free_port();
my $redis = eval { KS::Redis->start('--tls-port', $tls, '--repl-diskless-sync-delay', 0, @files) };

plan skip_all => 'redis-server without TLS' unless $redis;

{
    package Port;
    sub port { $_[0]{port} }
}


# --- sentinels ---

my $secure = free_port();
my $group = KS::Sentinel->start(primary => bless({ port => $tls }, 'Port'), sentinels => 1, conf => <<"CONF");
tls-port $secure
tls-cert-file $dir/pem
tls-key-file $dir/key
tls-ca-cert-file $dir/ca.pem
tls-auth-clients no
tls-replication yes
CONF

my @edges = (
    ["sentinel:store\@127.0.0.1:$secure tls=on tls_ca=$dir/ca.pem", qr/^OK$/, 'all with TLS'],
    [$group->address . " tls=store tls_ca=$dir/ca.pem", qr/^OK$/, 'the store with TLS, the sentinels without'],
    ["sentinel:store\@127.0.0.1:$secure tls=on tls_name=redis.test tls_ca=$dir/ca.pem", qr/^OK$/, 'by a name'],
    ["sentinel:store\@127.0.0.1:$secure tls=on", qr/UPSTREAM .*no sentinel names it \(.*not to be trusted/, 'a CA that is not trusted'],
    [$group->address . " tls=on tls_ca=$dir/ca.pem", qr/UPSTREAM .*no sentinel names it/, 'TLS to a sentinel without it'],
);

for my $case (@edges) {
    my ($line, $reply, $what) = @$case;
    my $ngx = KS::Nginx->start(size => '8m', resp => '', zone => "upstream $line timeout=2s connect_timeout=2s;");

    $ngx->allow(qr/upstream "[^"]*" of keyspace zone|SSL_do_handshake/);
    like(eval { $ngx->resp->run('SET', 'k', 'v') } // $@, $reply, $what);
    $ngx->stop;
}

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    zone => "upstream sentinel:store\@127.0.0.1:$secure tls=on tls_ca=$dir/ca.pem mode=replica;");

$ngx->allow(qr/exited on signal 9|upstream "[^"]*" of keyspace zone|keyspace zone "main"/);

my $r = KS::RESP->new(port => $redis->port);

$r->replies(map { ['SET', "k:$_", 'x' x ($_ * 10)] } 1 .. 2000);
is_deeply([differs($r, $ngx->resp)], [], 'all keys come over TLS');
$r->replies(map { ['RPUSH', 'l:' . $_ % 7, 'y' x $_] } 1 .. 2000);
is_deeply([differs($r, $ngx->resp)], [], 'and the stream');
kill KILL => ($ngx->workers)[0];
$r->run('SET', 'after', 1);
is_deeply([differs($r, $ngx->resp)], [], 'a worker that is killed is replaced');
$ngx->stop;


# --- a stock replica of a zone ---

my $port = free_port();

$ngx = KS::Nginx->start(size => '32m', resp => '', zone => "replicas $dir/replicas;", stream => <<"CONF");
server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $dir/pem;
    ssl_certificate_key $dir/key;
    keyspace_resp main;
}
CONF

my $e = $ngx->resp;
$e->replies(map { ['SET', "k:$_", 'x' x ($_ * 10)] } 1 .. 2000);

my $replica = KS::Redis->start(@files, '--tls-replication', 'yes', '--replicaof', "127.0.0.1 $port",
                               '--masterauth', $KS::Nginx::TOKEN);
my $p = KS::RESP->new(port => $replica->port);

is_deeply([differs($e, $p)], [], 'a replica gets all keys over TLS') or diag(slurp("$replica->{dir}/log"));
$e->replies(map { ['HSET', 'h:' . $_ % 9, $_, 'z' x $_] } 1 .. 2000);
is($e->run('WAIT', 1, 20_000), 1, 'it says that it has what follows');
is_deeply([differs($e, $p)], [], 'and has it');

$ngx->stop;
$_->stop for $replica, $group, $redis;

done_testing;
