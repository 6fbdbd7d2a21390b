# What variables say of a request, as an access log shows them.

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


# --- keys and times ---

$ngx = KS::Nginx->start(
    log_format => '$keyspace_keys $keyspace_time',
    locations  => 'location / { keyspace_rest main; }');
$http = $ngx->client;

@requests = (
    [sub { $http->command('SET', 'k', 'v') },            'k'],
    [sub { $http->command('MGET', 'b', 'a') },           'b'],
    [sub { $http->command('EVAL', 'return 1', 1, 'x') }, 'x'],
    [sub { $http->command('XREAD', 'STREAMS', 's', 0) }, 's'],
    [sub { $http->command('BITOP', 'NOT', 'd', 's') },   'd'],
    [sub { $http->command('SET', "a \"b\\\n%\x{e9}", 1) },
                                      'a%20%22b%5C%0A%25%E9'],
    [sub { $http->command('GET', 'y' x 300) },           'y' x 256 . '...'],
    [sub { $http->command('PING') },                     '-'],
    [sub { $http->command('GET') },                      '-'],
    [sub { $http->command('EVAL', 'return 1', 'x') },    '-'],
    [sub { $http->post('[["PING"],["GET","p"]]', uri => '/pipeline') },
                                                         'p'],
    [sub { $http->post('[["INCR","m"]]', uri => '/multi-exec') }, 'm'],
);

$_->[0]->() for @requests;
wait_for(10, sub { (() = $ngx->access_log =~ /\n/g) == @requests });

@lines = split /\n/, $ngx->access_log;

for my $i (0 .. $#requests) {
    my ($key, $time) = split / /, $lines[$i];

    is($key, $requests[$i][1], "the key $requests[$i][1]");
    like($time, qr/^\d+\.\d{3}$/, 'and a time');
}

$http->post('[');
wait_for(10, sub { (() = $ngx->access_log =~ /\n/g) > @requests });
is((split /\n/, $ngx->access_log)[-1], '- -', 'no command has neither');

$http->close;
$ngx->stop;


# --- connections over RESP ---

# The line that the log has of a connection, when it has ended.
sub line_of {
    my ($end) = @_;
    my $lines = () = $ngx->access_log =~ /\n/g;

    $end->();
    wait_for(10, sub { (() = $ngx->access_log =~ /\n/g) > $lines });

    return (split /\n/, $ngx->access_log)[-1];
}


sub stream_of {
    my ($format, %options) = @_;
    $ngx = KS::Nginx->start(
        stream => "log_format s '$format'; access_log %DIR%/access.log s;",
        resp => '', %options);
}


# The commands are sent at once; the connection ends when all were answered.
sub connection {
    my (@commands) = @_;
    my $r = $ngx->resp(token => undef);

    $r->replies(@commands);

    return line_of(sub { $r->close });
}

my $token = $KS::Nginx::TOKEN;

stream_of('$keyspace_user $keyspace_commands $keyspace_time',
          zone => 'user app { token app-secret; rights "+@all ~*"; }');

like(connection(['AUTH', $token], ['SET', 'k', 'v'], ['GET', 'k']),
     qr/^default 3 \d+\.\d{3}$/, 'who, how many, how long');
like(connection(['AUTH', $token], ['AUTH', 'app', 'app-secret']),
     qr/^app 2 \d+\.\d{3}$/, 'who has logged in last');
like(connection(['PING'], ['GET', 'k']), qr/^- 2 /,
     'commands that are refused, of nobody');
like(connection(['AUTH', $token], ['NOSUCH'], ['MULTI'], ['INCR', 'n'],
                ['INCR', 'n'], ['EXEC']),
     qr/^default 6 /, 'those of a transaction, each');
like(connection(['AUTH', $token], map { ['INCR', 'n'] } 1 .. 1000),
     qr/^default 1001 /, 'a long pipeline');

my $r = $ngx->resp(token => undef);
is(line_of(sub { $r->close }), '- 0 -', 'none');

$r = $ngx->resp;
like(line_of(sub { $r->run('QUIT') }), qr/^default 2 /, 'QUIT is a command');

# one that waits for a key takes the time of its work

$r = $ngx->resp;
like(line_of(sub { $r->run('BLPOP', 'empty', '0.3'); $r->close }),
     qr/^default 2 (\d+)\.\d{3}$/, 'one that waits, once');
my ($waited) = (split /\n/, $ngx->access_log)[-1] =~ / (\d+)\./;
cmp_ok($waited, '<', 300_000, '... whose waiting is no part of the time');

$ngx->stop;

stream_of('$keyspace_commands');
is(connection(['AUTH', $token], ['PING']), '2', 'the number alone');
$ngx->stop;

done_testing;
