# Commands over RESP, the module beside redis-server: both on the same core, the
# load from another one, and the runs alternate.  A ratio is that of two runs
# which follow each other, and the medians are shown.  Beside the throughput it
# says how long the server was on its core for a command, which others on the
# machine disturb less.
#
# One command at a time, a thread of redis-benchmark takes longer than either
# server: where there are cores for two, these commands come from two.

package KS::Beside;

use strict;
use warnings;

use Exporter 'import';

use KS::Bench qw(median);
use KS::Nginx;
use KS::Proc qw(capture installed slurp);
use KS::RESP;
use KS::Redis;

our @EXPORT_OK = qw(feed);

my $SERVER_CORE = 0;


# The zone's size, and how many runs.
sub start {
    my ($class, $size, $runs) = @_;

    for my $program (qw(redis-server redis-benchmark taskset)) {
        die "it needs $program\n" unless installed($program);
    }

    my $ngx = KS::Nginx->start(
        size    => $size,
        workers => 1,
        tokens  => 'token off;',
        main    => 'worker_cpu_affinity 01;',
        level   => 'error',
        resp    => '',
    );
    my $redis = KS::Redis->start;

    capture(10, {}, 'taskset', '-a', '-p', '-c', $SERVER_CORE, $redis->{pid});

    my ($worker) = $ngx->workers;

    return bless {
        runs    => $runs,
        ngx     => $ngx,
        redis   => $redis,
        cores   => (capture(10, {}, 'nproc', '--all'))[1] - 1,
        servers => [
            { name => 'redis', port => $redis->port, pid => $redis->{pid} },
            { name => 'keyspace', port => $ngx->resp_port, pid => $worker },
        ],
    }, $class;
}


# Tests are: name, depth of pipelines, ratio wanted, requests, range of
# __rand_int__, code that prepares (it gets a client and what the server is, and
# a server keeps what it has for tests with the same code if that is in {keep}),
# and the command; or code in its place, which gets a port, the depth and the
# number of requests.
sub show {
    my ($self, @tests) = @_;

    printf "RESP: commands a second, 32 connections, one core each, medians of "
           . "%d runs\n", $self->{runs};
    printf "  %-22s %3s %11s %11s %7s %7s %9s %9s %7s\n", '', '-P', 'redis',
           'keyspace', 'ratio', 'wanted', 'us redis', 'us ours', 'ratio';

    for my $test (@tests) {
        my ($name, $depth, $command) = @$test[0, 1, 6];

        if (!ref $command && $self->lacks($command)) {
            printf "  %-22s %3d   there is no %s\n", $name, $depth, $command;
            next;
        }

        my ($redis, $ours, $ratio, $redis_us, $our_us, $us_ratio)
            = $self->measure($test);

        printf "  %-22s %3d %11.0f %11.0f %7.2f %7.1f %9.2f %9.2f %7.2f\n",
               $name, $depth, $redis, $ours, $ratio, $test->[2], $redis_us,
               $our_us, $us_ratio;
    }
}


sub lacks {
    my ($self, $command) = @_;
    my $c = KS::RESP->new(port => $self->{ngx}->resp_port);

    return KS::RESP::value($c->command('COMMAND', 'INFO', $command))->[0]
           ? 0 : 1;
}


sub measure {
    my ($self, $test) = @_;
    my (%rate, %cpu, @ratio, @cpu_ratio);

    for my $run (1 .. $self->{runs}) {
        for my $s (@{$self->{servers}}) {
            $self->prepare($s, $test->[5]);

            my $before = on_cpu($s->{pid});
            my $rate = $self->benchmark($s, $test);
            my $us = (on_cpu($s->{pid}) - $before) / 1000 / $test->[3];

            push @{$rate{$s->{name}}}, $rate;
            push @{$cpu{$s->{name}}}, $us;
        }

        push @ratio, $rate{keyspace}[-1] / $rate{redis}[-1];
        push @cpu_ratio, $cpu{redis}[-1] / $cpu{keyspace}[-1];
    }

    return (map({ median(@{$rate{$_}}) } qw(redis keyspace)), median(@ratio),
            map({ median(@{$cpu{$_}}) } qw(redis keyspace)),
            median(@cpu_ratio));
}


# ns that the process's first thread has run
sub on_cpu {
    my ($pid) = @_;
    my ($ns) = slurp("/proc/$pid/schedstat") =~ /^(\d+)/;

    return $ns;
}


sub benchmark {
    my ($self, $s, $test) = @_;
    my ($name, $depth, $want, $n, $range, $before, @command) = @$test;

    return $command[0]->($s->{port}, $depth, $n) if ref $command[0];

    my $threads = $depth == 1 && $self->{cores} > 1 ? 2 : 1;
    my ($code, $out) = capture(300, {}, 'taskset', '-c', "1-$threads",
        'redis-benchmark', '-p', $s->{port}, '-c', 32, '-P', $depth, '-n', $n,
        '-r', $range, '--csv', $threads > 1 ? ('--threads', $threads) : (),
        @command);
    my @rates = $out =~ /","?([\d.]+)"?/;

    die "redis-benchmark: $out\n" if $code || !@rates || $out =~ /Error/;

    return $rates[0];
}


# What is kept stays for all tests in a row that need the same.
sub prepare {
    my ($self, $s, $what) = @_;
    my $c = KS::RESP->new(port => $s->{port});
    my $keep = $what && $self->{keep}{$what};

    return if $keep && ($s->{kept} // 0) == $what;

    $c->run('FLUSHALL');
    $s->{kept} = $keep ? $what : 0;
    $what->($c) if $what;
    $c->close;
}


# What this code prepares is not changed by the tests.
sub keep { $_[0]{keep}{$_[1]} = 1 }


# Commands in pipelines of a thousand.
sub feed {
    my ($c, $n, $code) = @_;

    for (my $i = 0; $i < $n; $i += 1000) {
        my ($bad) = grep { /^-/ }
            $c->replies(map { [$code->($_)] } $i .. $i + 999);
        die "preparing: $bad" if $bad;
    }
}


1;
