# A zone that is too small for what its primary has: INFO, the metrics,
# keyspace_ready and the log say so for as long as that holds, over tries, deaths
# of workers and reloads; and it comes right by itself as soon as there is room.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use KS::Nginx;
use KS::Proc qw(tempdir wait_for);
use KS::Redis;
use KS::Replica qw(differs info);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $REASON = "the zone is full, and has no room for the upstream's keys";
my $ONCE = qr/is full, and has no room for the upstream's keys/;
my $AGAIN = qr/there is room for the upstream's keys again/;
my $FAULTS = qr/keyspace zone "main": |exited on signal 9/;


sub primary {
    return KS::Redis->start('--repl-diskless-sync-delay', 0,
                            '--repl-backlog-size', '100mb', '--save', '');
}


sub edge_of {
    my ($redis, $zone) = @_;
    my $ngx = KS::Nginx->start(size => '4m', resp => '', workers => 2,
        zone => 'upstream redis://127.0.0.1:' . $redis->port
                . " mode=replica writes=refuse; $zone",
        locations => <<'CONF');
location / { keyspace_rest main; }
location = /metrics { keyspace_metrics; }
location = /ready { keyspace_ready; }
CONF

    $ngx->allow($FAULTS);

    return $ngx;
}


sub get { return $_[0]->client->request('GET', $_[1]) }
sub ready { return get($_[0], '/ready')->{status} == 200 }


# What the three places say now: as many of them as say that it is full, and
# whether the link is said to be up.
sub said {
    my ($ngx) = @_;
    my $ready = get($ngx, '/ready');
    my $edge = $ngx->resp;
    my $metrics = get($ngx, '/metrics')->{body};

    return join ' ', 'ready', $ready->{status},
        $ready->{body} =~ /"reason":"\Q$REASON\E"/ ? 'full' : '',
        'INFO', info($edge, 'keyspace_upstream_full'),
        info($edge, 'master_link_status'),
        'metrics', $metrics =~ /^keyspace_upstream_full\{zone="main"\} (\d)$/m,
        $metrics =~ /^redis_master_link_up\{zone="main"\} (\d)$/m;
}


my $FULL = 'ready 503 full INFO 1 down metrics 1 0';
my $GOOD = 'ready 200  INFO 0 up metrics 0 1';


sub lines {
    my ($ngx, $pattern) = @_;
    my @found = $ngx->log =~ /keyspace zone "main": .*$pattern/g;

    return scalar @found;
}


# While the edge makes so many tries more, it is said to be full at each look.
sub stays {
    my ($ngx, $tries, $counter, $name) = @_;
    my $count = sub { info($ngx->resp, $counter, 'stats') };
    my $before = $count->();
    my %seen;

    ok(wait_for(120, sub {
        $seen{said($ngx)}++;
        return $count->() >= $before + $tries;
    }), "$name: it is tried again");
    is_deeply([keys %seen], [$FULL], '... and is full all the while');
}


# --- the stream does not fit, and the zone gets larger ---

for my $zone ('', 'file ' . tempdir() . '/main.ks;') {
    my $kind = $zone ? 'in a file' : 'in memory';
    my $redis = primary();
    my $r = KS::RESP->new(port => $redis->port);

    $r->run('SET', 'a', 1);

    my $ngx = edge_of($redis, $zone);

    ok(wait_for(60, sub { ready($ngx) }), "a zone $kind is ready");
    is(said($ngx), $GOOD, '... and not full');

    $r->replies(map { ['SET', "k$_", 'x' x 1000] } 1 .. 8000);
    $r->run('DEL', map { "k$_" } 1 .. 8000);
    $r->replies(map { ['SET', "n$_", 'y' x 1000] } 1 .. 6000);

    ok(wait_for(60, sub { said($ngx) eq $FULL }), 'it is full')
        or diag(said($ngx));
    stays($ngx, 4, 'keyspace_upstream_partial_syncs', $kind);
    is($ngx->resp->run('GET', 'a'), 1, 'reads go on');
    is(lines($ngx, $ONCE), 1,
       'the log says it once');
    is(lines($ngx, $AGAIN), 0, '... and nothing else of it');

    kill 'KILL', $ngx->workers;
    ok(wait_for(60, sub { eval { $ngx->resp->run('PING') } }),
       'workers are killed');
    stays($ngx, 3, 'keyspace_upstream_partial_syncs', 'after that');

    $ngx->reload;
    stays($ngx, 3, 'keyspace_upstream_partial_syncs', 'after a reload');
    is(lines($ngx, $ONCE), 1,
       'the log has said it once');

    # a reload cannot enlarge a zone

    $ngx->halt;
    $ngx->{options}{size} = '32m';
    $ngx->write_config;
    $ngx->launch;

    ok(wait_for(60, sub { ready($ngx) }), 'with a larger zone it is ready');
    is_deeply([differs($r, $ngx->resp)], [], '... and the same');
    is(said($ngx), $GOOD, '... and full no more');

    $ngx->stop;
    $redis->stop;
}


# --- the file does not fit, and there is less of it ---

{
    my $redis = primary();
    my $r = KS::RESP->new(port => $redis->port);

    $r->replies(map { ['SET', "k$_", 'x' x 1000] } 1 .. 8000);

    my $ngx = edge_of($redis, '');
    my $tries = sub { scalar KS::RESP->new(port => $redis->port)
                      ->run('INFO', 'stats') =~ /^sync_full:(\d+)/m ? $1 : 0 };

    ok(wait_for(60, sub { said($ngx) eq $FULL }), 'a file that does not fit')
        or diag(said($ngx));

    my $before = $tries->();
    my %seen;

    ok(wait_for(120, sub {
        $seen{said($ngx)}++;
        return $tries->() >= $before + 4;
    }), 'it is asked for again');
    is_deeply([keys %seen], [$FULL], '... and is full all the while');
    is(lines($ngx, qr/the zone of 4194304 bytes is full/), 1,
       'the log says it once');
    like($ngx->resp->error('GET', 'k1'), qr/^(?:MASTERDOWN|LOADING)/,
         'nothing is read');

    $r->run('DEL', map { "k$_" } 1 .. 7000);

    ok(wait_for(60, sub { ready($ngx) }), 'when there is less it is ready');
    is_deeply([differs($r, $ngx->resp)], [], '... and the same');
    is(said($ngx), $GOOD, '... and full no more');
    is(lines($ngx, $AGAIN), 1,
       'which the log says once');

    $ngx->stop;
    $redis->stop;
}


# --- the stream does not fit, its end is lost, and there is less ---

{
    my $redis = primary();
    my $r = KS::RESP->new(port => $redis->port);

    $r->run('SET', 'a', 1);

    my $ngx = edge_of($redis, '');

    ok(wait_for(60, sub { ready($ngx) }), 'another one is ready');
    $r->replies(map { ['SET', "k$_", 'x' x 1000] } 1 .. 8000);
    ok(wait_for(60, sub { said($ngx) eq $FULL }), '... and is full')
        or diag(said($ngx));

    # what is deleted stands behind what does not fit, and all keys come anew
    # when the backlog has no more what is missing

    $r->run('DEL', map { "k$_" } 1 .. 7000);
    stays($ngx, 2, 'keyspace_upstream_partial_syncs', 'deletions behind it');
    $r->run('CONFIG', 'SET', 'repl-backlog-size', 16384);
    $r->replies(map { ['SET', 'b', 'x' x 1000] } 1 .. 200);

    ok(wait_for(60, sub { ready($ngx) }), 'past the backlog it is ready');
    is_deeply([differs($r, $ngx->resp)], [], '... and the same');
    is(said($ngx), $GOOD, '... and full no more');
    is(lines($ngx, $AGAIN), 1,
       'which the log says once');

    $ngx->stop;
    $redis->stop;
}

done_testing;
