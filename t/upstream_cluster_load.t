# A Cluster under load: slots move, nodes die and are taken over for, workers are
# killed, while clients of two edges write and read.  No write that was acknowledged
# is lost or done twice, no read goes back in time on its connection, and at rest the
# edges have what the Cluster has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Cluster;
use KS::Nginx;
use KS::Proc qw(tempdir wait_for slurp);

plan skip_all => 'no redis-server' unless KS::Cluster->available;

my $c = KS::Cluster->start(nodes => 3, replicas => 1);
my ($n1) = $c->primaries;
plan skip_all => 'no CLIENT TRACKING' unless $n1->since('7.0');

my $dir = tempdir();
my @edges = map {
    my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
        locations => 'location / { keyspace_rest main; } location = /ready { keyspace_ready; }',
        zone => 'eviction allkeys-lru; upstream ' . $c->addresses . ' timeout=4s connect_timeout=1s;');
    $ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
    $ngx->allow(qr/exited on signal 9/);
    $ngx;
} 1, 2;

# counters, each with one writer: so that what it has been told is what there is,
# but for what it could not be told
my $KEYS = 6;
my @tags = map { "t$_" } 1 .. 4;
my @keys = map { my $t = $_; map { "{$t}c$_" } 1 .. $KEYS } @tags;

sub resp_of {
    my ($ngx) = @_;
    my $r;
    wait_for(20, sub { $r = eval { $ngx->resp } });
    return $r;
}


# Counts its own keys up until it is told to stop, and writes down of each key what it
# was told last, and how many increments may have been done beside.
sub writer {
    my ($ngx, $name, @mine) = @_;
    my $r = resp_of($ngx);
    my (%told, %doubt, @faults);
    my $stop = 0;
    local $SIG{TERM} = sub { $stop = 1 };

    $told{$_} = $doubt{$_} = 0 for @mine;

    while (!$stop) {
        for my $k (@mine) {
            my $v = eval { $r->run('INCR', $k) };
            my $error = $@;

            if (defined $v) {
                # no less than the acknowledged ones, and no more than could be
                push @faults, "$k: $v after $told{$k} (+$doubt{$k})"
                    if $v <= $told{$k} || $v > $told{$k} + 1 + $doubt{$k};
                $doubt{$k} -= $v - $told{$k} - 1;
                $told{$k} = $v;

                my $seen = eval { $r->run('GET', $k) };
                push @faults, "$k: wrote $v, and reads $seen" if defined $seen && $seen < $v;
                next if defined $seen || $@ =~ /^(?:UPSTREAM|UNCERTAIN|CLUSTERDOWN|TRYAGAIN)/;
                $r = resp_of($ngx);
                next;
            }

            next if $error =~ /^(?:UPSTREAM|CLUSTERDOWN|TRYAGAIN)/;
            $doubt{$k}++;
            $r = resp_of($ngx) if $error !~ /^UNCERTAIN/;
        }
    }

    open my $f, '>', "$dir/$name" or die;
    print $f "told $_ $told{$_} $doubt{$_}\n" for @mine;
    print $f "fault $_\n" for @faults;
    close $f or die;
}


# Reads all keys: what it sees of a key never falls on one connection.
sub reader {
    my ($ngx, $name) = @_;
    my ($r, %seen, @faults) = (resp_of($ngx));
    my ($stop, $n) = (0, 0);
    local $SIG{TERM} = sub { $stop = 1 };

    while (!$stop) {
        for my $k (@keys) {
            my $v = eval { $r->run('GET', $k) };

            if ($@ && $@ !~ /^(?:UPSTREAM|UNCERTAIN|CLUSTERDOWN|TRYAGAIN)/) {
                $r = resp_of($ngx);
                %seen = ();
                next;
            }

            next if $@ || !defined $v;
            $n++;
            push @faults, "$k: $v after $seen{$k}" if $v < ($seen{$k} // 0);
            $seen{$k} = $v;
        }
    }

    open my $f, '>', "$dir/$name" or die;
    print $f "read $n\n";
    print $f "fault $_\n" for @faults;
    close $f or die;
}


sub child {
    my ($code) = @_;
    my $pid = fork() // die "fork: $!";
    return $pid if $pid;
    eval { $code->(); 1 } or print STDERR "a client: $@";
    require POSIX;
    POSIX::_exit(0);
}


sub load_ok {
    my ($name, $lossy, $code) = @_;
    my (@pids, $i);

    unlink glob "$dir/*";
    $c->run($_, 'SET', $_, 0) for @keys;

    for my $e (0, 1) {
        my @mine = grep { $i++ % 2 == $e } @keys;
        $i = 0;
        push @pids, child(sub { writer($edges[$e], "writer$e", @mine) });
        push @pids, child(sub { reader($edges[$e], "reader$e.$_") }) for 1, 2;
    }

    $code->();
    kill TERM => @pids;
    waitpid $_, 0 for @pids;

    my $said = join '', map { slurp($_) } glob "$dir/*";
    my @faults = $said =~ /^fault (.*)$/mg;
    @faults = grep { !$lossy } @faults;
    is_deeply([splice @faults, 0, 5], [], "$name: no read went back, no count was wrong");
    my ($n) = sort { $a <=> $b } $said =~ /^read (\d+)/mg;
    cmp_ok($n // 0, '>', 0, "$name: each reader has read, at least $n times");

    my (@wrong, $writes);
    for my $k (@keys) {
        my ($told, $doubt) = $said =~ /^told \Q$k\E (\d+) (\d+)$/m;
        my $is = $c->run($k, 'GET', $k);
        $writes += $told;
        push @wrong, "$k: $is of $told (+$doubt)" if ($is < $told && !$lossy) || $is > $told + $doubt;
    }
    is_deeply(\@wrong, [], "$name: each of $writes writes that were acknowledged is there once");

    for my $e (0, 1) {
        my $at;
        ok(wait_for(30, sub {
            my $r = resp_of($edges[$e]);
            $at = join ' ', grep { defined } map {
                my $v = eval { $r->run('GET', $_) } // 'none';
                my $is = $c->run($_, 'GET', $_);
                $v eq $is ? () : "$_: $v, and not $is" } @keys;
            $at eq '';
        }), "$name: edge $e has what the Cluster has") or diag($at);
    }
}


load_ok('slots that move', 0, sub {
    for my $round (1 .. 4) {
        for my $tag (@tags) {
            my $slot = $c->slot($tag);
            my $from = $c->owner($slot);
            my @others = grep { $_ != $from } $c->primaries;
            my $to = $others[$round % @others];

            $c->begin($slot, $from, $to);
            $c->migrate($slot, $from, $to, $KEYS / 2);
            sleep 0.1;
            $c->migrate($slot, $from, $to);
            sleep 0.1;
            $c->end($slot, $from, $to);
        }
    }
});

load_ok('workers that are killed', 0, sub {
    for my $round (1 .. 4) {
        my $slot = $c->slot($tags[0]);
        my $from = $c->owner($slot);
        my ($to) = grep { $_ != $from } $c->primaries;

        $c->begin($slot, $from, $to);
        kill KILL => ($edges[$round % 2]->workers)[$round % 2];
        $c->migrate($slot, $from, $to);
        sleep 0.3;
        $c->end($slot, $from, $to);
    }
});

# a replica that is told to take over has all that its primary had

load_ok('a primary that steps down', 0, sub {
    my ($r) = $c->replicas;

    is($r->run('CLUSTER', 'FAILOVER'), 'OK', 'CLUSTER FAILOVER');
    ok(wait_for(30, sub { $r->run('CLUSTER', 'NODES') =~ /myself,master/ }), 'it has taken over');
    sleep 1;
});

# one that dies takes with it what it has not yet told its replica

load_ok('a primary that dies', 1, sub {
    my $slot = $c->slot($tags[1]);
    my $owner = $c->owner($slot);

    sleep 0.5;
    $c->kill_node($owner);
    ok(wait_for(60, sub { my $o = $c->owner($slot); $o && $o != $owner }), 'its replica has taken over');
    ok(wait_for(30, sub { my $r = resp_of($edges[0]); eval { $r->run('INCR', "{$tags[1]}again") } }),
       'it is written by the edge');
    sleep 1;
});

$_->stop for @edges;
$c->stop;
done_testing;
