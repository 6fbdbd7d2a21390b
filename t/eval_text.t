# Scripts over HTTP, as people write them: in command text without quotes, over
# lines; in a path; in JSON; and in texts and transactions of several commands.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use Test::More;

use KS::HTTP;
use KS::Nginx;

my $READONLY = $KS::Nginx::READONLY;

my $ngx = KS::Nginx->start(
    size    => '32m',
    workers => 2,
    zone    => 'script_timeout 2s;',
    http    => <<'CONF',
        large_client_header_buffers 4 32k;
        client_max_body_size 8m;
CONF
    locations => <<'CONF',
        location / { keyspace_rest main; }
        location /kv/ { keyspace_rest main; }
CONF
);

my $http = $ngx->client;

# the release of a lock: whoever holds it, and nobody else
my $RELEASE = <<'LUA';
if redis.call("GET", KEYS[1]) == ARGV[1] then
return redis.call("DEL", KEYS[1])
else
return 0
end
LUA


# name, response, status, body
sub answer {
    my ($name, $r, $status, $body) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is("$r->{status} $r->{body}", "$status $body", $name);
}


sub escape {
    my ($s) = @_;

    $s =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;

    return $s;
}


subtest 'the release of a lock' => sub {
    my %form = (
        'text over lines' => sub {
            my $script = $RELEASE =~ s/\n\z//r;
            return $http->post("EVAL \n$script\n 1 lock $_[0]");
        },
        'text on one line' => sub {
            my $script = $RELEASE =~ tr/\n/ /r;
            return $http->post("EVAL $script 1 lock $_[0]\r\n");
        },
        'text with quotes' => sub {
            return $http->post("EVAL '$RELEASE' 1 lock $_[0]");
        },
        'a path' => sub {
            return $http->request('GET', '/eval/' . escape($RELEASE)
                                         . "/1/lock/$_[0]");
        },
        'a path with POST' => sub {
            return $http->request('POST', '/kv/EVAL/' . escape($RELEASE)
                                          . "/1/lock", body => $_[0]);
        },
        'JSON' => sub {
            return $http->command('EVAL', $RELEASE, 1, 'lock', $_[0]);
        },
    );

    for my $name (sort keys %form) {
        my $release = $form{$name};

        $http->run('SET', 'lock', 'token');
        answer("$name: of another", $release->('other'), 200, '{"result":0}');
        is($http->run('GET', 'lock'), 'token', '... holds it still');
        answer("$name: one's own", $release->('token'), 200, '{"result":1}');
        is($http->run('EXISTS', 'lock'), 0, '... is free');
    }
};


subtest 'where a script ends' => sub {
    my @t = (
        ['EVAL return 1 0',                                 '1'],
        ['eval return 10 0',                                '10'],
        ["EVAL\nreturn 1\n0\n",                             '1'],
        ['EVAL return KEYS[1] 1 a',                         '"a"'],
        ['EVAL return {KEYS[1],KEYS[2],ARGV[1],#ARGV} 2 a "b c" {"d": 1} e',
         '["a","b c","{\\"d\\": 1}",2]'],
        ['EVAL return 2 + 3 0',                             '5'],
        ['EVAL local n = 0 for i = 1, 10 do n = n + 1 end return n 0', '10'],
        ['EVAL if 1 > 0 then return 7 else return 8 end 0', '7'],
        ["EVAL local x = 5 -- five, not 1 k\nreturn x 0",   '5'],
        ["EVAL return [[ 1 a\n 0\n]] 0",                    '" 1 a\\n 0\\n"'],
        ['EVAL return "0 0 0" 0',                           '"0 0 0"'],
        ['EVAL return "a\\n\\"1 b\\"" 0',                   '"a\\n\\"1 b\\""'],
        ["EVAL goto out -- 1 a\n::out:: return 3 0",        '3'],
        ['EVAL for i = 1, 3 do if i < 2 then goto next end redis.call("INCRBY",'
         . ' KEYS[1], i) ::next:: end return redis.call("GET", KEYS[1]) 1 sum',
         '"5"'],
        ['EVAL goto last ; do local x = 0 end ::last:: 0',  'null'],
        ["EVAL #!lua flags=no-writes\nreturn 3 0",          '3'],
        ['EVAL_RO return redis.call("GET", KEYS[1]) 1 sum', '"5"'],
        ['EVAL return 0',                                   'null'],
        ["EVAL return {\n  1,\n  2\n} 0",                   '[1,2]'],
        ['EVAL return ARGV[1] 0 99',                        '"99"'],
        ["EVAL return ARGV[1] 0 'two words'",               '"two words"'],
        ['EVAL -- 1 nothing',                               'null'],
        ['EVAL "return KEYS[1]" 1 a',                       '"a"'],
    );

    for (@t) {
        my ($text, $result) = @$_;
        my $r = $http->post($text);
        my $name = $text =~ s/\n/\\n/gr;

        answer($name, $r, 200, qq({"result":$result}));
    }
};


subtest 'its bytes are as they came' => sub {
    for my $script ("return 1", "return  'a \\' b' ,\t2", "return [[\r\n]]",
                    "return '\xff\xc3\xa4'", "-- x\nreturn 1", "return '\\65'",
                    'return { ["a"] = 1 }', "return \"{\"")
    {
        my $name = $script =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ger;

        $http->run('SCRIPT', 'FLUSH');
        my $r = $http->post("EVAL $script 0");

        is($r->{status}, 200, $name) or diag($r->{body});
        is_deeply($http->run('SCRIPT', 'EXISTS', sha1_hex($script)), [1],
                  '... is known by its digest');
    }
};


subtest 'what is no script' => sub {
    my @t = (
        ['EVAL retrun 1 0',         qr/compiling script.*near '1'/],
        ['EVAL if 1 then return 1 0',   qr/compiling script.*near <eof>/],
        ['EVAL return KEYS[1]) 1 a',    qr/compiling script.*near '\)'/],
        ['EVAL return KEYS[1]',         qr/^ERR no end of the script/],
        ['EVAL return KEYS[1] 2 a',     qr/^ERR no end of the script/],
        ['EVAL return KEYS[1] -1 a',    qr/^ERR no end of the script/],
        ["EVAL return KEYS[1] 1\na",    qr/^ERR no end of the script/],
        ['EVAL',                        qr/wrong number of arguments/],
        ['EVAL "return 1',              qr/unbalanced quotes/],
        ["EVAL retrun 1 0\nSET none 1", qr/^ERR no end of the script/],
        ["SET none 1\nEVAL retrun 1 0", qr/^ERR no end of the script/],
        ["SET none 1\nEVAL if 1 then return 1 0\nSET none 2",
                                        qr/^ERR no end of the script/],
    );

    for (@t) {
        my ($text, $error) = @$_;
        my $r = $http->post($text);
        my $name = $text =~ s/\n/\\n/gr;

        is($r->{status}, 400, $name);
        like(KS::HTTP::decode($r)->{error} // '', $error, '... is told why');
    }

    is($http->run('EXISTS', 'none'), 0, 'and nothing else of it was run');
    is($http->post("EVAL " . 'x = 0 0 ' x 200_000 . "\n0")->{status}, 400,
       'a text of places where none could end');
};


subtest 'a path' => sub {
    for my $script ("return '/' .. '//' .. '..'", "return 'a b+c%d?e#f&g'",
                    "return\n\n[[\r\n]]", "return '\xe2\x82\xac'",
                    'return "\\"{[1, 2]}"', "return 10 / 2")
    {
        my $want = $http->run('EVAL', $script, 0);
        my $r = $http->request('GET', '/eval/' . escape($script) . '/0');

        is($r->{status}, 200, $script =~ s/([^\x20-\x7e])/./gr);
        is_deeply(KS::HTTP::decode($r)->{result}, $want, '... in a path');
    }

    answer('with the script as it is', $http->request('GET',
           '/eval/return%201+1/0'), 200, '{"result":2}');
    answer('EVAL_RO with a read-only token', $http->request('GET',
           '/eval_ro/' . escape('return redis.call("TYPE", KEYS[1])') . '/1/a',
           token => $READONLY), 200, '{"result":"none"}');
};


subtest 'several commands' => sub {
    answer('among others', $http->post("SET a 1\nEVAL \nlocal v = redis.call("
           . "'GET', KEYS[1])\nreturn v * 2\n1 a\nINCR a\nEVAL return 0 0"),
           200, '[{"result":"OK"},{"result":2},{"result":2},{"result":0}]');
    answer('errors of scripts', $http->post("SET a x\nEVAL return redis.call("
           . "'INCR', KEYS[1]) 1 a\nGET a"), 200, '[{"result":"OK"},{"error":'
           . '"ERR value is not an integer or out of range script: '
           . sha1_hex("return redis.call('INCR', KEYS[1])")
           . ', on @user_script:1."},{"result":"x"}]');

    my $text = join '', map { "EVAL return redis.call('SET', KEYS[1], $_) 1 "
                              . "many$_\n" } 1 .. 3000;
    is($http->post($text)->{body},
       '[' . join(',', ('{"result":"OK"}') x 3000) . ']', 'three thousand');
    is($http->run('GET', 'many3000'), '3000', '... were run');

    # keys that it has not declared: the whole is begun again
    my $r = $http->post(join '', map { "INCR n\nEVAL return redis.call('INCR',"
                                       . " 'undeclared' .. ARGV[1]) 0 $_\n" }
                                 1 .. 20);
    is($r->{body}, '[' . join(',', map { qq({"result":$_},{"result":1}) }
                              1 .. 20) . ']', 'with keys not declared');
    is_deeply($http->run('MGET', 'n', 'undeclared1', 'undeclared20'),
              [20, 1, 1], '... each was run once');

    $r = $http->post('[["SET","never","1"],["EVAL","redis.call(\'SET\','
                     . 'KEYS[1],1) while true do end",1,"never2"]]',
                     uri => '/multi-exec');
    is($r->{status}, 400, 'a script without an end ends the transaction');
    like($r->{body}, qr/^\{"error":"EXECABORT Transaction discarded because /,
         '... and that is the error');
    is($http->run('EXISTS', 'never', 'never2'), 0, '... of which nothing stays');
};


subtest 'a read-only token' => sub {
    $http->run('SET', 'r', 'v');
    answer('reads', $http->post('EVAL_RO return redis.call("GET", KEYS[1]) 1 r',
           token => $READONLY), 200, '{"result":"v"}');
    unlike($http->post('EVAL return redis.call("DEL", KEYS[1]) 1 r',
                       token => $READONLY)->{body}, qr/"result"/,
           'does not write');
    is($http->run('GET', 'r'), 'v', '... at all');
};


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$http->close;
$ngx->stop;
done_testing;
