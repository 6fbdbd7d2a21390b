# Sentinels that are named by a name of their host, and name the primary so; that have
# addresses of IPv6; and those of Valkey: edges go where they say, before a failover
# and behind it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::IP;
use Test::More;

use KS::Names;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP;
use KS::Redis;
use KS::Sentinel;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $names = KS::Names->start(localhost => '127.0.0.1');
my $v6 = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);
my @groups = (
    ['names', { host => 'localhost' }, $names->resolver, 1, ''],
    ['IPv6', { host => '::1' }, '', $v6, 'no IPv6'],
    ['Valkey', { program => 'valkey-server' }, '', scalar(KS::Redis::of_trixie('valkey-server')), 'no valkey-server'],
);

# By a connection of now: those of before end when a server is made a primary.
sub at { my ($server, @argv) = @_; return KS::RESP->new(port => $server->port)->run(@argv) }

for my $case (@groups) {
    my ($what, $with, $params, $there, $why) = @$case;

    SKIP: {
        skip "$what: $why", 1 unless $there;

        my $g = KS::Sentinel->start(replicas => 1, sentinels => 1, %$with);
        my %edge = map {
            my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 1,
                zone => 'upstream ' . $g->address . " mode=$_ timeout=5s $params;");
            $ngx->allow(qr/upstream ".*" of keyspace zone|keyspace zone "main": |while resolving/);
            ($_ => $ngx);
        } qw(near replica);

        my $is = $g->talk($g->{sentinels}[0])->run('SENTINEL', 'get-master-addr-by-name', 'store');
        is($is->[0], $with->{host} // '127.0.0.1', "$what: the sentinel names the host");

        my $old = $g->primary;
        my $n = 0;

        for my $mode (sort keys %edge) {
            my $r = $edge{$mode}->resp;
            ok(wait_for(60, sub { (eval { $r->run('SET', "by:$mode", 'x') } // '') eq 'OK' }), "$what, $mode: writes go to the primary");
            is(at($old, 'GET', "by:$mode"), 'x', '... and are there');
            ok(wait_for(60, sub { (eval { $r->run('GET', "by:$mode") } // '') eq 'x' }), '... and read here');
        }

        is($g->talk($g->{sentinels}[0])->run('SENTINEL', 'FAILOVER', 'store'), 'OK', "$what: a failover");
        my $new = $g->switched($old);
        ok($new, '... is made') or last;

        for my $mode (sort keys %edge) {
            my $r = $edge{$mode}->resp;
            ok(wait_for(60, sub { (eval { $r->run('SET', "by:$mode", ++$n) } // '') eq 'OK' && at($new, 'GET', "by:$mode") eq $n }),
               "$what, $mode: writes go to the new one");
            ok(wait_for(60, sub { (eval { $r->run('GET', "by:$mode") } // '') eq $n }), '... and are read here');
            at($new, 'SET', "by:$mode", 'changed');
            ok(wait_for(60, sub { $r->run('GET', "by:$mode") eq 'changed' }), '... as is what changes there');
            like($r->run('INFO', 'stats'), qr/^keyspace_upstream_switches:[1-9]/m, '... it is counted');
            $edge{$mode}->stop;
        }

        $g->stop;
    }
}

$names->stop;


# A name without a resolver is resolved when the configuration is read.

{
    my $g = KS::Sentinel->start(replicas => 0, sentinels => 1);
    my $ngx = KS::Nginx->start(size => '8m', resp => '', zone => 'upstream ' . $g->address =~ s/127\.0\.0\.1/localhost/r . ';');
    is($ngx->resp->run('SET', 'k', 1), 'OK', 'a name that nginx knows when it starts');
    $ngx->stop;
    $g->stop;
}

done_testing;
