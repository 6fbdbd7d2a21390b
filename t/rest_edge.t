# REST amid other directives and modules: rewrites, subrequests, preconditions,
# and what nginx itself answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture wait_for);

my $TOKEN = $KS::Nginx::TOKEN;

# name, response, status, body
sub answer {
    my ($name, $r, $status, $body) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    if (ref $body) {
        is($r->{status}, $status, $name);
        like($r->{body}, $body, '... and what it says');
        return;
    }

    is("$r->{status} $r->{body}", "$status $body", $name);
}


sub module_path {
    my ($name) = @_;
    my $said = (capture(30, KS::Nginx::environment(),
                        KS::Nginx::binary_path(), '-V'))[1];
    my ($path) = $said =~ /--modules-path=(\S+)/;

    return grep { -e } "$path/$name";
}


subtest 'rewrites' => sub {
    my $ngx = KS::Nginx->start(locations => <<'CONF');
        location / { keyspace_rest main; }
        location /api/ {
            rewrite ^/api/v1/(.*)$ /$1 break;
            rewrite ^/api/v2/(.*)$ /api/$1 break;
            rewrite ^/api/body$    /x break;
            keyspace_rest main;
        }
        location /bare {
            rewrite ^/bare(.*)$ $1 break;
            keyspace_rest main;
        }
        location /other/ {
            rewrite ^/other/(.*)$ /api/$1 last;
        }
CONF
    my $http = $ngx->client;
    my $key = 'a/b c';

    $http->run('SET', $_, "value of $_") for 'flushall', 'k', $key;

    for my $path ('/api', '/api/v1', '/api/v2', '/bare', '/other', '/other/v1')
    {
        answer("$path: GET of a key", $http->request('GET',
               "$path/get/flushall"), 200, '{"result":"value of flushall"}');
        answer('... no other command', $http->request('GET', "$path/flushall"),
               200, '{"result":"OK"}');
        $http->run('SET', $_, "value of $_") for 'flushall', 'k', $key;
        answer('... MSET by a body', $http->request('POST', "$path/set/k",
               body => 'new'), 200, '{"result":"OK"}');
        answer('... /pipeline', $http->request('POST', "$path/pipeline",
               body => '[["GET","k"]]'), 200, '[{"result":"new"}]');
    }

    answer('what is shorter than the prefix is no empty path',
           $http->request('POST', '/api/body', body => '["GET","k"]'), 400,
           qr/^\{"error":"ERR unknown command 'x'/);

    $http->close;
    $ngx->stop;
};


subtest 'preconditions mean nothing' => sub {
    my $ngx = KS::Nginx->start;
    my $http = $ngx->client;

    for my $field ('If-Match: "abc"', 'If-None-Match: *', 'If-None-Match: "x"',
                   'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
                   'If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT',
                   'Range: bytes=0-0', 'If-Range: "x"')
    {
        answer($field, $http->post('["ECHO","x"]', headers => [$field]), 200,
               '{"result":"x"}');
        answer('... by GET', $http->request('GET', '/echo/x',
               headers => [$field]), 200, '{"result":"x"}');
    }

    $http->close;
    $ngx->stop;
};


subtest 'subrequests' => sub {
    my ($echo) = module_path('ngx_http_echo_module.so');
    my $ngx = KS::Nginx->start(
        main => $echo ? "load_module $echo;" : '',
        http => 'client_body_buffer_size 8k;',
        locations => <<'CONF' . ($echo ? <<'ECHO' : ''),
        location / { keyspace_rest main; }
        location = /auth { internal; keyspace_rest main; }
        location /guarded/ {
            auth_request /get/allowed;
            rewrite ^/guarded(.*)$ $1 break;
            keyspace_rest main;
        }
        location /mirrored/ {
            mirror /copy/;
            keyspace_rest main;
        }
        location /copy/ { internal; keyspace_rest main; }
CONF
        location = /own {
            echo_subrequest POST /kv/ -b '["SET","own","of the subrequest"]';
        }
        location = /own-path {
            echo_subrequest POST /kv/set/own-path -b 'its value';
        }
        location = /none {
            echo_read_request_body;
            echo_subrequest GET /kv/get/own;
        }
        location /kv/ { internal; keyspace_rest main; }
ECHO
    );
    my $http = $ngx->client;

    $http->run('SET', 'allowed', 'yes');
    $http->run('SET', 'n', 0);

    answer('auth_request takes nothing of the body',
           $http->post('["INCR","n"]', uri => '/guarded/'), 200,
           '{"result":1}');

    answer('a mirror', $http->post('["INCR","n"]', uri => '/mirrored/'), 200,
           qr/^\{"result":[23]\}$/);
    ok(wait_for(20, sub { $http->run('GET', 'n') == 3 }),
       '... does what it mirrors');

    if ($echo) {
        for my $main (undef, '["SET","main","x"]') {
            $http->run('DEL', 'own', 'own-path', 'main');

            my $name = $main ? 'beside another body' : 'alone';
            my $r = $http->request('POST', '/own', body => $main);
            like($r->{body}, qr/\{"result":"OK"\}/, "a body of its own, $name");
            is($http->run('GET', 'own'), 'of the subrequest', '... is taken');

            $r = $http->request('POST', '/own-path', body => $main);
            like($r->{body}, qr/\{"result":"OK"\}/, '... and behind a path');
            is($http->run('GET', 'own-path'), 'its value', '... is taken');

            $r = $http->request('POST', '/none', body => $main);
            like($r->{body}, qr/\{"result":"of the subrequest"\}/,
                 'without one');
            is($http->run('EXISTS', 'main'), 0, '... the other is left alone');
        }
    }

    $http->close;
    $ngx->stop;
};


done_testing;
