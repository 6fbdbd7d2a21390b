# Two edges of one store, one that holds all of it and one that holds what it is
# asked for.  Commands of all types are written through both and at the store at
# once, over a network of 50 to 150 ms that cuts and drops, while workers are
# killed.  At rest the edges have what the store has: every key, its type, its time
# and its value.  No counter that was acknowledged is lost or added to twice, each
# client sees what it has written, and nothing that a connection reads goes back.
#
#   KS_SEED=n       (printed)
#   KS_KILLS=n      how often something is done to each store's edges
#   KS_PRIMARY=s    only with that store: redis, valkey, redis8, keyspace

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Crowd qw(launch);
use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(slurp spew tempdir wait_for);
use KS::RESP;
use KS::Random;
use KS::Random::Mixed;
use KS::Redis;
use KS::Replica qw(proxy does info same_place);
use KS::Writers qw(play counts reads judge);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $seed = $ENV{KS_SEED} // time;
my $kills = $ENV{KS_KILLS} // 4;
my $backlog = tempdir();
my @counters = map { my $at = $_; map { "count:$at$_" } 1 .. 3 } qw(store replica near);

chmod 0777, $backlog;
note("KS_SEED=$seed");

my %store = (
    redis    => sub { redis_of(undef) },
    redis8   => sub { redis_of('redis-server') },
    valkey   => sub { redis_of('valkey-server') },
    keyspace => sub {
        my $ngx = KS::Nginx->start(size => '64m', resp => '', workers => 2,
                                   zone => "replicas $backlog;");
        $ngx->allow(qr/exited on signal 9|of JSON are not in the file/);
        return { port => $ngx->resp_port, token => $KS::Nginx::TOKEN, ngx => $ngx,
                 end => sub { $ngx->stop } };
    },
);


sub redis_of {
    my ($name) = @_;
    my $redis = KS::Redis->start_of($name, '--repl-diskless-sync-delay', 0);

    return { port => $redis->port, program => $name, end => sub { $redis->stop },
             twin => sub { KS::Redis->start_of($name, '--replicaof', '127.0.0.1 ' . $redis->port) },
             crashed => sub { slurp("$redis->{dir}/log") =~ /BUG REPORT START/ } };
}


sub client {
    my ($store, %with) = @_;

    return KS::RESP->new(port => $store->{port}, token => $store->{token},
                         timeout => 30, %with);
}


sub edge_of {
    my ($store, $proxy, $mode) = @_;
    my $password = $store->{token} ? " password=$store->{token}" : '';
    my $ngx = KS::Nginx->start(size => '64m', resp => '', workers => 2,
        zone => "eviction allkeys-lru; upstream redis://127.0.0.1:$proxy->{port}"
                . " mode=$mode timeout=3s connect_timeout=2s$password;");

    $ngx->allow(qr/exited on signal 9|upstream ".*" of keyspace zone|keyspace zone "main": /);

    return $ngx;
}


# --- what is compared ---

# What a DUMP becomes at a server of Redis, by its digest; what that cannot
# restore, a document, is the dump.
sub digest {
    my ($referee, $dump) = @_;
    my @said = $referee->replies(['DEL', 'dump'], ['RESTORE', 'dump', 0, $dump],
                                 ['DEBUG', 'DIGEST-VALUE', 'dump']);

    return $said[1] =~ /^\+OK/ ? $said[2] : $dump;
}


# In what a key differs: undef if in nothing.  late: its time may be less by so
# many ms, since it was counted from when it was asked for.
sub differs {
    my ($store, $edge, $referee, $key, $late) = @_;
    my ($is, $should) = map { [split /\n/, look($_, $key), 3] } $edge, $store;
    my ($at, $end) = map { $_->[1] // '' } $is, $should;

    return "$key: \"@$is\", and not \"@$should\""
        if $is->[0] ne $should->[0] || ($is->[2] // '') ne ($should->[2] // '')
           || ($at ne $end && !($at > 0 && $at <= $end && $at >= $end - $late));

    return undef if $is->[0] eq 'none';

    my ($a, $b) = map { $_->run('DUMP', $key) // '' } $edge, $store;

    return undef if $a eq $b || digest($referee, $a) eq digest($referee, $b);
    return "$key: the dumps are not of the same";
}


# Whether all keys are the same, when it has come to rest.  twin: a replica of the
# store's own kind.  What that has as the edge has it, and not as the store, is the
# store's fault: valkey 8.1.1 loses track of when keys expire.
sub same {
    my ($name, $store, $edge, $referee, $late, $twin) = @_;
    my ($r, $e) = (client($store), undef);
    my (@keys, @wrong, @theirs);

    my $ok = wait_for(60, sub {
        eval {
            $e //= $edge->resp;
            @keys = sort @{$r->run('KEYS', '*')};
            my %has = map { $_ => 1 } @{$e->run('KEYS', '*')};
            delete @has{@keys};
            my @all = (@keys, sort keys %has);
            @wrong = grep { defined } map { differs($r, $e, $referee, $_, $late) } @all;
            @theirs = grep { $twin && !differs($twin, $e, $referee, s/: .*//sr, $late) } @wrong;
            @wrong = () if @theirs == @wrong;
            1;
        } or do { @wrong = "$@"; undef $e };
        return !@wrong;
    }, 0.2);

    ok($ok, "$name: has what the store has, of " . @keys . ' keys')
        or diag(join "\n", map { s/[^ -~\n]/./gr } map { substr $_, 0, 600 } grep { defined } @wrong[0 .. 4]);

    note("$name: of its own kind has it otherwise, too: $_") for @theirs;

    return scalar @keys;
}


# --- what is done to them ---

sub kill_one {
    my ($ngx) = @_;
    my @pids = $ngx->workers;

    kill KILL => $pids[rand @pids] if @pids;
}


sub harm {
    my ($store, $proxies, $edges) = @_;
    my $i = int rand 2;
    my $n = rand 10;

    if ($n < 4) {
        kill_one($edges->[$i]);

    } elsif ($n < 5) {
        kill_one($_) for @$edges, $store->{ngx} // ();

    } elsif ($n < 6 && $store->{ngx}) {
        kill_one($store->{ngx});

    } elsif ($n < 8) {
        # what was under way is dropped
        does($proxies->[$i], 'cut');
        sleep 0.1;

    } elsif ($n < 9) {
        # within what follows
        does($proxies->[$i], 'cut ' . (1 + int rand 5000));
        sleep 0.3;

    } else {
        # nobody is told; then it is dropped
        does($proxies->[$i], 'mute');
        sleep 0.5 + rand 3;
        does($proxies->[$i], 'cut');
        sleep 0.05;
    }

    does($_, 'late ' . (50 + int rand 100)) for @$proxies;
}


sub run_with {
    my ($name, $store) = @_;
    my $dir = tempdir();
    my $stop = tempdir() . '/stop';
    my $referee = KS::Redis->start_of($store->{program}, '--enable-debug-command', 'local');
    my @proxies = map { proxy($store->{port}) } 1, 2;
    my ($replica, $near) = (edge_of($store, $proxies[0], 'replica'),
                            edge_of($store, $proxies[1], 'near'));
    my $twin = $store->{twin} && $store->{twin}->();
    my $r = client($store);
    my %make = (store => sub { client($store, timeout => 20) },
                replica => sub { $replica->resp(timeout => 20) },
                near => sub { $near->resp(timeout => 20) });

    KS::Random::Mixed::seed($seed);
    KS::Random::Mixed::dumps($referee);
    srand $seed;

    ok(wait_for(60, sub { (eval { info($replica->resp, 'master_link_status') } // '') eq 'up' }),
       "$name: an edge follows");
    ok(wait_for(60, sub { eval { $near->resp->run('GET', 'a'); 1 } }), '... and one asks');
    does($_, 'late ' . (50 + int rand 100)) for @proxies;

    my $i = 0;
    my @pids = map {
        my ($at, $n) = ($_, ++$i);
        my $make = $make{$at};
        my %with = (json => $store->{ngx} ? 1 : 0, batch => $at eq 'store' ? 3 : 50);

        launch($dir, "play-$at", sub { srand $seed + $n;
                                       play($_[1], $make, $stop, %with) }),
        launch($dir, "count-$at", sub { srand $seed + 10 + $n;
                                        counts($_[1], $make, $stop, grep { /:$at/ } @counters) }),
        $at eq 'store' ? () :
        launch($dir, "read-$at", sub { reads($_[1], $make, $stop, @counters) });
    } sort keys %make;

    for (1 .. $kills) {
        sleep 0.3 + rand 0.7;
        harm($store, \@proxies, [$replica, $near]);
    }

    sleep 0.5;
    spew($stop, '');
    waitpid $_, 0 for @pids;
    does($_, 'pass') for @proxies;

    if ($store->{crashed} && $store->{crashed}->()) {
        $_->stop for $replica, $near;
        $_->stop for $referee, $twin;
        skip "$name has crashed by itself, as valkey 8.1.1 does now and then", 1;
    }

    # what was cut off may still be on its way to the store

    my $offset = 0;
    $r = client($store);

    ok(wait_for(60, sub {
        my $was = $offset;
        $offset = info($r, 'master_repl_offset');
        return $offset == $was && eval { same_place($r, $replica->resp) };
    }, 0.3), "$name: the edge comes to where the store is");

    my ($faults, $sum) = judge($dir, sub { $r->run('GET', $_[0]) });

    is_deeply([splice @$faults, 0, 8], [], "$name: counters are exact, seen by those who "
              . 'add to them, and never go back');
    cmp_ok($sum->{$_} // 0, '>', 0, "... $_") for qw(asked read played written);

    my $other = $twin && KS::RESP->new(port => $twin->port);
    ok(wait_for(60, sub { same_place($r, $other) }), "... and so does a $name")
        if $twin;

    my $keys = same("$name, mode=replica", $store, $replica, $referee, 0, $other);
    same("$name, mode=near", $store, $near, $referee, 20_000);

    note("$name: $sum->{played} commands played, $sum->{asked} times counted, to "
         . "$sum->{written} (+" . ($sum->{doubtful} // 0) . "), $sum->{read} read; "
         . "$keys keys; " . info($replica->resp, 'keyspace_upstream_full_syncs', 'stats')
         . ' full and ' . info($replica->resp, 'keyspace_upstream_partial_syncs', 'stats')
         . ' partial syncs');

    $_->stop("$name: the log of an edge holds no fault") for $replica, $near;
    $_->stop for $referee, $twin // ();
    $store->{end}->();
}


for my $name (qw(redis valkey redis8 keyspace)) {
  SKIP: {
    no warnings 'exiting';              # a store that crashes is skipped amid it
    my $program = { valkey => 'valkey-server', redis8 => 'redis-server' }->{$name};

    next if $ENV{KS_PRIMARY} && $ENV{KS_PRIMARY} ne $name;
    skip "KS_TRIXIE has no $program", 1 if $program && !KS::Redis::of_trixie($program);

    run_with($name, $store{$name}->());
  }
}

done_testing;
