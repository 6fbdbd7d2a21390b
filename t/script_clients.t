# Scripts as people run them, unchanged, by npm's packages: limiters, locks and
# queues, over REST and RESP.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(capture installed root);

plan skip_all => 'there is no node' unless installed('node');

my $TOKEN = $KS::Nginx::TOKEN;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size        => '64m',
    workers     => 2,
    resp        => '',
    resp_listen => 'reuseport',
);

my $url = 'http://127.0.0.1:' . $ngx->port;


# A program whose output is TAP, as tests of ours.
sub run_tap {
    my (@command) = @_;
    my ($code, $out) = capture(300, {}, @command);
    my $n = 0;

    while ($out =~ /^(not )?ok \d+ - (.*)$/mg) {
        my ($not, $name) = ($1, $2);

        $n++;
        ok(!$not, $name);
    }

    ok($n && $out =~ /^1\.\.$n$/m && $code == 0, "$n tests came to their end")
        or diag($out);
}


if (!-d "$clients/node_modules/bullmq") {
    plan skip_all => 'there is no npm' unless installed('npm');

    my ($code, $out) = capture(300, {}, 'npm', 'ci', '--prefix', $clients);
    is($code, 0, 'npm ci') or diag($out);
}

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
