# Bad input: every piece of it gets a clear error, the worker that answered
# lives on, and the connection or the next one serves the next request.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(slurp);

my $ngx = KS::Nginx->start(
    size => '16m',
    http => "client_max_body_size 64m; client_body_timeout 5s;\n"
            . "keepalive_requests 100000;",
);

my $http = $ngx->client;
my @before = $ngx->workers;
my $count = 0;

$http->run('SET', 'witness', 'alive');


# A request that must be answered with this status (a pattern), and if it has
# a JSON body, with an error.
sub refused {
    my ($name, $r, $status) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $count++;

    my $ok = $r->{status} =~ /^(?:$status)$/;
    my $json = $r->{status} =~ /^40[01]$/;

    $ok &&= $r->{body} =~ /^\{"error":"[A-Z]+ [^"]/ if $json;

    ok($ok, $name)
        or diag("status $r->{status}, body: "
                . substr($r->{body} || ($r->{why} // ''), 0, 200));
}


# A request that may be served or refused, but must be answered.
sub answered {
    my ($name, $r) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $count++;
    ok($r->{status} == 200
       || $r->{status} == 400 && $r->{body} =~ /^\{"error":"ERR /, $name)
        or diag("status $r->{status}, body: " . substr($r->{body}, 0, 200));
}


sub still_alive {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($http->run('GET', 'witness'), 'alive', 'the store still answers');
    is_deeply([$ngx->workers], \@before, '... from the same worker');
}


subtest 'truncated JSON' => sub {
    my $whole = '["SET","a\\u00e9\\n\\ud83d\\ude00",12.5e3,true,"\\"]"]';

    for my $n (1 .. length($whole) - 1) {
        refused(sprintf('the first %d bytes', $n),
                $http->post(substr $whole, 0, $n), 400);
    }

    my $batch = '[["SET","a","b"],["GET","a"]]';

    for my $n (0 .. length($batch) - 1) {
        refused(sprintf('%d bytes of a pipeline', $n),
                $http->post(substr($batch, 0, $n), uri => '/pipeline'), 400);
    }

    still_alive();
};


subtest 'what is not JSON' => sub {
    my %bad = (
        'a comma too many'          => '["GET","a",]',
        'two commas'                => '["GET",,"a"]',
        'a comma first'             => '[,"GET"]',
        'no comma'                  => '["GET" "a"]',
        'no quotes'                 => '[GET,a]',
        'single quotes'             => "['GET','a']",
        'an empty array'            => '[]',
        'an empty array in another' => '[[]]',
        'an array in it'            => '["GET",["a"]]',
        'an object in it'           => '["GET",{"a":"b"}]',
        'null'                      => '["GET",null]',
        'null as the command'       => '[null]',
        'something behind it'       => '["GET","a"] x',
        'another array behind it'   => '["GET","a"]["GET","b"]',
        'a NUL behind it'           => "[\"GET\",\"a\"]\0",
        'an unknown escape'         => '["GET","\\x41"]',
        'a short \\u'               => '["GET","\\u12"]',
        '\\u with other digits'     => '["GET","\\u12g4"]',
        'a NUL'                     => "[\0]",
        'a minus alone'             => '["GET",-]',
        'a leading zero'            => '["GET",012]',
        'a hexadecimal number'      => '["GET",0x10]',
        'a dot alone'               => '["GET",1.]',
        'an exponent alone'         => '["GET",1e]',
        'half a word'               => '["GET",tru]',
        'a word too long'           => '["GET",truex]',
        'a comment'                 => '["GET",/* */"a"]',
        'an empty command'          => '[""]',
    );

    refused($_, $http->post($bad{$_}), 400) for sort keys %bad;

    still_alive();
};


subtest 'nested JSON' => sub {
    for my $n (2, 100, 100_000) {
        refused("$n arrays deep", $http->post('[' x $n . ']' x $n), 400);
        refused("$n arrays deep, not closed", $http->post('[' x $n), 400);
        refused("$n arrays deep, in a pipeline",
                $http->post('[' x $n . ']' x $n, uri => '/pipeline'), 400);
    }

    refused('objects deep', $http->post('{"a":' x 50_000 . '1'
                                        . '}' x 50_000), 400);
    refused('deep text', $http->post('SET k ' . '[' x 100_000), 400);
    refused('deep text of both kinds', $http->post('SET k ' . '[{' x 50_000
                                                   . ']}' x 49_000), 400);
    answered('deep text that is whole', $http->post('SET k ' . '[' x 50_000
                                                    . ']' x 50_000));
    still_alive();
};


subtest 'huge JSON' => sub {
    my @many = ('"k"') x 100_000;

    $http->run('SET', 'k', '1');

    my $r = $http->post('["DEL",' . join(',', @many) . ']');
    is("$r->{status} $r->{body}", '200 {"result":1}',
       'an array of 100,000 elements');

    $r = $http->post('["GET",' . join(',', @many) . ']');
    refused('... for a command that takes one', $r, 400);

    $r = $http->post('["NOSUCH",' . join(',', @many) . ']');
    refused('... for none', $r, 400);
    cmp_ok(length $r->{body}, '<', 2000, 'with a short error');

    refused('100,000 empty arrays', $http->post('[' . join(',', ('[]') x
            100_000) . ']', uri => '/pipeline'), 400);

    $r = $http->post('[' . join(',', ('["GET","none"]') x 100_000) . ']',
                     uri => '/pipeline');
    is($r->{status}, 200, 'a pipeline of 100,000 commands');
    is(length $r->{body}, 1 + 100_000 * length '{"result":null},',
       '... with as many replies');

    $r = $http->post('["SET","k","' . 'v' x 20_000_000 . '"]');
    refused('a value larger than the zone', $r, 400);
    like($r->{body}, qr/^\{"error":"OOM command not allowed/, '... is OOM');

    refused('a key beyond the longest', $http->post('["SET","'
            . 'k' x 70_000 . '","v"]'), 400);

    refused('a command name without end', $http->post('["'
            . 'N' x 1_000_000 . '"]'), 400);
    refused('a word without end', $http->post('N' x 1_000_000), 400);

    answered('blanks without end', $http->post(' ' x 1_000_000 . '["PING"]'));
    refused('only blanks', $http->post(' ' x 1_000_000), 400);
    refused('only newlines', $http->post("\r\n" x 500_000), 400);

    answered('a number of a million digits',
             $http->post('["ECHO",' . '1' x 1_000_000 . ']'));

    still_alive();
};


subtest 'JSON that is not UTF-8' => sub {
    refused('bytes between elements', $http->post("[\"GET\",\xff\"a\"]"), 400);
    refused('a byte order mark of UTF-16',
            $http->post("\xff\xfe[\0\"\0G\0\"\0]\0"), 400);
    refused('UTF-16', $http->post("[\0\"\0P\0I\0N\0G\0\"\0]\0"), 400);
    refused('a bad command name', $http->post("[\"\xff\xfe\"]"), 400);

    for my $bad ("\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                 "\xe2\x82", "\x80", "\xf0\x9f\x98")
    {
        my $name = join ' ', map { sprintf '%02x', ord } split //, $bad;
        my $r = $http->post("[\"SET\",\"b\",\"x${bad}y\"]");

        answered("$name in a string", $r);

        next if $r->{status} != 200;

        is($http->post('["GET","b"]',
                       headers => ['Upstash-Response-Format: resp2'])->{body},
           sprintf("\$%d\r\nx%sy\r\n", 2 + length $bad, $bad),
           '... is kept byte for byte');

        my $body = $http->post('["GET","b"]')->{body};
        ok(utf8::decode($body), '... and read as proper UTF-8')
            or diag(unpack 'H*', $body);
    }

    still_alive();
};


subtest 'JSON strings that JSON forbids' => sub {
    my %kept = (
        'a raw newline'             => ["a\nb", "a\nb"],
        'a raw NUL'                 => ["a\0b", "a\0b"],
        'a high surrogate alone'    => ['a\\ud83db', "a\xef\xbf\xbdb"],
        'a low surrogate alone'     => ['a\\ude00b', "a\xef\xbf\xbdb"],
        'two high surrogates'       => ['\\ud83d\\ud83d',
                                        "\xef\xbf\xbd\xef\xbf\xbd"],
        'surrogates the wrong way'  => ['\\ude00\\ud83d',
                                        "\xef\xbf\xbd\xef\xbf\xbd"],
    );

    for my $name (sort keys %kept) {
        my ($json, $bytes) = @{$kept{$name}};

        answered($name, $http->post("[\"SET\",\"s\",\"$json\"]"));
        is($http->post('["GET","s"]',
                       headers => ['Upstash-Response-Format: resp2'])->{body},
           sprintf("\$%d\r\n%s\r\n", length $bytes, $bytes),
           '... and what becomes of it');
    }

    still_alive();
};


subtest 'command text' => sub {
    for my $bad ('SET k "v', "SET k 'v", 'SET k "v\\', 'SET "k"v x',
                 "SET 'k'v x", 'SET k {"a":"}', 'SET k {"a"', 'SET k [1,2',
                 'SET k {]', 'SET k [{]', '"', "'", '{', 'GET "\\x', "\0",
                 'SET k "v' . "\n" . 'w', "GET k\nGET \"k")
    {
        (my $name = $bad) =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
        refused($name, $http->post($bad), 400);
    }

    still_alive();
};


subtest 'commands' => sub {
    $http->run('DEL', 'k');

    refused('unknown', $http->command('NOSUCH', 'a', 'b'), 400);
    refused('empty', $http->command(''), 400);
    refused('with a NUL', $http->command("GET\0", 'k'), 400);
    refused('with a newline', $http->command("GET\r\n-x", 'k'), 400);
    refused('too few arguments', $http->command('SET', 'k'), 400);
    refused('too many arguments', $http->command('GET', 'k', 'l'), 400);
    refused('an unknown subcommand', $http->command('OBJECT', 'NOSUCH'), 400);
    refused('no subcommand', $http->command('OBJECT'), 400);
    refused('SET with nonsense', $http->command('SET', 'k', 'v', 'NOSUCH'),
            400);
    refused('no number', $http->command('INCRBY', 'k', 'x'), 400);
    refused('a number too large', $http->command('EXPIRE', 'witness',
            '9223372036854775807'), 400);
    refused('an offset too large', $http->command('SETRANGE', 'k',
            '4294967296', 'x'), 400);
    refused('an offset beyond the zone', $http->command('SETRANGE', 'k',
            '536870000', 'x'), 400);
    refused('a bit beyond the zone', $http->command('SETBIT', 'k',
            '4294967295', '1'), 400);
    refused('a database', $http->command('SELECT', '99'), 400);

    is($http->run('EXISTS', 'k'), 0, 'and none of them made a key');

    my $r = $http->command('NOSUCH', "\xff\x00\x1f\"\\", 'x' x 500);
    refused('an error with bytes in it', $r, 400);
    ok(eval { KS::HTTP::decode($r); 1 }, '... is proper JSON');

    still_alive();
};


subtest 'paths' => sub {
    refused($_, $http->request('GET', $_), 400)
        for '/', '//', '/nosuch', '/get', '/get/a/b', '/%20', '/set/a/b?%zz';

    # nginx itself refuses these, before anybody else sees them
    for my $bad ('/%00', '/set/a/b/%zz', '/%', '/get/%f', '/get/%%%',
                 '/get/%2')
    {
        is($ngx->client->request('GET', $bad)->{status}, 400, $bad);
        $count++;
    }

    answered('a path of 7 kB', $http->request('GET', '/echo/' . 'x' x 7000));
    answered('3000 segments', $http->request('GET', '/del' . '/a' x 3000));
    answered('2000 parameters', $http->request('GET', '/del/a?'
             . join '&', map { "b$_=c" } 1 .. 600));
    refused('a path beyond every buffer', $ngx->client->request('GET',
            '/echo/' . 'x' x 100_000), 414);

    still_alive();
};


subtest 'tokens' => sub {
    my $c = $ngx->client;

    for my $token ('', 'x', $KS::Nginx::TOKEN . ' ', ' ', "\xff\xfe",
                   'x' x 2000, "$KS::Nginx::TOKEN,$KS::Nginx::TOKEN")
    {
        # white space at the end of a header is no part of it
        next if $token =~ / $/ && $token =~ /\S/;

        refused('Bearer ' . substr($token, 0, 20),
                $c->post('["PING"]', token => $token), 401);
        refused('_token=' . substr($token, 0, 20),
                $c->request('GET', '/ping?_token='
                    . join('', map { sprintf '%%%02x', ord } split //, $token),
                    token => undef), 401);
    }

    for my $header ('Authorization:', 'Authorization: Bearer',
                    'Authorization: Bearer ', 'Authorization: ' . 'x' x 2000,
                    "Authorization: $KS::Nginx::TOKEN",
                    'Authorization: Basic Og==')
    {
        refused(substr($header, 0, 40), $c->post('["PING"]', token => undef,
                headers => [$header]), 401);
    }

    refused('a body that is wrong too', $c->post('[', token => 'x'), 401);
    refused('nothing is told without a token',
            $c->post('["NOSUCH"]', token => undef), 401);

    still_alive();
};


subtest 'HTTP' => sub {
    my $c = $ngx->client;
    my $r = $c->request('POST', '/', headers =>
                        ['Content-Length: 2147483648']);
    refused('a Content-Length of 2 GB', $r, 413);

    $r = $ngx->client->request('POST', '/', headers =>
                               ['Content-Length: 99999999999999999999']);
    like($r->{status}, qr/^4/, 'a Content-Length beyond any number');

    $r = $ngx->client->request('POST', '/', headers =>
                               ['Content-Length: -1']);
    like($r->{status}, qr/^4/, 'a negative Content-Length');

    $c = $ngx->client;
    $c->send("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
             . "$KS::Nginx::TOKEN\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    like($c->response('POST')->{status}, qr/^4/, 'a chunk of no size');

    # bodies that end before they are whole: nobody is left to answer
    for my $n (0, 5, 20_000) {
        $c = $ngx->client;
        $c->send($c->build('POST', '/', headers => ['Content-Length: 30000'],
                           body => substr('["SET","half","' . 'x' x 30_000,
                                          0, $n)));
        $c->close;
    }

    is($http->run('EXISTS', 'half'), 0, 'half a body does nothing');

    # a client that leaves before its reply
    $http->run('SET', 'large', 'x' x 5_000_000);

    for (1 .. 20) {
        $c = $ngx->client;
        $c->send($c->build('POST', '/', body => '["GET","large"]'));
        $c->close;
    }

    is($http->run('STRLEN', 'large'), 5_000_000, 'nor does a lost reader');

    still_alive();
};


subtest 'nothing leaks' => sub {
    plan skip_all => 'a sanitizer keeps what is freed' if $ENV{KS_PRELOAD};

    my $c = $ngx->client;
    my @bad = (
        sub { $c->post('["SET","k"') },
        sub { $c->post('[["GET","k"],["NOSUCH"],[]]', uri => '/pipeline') },
        sub { $c->post('[["GET","witness"],["NOSUCH"]]', uri => '/pipeline') },
        sub { $c->post('SET k {"a":') },
        sub { $c->command('NOSUCH', 'x' x 3000) },
        sub { $c->command('SET', 'k', 'v', 'EX', 'x') },
        sub { $c->command('SETRANGE', 'k', 500_000_000, 'x') },
        sub { $c->post('["PING"]', token => 'x') },
        sub { $c->request('DELETE', '/get/k', body => 'x' x 5000) },
        sub { $c->request('GET', '/set/a/b?EX=x') },
    );
    my $rounds = sub {
        for (1 .. $_[0]) {
            $_->() for @bad;
        }
        my ($kb) = slurp("/proc/$before[0]/status") =~ /^RssAnon:\s+(\d+)/m;
        return $kb;
    };

    my $first = $rounds->(100);
    my $last = $rounds->(300);

    cmp_ok($last, '<=', $first + 400, "$first kB, $last kB after 3000 more");
    still_alive();
};


cmp_ok($count, '>', 200, "$count pieces of bad input");
# 200 x 8 MB: more than a worker may hold
subtest 'replies beyond all bounds' => sub {
    is($http->run('SET', 'large', 'v' x 8_000_000), 'OK', 'a large value');

    my $r = $http->command('MGET', ('large') x 200);
    is($r->{status}, 400, 'MGET of it, many times');
    is($r->{body}, '{"error":"ERR the reply is too large"}', '... says why');

    my $gets = join ',', ('["GET","large"]') x 200;

    $r = $http->post(qq([["SET","done","1"],$gets]), uri => '/multi-exec');
    is("$r->{status} $r->{body}", '400 {"error":"EXECABORT Transaction '
       . 'discarded because of: ERR the reply is too large"}',
       'a transaction that reads it');
    is($http->run('EXISTS', 'done'), 0, '... has not happened');

    # a pipeline has replies for what happened, and errors for the rest
    my $c = $ngx->client;
    $c->send($c->build('POST', '/pipeline',
                       body => qq([$gets,["SET","done","1"]])));
    $c->fill while $c->{in} !~ s/^(.*?\r\n)\r\n//s;
    like($1, qr{^HTTP/1.1 200 }, 'a pipeline of it');
    my ($left) = $1 =~ /^Content-Length: (\d+)/m;
    my $size = $left;
    my $tail = '';

    while ($left > 0) {
        $left -= length $c->{in};
        $tail = substr $tail . $c->{in}, -200;
        $c->{in} = '';
        $left > 0 and $c->fill || last;
    }

    is($left, 0, '... all of it comes');
    cmp_ok($size, '<', 1 << 30, '... within the bound');
    cmp_ok($size, '>', (1 << 30) - 16_000_000, '... as much as fits');
    like($tail, qr/(?:,\{"error":"ERR the reply is too large"\})+(?#
                  ),\{"result":"OK"\}\]$/, '... errors, and what fits again');
    is($http->run('GET', 'done'), 1, '... which has happened');

    is($http->run('STRLEN', 'large'), 8_000_000, 'the value is there');
};


like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

$http->close;
$ngx->stop;
done_testing;
