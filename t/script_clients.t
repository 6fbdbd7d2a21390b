# Scripts as people run them, unchanged, by npm's packages: limiters, locks and
# queues, over REST and RESP.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap want_npm);
use KS::Nginx;
use KS::Proc qw(root);

want_npm('bullmq');

my $TOKEN = $KS::Nginx::TOKEN;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size        => '64m',
    workers     => 2,
    resp        => '',
    resp_listen => 'reuseport',
);

my $url = 'http://127.0.0.1:' . $ngx->port;


for (
    ['@upstash/ratelimit', 'ratelimit.mjs', $url],
    ['redlock', 'redlock.mjs', $ngx->resp_port],
    ['rate-limiter-flexible', 'limiter_flexible.mjs', $ngx->resp_port],
    ['bullmq', 'bullmq.mjs', $ngx->resp_port],
) {
    my ($name, $program, $where) = @$_;

    subtest $name => sub {
        run_tap('node', "$clients/$program", $where, $TOKEN);
    };
}

is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;
done_testing;
