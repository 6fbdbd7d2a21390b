# A worker's death costs nothing: kill -9, again and again, of a worker taken
# at random while clients write.  What was acknowledged is there, what was not
# is there wholly or not at all, no lock stays held, and the zone is whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::HTTP;
use KS::Info;
use KS::Load;
use KS::Nginx;
use KS::Proc qw(slurp wait_for);

my $kills = $ENV{KS_KILLS} // 200;
my $seed = $ENV{KS_SEED} // time;

note("KS_SEED=$seed");
srand $seed;

# with all keys behind one lock, and with four of them
kill_workers('16m', $kills / 2);
kill_workers('64m', $kills / 2);

done_testing;


sub kill_workers {
    my ($size, $times) = @_;

    subtest "$times deaths in a zone of $size" => sub {
        my $ngx = KS::Nginx->start(size => $size, workers => 3, http => <<'CONF');
            keepalive_requests 1000000;
            client_max_body_size 8m;
            client_body_buffer_size 2m;
CONF
        $ngx->allow('exited on signal 9');

        my $empty = KS::Info::used($ngx->client);
        my $load = KS::Load->new($ngx, clients => 3, heavy => 2,
                                 retry => 'reread', seed => $seed);
        my $found = deaths($ngx, $times);

        judge($ngx, $load, $found);
        check_empty($ngx, $empty);

        $ngx->stop('the error log holds nothing but those deaths');
    };
}


# Kills, and what went wrong meanwhile.
sub deaths {
    my ($ngx, $times) = @_;
    my %found = (silent => 0, missing => 0, faulty => '');

    for my $i (1 .. $times) {
        # somewhere within what the workers do
        sleep 0.005 + rand 0.03;

        my $victim = victim($ngx->workers);

        kill 'KILL', $victim;

        $found{silent}++ unless answers($ngx);
        $found{missing}++ unless wait_for(20, sub {
            my @now = $ngx->workers;
            return @now == 3 && !grep { $_ == $victim } @now;
        }, 0.002);

        if ($i % 20 == 0) {
            my $text = doctor($ngx);
            $found{faulty} ||= "after $i: $text" if $text !~ /^ok/;
        }
    }

    return \%found;
}


# Any worker; rather one that is at work than one that waits.
sub victim {
    my @workers = @_;
    my $victim;

    for (1 .. 30) {
        $victim = $workers[rand @workers];
        last if (slurp("/proc/$victim/stat") // '') =~ /\) R/;
    }

    return $victim;
}


sub judge {
    my ($ngx, $load, $found) = @_;
    my $sum = $load->stop;

    is($found->{silent}, 0, 'after each the other workers answered');
    is($found->{missing}, 0, 'and a new worker came');
    is($found->{faulty}, '', 'the zone was whole all the time');
    is_deeply($sum->{faults}, [],
              "$sum->{done} commands of which none was seen in half");
    cmp_ok($sum->{broken}, '>', 0, "$sum->{broken} connections had died");

    my @bad = $load->verify;
    ok(!@bad, 'every acknowledged write reads back')
        or diag(join "\n", @bad[0 .. ($#bad > 9 ? 9 : $#bad)]);

    note('locks taken over from the dead: '
         . KS::Info::field($ngx->client, 'keyspace_recovered_locks'));
    like(doctor($ngx), qr/^ok/, 'the checker finds no torn structure');
}


# Nothing leaked: an emptied zone is as empty as at first.
sub check_empty {
    my ($ngx, $empty) = @_;
    my $http = $ngx->client;

    $http->run('FLUSHALL');
    ok(wait_for(10, sub { KS::Info::used($http) <= $empty }, 0.1),
       'and no leaked byte')
        or diag('used: ' . KS::Info::used($http) . ", at first: $empty");
    like(doctor($ngx), qr/^ok/, 'nor does it in the emptied zone');
}


# A command on a new connection; one that the dying worker had taken may end.
sub answers {
    my ($ngx) = @_;

    for (1 .. 50) {
        my $r = $ngx->client(timeout => 10)->command('PING');

        return 1 if $r->{status} == 200;
        return 0 if $r->{why} eq 'timeout';
    }

    return 0;
}


sub doctor {
    my ($ngx) = @_;

    for (1 .. 50) {
        my $r = $ngx->client->command('MEMORY', 'DOCTOR');
        return KS::HTTP::decode($r)->{result} // $r->{body} if $r->{status};
    }

    return 'no answer';
}
