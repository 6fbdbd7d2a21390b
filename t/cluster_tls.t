# A Cluster whose nodes have TLS and announce names: edges connect to the names, if
# they can resolve them, or to addresses, and follow a slot in either case; and others
# with addresses of IPv6, and of newer servers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::IP;
use Test::More;

use KS::Cluster;
use KS::Names qw(certificates);
use KS::Nginx;
use KS::Proc qw(installed tempdir wait_for);

plan skip_all => 'no redis-server' unless KS::Cluster->available;
plan skip_all => 'no openssl' unless installed('openssl');

my $dir = tempdir();
chmod 0777, $dir;
my ($code, $said) = certificates($dir, 'DNS:n1.cluster.test,DNS:n2.cluster.test');
is($code, 0, 'certificates') or diag($said);

my $c = eval {
    KS::Cluster->start(nodes => 2, names => 'cluster.test',
        tls => ['--tls-cert-file', "$dir/pem", '--tls-key-file', "$dir/key", '--tls-ca-cert-file', "$dir/ca.pem",
                '--tls-auth-clients', 'no']);
};
plan skip_all => "no Cluster with TLS: $@" unless $c;
my ($n1, $n2) = $c->primaries;
plan skip_all => 'no names in a Cluster' unless $n1->since('7.0');
ok(wait_for(60, sub { 2 == grep { (() = $_->run('CLUSTER', 'NODES') =~ /,n[12]\.cluster\.test/g) == 2 } $n1, $n2 }), 'nodes know their names');

my $names = KS::Names->start(map { ("n$_.cluster.test" => '127.0.0.1') } 1, 2);
my @keys = map { "key:$_" } 1 .. 30;

sub edge {
    my ($line) = @_;
    my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 1,
                               zone => "upstream $line timeout=10s connect_timeout=2s;");
    $ngx->allow(qr/upstream "[^"]*" of keyspace zone|SSL_do_handshake|while resolving/);
    return $ngx;
}


# Each finds all keys, and a slot that has moved behind its back.

my $plain = 'cluster:' . join ',', map { '127.0.0.1:' . $_->port } $n1, $n2;
my $secure = $c->addresses(names => 1) . " tls_ca=$dir/ca.pem " . $names->resolver;

for my $case ([$secure, 'by names, with TLS'],
              [$c->addresses . " tls_ca=$dir/ca.pem tls_name=n1.cluster.test", 'by addresses, with TLS for one name'],
              [$plain, 'by addresses, without TLS'],
              [$plain . ' ' . $names->resolver, 'without TLS, with a resolver'],
              [$secure =~ s/,n2[^ ]*//r, 'by one name']) {
    my ($line, $what) = @$case;
    my $ngx = edge($line);
    my $r = $ngx->resp;

    is(join(' ', map { eval { $r->run('SET', $_, $what) } // $@ } @keys), join(' ', ('OK') x @keys), "$what: writes");
    is_deeply([map { $c->run($_, 'GET', $_) } @keys], [($what) x @keys], '... are there');
    is_deeply([map { $r->run('GET', $_) } @keys], [($what) x @keys], '... and read here');

    my $slot = $c->slot('key:1');
    my $from = $c->owner($slot);
    $c->move($slot, $from, $from == $n1 ? $n2 : $n1);
    is($r->run('APPEND', 'key:1', '!'), length($what) + 1, '... a slot that was moved is followed');
    is($r->run('GET', 'key:1'), "$what!", '... and read here');
    $c->run('key:1', 'SET', 'key:1', 'changed');
    ok(wait_for(30, sub { $r->run('GET', 'key:1') eq 'changed' }), '... changes are told');
    $ngx->stop;
}


# What cannot be trusted.

for my $case ([$c->addresses . " tls_ca=$dir/ca.pem", 'addresses that the certificate does not have'],
              [$c->addresses(names => 1) . ' ' . $names->resolver, 'a CA that is not trusted']) {
    my $ngx = edge($case->[0]);
    like(eval { $ngx->resp->run('SET', 'k', 1) } // $@, qr/^UPSTREAM nothing was run/, $case->[1]);
    like($ngx->log, qr/not that of|not to be trusted/, '... and the log says so');
    $ngx->stop;
}

$names->stop;
$c->stop;


# Nodes with addresses of IPv6, and those of Debian 13.

my $v6 = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);

for my $case (['IPv6', $v6, host => '::1'],
              map { [$_, scalar(KS::Redis::of_trixie($_)), program => $_] } qw(redis-server valkey-server)) {
    my ($what, $there, @with) = @$case;

    SKIP: {
        skip "no $what", 1 unless $there;

        my $c = KS::Cluster->start(nodes => 2, @with);
        my ($a, $b) = $c->primaries;
        my $ngx = edge($c->addresses =~ s/,.*//r);
        my $r = $ngx->resp;

        is(join(' ', map { eval { $r->run('SET', $_, 6) } // $@ } @keys), join(' ', ('OK') x @keys), "$what: writes");
        is_deeply([map { $c->run($_, 'GET', $_) } @keys], [(6) x @keys], '... are there');
        is_deeply([map { $r->run('GET', $_) } @keys], [(6) x @keys], '... and read here');
        my $slot = $c->slot('key:1');
        my $from = $c->owner($slot);
        $c->move($slot, $from, $from == $a ? $b : $a);
        is($r->run('APPEND', 'key:1', '!'), 2, '... a slot that was moved is followed');
        is($r->run('GET', 'key:1'), '6!', '... and read here');
        $c->run('key:1', 'SET', 'key:1', 'changed');
        ok(wait_for(30, sub { $r->run('GET', 'key:1') eq 'changed' }), '... changes are told');
        $ngx->stop;
        $c->stop;
    }
}

done_testing;
