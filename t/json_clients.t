# JSON documents with people's clients: @upstash/redis, npm's redis, redis-om and
# redis-py; and beside JSON.parse and an implementation of RFC 9535.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap want_npm want_python);
use KS::Nginx;
use KS::Proc qw(root);

my $TOKEN = $KS::Nginx::TOKEN;
my $clients = root() . '/t/clients';
my $seed = $ENV{KS_SEED} // 1 + int rand 1_000_000;

note "KS_SEED=$seed";

my $ngx = KS::Nginx->start(size => '64m', workers => 2, resp => '',
                           http => 'client_max_body_size 16m;');


subtest 'npm' => sub {
    want_npm('json-p3');
    run_tap('node', "$clients/json.mjs", $ngx->port, $ngx->resp_port, $TOKEN,
            $seed);
};


subtest 'redis-py' => sub {
    my $python = want_python('redis');

    run_tap($python, "$clients/documents.py", $ngx->resp_port, $TOKEN);
};


$ngx->stop;
done_testing;
