# Sentinels watch a zone with two stock servers as its replicas. All processes of nginx
# are killed: a replica becomes the primary, by itself; nginx comes back and becomes a
# replica of it, as it is told. Then that one dies, and the zone becomes the primary.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(slurp stop_pid tempdir wait_for);
use KS::RESP;
use KS::Redis;
use KS::Replica qw(differs info);
use KS::Sentinel;

plan skip_all => 'no redis-server' unless KS::Redis::available();

{
    package Port;
    sub port { $_[0]{port} }
}

my $token = $KS::Nginx::TOKEN;
my $dir = tempdir();
my $file = tempdir() . '/zone.ks';
chmod 0777, $dir;

# with a file the zone has what it had, and what it was told to be
my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2, level => 'notice',
    zone => "replicas $dir/replicas; file $file; replicaof none password=$token priority=10;");
my $port = $ngx->resp_port;
my $r = $ngx->resp;
my @redis = map {
    KS::Redis->start('--replicaof', "127.0.0.1 $port", '--masterauth', $token, '--requirepass', $token,
                     '--repl-diskless-sync-delay', 0)
} 1, 2;
my $group = KS::Sentinel->start(primary => bless({ port => $port }, 'Port'), sentinels => 3, down => 2000,
                                conf => "sentinel auth-pass store $token\n");

sub client { return KS::RESP->new(port => $_[0]->port, token => $token) }

# What all sentinels know of the primary.
sub all_see {
    my ($name, $good) = @_;

    return wait_for(120, sub {
        3 == grep { my %is = $group->sees($_); $good->($is{$name} // '') } @{$group->{sentinels}};
    }, 0.2);
}

ok(all_see('num-slaves', sub { $_[0] eq 2 }), 'sentinels find both replicas');

$r->run('SET', "key:$_", $_) for 1 .. 300;
is($r->run('WAIT', 2, 60_000), 2, 'both have what is written');


# --- nginx dies ---

$ngx->allow(qr/exited on signal 9/);
$ngx->crash;
ok(all_see('port', sub { $_[0] && $_[0] ne $port }), 'nginx dies: sentinels name another primary');

my %is = $group->sees($group->{sentinels}[0]);
my ($new) = grep { $_->port == $is{port} } @redis;
my ($other) = grep { $_ != $new } @redis;
my $n = client($new);

ok(wait_for(60, sub { (eval { info($n = client($new), 'role') } // '') eq 'master' }), '... which is one');
is($n->run('GET', 'key:300'), 300, '... with what was written');
is($n->run('SET', 'written', 'meanwhile'), 'OK', '... and is written to');


# --- and comes back ---

$ngx->launch;
$r = $ngx->resp;
ok(wait_for(120, sub { (eval { info($r = $ngx->resp, 'role') } // '') eq 'slave' }, 0.2), 'nginx comes back: it is told to be a replica');
$r = $ngx->resp;
is(info($r, 'master_port'), $new->port, '... of the new primary');
is_deeply([differs($n, $r, 60)], [], '... and has its keys');
like($ngx->log, qr/follows 127\.0\.0\.1:\d+, as REPLICAOF says/, '... which is in the log');
like($r->error('SET', 'a', 1), qr/^READONLY/, '... and is not written to');
ok(all_see('num-slaves', sub { $_[0] >= 2 }), 'sentinels know it as a replica');


# --- the new primary dies, and the zone is the one with the best priority ---

is_deeply([differs($n, client($other), 60)], [], 'all three are at the same place');

# a sentinel looks at replicas each ten seconds: it has to have seen that this one is good
ok(wait_for(120, sub {
    3 == grep {
        my $list = eval { $group->talk($_)->run('SENTINEL', 'REPLICAS', 'store') } // [];
        grep {
            my %s = @$_;
            $s{port} == $port && $s{flags} eq 'slave' && $s{'master-link-status'} eq 'ok'
            && $s{'slave-priority'} == 10
        } @$list;
    } @{$group->{sentinels}};
}, 0.5), '... and sentinels have seen it');

kill 'KILL', $new->{pid};
stop_pid($new->{pid}, 'KILL');
ok(all_see('port', sub { $_[0] eq $port }), 'the primary dies: sentinels name the zone');
ok(wait_for(60, sub { (eval { info($r = $ngx->resp, 'role') } // '') eq 'master' }), '... which is a primary');
is($r->run('GET', 'written'), 'meanwhile', '... with what was written before');
is($r->run('SET', 'again', 'here'), 'OK', '... and is written to');

my $o = client($other);
ok(wait_for(120, sub { (eval { info($o = client($other), 'master_port') } // '') eq $port }, 0.2), 'the other replica follows it');
is_deeply([differs($r, $o, 60)], [], '... and has what it has');

$ngx->stop;
$_->stop for $group, @redis;

done_testing;
