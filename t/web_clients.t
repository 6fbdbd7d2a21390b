# Python's packages for web applications on redis-py: django-redis, Flask-Session,
# Flask-Limiter, limits, channels-redis; redis-py's asyncio, and its parser in C.
# The program is run on redis-server first.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(check_left run_on servers start_nginx want_python);
use KS::Proc qw(root);

my $ngx = start_nginx();

# workers that are told to stop at once, amid a reload
$ngx->allow('open socket #\d+ left in connection', 'aborting');


for my $server (servers($ngx)) {
    subtest "Python on $server->{name}" => sub {
        run_on($server, want_python('redis.asyncio'),
               root() . '/t/clients/python_web.py');
        check_left($ngx);
    };
}


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
$ngx->stop;
done_testing;
