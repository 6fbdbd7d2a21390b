# Ruby's redis over both of its drivers, the stores of redis-store and of rack's
# sessions, and sidekiq with a process of its own.  Each program is run on
# redis-server first.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(check_left run_on servers start_nginx want_program);
use KS::Proc qw(capture root);

my $clients = root() . '/t/clients';

my $ngx = start_nginx();

# workers that are told to stop at once, amid a reload
$ngx->allow('open socket #\d+ left in connection', 'aborting');

my @servers = servers($ngx);


for my $case (
    ['rack/session/redis', 'ruby_redis.rb', 'ruby'],
    ['hiredis', 'ruby_redis.rb', 'hiredis'],
    ['sidekiq', 'sidekiq.rb'],
) {
    my ($library, $program, @more) = @$case;

    for my $server (@servers) {
        subtest "$library on $server->{name}" => sub {
            want_program('ruby');
            plan skip_all => "Ruby has no $library"
                if (capture(30, {}, 'ruby', '-r', 'rack', '-r', $library, '-e',
                            ''))[0];

            run_on($server, 'ruby', "$clients/$program", @more);
            check_left($ngx);
        };
    }
}


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
$ngx->stop;
done_testing;
