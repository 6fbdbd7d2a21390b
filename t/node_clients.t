# npm's clients of earlier lines, which most programs have, and what is built on
# them: sessions and limits of express, keyv, and the queues of node-resque and
# bull.  Each program is run on redis-server first.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(check_left run_on servers start_nginx want_npm);
use KS::Proc qw(root);

my $clients = root() . '/t/clients';

my $ngx = start_nginx();

# workers that are told to stop at once, amid a reload
$ngx->allow('open socket #\d+ left in connection', 'aborting');

my @servers = servers($ngx);


for my $case (
    ['redis-4', 'node_trouble.mjs', 'redis-4'],
    ['redis-5', 'node_trouble.mjs', 'redis-5'],
    ['redis', 'node_trouble.mjs', 'redis'],
    ['ioredis-5', 'ioredis_trouble.mjs', 'ioredis-5'],
    ['ioredis', 'ioredis_trouble.mjs', 'ioredis'],
    ['express', 'express.mjs'],
    ['keyv', 'keyv.mjs'],
    ['node-resque', 'node_resque.mjs'],
    ['bull', 'bull.mjs'],
) {
    my ($package, $program, @more) = @$case;

    for my $server (@servers) {
        subtest "$package on $server->{name}" => sub {
            want_npm($package);
            run_on($server, 'node', "$clients/$program", @more);
            check_left($ngx);
        };
    }
}


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
$ngx->stop;
done_testing;
