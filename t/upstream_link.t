# Connections to another store: TLS, logins, names, several addresses, and what a
# worker leaves behind when it goes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use IO::Socket::INET;
use KS::Names qw(certificates);
use KS::Nginx;
use KS::Proc qw(capture free_port installed spew tempdir wait_for);
use KS::Proxy;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $dir = tempdir();


# The reply to a write by an edge with such a line, and the edge.
sub edge {
    my ($line, %options) = @_;
    my $ngx = KS::Nginx->start(size => '8m', resp => '', zone => "upstream $line timeout=2s;", %options);
    $ngx->allow(qr/upstream "[^"]*" of keyspace zone|SSL_do_handshake|host not found|could not be resolved|while resolving/);
    return $ngx;
}


sub wrote {
    my ($ngx) = @_;
    my $v = eval { $ngx->resp->run('SET', 'k', 'v') };
    return defined $v ? $v : $@;
}


# --- logins ---

my $redis = KS::Redis->start;
my $port = $redis->port;
$redis->run('ACL', 'SETUSER', 'app', 'on', '>pass@word', '~*', '+@all');
$redis->run('CONFIG', 'SET', 'requirepass', 'default-word');

my @logins = (
    ["redis://127.0.0.1:$port", qr/UPSTREAM nothing was run: it refuses the connection: NOAUTH/, 'no password'],
    ["redis://:wrong\@127.0.0.1:$port", qr/UPSTREAM .*WRONGPASS/, 'a wrong password'],
    ["redis://:default-word\@127.0.0.1:$port", qr/^OK$/, 'a password'],
    ["redis://app:pass%40word\@127.0.0.1:$port/0", qr/^OK$/, 'a user, with an escaped password'],
    ["redis://app:default-word\@127.0.0.1:$port", qr/WRONGPASS/, "another user's password"],
);

spew("$dir/password", "pass\@word\n");
push @logins, ["redis://127.0.0.1:$port user=app password=file:$dir/password", qr/^OK$/, 'a password of a file'];

for my $case (@logins) {
    my ($line, $reply, $what) = @$case;
    my $ngx = edge($line);
    like(wrote($ngx), $reply, $what);
    unlike($ngx->log, qr/default-word|pass\@word|pass%40word/, 'is not in the log');
    $ngx->stop;
}

{
    my $ngx = KS::Nginx->start(size => '8m', resp => '',
        env => { KS_FAR => 'default-word' }, main => 'env KS_FAR;',
        zone => "upstream redis://127.0.0.1:$port password=env:KS_FAR;");
    is(wrote($ngx), 'OK', 'a password of the environment');
    $ngx->stop;
}

$redis->run('CONFIG', 'SET', 'requirepass', '');


# --- addresses ---

{
    my $none = free_port();
    my $ngx = edge("redis://127.0.0.1:$none redis://127.0.0.1:$port");
    ok(wait_for(10, sub { wrote($ngx) eq 'OK' }), 'the next address, if the first does not answer');
    $ngx->stop;
}

{
    my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8) or die $!;
    my $ngx = edge('redis://127.0.0.1:' . $silent->sockport . ' connect_timeout=300ms');
    like(wrote($ngx), qr/UPSTREAM nothing was run: it does not answer in time/, 'one that says nothing');
    $ngx->stop;
}

{
    my $other = KS::Nginx->start(size => '8m');
    my $ngx = edge('redis://127.0.0.1:' . $other->port);
    like(wrote($ngx), qr/does not speak the protocol of Redis|has closed the connection/, 'one that speaks HTTP');
    $ngx->stop;
    $other->stop;
}

{
    my $ngx = edge("redis://127.0.0.1:$port", workers => 1);
    is(wrote($ngx), 'OK', 'an edge');
    my $before = () = $redis->run('CLIENT', 'LIST') =~ /name=keyspace-forward/g;
    is($before, 1, 'has one connection for writes, which has a name');
    $ngx->reload;
    ok(wait_for(20, sub { $redis->run('CLIENT', 'LIST') !~ /name=keyspace-forward/ }), 'a worker that shuts down closes it');
    is(wrote($ngx), 'OK', 'and the next one makes one');
    $ngx->stop;
}

{
    my $ngx = KS::Nginx->start(size => '8m', resp => '', zone => "upstream redis://127.0.0.1:$port timeout=60s;");
    is($ngx->resp->run('SET', 'large', 'x' x 70_000_000), 'OK', 'the first command may be a large one');
    is($redis->run('STRLEN', 'large'), 70_000_000, '... and comes there');
    $redis->run('DEL', 'large');
    $ngx->stop;
}


# --- names ---

{
    my $names = KS::Names->start;
    my $ngx = edge("redis://far.test:$port " . $names->resolver);
    like(wrote($ngx), qr/UPSTREAM nothing was run: its name could not be resolved/, 'a name that is none yet');
    $names->says('far.test' => '127.0.0.1');
    ok(wait_for(20, sub { wrote($ngx) eq 'OK' }), 'and is found once it is one');
    $ngx->stop;
    $names->stop;
}


# --- TLS ---

SKIP: {
    skip 'no openssl', 8 unless installed('openssl');

    my ($code, $said) = certificates($dir, 'DNS:redis.test,IP:127.0.0.1');
    ($code, $said) = capture(60, {}, qw(openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=other),
                             '-keyout', "$dir/other.key", '-out', "$dir/other.pem") unless $code;
    is($code, 0, 'certificates') or diag($said);

    my $tls = free_port();
    my $secure = eval {
        KS::Redis->start('--tls-port', $tls, '--tls-cert-file', "$dir/pem", '--tls-key-file', "$dir/key",
                         '--tls-ca-cert-file', "$dir/ca.pem", '--tls-auth-clients', 'optional');
    };

    skip 'redis-server without TLS', 7 unless $secure;

    my @cases = (
        ["tls_ca=$dir/ca.pem", qr/^OK$/, 'TLS, by the address'],
        ["tls_ca=$dir/ca.pem tls_name=redis.test", qr/^OK$/, 'TLS, by a name'],
        ["tls_ca=$dir/ca.pem tls_name=other.test", qr/UPSTREAM .*not that of "other.test"/, 'another name'],
        ["tls_ca=$dir/other.pem", qr/UPSTREAM .*not to be trusted/, 'another CA'],
        ['', qr/UPSTREAM .*not to be trusted/, 'the CAs of the system'],
        ['tls_verify=off', qr/^OK$/, 'any certificate'],
        ["tls_ca=$dir/ca.pem tls_cert=$dir/pem tls_key=$dir/key", qr/^OK$/, 'a certificate of its own'],
    );

    for my $case (@cases) {
        my ($params, $reply, $what) = @$case;
        my $ngx = edge("rediss://127.0.0.1:$tls $params");
        like(wrote($ngx), $reply, $what);
        $ngx->stop;
    }

    my $ngx = edge("rediss://127.0.0.1:$port tls_verify=off connect_timeout=500ms");
    like(wrote($ngx), qr/^UPSTREAM nothing was run: /, 'TLS to a port without it');
    $ngx->stop;

    my $large = 'x' x 500_000;
    $ngx = edge("rediss://127.0.0.1:$tls tls_ca=$dir/ca.pem");
    is($ngx->resp->run('SET', 'large', $large), 'OK', 'what is large by TLS');
    is($ngx->resp->run('GETSET', 'large', ''), $large, 'and back');
    $ngx->stop;
}

done_testing;
