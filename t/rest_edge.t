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



# an error in JSON, with a text that fits the pattern
sub json_error {
    my ($name, $r, $status, $text) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $status, "$name: $status");
    like($r->{body}, qr/^\{"error":"ERR $text[^"]*"\}$/, '... in JSON');
    is($r->{headers}{'content-type'}, 'application/json', '... that says so');
}


subtest 'what nginx answers itself' => sub {
    my $ngx = KS::Nginx->start(
        http => <<'CONF',
    client_max_body_size 1k;
    client_body_buffer_size 1k;
    large_client_header_buffers 2 2k;
    client_header_timeout 2s;
    limit_req_zone $server_port zone=lr:1m rate=1r/m;
    keyspace_limit_rule few zone=main key=$server_port rate=1r/h;
CONF
        server => 'keyspace_cors *; error_page 404 /own;',
        locations => <<'CONF');
        location / { keyspace_rest main; }
        location /denied/ { deny all; keyspace_rest main; }
        location /limited/ { keyspace_limit few; keyspace_rest main; }
        location /limit_req/ { limit_req zone=lr; keyspace_rest main; }
        location /full/ {
            client_body_in_file_only on;
            client_body_temp_path %DIR%/full;
            keyspace_rest main;
        }
        location /password/ {
            auth_basic here;
            auth_basic_user_file %DIR%/none;
            keyspace_rest main;
        }
        location /text/ { return 403 "a text"; keyspace_rest main; }
        location /page/ {
            error_page 403 /own;
            deny all;
            keyspace_rest main;
        }
        location = /own { return 200 "a page"; }
        location /html/ { deny all; }
CONF
    my $http = $ngx->client;
    my $origin = 'Origin: https://app.example';
    my $get = sub {
        my ($path, @o) = @_;
        my $c = $ngx->client;
        return $c->request('GET', $path, headers => [$origin], @o);
    };

    my $r = $get->('/denied/get/k');
    json_error('deny', $r, 403, 'nginx refuses');
    is($r->{headers}{'access-control-allow-origin'}, '*', '... for any page');
    like($r->{headers}{'upstash-sync-token'}, qr/^\d+$/, '... with a token');

    json_error('deny as RESP2 would have it', $ngx->client->request('GET',
        '/denied/x', headers => ['Upstash-Response-Format: JSON']), 403, '');
    is($ngx->client->request('GET', '/denied/x', headers =>
       ['Upstash-Response-Format: resp2'])->{body},
       "-ERR nginx refuses access to this location\r\n", 'in RESP2');

    $r = $ngx->client->request('HEAD', '/denied/x');
    is("$r->{status} $r->{body}", '403 ', 'HEAD has no body');
    cmp_ok($r->{headers}{'content-length'}, '<', 100, '... and its length');

    is($get->('/limited/ping')->{status}, 200, 'within the limit');
    $r = $get->('/limited/ping');
    json_error('keyspace_limit', $r, 429, 'too many');
    like($r->{headers}{'retry-after'}, qr/^\d+$/, '... keeps Retry-After');
    like($r->{headers}{'access-control-expose-headers'}, qr/Retry-After/,
         '... for pages to read');

    is($get->('/limit_req/ping')->{status}, 200, 'within limit_req');
    json_error('limit_req', $get->('/limit_req/ping'), 503, 'nginx cannot');

    $ngx->allow(qr/full|none/);
    rmdir $ngx->dir . '/full';
    KS::Proc::spew($ngx->dir . '/full', 'no directory');
    json_error('a body that cannot be kept',
               $ngx->client->post('["PING"]', uri => '/full/'), 500, 'nginx');

    my $basic = $get->('/password/ping', token => undef);
    json_error('auth_basic', $basic, 401, 'nginx asks');

    $r = $ngx->client->post('x' x 2000);
    json_error('a body that is too large', $r, 413,
               'the request body is too large');
    $r = $ngx->client->request('POST', '/', chunks => ['x' x 2000]);
    json_error('in chunks', $r, 413, 'the request body is too large');

    json_error('a URI that is too long', $get->('/echo/' . 'x' x 9000), 414,
               'the URI is too long: ');
    json_error('a field that is too long', $ngx->client->request('GET',
        '/ping', headers => ['X-Long: ' . 'x' x 9000]), 400, 'nginx cannot');
    unlike($get->('/html/' . 'x' x 9000)->{body}, qr/^\{/,
           '... and not where another location is meant');

    is($get->('/text/x')->{body}, 'a text', 'a text of the configuration');
    is($get->('/page/x')->{body}, 'a page', 'a page of the configuration');
    like($get->('/html/x')->{body}, qr/^<html>/, 'HTML elsewhere');

    my $c = $ngx->client;
    $c->send($c->build('POST', '/denied/', body => '["PING"]')
             . $c->build('POST', '/', body => '["ECHO","next"]'));
    is($c->response('POST')->{status}, 403, 'a refusal with a body');
    is($c->response('POST')->{body}, '{"result":"next"}',
       '... leaves nothing behind');

    $http->close;
    $ngx->stop;
};


subtest 'CORS' => sub {
    my $ngx = KS::Nginx->start(locations => <<'CONF');
        location / {
            keyspace_cors https://app.example http://localhost:3000;
            keyspace_rest main;
        }
        location /any/ { keyspace_cors *; keyspace_rest main; }
        location /none/ { keyspace_rest main; }
CONF
    my $http = $ngx->client;
    my $cors = sub {
        my ($method, $path, $origin, @headers) = @_;
        my $r = $http->request($method, $path, headers =>
            [$origin ? "Origin: $origin" : (), @headers],
            $method eq 'OPTIONS' ? (token => undef) : ());
        my $h = $r->{headers};
        return join ' ', $r->{status}, map { $_ // '-' }
            $h->{'access-control-allow-origin'}, $h->{vary};
    };
    my @preflight = ('Access-Control-Request-Method: POST',
                     'Access-Control-Request-Headers: authorization, '
                     . 'content-type, upstash-telemetry-sdk');

    for my $origin ('https://app.example', 'http://localhost:3000') {
        is($cors->('GET', '/ping', $origin), "200 $origin Origin", $origin);
        is($cors->('GET', '/nosuch', $origin), "400 $origin Origin",
           '... an error');
        is($cors->('OPTIONS', '/pipeline', $origin, @preflight),
           "204 $origin Origin", '... a preflight');
    }

    is($http->request('GET', '/ping', token => 'x', headers =>
       ['Origin: https://app.example'])->{headers}
       {'access-control-allow-origin'}, 'https://app.example', 'a 401');

    for my $origin ('https://other.example', 'https://app.example.evil',
                    'https://app.exampl', 'http://app.example', 'null')
    {
        is($cors->('GET', '/ping', $origin), '200 - Origin', $origin);
        is($cors->('OPTIONS', '/', $origin, @preflight), '403 - Origin',
           '... a preflight');
    }

    is($cors->('GET', '/ping', undef), '200 - Origin', 'no origin');
    is($cors->('GET', '/any/ping', 'https://x'), '200 * -', 'any');
    is($cors->('OPTIONS', '/any/', 'https://x', @preflight), '204 * -',
       '... a preflight');
    is($cors->('GET', '/none/ping', 'https://x'), '200 - -', 'off');
    is($cors->('OPTIONS', '/none/', 'https://x', @preflight), '405 - -',
       '... a preflight');
    is($cors->('OPTIONS', '/any/', undef), '405 - -', 'OPTIONS alone');

    my $r = $http->request('OPTIONS', '/', token => undef, headers =>
                           ['Origin: https://app.example', @preflight]);
    is($r->{headers}{'access-control-allow-headers'},
       'authorization, content-type, upstash-telemetry-sdk', 'the fields');
    is($r->{headers}{'access-control-allow-methods'}, 'GET, HEAD, POST, PUT',
       'the methods');
    ok(!exists $r->{headers}{'access-control-allow-credentials'},
       'no cookies');

    $http->close;
    $ngx->stop;

    for (['https://app.example/', qr/ends with the host/],
         ['app.example', qr/is like https/], ['https://*.example', qr/wildcard/],
         ['* https://a.example', qr/leave out/])
    {
        my ($args, $words) = @$_;
        my ($code, $said) = KS::Nginx->check(http => "keyspace_cors $args;");
        isnt($code, 0, "keyspace_cors $args: refused");
        like($said, $words, '... with these words');
    }
};


subtest 'sync tokens' => sub {
    my $ngx = KS::Nginx->start;
    my $http = $ngx->client;
    my $last = 0;

    for my $bad (0, 1) {
        for my $uri ('/', '/pipeline', '/multi-exec') {
            my $body = $bad ? '[' : $uri eq '/' ? '["PING"]' : '[["PING"]]';
            my $r = $http->post($body, uri => $uri, headers =>
                                ["upstash-sync-token: $last"]);
            my $token = $r->{headers}{'upstash-sync-token'};

            is($r->{status}, $bad ? 400 : 200, "$uri $body");
            like($token, qr/^\d+$/, '... a token');
            cmp_ok($token, '>=', $last, '... not before the one before');
            $last = $token;
        }
    }

    is($http->post('["PING"]', headers => ['upstash-sync-token: x y'])
       ->{status}, 200, 'any token is accepted');

    $http->close;
    $ngx->stop;
};


subtest 'requests of other forms' => sub {
    my $ngx = KS::Nginx->start;
    my $http = $ngx->client;
    my $bom = "\xef\xbb\xbf";

    $http->run('SET', 'k', 'v');

    for my $slash ('', '/') {
        answer("/pipeline$slash", $http->post('[["GET","k"]]',
               uri => "/pipeline$slash"), 200, '[{"result":"v"}]');
        answer("/multi-exec$slash", $http->post('[["GET","k"]]',
               uri => "/multi-exec$slash"), 200, '[{"result":"v"}]');
    }

    answer('JSON behind a BOM', $http->post("$bom\[\"GET\",\"k\"]"), 200,
           '{"result":"v"}');
    answer('text behind a BOM', $http->post("${bom}GET k"), 200,
           '{"result":"v"}');
    answer('a pipeline behind a BOM', $http->post("$bom\[[\"GET\",\"k\"]]",
           uri => '/pipeline'), 200, '[{"result":"v"}]');
    answer('a value keeps its BOM', $http->post("${bom}v", uri => '/set/b'),
           200, '{"result":"OK"}');
    answer('... all of it', $http->request('GET', '/strlen/b'), 200,
           '{"result":4}');
    answer('UTF-16', $http->post("\xfe\xff\0[\0]"), 400,
           qr/the body is in UTF-16/);

    answer('a pipeline to the base URL', $http->post('[["GET","k"]]'), 400,
           qr{^\{"error":"ERR .*/pipeline or /multi-exec"\}$});
    answer('a command to /pipeline', $http->post('["GET","k"]',
           uri => '/pipeline'), 400, qr/base URL/);
    answer('GET /pipeline', $http->request('GET', '/pipeline'), 400,
           qr/the body of a POST/);

    for my $coding ('gzip', 'br', 'deflate') {
        answer($coding, $http->post("\x1f\x8b\x08\0", headers =>
               ["Content-Encoding: $coding"]), 415, qr/Content-Encoding/);
    }
    answer('identity', $http->post('["GET","k"]', headers =>
           ['Content-Encoding: identity']), 200, '{"result":"v"}');
    answer('multipart', $http->post("--x\r\n\r\nv\r\n--x--", uri => '/set/k',
           headers => ['Content-Type: multipart/form-data; boundary=x']), 415,
           qr/multipart/);
    answer('... stores nothing', $http->request('GET', '/get/k'), 200,
           '{"result":"v"}');
    answer("curl's -d", $http->post('GET k', headers =>
           ['Content-Type: application/x-www-form-urlencoded']), 200,
           '{"result":"v"}');

    answer('a token without Bearer', $http->post('["PING"]', token => undef,
           headers => ["Authorization: $TOKEN"]), 401,
           qr/^\{"error":"WRONGPASS .*Authorization: Bearer TOKEN/);

    my @resp2 = ('Upstash-Response-Format: resp2');

    for (['Upstash-Response-Format: resp3'], ['Upstash-Encoding: gzip'],
         [@resp2, 'Upstash-Encoding: base64'])
    {
        for my $uri ('/', '/pipeline', '/multi-exec') {
            my $r = $http->post('[["SET","k","no"]]', uri => $uri,
                                headers => $_);
            is($r->{status}, 400, "@$_ $uri");
            like($r->{body}, qr/ERR Upstash-/, '... says why');
        }
    }
    is($http->run('GET', 'k'), 'v', 'and nothing was done');

    answer('/multi-exec stays JSON', $http->post('[["GET","k"]]',
           uri => '/multi-exec', headers => \@resp2), 200,
           '[{"result":"v"}]');
    answer('... a text of several too', $http->post("GET k\nGET k",
           headers => \@resp2), 200, '[{"result":"v"},{"result":"v"}]');
    answer('/pipeline is RESP2', $http->post('[["GET","k"]]',
           uri => '/pipeline', headers => \@resp2), 200, "*1\r\n\$1\r\nv\r\n");

    $http->close;
    $ngx->stop;
};


subtest 'commands as Upstash has them' => sub {
    my $ngx = KS::Nginx->start;
    my $http = $ngx->client;
    my %type = (s => 'string', l => 'list', h => 'hash', z => 'zset');

    $http->run('SET', 's', 1);
    $http->run('RPUSH', 'l', 1);
    $http->run('HSET', 'h', 'f', 1);
    $http->run('ZADD', 'z', 1, 'm');

    for my $words (['WITHTYPE'], ['COUNT', 100, 'WITHTYPE'],
                   ['withtype', 'MATCH', '*'])
    {
        my $v = $http->run('SCAN', 0, @$words);
        is_deeply({@{$v->[1]}}, \%type, "SCAN @$words");
    }
    is_deeply($http->run('SCAN', 0, 'TYPE', 'hash', 'WITHTYPE'),
              ['0', ['h', 'hash']], 'SCAN TYPE WITHTYPE');
    is_deeply($http->run('SCAN', 0, 'TYPE', 'hash'), ['0', ['h']],
              'SCAN without');

    is($http->run('CLIENT', 'SETINFO', 'LIB-NAME', 'x'), 'OK', 'SETINFO');
    like($http->error('CLIENT', 'SETINFO', 'LIB-NAME', 'x y'),
         qr/cannot contain spaces/, '... of a bad name');
    like($http->error('CLIENT', 'SETINFO', 'NOSUCH', 'x'),
         qr/Unrecognized option/, '... of nothing');
    my $id = $http->run('CLIENT', 'ID');
    cmp_ok($id, '>', 0, 'ID');
    cmp_ok($http->run('CLIENT', 'ID'), '>', $id, '... of each request');
    like($http->run('CLIENT', 'INFO'), qr/^id=\d+ addr=127\.0\.0\.1:\d+ .* cmd=client\|info /,
         'INFO');
    is($http->run('CLIENT', 'GETNAME'), undef, 'GETNAME');

    for (['[["SET","k","v"],["NOSUCH","x"]]',
          "Command 2: ERR unknown command 'NOSUCH', with args beginning with: "
          . "'x' "],
         ['[["GET"]]',
          "Command 1: ERR wrong number of arguments for 'get' command"],
         ['[["SET","k","v"],["GET","k"],["WATCH","k"]]',
          "Command 3: ERR 'watch' is for connections that stay open (RESP)"])
    {
        my ($body, $why) = @$_;
        answer($body, $http->post($body, uri => '/multi-exec'), 400,
               '{"error":"EXECABORT Transaction discarded because of previous '
               . "errors. $why\"}");
    }
    answer('a read-only token', $http->post('[["SET","k","v"]]',
           uri => '/multi-exec', token => $KS::Nginx::READONLY), 400,
           qr/errors\. Command 1: NOPERM .*'set' command"\}$/);
    is($http->run('EXISTS', 'k'), 0, 'and nothing was done');

    $http->close;
    $ngx->stop;
};


subtest 'no token stands in a log' => sub {
    my $secret = 'Sup3r-s3cret-t0ken';
    my $ngx = KS::Nginx->start(tokens => "token $secret;",
        http => "client_max_body_size 1k;\nlarge_client_header_buffers 2 2k;\n"
                . 'client_header_timeout 1s;',
        log_format => '$status $request_method [$request] [$request_uri] '
                      . '[$args] [$arg__token] $server_protocol');
    my $get = sub { $ngx->client(token => undef)->request(@_) };

    is($get->('GET', "/ping?_token=$secret")->{status}, 200, 'a request');
    is($get->('POST', "/?a=1&_token=$secret&b=2", body => 'x' x 2000)
       ->{status}, 413, 'a body that is too large');
    is($get->('GET', "/ping?_token=$secret", headers =>
       ['X-Long: ' . 'x' x 9000])->{status}, 400, 'a field too large');
    is($get->('GET', "/ping?_token=$secret&x=" . 'x' x 9000)->{status}, 414,
       'a URI too long');
    is($get->('GET', "/ping?_token=$secret", headers => ['Host: a', 'Host: b'])
       ->{status}, 400, 'two hosts');
    is($get->('GET', "/ping?_token=$secret", version => '9.9')->{status}, 505,
       'another HTTP');

    my $c = $ngx->client;
    $c->send("GET /ping?_token=$secret HTTP/1.1\r\nHost: localhost\r\n");
    $c->fill;                           # until nginx has waited enough

    ok(wait_for(20, sub { (() = $ngx->access_log =~ /\n/g) >= 7 }), 'the log');

    my $log = $ngx->access_log;
    unlike($log, qr/\Q$secret\E/, 'no token') or diag($log);
    unlike($log, qr/\*\*/, 'nor its length') or diag($log);
    like($log, qr{^200 GET \[GET /ping\?_token=\* HTTP/1.1\] \[/ping\?_token=\*\] \[_token=\*\] \[\*\] HTTP/1.1$}m,
         'a line of a request') or diag($log);
    like($log, qr{^413 POST \[POST /\?a=1&_token=\*&b=2 HTTP/1.1\]}m,
         '... of a body too large');
    $ngx->stop;
};


done_testing;
