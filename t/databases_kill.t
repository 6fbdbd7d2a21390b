# MOVE between two zones behind one door, while workers are killed and nginx is
# reloaded: no key is ever lost, and one that a killed worker has left in both is
# the same in both.

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
my $reloads = $ENV{KS_RELOADS} // 5;
my $seed = $ENV{KS_SEED} // time;
my $movers = 3;
my $keys = 40;

note("KS_SEED=$seed");
srand $seed;

my $ngx = KS::Nginx->start(size => '16m', workers => 3, resp => '',
                           resp_listen => 'reuseport', databases => 2);

$ngx->allow('exited on signal 9');

my $dir = tempdir();
my @empty = map { used($_) } 0, 1;
my @pids = map { my $n = $_; launch($dir, "mover$n", sub { mover($n, @_) }) }
           1 .. $movers;

my $lost = 0;

for my $i (1 .. $kills) {
    sleep 0.01 + rand 0.03;

    my @workers = $ngx->workers;
    my ($running) = grep { (slurp("/proc/$_/stat") // '') =~ /\) R/ } @workers;
    my $victim = $running // $workers[rand @workers];

    kill 'KILL', $victim if $victim;

    $lost++ unless wait_for(20, sub {
        my @now = $ngx->workers;
        return @now >= 3 && !grep { $_ == $victim } @now;
    }, 0.002);

    $ngx->reload if $i % (1 + int $kills / ($reloads + 1)) == 0;
}

kill 'TERM', @pids;
waitpid $_, 0 for @pids;

is($lost, 0, 'after each death a new worker came');

my (%said, $both, $moves);

for my $n (1 .. $movers) {
    for (split /\n/, slurp("$dir/mover$n")) {
        if (/^moves (\d+) both (\d+)$/) {
            $moves = ($moves // 0) + $1;
            $both = ($both // 0) + $2;
        } else {
            $said{$_}++;
        }
    }
}

is_deeply(\%said, {}, 'what the movers have seen');
cmp_ok($moves, '>', 100, "$moves keys were moved");
note(($both // 0) . ' were left in both');

my $c = $ngx->resp;
my %where;

for my $db (0, 1) {
    $c->run('SELECT', $db);
    like($c->run('MEMORY', 'DOCTOR'), qr/^ok/, "zone $db is whole");
    $where{$_}{$db} = shape($c, $_) for $c->run('KEYS', '*')->@*;
}

is(keys %where, $movers * $keys, 'no key is lost');
is_deeply([grep { keys %{$where{$_}} == 2 && $where{$_}{0} ne $where{$_}{1} }
                keys %where], [], 'one that is in both is the same');
is_deeply([grep { my ($v) = values %{$where{$_}}; $v ne expected($_) }
                keys %where], [], 'all have their values');

is($c->run('FLUSHALL'), 'OK', 'FLUSHALL');

for my $db (0, 1) {
    ok(wait_for(10, sub { used($db) <= $empty[$db] }, 0.1),
       "no leaked byte in zone $db")
        or diag(used($db) . ", at first $empty[$db]");
}

$c->close;
$ngx->stop('the error log holds nothing but those deaths');
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


# Moves keys of its own to and fro, until it is told to end.
sub mover {
    my ($n, $name, $out) = @_;
    my $end = 0;
    my ($moves, $both) = (0, 0);
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

        # its worker has died: nobody else moves the key

        undef $c;
        my @there;

        while (!@there) {
            my $look = connection($ngx) // next;

            eval {
                @there = map { $look->run('SELECT', $_);
                               $look->run('EXISTS', $key) } 0, 1;

                if ($there[0] && $there[1]) {
                    $both++;
                    $look->run('SELECT', $at{$key});
                    $look->run('DEL', $key);
                    $at{$key} = 1 - $at{$key};

                } elsif (!$there[0] && !$there[1]) {
                    print $out "$key is lost\n";
                    $look->run('SELECT', $at{$key});
                    $look->run('RPUSH', $key, elements($key));

                } else {
                    $at{$key} = $there[1];
                }

                1;
            } or @there = ();
        }
    }

    print $out "moves $moves both $both\n";
}
