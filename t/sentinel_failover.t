# Two edges of a Redis with replicas and sentinels, while the primary is killed,
# stopped and comes back, and workers of the edges are killed: at rest all are the
# same; what was acknowledged and had reached a replica is there, nothing was done
# twice, and no connection has seen it go back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Crowd qw(launch);
use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(alive slurp spew stop_pid tempdir wait_for);
use KS::RESP;
use KS::Random;
use KS::Random::Mixed;
use KS::Redis;
use KS::Replica qw(differs info);
use KS::Sentinel;

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $seed = $ENV{KS_SEED} // 20261130;
my $kills = $ENV{KS_KILLS} // 1;            # of primaries, in each way
my $dir = tempdir();
my $stop = "$dir/stop";

note("KS_SEED=$seed");

my $group = KS::Sentinel->start(options => ['--repl-timeout', 5]);

# what is read, written and followed, each by two workers
my %edge = map {
    my ($mode) = /^(\w+)/;
    my $ngx = KS::Nginx->start(size => '64m', resp => '', workers => 2,
        zone => 'eviction allkeys-lru; upstream ' . $group->address
                . " mode=$mode timeout=2s connect_timeout=1s;");

    $ngx->allow(qr/exited on signal 9|upstream ".*" of keyspace zone|keyspace zone "main": /);
    $_ => $ngx;
} qw(replica near);

KS::Random::Mixed::seed($seed);
KS::Random::Mixed::dumps($group->primary);

my @pids;


# A connection, as long as the test is not at its end.
sub again {
    my ($make) = @_;

    until (-e $stop) {
        my $r = eval { $make->() };
        return $r if $r;
        sleep 0.02;
    }

    return undef;
}


# Adds to a counter by an edge.  What is asked: whether it is done, and whether
# every replica has it, by the store itself: both of its own, as the sentinels may
# choose either (what they know of offsets is seconds old), and the edge that
# follows.  Lines: "+" done, "?" not known, "-" not done, "=N" safe.
sub counts {
    my ($name, $out, $ngx) = @_;
    my $key = "count:$name";
    my $r;

    until (-e $stop) {
        $r //= again(sub { $ngx->resp(timeout => 15) }) // last;
        my $v = eval { $r->run('INCR', $key) };
        my $error = $@;

        if (defined $v) {
            print $out "+$v\n";

            # one connection to whoever is the primary now
            my $safe = eval {
                my $p = KS::RESP->new(port => $group->primary->port, timeout => 5);
                my $is = $p->run('GET', $key);
                $p->run('SET', "safe:$name", $is);
                my $n = $p->run('WAIT', 3, 1000);
                $p->close;
                $n >= 3 && $is;
            };
            print $out "=$safe\n" if $safe;

        } else {
            print $out $error =~ /^UPSTREAM|^READONLY/ ? "-\n" : "?\n";
            undef $r unless $error =~ /^(?:UPSTREAM|UNCERTAIN|READONLY)/;
            sleep 0.02;
        }
    }
}


# What one connection sees of a counter, with the times.
sub reads {
    my ($name, $out, $ngx, $key) = @_;
    my ($r, $n);

    until (-e $stop) {
        if (!$r) {
            $r = again(sub { $ngx->resp(timeout => 15) }) // last;
            $n++;
        }

        my $v = eval { $r->run('GET', $key) // 0 };

        if (defined $v) {
            print $out "$n $v\n";

        } elsif ($@ !~ /^(?:UPSTREAM|UNCERTAIN|MASTERDOWN|LOADING)/) {
            undef $r;
        }

        sleep 0.01;
    }
}


# All kinds of commands, at the primary.
sub plays {
    my ($name, $out) = @_;

    until (-e $stop) {
        my $p = again(sub { KS::RESP->new(port => $group->primary->port, timeout => 5) }) // last;

        eval {
            until (-e $stop) {
                my ($argv) = KS::Random::Mixed::command();

                next if $argv->[0] =~ /^(?:select|swapdb|config|debug|client|reset|quit|monitor|wait|auth|hello|multi
                                          |exec|discard|watch|unwatch|b[lrz].*|xread.*|flush.*|replicaof|slaveof|role)$/xi;
                defined(($p->replies($argv))[0]) or die "no reply\n";
                sleep 0.002;
            }
        };
        $p->close;
    }
}


my %writers = map { ("w-$_" => $_) } keys %edge;

push @pids, map { my $w = $_; launch($dir, $w, sub { counts(@_, $edge{$writers{$w}}) }) } sort keys %writers;
push @pids, map {
    my $e = $_;
    map { my $w = $_; launch($dir, "r-$e-$w", sub { reads(@_, $edge{$e}, "count:$w") }) } sort keys %writers
} sort keys %edge;
push @pids, launch($dir, 'play', \&plays);

sub follows { return wait_for(60, sub { (eval { info($edge{replica}->resp, 'master_link_status') } // '') eq 'up' }) }

# Each has done something since.
sub works {
    my %size = map { $_ => -s "$dir/$_" || 0 } keys %writers;
    return wait_for(60, sub { !grep { substr(slurp("$dir/$_"), $size{$_}) !~ /^\+/m } keys %writers });
}

ok(follows(), 'an edge follows');
ok(works(), 'writers write');

my $switches = 0;

for my $round (1 .. $kills) {
    for my $how ('killed', 'stopped') {
        my $old = $group->primary;

        kill +($how eq 'killed' ? 'KILL' : 'STOP') => $old->{pid};
        my $new = $group->switched($old);
        ok($new, "$round: a primary that is $how is replaced") or last;
        $switches++;
        ok(works(), "$round: writers write again");

        if ($how eq 'killed') {
            waitpid $old->{pid}, 0;
            $group->back($old, '--repl-timeout', 5, '--replicaof', '127.0.0.1 ' . $new->port);

        } else {
            kill CONT => $old->{pid};
        }

        ok(wait_for(60, sub {
            my $i = eval { my $r = KS::RESP->new(port => $old->port, timeout => 5); $r->run('INFO', 'replication') } // '';
            $i =~ /role:slave/ && $i =~ /master_link_status:up/;
        }), "$round: and comes back as a replica");

        # a worker of each edge
        kill KILL => ($_->workers)[0] for values %edge;
        ok(works(), "$round: workers are killed");
        ok(follows(), "$round: it is followed");
    }
}

spew($stop, '');
waitpid $_, 0 for @pids;


# --- at rest ---

my $primary = $group->primary;
my $p = KS::RESP->new(port => $primary->port);
my %r = map { $_ => $edge{$_}->resp } keys %edge;

is_deeply([differs($p, $r{replica}, 60)], [], 'the edge that follows is the same as the primary');

# When a key expires is counted from when it was fetched, in this mode.
sub alike {
    my ($near, $far) = map { [split /\n/, look($_, $_[0]), 3] } $r{near}, $p;
    my ($n, $f) = map { $_->[1] // '' } $near, $far;

    return join("\n", map { $_ // '' } @$near[0, 2]) eq join("\n", map { $_ // '' } @$far[0, 2])
           && ($n eq $f || ($n > 0 && $n <= $f && $n > $f - 20_000));
}

{
    my (@keys, @wrong);

    ok(wait_for(30, sub {
        @keys = sort @{$p->run('KEYS', '*')};
        @wrong = grep { !alike($_) } @keys;
        return !@wrong;
    }), 'so is what the other one fetches') or diag("@wrong");
    note(scalar(@keys) . ' keys');
}

for my $w (sort keys %writers) {
    my $is = $p->run('GET', "count:$w");
    my $text = slurp("$dir/$w");
    my ($done, $unknown) = (scalar(() = $text =~ /^\+/mg), scalar(() = $text =~ /^\?/mg));
    my ($safe) = reverse($text =~ /^=(\d+)/mg);

    note("$w: $done were done, of $unknown that is not known; the counter is at $is, safe was " . ($safe // 'none'));
    cmp_ok($is, '<=', $done + $unknown, "$w: nothing was done twice");
    cmp_ok($is, '>=', $safe // 0, "$w: nothing that the replicas had is lost");
    cmp_ok($safe // 0, '>', 0, "$w: of which there is something");

    my @safe = $text =~ /^=(\d+)/mg;

    for my $e (sort keys %edge) {
        my ($n, $was, @back) = (0, 0);

        for my $line (split /\n/, slurp("$dir/r-$e-$w")) {
            my ($c, $v) = split ' ', $line;

            ($n, $was) = ($c, 0) if $c != $n;
            push @back, "$was to $v" if $v < $was && grep { $_ > $v && $_ <= $was } @safe;
            $was = $v;
        }

        is("@back", '', "$w: read by $e it never goes back");
    }
}

for my $e (sort keys %edge) {
    # a machine that is slow may be taken for one that is down
    cmp_ok(info($r{$e}, 'keyspace_upstream_switches', 'stats'), '>=', $switches, "$e: other primaries are counted");
}

note(info($r{replica}, "keyspace_upstream_$_", 'stats') . " $_") for qw(full_syncs partial_syncs);
cmp_ok(info($r{replica}, 'keyspace_upstream_partial_syncs', 'stats'), '>', 0, 'the stream went on');

$_->stop for values %edge;
$group->stop;

done_testing;
