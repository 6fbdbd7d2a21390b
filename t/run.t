# keyspace_run: commands that requests run for their effect.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);

my $ngx = KS::Nginx->start(
    workers => 2,
    server => <<'CONF',
        keyspace_run main incr hits;
        keyspace_run main incr once phase=access;
        error_page 404 = @missing;
CONF
    locations => <<'CONF',
        location / { keyspace_run off; keyspace_rest main; }
        location /page {
            keyspace_run main zincrby top 1 $uri;
            keyspace_run main hincrby bytes $status $bytes_sent;
            keyspace_run main xadd log * uri $uri args $args if=$arg_log;
            keyspace_run main incr before phase=access;
            try_files /none /inner;
        }
        location /inner { internal; keyspace_run main incr inner;
                          keyspace_run main incr before phase=access;
                          empty_gif; }
        location = /counted { empty_gif; }
        location = /wrong { keyspace_run main lpush text x; return 204; }
        location = /twice { try_files /none @twice; }
        location @twice { empty_gif; }
        location = /told {
            keyspace_run main publish news $arg_m;
            keyspace_run main eval "return redis.call('append', KEYS[1], ARGV[1])" 1 script $arg_m;
            return 204;
        }
        location @missing { return 200 missing; }
CONF
);
my $http = $ngx->client;

sub get { $http->request('GET', $_[0])->{status} }
sub value { $http->run(@_) // 'none' }

# It runs after the response: a client may be faster.
sub comes {
    my ($expected, $name, @command) = @_;

    wait_for(30, sub { value(@command) eq $expected });
    is(value(@command), $expected, $name);
}

is(get('/counted'), 200, 'a request');
comes(1, 'is counted after its response', 'GET', 'hits');
get('/counted') for 1 .. 9;
comes(10, 'and ten', 'GET', 'hits');

is(value('EXISTS', 'top'), 0, 'other locations have run nothing');

get('/page/a?log=1');
get('/page/a?log=0');
get('/page/b');
comes(3, 'the location that answers counts', 'GET', 'inner');
is(value('GET', 'before'), 6, 'each run before the content is its own');
is(value('EXISTS', 'top'), 0, 'that of the location before it does not');
is(value('GET', 'hits'), 10, 'nor does that of the server');

$http->run('DEL', 'once');
get('/twice');
comes(11, 'a request that is redirected', 'GET', 'hits');
is(value('GET', 'once'), 1, 'runs once what both locations inherit');

my $told = $http->run('APPEND', 'text', 'x');
$ngx->allow(qr/"lpush" in keyspace zone "main" failed: WRONGTYPE/);
is(get('/wrong'), 204, 'a failure does not touch the response');
wait_for(30, sub { value('INFO', 'stats') =~ /keyspace_run_errors:1\r/ });
like(value('INFO', 'stats'), qr/keyspace_run_errors:1\r/, 'and is counted');

get("/told?m=$_") for qw(a b c);
comes('abc', 'a script', 'GET', 'script');

$http->close;
$ngx->stop;

# --- what is refused ---

sub refused {
    my ($line, $why, $name) = @_;
    my ($code, $out) = KS::Nginx->check(server => $line);

    ok($code != 0 && $out =~ $why, $name) or diag($out);
}

refused('keyspace_run main get k;', qr/"get" changes nothing/, 'a reading one');
refused('keyspace_run main blpop k 0;', qr/"blpop" changes nothing/,
        'one that waits');
refused('keyspace_run main subscribe c;', qr/"subscribe" changes nothing/,
        'one of a connection');
refused('keyspace_run main multi;', qr/"multi" changes nothing/, 'MULTI');
refused('keyspace_run main nosuch k;', qr/unknown command "nosuch k"/,
        'an unknown one');
refused('keyspace_run main incr;', qr/wrong number of arguments/,
        'too few arguments');
refused('keyspace_run main;', qr/names no command/, 'no command');
refused('keyspace_run off; keyspace_run main incr k;', qr/is "off" already/,
        'off, and yet');
refused('keyspace_run main incr k; keyspace_run off;', qr/is duplicate/,
        'and then off');
refused('keyspace_run main incr k if=$nosuch;', qr/unknown "nosuch" variable/,
        'an unknown variable');

done_testing;
