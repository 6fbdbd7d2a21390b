# REST: every form of a request and of a reply, and every status.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use Test::More;

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture spew slurp);

my $TOKEN = $KS::Nginx::TOKEN;
my $READONLY = $KS::Nginx::READONLY;

my $ngx = KS::Nginx->start(
    size      => '16m',
    zone      => 'script_timeout 60s;',    # a busy machine is slow
    http      => <<'CONF',
    client_max_body_size 1m;
    client_body_buffer_size 16k;
    large_client_header_buffers 4 32k;
CONF
    server    => 'listen 127.0.0.1:%PORT2% http2;',
    locations => <<'CONF',
        location / { keyspace_rest main; }
        location /redis/ { keyspace_rest main; }
        location /kv { keyspace_rest main; }
        location = /exact { keyspace_rest main; }
        location /file/ {
            client_body_in_file_only clean;
            keyspace_rest main;
        }
CONF
);

my $http = $ngx->client;


# name, response, status, body
sub answer {
    my ($name, $r, $status, $body) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is("$r->{status} $r->{body}", "$status $body", $name);
}


sub body_of {
    return '{"result":' . $_[0] . '}';
}


subtest 'a JSON array' => sub {
    my $r = $http->post('["SET","foo","bar"]');

    answer('SET', $r, 200, '{"result":"OK"}');
    like($r->{headers}{'content-type'}, qr{^application/json\b},
         'its content type');
    is($r->{headers}{'content-length'}, length $r->{body}, 'its length');

    answer('GET', $http->post('["GET","foo"]'), 200, '{"result":"bar"}');
    answer('any case', $http->post('["gEt","foo"]'), 200, '{"result":"bar"}');
    answer('a missing key', $http->post('["GET","none"]'), 200,
           '{"result":null}');
    answer('an integer', $http->post('["STRLEN","foo"]'), 200,
           '{"result":3}');
    answer('an array', $http->post('["MGET","foo","none"]'), 200,
           '{"result":["bar",null]}');
    answer('an empty array', $http->post('["KEYS","nothing*"]'), 200,
           '{"result":[]}');
    answer('a nested array', $http->post('["SCAN",0,"MATCH","nothing*",'
                                         . '"COUNT",1000000]'), 200,
           '{"result":["0",[]]}');
    answer('white space', $http->post(" \r\n\t[ \"GET\" ,\n\"foo\" ] \n"),
           200, '{"result":"bar"}');
    answer('a request with PUT', $http->request('PUT', '/',
           body => '["GET","foo"]'), 200, '{"result":"bar"}');
};


subtest 'elements of other types' => sub {
    for my $n (qw(12345678901234567890 1e3 -0 0.10 1E+2
                  123456789012345678901234567890.5))
    {
        $http->post(qq(["SET","n",$n]));
        answer("the number $n is its text", $http->post('["GET","n"]'), 200,
               qq({"result":"$n"}));
    }

    for my $word (qw(true false)) {
        $http->post(qq(["SET","n",$word]));
        answer($word, $http->post('["GET","n"]'), 200,
               qq({"result":"$word"}));
    }

    for my $bad ('null', '{}', '{"a":1}', '["a"]', '01', '+1', 'nan', '.5',
                 '1.', 'True')
    {
        my $r = $http->post(qq(["SET","n",$bad]));
        is($r->{status}, 400, "$bad is refused");
        like($r->{body}, qr/^\{"error":"ERR /, '... with an error');
    }
};


subtest 'strings' => sub {
    my %text = (
        'escapes'           => ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', "\"\\/\b\f\n\r\t"],
        'a NUL'             => ['"a\\u0000b"', "a\0b"],
        'two bytes'         => ['"\\u00e9"', "\xc3\xa9"],
        'three bytes'       => ['"\\u20AC"', "\xe2\x82\xac"],
        'a surrogate pair'  => ['"\\ud83d\\uDE00"', "\xf0\x9f\x98\x80"],
        'raw UTF-8'         => ["\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"],
        'DEL'               => ["\"\x7f\"", "\x7f"],
        'nothing'           => ['""', ''],
    );

    for my $name (sort keys %text) {
        my ($json, $bytes) = @{$text{$name}};

        answer("$name in", $http->post(qq(["SET","s",$json])), 200,
               '{"result":"OK"}');
        is($http->post('["GET","s"]',
                       headers => ['Upstash-Response-Format: resp2'])->{body},
           '$' . length($bytes) . "\r\n$bytes\r\n", "$name stored");
        is($http->run('GET', 's'), do { utf8::decode(my $s = $bytes); $s },
           "$name out");
    }

    my $all = join '', map { chr } 0 .. 255;
    my $r = $http->request('POST', '/set/all', body => $all);

    answer('every byte, as a body', $r, 200, '{"result":"OK"}');
    is($http->post('["GET","all"]',
                   headers => ['Upstash-Response-Format: resp2'])->{body},
       '$256' . "\r\n$all\r\n", 'comes back as RESP2');
    is($http->post('["GET","all"]',
                   headers => ['Upstash-Encoding: base64'])->{body},
       body_of('"' . encode_base64($all, '') . '"'), 'and as base64');
    like($http->post('["GET","all"]')->{body}, qr/\xef\xbf\xbd/,
         'and with U+FFFD for what is not UTF-8');

    $http->request('POST', '/set/bad', body => "a\xffb");
    answer('one bad byte', $http->post('["GET","bad"]'), 200,
           "{\"result\":\"a\xef\xbf\xbdb\"}");

    # a string beyond every buffer, with a split character at each place
    my $long = ("x" x 4095) . ("\xe2\x82\xac" x 30000);
    $http->request('POST', '/set/long', body => $long);
    is($http->post('["GET","long"]')->{body}, "{\"result\":\"$long\"}",
       'a long string');
};


subtest 'command text' => sub {
    my @t = (
        ['SET t1 hello',                'OK'],
        ['GET t1',                      'hello'],
        ["  GET \t t1  \r\n\r\n",       'hello'],
        ["\n\nGET t1",                  'hello'],
        ['SET t2 "two words\x41\n"',    'OK'],
        ['GET t2',                      "two wordsA\n"],
        ["SET t3 'it\\'s \\n'",         'OK'],
        ['GET t3',                      "it's \\n"],
        ['SET t4 ""',                   'OK'],
        ['GET t4',                      ''],
        ['SET user:42 {"name": "Ada", "role": "admin } ] \" "} EX 300', 'OK'],
        ['GET user:42',     '{"name": "Ada", "role": "admin } ] \" "}'],
        ['SET list [1, [2, {"a" : "]"}],  3]',  'OK'],
        ['GET list',        '[1, [2, {"a" : "]"}],  3]'],
    );

    for (@t) {
        my ($text, $result) = @$_;
        my $r = $http->post($text);

        is($r->{status}, 200, "status of $text");
        is(KS::HTTP::decode($r)->{result}, $result, $text);
    }

    cmp_ok($http->run('TTL', 'user:42'), '>', 0, 'words after JSON count');

    for my $bad ('SET t1 "open', "SET t1 'open", 'SET t1 "a"b',
                 'SET t1 {"a":1', 'SET t1 [1,2', 'SET t1 [{"a":1}', "\r\n", '')
    {
        my $r = $http->post($bad);
        is($r->{status}, 400, "refused: [$bad]");
        like($r->{body}, qr/^\{"error":"ERR /, '... with an error');
    }

    is($http->run('GET', 't1'), 'hello', 'and without an effect');
};


subtest 'a path' => sub {
    answer('set', $http->request('GET', '/set/foo/bar2'), 200,
           '{"result":"OK"}');
    answer('get', $http->request('GET', '/get/foo'), 200,
           '{"result":"bar2"}');
    answer('POST without a body', $http->request('POST', '/get/foo'), 200,
           '{"result":"bar2"}');
    answer('PUT', $http->request('PUT', '/get/foo'), 200,
           '{"result":"bar2"}');

    answer('query parameters', $http->request('GET', '/set/p1/v1?EX=100&NX'),
           200, '{"result":"OK"}');
    cmp_ok($http->run('TTL', 'p1'), '>', 0, 'the TTL is there');
    answer('NX', $http->request('GET', '/set/p1/v2?EX=100&NX'), 200,
           '{"result":null}');

    $http->request('GET', '/set/a%2Fb/c%20d%0d%0a');
    is($http->run('GET', 'a/b'), "c d\r\n", '%2F, %20 and %0D%0A survive');

    is($ngx->client->request('GET', '/set/nul/a%00b')->{status}, 400,
       '%00 in a path does not get past nginx');
    answer('%00 in a parameter does',
           $http->request('GET', '/set/nul?a%00b'), 200, '{"result":"OK"}');
    is($http->run('GET', 'nul'), "a\0b", '... and survives');

    $http->request('GET', '/set/a+b/1+1');
    is($http->run('GET', 'a+b'), '1+1', 'a plus is a plus in a path');

    $http->request('GET', '/set/once/%2525');
    is($http->run('GET', 'once'), '%25', 'decoded once only');

    $http->request('GET', '/set/dots/..');
    is($http->run('GET', 'dots'), '..', '".." is a word');

    $http->request('GET', '/set/%2e%2e/x');
    is($http->run('GET', '..'), 'x', 'so it is when it is escaped');

    my $r = $http->request('GET', '/set/empty//');
    is($r->{status}, 400, 'SET of key, "" and "" is a syntax error');

    answer('an empty word', $http->request('GET', '/echo/'), 200,
           '{"result":""}');
    answer('an empty key', $http->request('GET', '/set//nokey'), 200,
           '{"result":"OK"}');
    is($http->run('GET', ''), 'nokey', 'has a value');

    answer('a body is the last argument',
           $http->request('POST', '/set/withbody', body => '["a b"] /?&'),
           200, '{"result":"OK"}');
    is($http->run('GET', 'withbody'), '["a b"] /?&', 'byte for byte');

    $http->request('POST', '/set/withboth?EX=100', body => 'v');
    is($http->run('GET', 'withboth'), 'v', 'parameters come after the body');
    cmp_ok($http->run('TTL', 'withboth'), '>', 0, '... and count');

    $r = $http->request('GET', '/');
    is($r->{status}, 400, 'no command at all');
    like($r->{body}, qr/^\{"error":"ERR /, '... is an error');

    $r = $http->request('GET', '/nosuch/a/b');
    answer('an unknown command', $r, 400, q({"error":"ERR unknown command )
           . q('nosuch', with args beginning with: 'a' 'b' "}));
};


subtest 'under another prefix' => sub {
    answer('a path', $http->request('GET', '/redis/set/pre/fix'), 200,
           '{"result":"OK"}');
    answer('a JSON array', $http->post('["GET","pre"]', uri => '/redis/'),
           200, '{"result":"fix"}');
    answer('a pipeline', $http->post('[["GET","pre"]]',
                                     uri => '/redis/pipeline'),
           200, '[{"result":"fix"}]');
    answer('a key that looks like the prefix',
           $http->request('GET', '/redis/echo/redis/'), 400,
           q({"error":"ERR wrong number of arguments for 'echo' command"}));
    answer('a base URL without a slash', $http->post('["GET","pre"]',
           uri => '/kv'), 200, '{"result":"fix"}');
    answer('... with one', $http->post('["GET","pre"]', uri => '/kv/'), 200,
           '{"result":"fix"}');
    answer('... with a path', $http->request('GET', '/kv/get/pre'), 200,
           '{"result":"fix"}');
    answer('... with a pipeline', $http->post('[["GET","pre"]]',
           uri => '/kv/pipeline'), 200, '[{"result":"fix"}]');
    is($http->request('GET', '/kvget/pre')->{status}, 400,
       'another word that begins alike');
    answer('an exact location', $http->post('["GET","pre"]', uri => '/exact'),
           200, '{"result":"fix"}');
};


subtest 'a pipeline' => sub {
    my $r = $http->post('[["SET","p","1"],["INCR","p"],["LPOP"],["GET","p"],'
                        . '["SET","s","x"],["INCR","s"]]',
                        uri => '/pipeline');

    answer('six commands', $r, 200, '[{"result":"OK"},{"result":2},'
           . q({"error":"ERR unknown command 'LPOP', with args beginning with: "},)
           . '{"result":"2"},{"result":"OK"},'
           . '{"error":"ERR value is not an integer or out of range"}]')
        if $http->command('LPOP')->{body} =~ /unknown command/;

    $r = $http->post('[["SET","p","1"],["INCR","p"],["SET","p"],["GET","p"]]',
                     uri => '/pipeline');
    answer('an error is one envelope of many', $r, 200,
           '[{"result":"OK"},{"result":2},'
           . q({"error":"ERR wrong number of arguments for 'set' command"},)
           . '{"result":"2"}]');

    answer('none', $http->post('[]', uri => '/pipeline'), 200, '[]');

    answer('in base64', $http->post('[["GET","p"],["SET","p","3"],["MGET","p"'
           . ',"none"]]', uri => '/pipeline',
           headers => ['Upstash-Encoding: base64']), 200,
           '[{"result":"Mg=="},{"result":"OK"},{"result":["Mw==",null]}]');

    answer('as RESP2', $http->post('[["GET","p"],["INCR"],["MGET","p","x"]]',
           uri => '/pipeline', headers => ['Upstash-Response-Format: resp2']),
           200, "*3\r\n\$1\r\n3\r\n-ERR wrong number of arguments for 'incr' "
           . "command\r\n*2\r\n\$1\r\n3\r\n\$-1\r\n");

    for my $bad ('', '{}', '["GET","p"]', '[["GET","p"],1]', '[[]]',
                 '[["GET","p"]', 'GET p')
    {
        $r = $http->post($bad, uri => '/pipeline');
        is($r->{status}, 400, "refused: [$bad]");
        like($r->{body}, qr/^\{"error":"ERR /, '... with one error');
    }

    # the clock that short reads share is read again behind what took long
    my $busy = 'local n = 0 for i = 1, 300000 do n = n + i % 7 end';

    is($http->post('[' . join(',', map { KS::HTTP::array(@$_) }
                   ['GET', 'p'], ['SET', 'p', 'short', 'PX', 1],
                   (['EVAL', $busy, 0]) x 3, ['GET', 'p']) . ']',
                   uri => '/pipeline')->{body},
       '[{"result":"3"},{"result":"OK"}' . ',{"result":null}' x 4 . ']',
       'a key that expires in a pipeline');

    my @many = map { ['SET', "m$_", "v$_"] } 1 .. 5000;
    my $sent = '[' . join(',', map { KS::HTTP::array(@$_) } @many) . ']';

    is($http->post($sent, uri => '/pipeline')->{body},
       '[' . join(',', ('{"result":"OK"}') x 5000) . ']', '5000 commands');
    is($http->run('GET', 'm4999'), 'v4999', '... were done');
};


subtest 'other forms of a reply' => sub {
    my @resp2 = (headers => ['Upstash-Response-Format: resp2']);

    my $r = $http->post('["SET","r","v"]', @resp2);
    answer('a status', $r, 200, "+OK\r\n");
    is($r->{headers}{'content-type'}, 'application/octet-stream',
       'its content type');

    answer('null', $http->post('["GET","none"]', @resp2), 200, "\$-1\r\n");
    answer('an integer', $http->post('["STRLEN","r"]', @resp2), 200,
           ":1\r\n");
    answer('an array', $http->post('["MGET","r","none"]', @resp2), 200,
           "*2\r\n\$1\r\nv\r\n\$-1\r\n");
    answer('an error', $http->post('["INCR","r"]', @resp2), 400,
           "-ERR value is not an integer or out of range\r\n");

    my @base64 = (headers => ['Upstash-Encoding: base64']);

    answer('base64 of a string', $http->post('["GET","r"]', @base64), 200,
           '{"result":"dg=="}');
    answer('OK stays OK', $http->post('["SET","r","v"]', @base64), 200,
           '{"result":"OK"}');
    answer('an integer stays', $http->post('["STRLEN","r"]', @base64), 200,
           '{"result":1}');
    answer('within an array', $http->post('["MGET","r","none"]', @base64),
           200, '{"result":["dg==",null]}');
    answer('another status', $http->post('["PING"]', @base64), 200,
           '{"result":"UE9ORw=="}');
    answer('an error stays', $http->post('["INCR","r"]', @base64), 400,
           '{"error":"ERR value is not an integer or out of range"}');

    for my $n (1 .. 7) {
        my $s = substr "\xff\0\x01\xfe\x80ab", 0, $n;
        $http->request('POST', '/set/b', body => $s);
        is($http->post('["GET","b"]', @base64)->{body},
           body_of('"' . encode_base64($s, '') . '"'), "$n bytes in base64");
    }
};


subtest 'the statuses' => sub {
    my $wrong = '{"error":"WRONGPASS invalid or missing auth token"}';

    answer('no token', $http->post('["PING"]', token => undef), 401, $wrong);
    answer('a wrong token', $http->post('["PING"]', token => 'x'), 401,
           $wrong);
    answer('a longer token', $http->post('["PING"]', token => "${TOKEN}x"),
           401, $wrong);
    answer('a shorter token', $http->post('["PING"]',
           token => substr($TOKEN, 0, -1)), 401, $wrong);
    answer('another scheme', $http->post('["PING"]', token => undef,
           headers => ["Authorization: Basic $TOKEN"]), 401, $wrong);
    answer('the scheme in any case', $http->post('["PING"]', token => undef,
           headers => ["Authorization: bearer $TOKEN"]), 200,
           '{"result":"PONG"}');

    answer('a token in the query', $http->request('GET',
           "/ping?_token=$TOKEN", token => undef), 200, '{"result":"PONG"}');
    answer('... which is no argument', $http->request('GET',
           "/set/tk/v?EX=10&_token=$TOKEN&NX", token => undef), 200,
           '{"result":"OK"}');
    answer('... escaped', $http->request('GET', '/ping?_token='
           . join('', map { sprintf '%%%02x', ord } split //, $TOKEN),
           token => undef), 200, '{"result":"PONG"}');
    answer('... wrong', $http->request('GET', '/ping?_token=no',
           token => undef), 401, $wrong);

    answer('a read-only token reads', $http->post('["GET","foo"]',
           token => $READONLY), 200, '{"result":"bar2"}');
    for my $write ('["SET","foo","no"]', '["DEL","foo"]', '["FLUSHALL"]',
                   '["KEYS","*"]', '["SCAN",0]', '["CONFIG","GET","*"]')
    {
        my $r = $http->post($write, token => $READONLY);
        is($r->{status}, 400, "it does not $write");
        like($r->{body}, qr/^\{"error":"NOPERM /, '... and says so');
    }
    is($http->run('GET', 'foo'), 'bar2', 'and nothing was changed');

    for my $method (qw(DELETE PATCH OPTIONS TRACE FOO)) {
        my $c = $ngx->client;
        my $r = $c->request($method, '/get/foo');
        is($r->{status}, 405, "$method");
    }

    my $r = $ngx->client->post('["SET","big","' . 'x' x 1100000 . '"]');
    is($r->{status}, 413, 'a body beyond client_max_body_size');

    answer('an error', $http->post('["INCR","foo"]'), 400,
           '{"error":"ERR value is not an integer or out of range"}');
};


subtest 'HEAD' => sub {
    my $r = $http->request('HEAD', '/get/foo');

    is("$r->{status} $r->{body}", '200 ', 'no body');
    is($r->{headers}{'content-length'}, length '{"result":"bar2"}',
       'the length that GET has');
    is($http->request('HEAD', '/get')->{status}, 400, 'of an error');
    is($http->run('GET', 'foo'), 'bar2', 'the connection goes on');
};


subtest 'how a body comes' => sub {
    my $big = 'v' x 200_000;

    answer('in chunks', $http->request('POST', '/',
           chunks => ['["SET",', '"chunked', '","', 'ok"]']), 200,
           '{"result":"OK"}');
    is($http->run('GET', 'chunked'), 'ok', '... is whole');

    answer('in a temporary file', $http->post(qq(["SET","big","$big"])), 200,
           '{"result":"OK"}');
    is($http->run('GET', 'big'), $big, '... is whole');

    answer('in chunks to a file', $http->request('POST', '/',
           chunks => ['["SET","big2","', $big, $big, '"]']), 200,
           '{"result":"OK"}');
    is($http->run('STRLEN', 'big2'), 400_000, '... is whole');

    answer('always in a file', $http->post('["GET","chunked"]',
           uri => '/file/'), 200, '{"result":"ok"}');
    answer('a path with a body in a file', $http->request('POST',
           '/file/set/bf', body => $big), 200, '{"result":"OK"}');
    is($http->run('GET', 'bf'), $big, '... is whole');

    answer('text in a file', $http->post("SET bt $big"), 200,
           '{"result":"OK"}');
    is($http->run('STRLEN', 'bt'), length $big, '... is whole');

    # byte by byte, with the head split as well
    my $c = $ngx->client;
    my $bytes = $c->build('POST', '/', body => '["GET","chunked"]');
    $c->send($_) for split //, $bytes;
    answer('byte by byte', $c->response('POST'), 200, '{"result":"ok"}');

    $c = $ngx->client;
    $c->send($c->build('POST', '/', body => '',
                       headers => ['Expect: 100-continue',
                                   'Content-Length: 17']));
    $c->fill while $c->{in} !~ /\r\n\r\n/;
    like($c->{in}, qr{^HTTP/1.1 100 Continue\r\n\r\n$}, 'Expect');
    $c->send('["GET","chunked"]');
    answer('... and the body', $c->response('POST'), 200, '{"result":"ok"}');
};


subtest 'connections' => sub {
    my $c = $ngx->client;
    my $r = $c->post('["GET","chunked"]', version => '1.0');

    answer('HTTP/1.0', $r, 200, '{"result":"ok"}');
    ok(!$c->{socket}, '... closes');

    $r = $c->post('["GET","chunked"]', version => '1.0',
                  headers => ['Connection: keep-alive']);
    answer('HTTP/1.0 with keep-alive', $r, 200, '{"result":"ok"}');
    ok($c->{socket}, '... stays');

    # many requests in one write, replies in order
    my $n = 200;
    $c->send(join '', map {
        $c->build('POST', '/', body => qq(["ECHO","$_"]))
    } 1 .. $n);
    my @got = map { $c->response('POST')->{body} } 1 .. $n;
    is_deeply(\@got, [map { qq({"result":"$_"}) } 1 .. $n],
              "$n requests sent ahead");

    # an error must not leave its body behind as the next request
    for my $bad (['["PING"]', token => 'x'], ['[', ()],
                 ['["NOSUCH"]', ()])
    {
        my ($body, @o) = @$bad;
        $c->send($c->build('POST', '/', body => $body, @o)
                 . $c->build('POST', '/', body => '["ECHO","next"]'));
        my $first = $c->response('POST');
        answer("after a $first->{status}", $c->response('POST'), 200,
               '{"result":"next"}');
    }

    $r = $c->request('DELETE', '/get/foo', body => 'x' x 100);
    is($r->{status}, 405, 'another method with a body');
    answer('... leaves nothing behind', $c->post('["ECHO","next"]'), 200,
           '{"result":"next"}');
};


subtest 'HTTP/2' => sub {
    plan skip_all => 'there is no curl' unless KS::Proc::installed('curl');

    my $base = 'http://127.0.0.1:' . $ngx->port2;
    my @curl = ('curl', '-sS', '--max-time', '20', '--http2-prior-knowledge',
                '-w', ' %{http_code} %{http_version}',
                '-H', "Authorization: Bearer $TOKEN");

    my ($code, $out) = capture(30, {}, @curl, '-d', '["SET","h2","two"]',
                               "$base/");
    is($out, '{"result":"OK"} 200 2', 'POST');

    ($code, $out) = capture(30, {}, @curl, "$base/get/h2");
    is($out, '{"result":"two"} 200 2', 'a path');

    my $file = $ngx->dir . '/value';
    spew($file, "z" x 100_000);
    ($code, $out) = capture(30, {}, @curl, '--data-binary', "\@$file",
                            "$base/set/h2big");
    is($out, '{"result":"OK"} 200 2', 'a large body');
    is($http->run('STRLEN', 'h2big'), 100_000, '... is whole');

    ($code, $out) = capture(30, {}, @curl, '-I', "$base/get/h2");
    like($out, qr{^HTTP/2 200.* 200 2$}s, 'HEAD');

    ($code, $out) = capture(30, {}, @curl, '-d', '["GET"]', "$base/");
    is($out, q({"error":"ERR wrong number of arguments for 'get' command"})
       . ' 400 2', 'an error');

    # a large reply, over several frames and windows
    ($code, $out) = capture(30, {}, @curl, "$base/get/h2big");
    is(length $out, length('{"result":""} 200 2') + 100_000,
       'a large reply');
};


$http->close;
$ngx->stop;
done_testing;
