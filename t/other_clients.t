# Clients in Perl, Redis and Redis::Fast (which is hiredis), and in Go, redigo and
# go-redis.  Each program is run on redis-server first.  Go is large, so that it is
# tested only where it is installed: golang-go, golang-github-gomodule-redigo-dev and
# golang-gopkg-redis.v5-dev.

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


for my $class ('Redis', 'Redis::Fast') {
    for my $server (@servers) {
        subtest "$class on $server->{name}" => sub {
            # the system's own, which has Debian's packages
            my $perl = -x '/usr/bin/perl' ? '/usr/bin/perl' : $^X;

            plan skip_all => "there is no $class"
                if (capture(20, {}, $perl, "-M$class", '-e', 1))[0];

            run_on($server, $perl, "$clients/perl_redis.pl", $class);
            check_left($ngx);
        };
    }
}


subtest 'Go' => sub {
    want_program('go');

    my $go = '/usr/share/gocode';

    for ('github.com/gomodule/redigo', 'gopkg.in/redis.v5') {
        plan skip_all => "Go has no $_" unless -d "$go/src/$_";
    }

    my $program = $ngx->dir . '/redis';
    my ($code, $out) = capture(300, {
        GO111MODULE => 'off', GOPATH => $go,
        GOCACHE => root() . '/build/go', HOME => $ngx->dir,
    }, 'go', 'build', '-o', $program, "$clients/redis.go");

    is($code, 0, 'it compiles') or diag($out);

    for my $server (@servers) {
        subtest $server->{name} => sub {
            run_on($server, $program);
            check_left($ngx);
        };
    }
};


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
$ngx->stop;
done_testing;
