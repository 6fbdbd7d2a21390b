# PHP's redis extension with its sessions, and Laravel's cache, locks, limiters,
# queue and sessions, over that and over predis.  Each program is run on
# redis-server first.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(check_left run_on servers start_nginx want_php);
use KS::Proc qw(root);

my $clients = root() . '/t/clients';

my $ngx = start_nginx();

# workers that are told to stop at once, amid a reload
$ngx->allow('open socket #\d+ left in connection', 'aborting');

my @illuminate = map { "Illuminate/$_/autoload.php" }
                     qw(Cache Queue Redis Session);
my @servers = servers($ngx);


for my $case (
    ['phpredis', ['redis'], 'phpredis.php'],
    ['Laravel over phpredis', ['redis', @illuminate], 'laravel.php', 'phpredis'],
    ['Laravel over predis', ['Predis/Autoloader.php', @illuminate],
     'laravel.php', 'predis'],
) {
    my ($name, $wants, $program, @more) = @$case;

    for my $server (@servers) {
        subtest "$name on $server->{name}" => sub {
            want_php(@$wants);
            run_on($server, 'php', "$clients/$program", @more);
            check_left($ngx);
        };
    }
}


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
$ngx->stop;
done_testing;
