# People's client libraries as named users: @upstash/redis, ioredis and redis-py,
# with rights and quotas.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap want_npm want_python);
use KS::Nginx;
use KS::Proc qw(root);

my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size    => '32m',
    workers => 2,
    resp    => '',
    zone    => <<'CONF',
    user app    { token app-token; rights "~app:* &app:* +@all -@dangerous"; }
    user reader { token reader-token; rights "%R~* +@read"; }
    user few    { token few-token; rights "~few:* +@all"; commands 3/d; }
CONF
);

my $port = $ngx->resp_port;


subtest 'npm' => sub {
    want_npm('@upstash/redis');
    want_npm('ioredis');
    run_tap('node', "$clients/acl.mjs", 'http://127.0.0.1:' . $ngx->port, $port);
};


subtest 'redis-py' => sub {
    my $python = want_python('redis');
    run_tap($python, "$clients/acl.py", $port, $KS::Nginx::TOKEN);
};


$ngx->stop;
done_testing;
