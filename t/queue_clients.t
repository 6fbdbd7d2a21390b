# What people build on publish/subscribe and on commands that wait: socket.io's
# adapter, and the queues bee-queue, rq and celery, unchanged, with several
# workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(check_left run_tap want_npm want_python);
use KS::Nginx;
use KS::Proc qw(root);

my $TOKEN = $KS::Nginx::TOKEN;
my $WORKERS = 4;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size        => '64m',
    workers     => $WORKERS,
    resp        => '',
    resp_listen => 'reuseport',
);

for my $case (['socket.io', 'socket_io.mjs'], ['bee-queue', 'bee_queue.mjs']) {
    my ($package, $program) = @$case;

    subtest $package => sub {
        want_npm($package);
        run_tap('node', "$clients/$program", $ngx->resp_port, $TOKEN);
        check_left($ngx);
    };
}

for my $case (['rq', 'rq_worker.py'], ['celery', 'celery_worker.py']) {
    my ($module, $program) = @$case;

    subtest $module => sub {
        my $python = want_python($module);
        run_tap($python, "$clients/$program", $ngx->resp_port, $TOKEN);
        check_left($ngx);
    };
}

is(scalar(my @workers = $ngx->workers), $WORKERS, 'the workers live');
$ngx->stop;
done_testing;
