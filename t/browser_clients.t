# Browsers of keys: redis-commander with all that its page asks for, what
# RedisInsight asks of a database, and the calls of Upstash's
# @upstash/react-redis-browser.  What speaks RESP is run on redis-server first.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(check_left run_on run_tap servers start_nginx want_npm);
use KS::Nginx;
use KS::Proc qw(root);

my $clients = root() . '/t/clients';

my $ngx = start_nginx();

my @servers = servers($ngx);


for my $case (
    ['redis-commander', 'redis_commander.mjs'],
    ['ioredis-5', 'redis_insight.mjs'],
) {
    my ($package, $program) = @$case;

    for my $server (@servers) {
        subtest "$program on $server->{name}" => sub {
            want_npm($package);
            run_on($server, 'node', "$clients/$program");
            check_left($ngx);
        };
    }
}


subtest '@upstash/redis' => sub {
    want_npm('@upstash/redis');
    run_tap('node', "$clients/upstash_browser.mjs",
            'http://127.0.0.1:' . $ngx->port, $KS::Nginx::TOKEN);
};


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
$ngx->stop;
done_testing;
