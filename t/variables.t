# $keyspace_command and $keyspace_status, as an access log shows them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);

my $ngx = KS::Nginx->start(
    log_format => '$status $keyspace_command $keyspace_status',
    locations  => <<'CONF',
        location / { keyspace_rest main; }
        location /plain { return 204; }
CONF
);
my $http = $ngx->client;

my @requests = (
    [sub { $http->command('SET', 'k', 'v') },           '200 set ok'],
    [sub { $http->command('GET', 'k') },                '200 get hit'],
    [sub { $http->command('get', 'none') },             '200 get miss'],
    [sub { $http->command('INCR', 'k') },               '400 incr error'],
    [sub { $http->command('GET') },                     '400 get error'],
    [sub { $http->command('NOSUCH', 'x') },             '400 - error'],
    [sub { $http->command('CONFIG', 'GET', 'x') },      '200 config|get ok'],
    [sub { $http->request('GET', '/get/k') },           '200 get hit'],
    [sub { $http->post('GET none') },                   '200 get miss'],
    [sub { $http->command('PING') },                    '200 ping ok'],
    [sub { $http->post('[') },                          '400 - error'],
    [sub { $http->post('["PING"]', token => 'x') },     '401 - error'],
    [sub { $http->request('GET', '/plain') },           '204 - -'],
);

$_->[0]->() for @requests;
wait_for(10, sub { (() = $ngx->access_log =~ /\n/g) == @requests });

my @lines = split /\n/, $ngx->access_log;

for my $i (0 .. $#requests) {
    is($lines[$i], $requests[$i][1], $requests[$i][1]);
}

$http->close;
$ngx->stop;
done_testing;
