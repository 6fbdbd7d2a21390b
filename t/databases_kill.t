# MOVE between two zones behind one door, while workers are killed and nginx is
# reloaded, and while all processes are killed that have the zones' files: each key
# is in exactly one zone, whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Crowd qw(launch connection);
use KS::Nginx;
use KS::Proc qw(slurp tempdir wait_for);

my $kills = $ENV{KS_KILLS} // 60;
my $crashes = $ENV{KS_CRASHES} // 8;
my $reloads = $ENV{KS_RELOADS} // 5;
my $seed = $ENV{KS_SEED} // time;
my $movers = 3;
my $keys = 40;
my $dir = tempdir();

note("KS_SEED=$seed");
srand $seed;

my $ngx;


sub start {
    $ngx = KS::Nginx->start(size => '16m', workers => 3, resp => '',
                            resp_listen => 'reuseport', databases => 2, @_);
    $ngx->allow('exited on signal 9');

    return map { used($_) } 0, 1;
}


# Runs the code while keys are moved; then judges what was seen, and what is there.
sub play {
    my ($what, $empty, $code) = @_;
    my @pids = map { my $n = $_; launch($dir, "mover$n", sub { mover($n, @_) }) }
               1 .. $movers;

    $code->();

    kill 'TERM', @pids;
    waitpid $_, 0 for @pids;

    my (%said, $moves, $cut);

    for my $n (1 .. $movers) {
        for (split /\n/, slurp("$dir/mover$n")) {
            if (/^moves (\d+) cut (\d+)$/) {
                $moves += $1;
                $cut += $2;
            } else {
                $said{$_}++;
            }
        }
    }

    is_deeply(\%said, {}, "$what: what the movers have seen");
    cmp_ok($moves, '>', 100, "$moves keys were moved");
    note("$cut moves had no reply");

    my $c = $ngx->resp;
    my %where;

    for my $db (0, 1) {
        $c->run('SELECT', $db);
        like($c->run('MEMORY', 'DOCTOR'), qr/^ok/, "zone $db is whole");
        push $where{$_}->@*, shape($c, $_) for $c->run('KEYS', '*')->@*;
    }

    is(keys %where, $movers * $keys, 'no key is lost');
    is_deeply([grep { $where{$_}->@* != 1 } keys %where], [],
              'each is in exactly one zone');
    is_deeply([grep { $where{$_}[0] ne expected($_) } keys %where], [],
              'all have their values');

    is($c->run('FLUSHALL'), 'OK', 'FLUSHALL');

    for my $db (0, 1) {
        ok(wait_for(10, sub { used($db) <= $empty->[$db] }, 0.1),
           "no leaked byte in zone $db")
            or diag(used($db) . ", at first $empty->[$db]");
    }

    $c->close;
}


my @empty = start(zone => "journal $dir/%ZONE%;");
my $lost = 0;

play('workers die', \@empty, sub {
    for my $i (1 .. $kills) {
        sleep 0.01 + rand 0.03;

        my @workers = $ngx->workers;
        my ($running) = grep { (slurp("/proc/$_/stat") // '') =~ /\) R/ }
                        @workers;
        my $victim = $running // $workers[rand @workers];

        kill 'KILL', $victim if $victim;

        $lost++ unless wait_for(20, sub {
            my @now = $ngx->workers;
            return @now >= 3 && !grep { $_ == $victim } @now;
        }, 0.002);

        $ngx->reload if $i % (1 + int $kills / ($reloads + 1)) == 0;
    }
});

is($lost, 0, 'after each death a new worker came');
$ngx->stop('the error log holds nothing but those deaths');

@empty = start(zone => "file $dir/%ZONE%.ks;");

play('all die', \@empty, sub {
    for my $i (1 .. $crashes) {
        sleep 0.05 + rand 0.1;
        $ngx->crash;
        $ngx->launch;
    }
});

$ngx->stop('and of the zones in files');
done_testing;


sub used {
    my ($db) = @_;
    my $c = $ngx->resp;

    $c->run('SELECT', $db);

    my ($used) = $c->run('INFO', 'memory') =~ /^used_memory:(\d+)/m;

    $c->close;
    return $used;
}


# what a key holds as long as it lives
sub elements {
    my ($key) = @_;
    my ($n) = $key =~ /(\d+)$/;

    return map { "$key-$_" } 1 .. 1 + $n * 5;
}

sub expected { return join ' ', elements(@_) }

sub shape {
    my ($c, $key) = @_;

    return join ' ', $c->run('LRANGE', $key, 0, -1)->@*;
}


# Moves keys of its own to and fro, until it is told to end.  Nobody else does: so
# a move that has no reply has happened or not.
sub mover {
    my ($n, $name, $out) = @_;
    my $end = 0;
    my ($moves, $cut) = (0, 0);
    my @keys = map { "m$n:$_" } 0 .. $keys - 1;
    my %at;
    my $c;

    local $SIG{TERM} = sub { $end = 1 };
    srand $seed + $n;

    for my $key (@keys) {
        until (defined $at{$key}) {
            $c //= connection($ngx) // next;
            eval {
                $c->run('DEL', $key);
                $c->run('RPUSH', $key, elements($key));
                $at{$key} = 0;
            } or undef $c;
        }
    }

    while (!$end) {
        my $key = $keys[rand @keys];

        $c //= connection($ngx) // next;

        my ($selected, $moved) = $c->replies(['SELECT', $at{$key}],
                                             ['MOVE', $key, 1 - $at{$key}]);

        if (defined $moved) {
            print $out "$key: $moved" if $moved ne ":1\r\n";
            $at{$key} = 1 - $at{$key};
            $moves++;
            next;
        }

        undef $c;
        $cut++;

        until (defined find($key, $out, \%at)) {
            last if $end;
        }
    }

    print $out "moves $moves cut $cut\n";
}


# Notes where a key is; undef: nobody answers.
sub find {
    my ($key, $out, $at) = @_;
    my $c = connection($ngx) // return;

    return eval {
        my @there = grep {
            $c->run('SELECT', $_);
            $c->run('EXISTS', $key);
        } 0, 1;

        print $out "$key is in zones (@there)\n" if @there != 1;
        $at->{$key} = $there[0] // 0;
        1;
    };
}
