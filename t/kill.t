# A worker's death costs nothing: kill -9, again and again, of a worker taken
# at random while clients write.  What was acknowledged is there, what was not
# is there wholly or not at all, no lock stays held, and the zone is whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Info;
use KS::Load;
use KS::Nginx;
use KS::Proc qw(wait_for);

my $kills = $ENV{KS_KILLS} // 200;
my $seed = $ENV{KS_SEED} // time;

note("KS_SEED=$seed");
srand $seed;

my $ngx = KS::Nginx->start(size => '16m', workers => 3,
                           http => 'keepalive_requests 1000000;');
$ngx->allow('exited on signal 9');

my $empty = KS::Info::used($ngx->client);

my $load = KS::Load->new($ngx, clients => 5, retry => 'reread',
                         seed => $seed);
my ($silent, $missing, $faulty) = (0, 0, '');

for my $i (1 .. $kills) {
    # somewhere within what the workers do
    sleep 0.005 + rand 0.03;

    my @workers = $ngx->workers;
    my $victim = $workers[rand @workers];

    kill 'KILL', $victim;

    # the others answer, at once
    $silent++ unless answers();

    $missing++ unless wait_for(20, sub {
        my @now = $ngx->workers;
        return @now == 3 && !grep { $_ == $victim } @now;
    }, 0.002);

    if ($i % 20 == 0) {
        my $text = eval { doctor() } // "no answer: $@";
        $faulty ||= "after $i kills: $text" if $text !~ /^ok/;
    }
}

my $sum = $load->stop;

is($silent, 0, "after each of $kills kills the other workers answered");
is($missing, 0, 'and a new worker came');
is($faulty, '', 'the zone was whole all the time');
is_deeply($sum->{faults}, [], "$sum->{done} commands of which none was seen "
          . 'in half');
cmp_ok($sum->{broken}, '>', 0, "$sum->{broken} connections had died");

my @bad = $load->verify;
ok(!@bad, 'every acknowledged write reads back')
    or diag(join "\n", @bad[0 .. ($#bad > 9 ? 9 : $#bad)]);

like(doctor(), qr/^ok/, 'the checker finds no torn structure');

# nothing leaked: an emptied zone is as empty as at first
my $http = $ngx->client;
$http->run('FLUSHALL');
ok(wait_for(10, sub { KS::Info::used($http) <= $empty }, 0.1),
   'and no leaked byte')
    or diag('used: ' . KS::Info::used($http) . ", at first: $empty");
like(doctor(), qr/^ok/, 'nor does it in the emptied zone');

$http->close;
$ngx->stop('the error log holds nothing but those deaths');
done_testing;


# A command on a new connection; one that the dying worker had taken may end.
sub answers {
    for (1 .. 50) {
        my $r = $ngx->client(timeout => 10)->command('PING');

        return 1 if $r->{status} == 200;
        return 0 if $r->{why} eq 'timeout';
    }

    return 0;
}


sub doctor {
    for (1 .. 50) {
        my $r = $ngx->client->command('MEMORY', 'DOCTOR');
        return KS::HTTP::decode($r)->{result} if $r->{status};
    }

    return 'no answer';
}
