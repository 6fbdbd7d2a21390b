# Functions, with real Redis as the referee: the same commands to both, over
# RESP2, RESP3 and REST, and every reply is compared byte for byte.  And dumps
# of either are restored by the other.
#
#   KS_SHOW=1         says what Redis answers to each

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Redis;
use KS::Referee;
use KS::RESP;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

# what Redis has no limit for
my $ngx = KS::Nginx->start(size => '64m', resp => '',
                           zone => 'script_timeout 30s; script_memory 256m;');
my $redis = KS::Redis->start;

if ($redis->since('8.0')) {
    $redis->stop;
    plan skip_all => 'this redis-server ends in FUNCTION FLUSH';
}

my $referee = KS::Referee->new($ngx->client, $redis);

my @doors = (
    ['RESP2', resp(2)],
    ['RESP3', resp(3)],
    ['REST', redis(2), sub { $referee->single($_[0]) }],
);


# --- what is asked ---

sub lib {
    my ($name, @lines) = @_;

    return join "\n", "#!lua name=$name", @lines;
}


sub fn {
    my ($name, $body) = @_;

    return "redis.register_function('$name', function(KEYS, ARGV)\n$body\nend)";
}


sub loaded { ['FUNCTION', 'LOAD', @_] }
sub replaced { loaded('REPLACE', @_) }
sub called { ['FCALL', @_] }

# the function t of this, and a call of it
sub body {
    my ($body, @args) = @_;

    return (replaced(lib('t', fn('t', $body))),
            called('t', @args ? @args : 0));
}


# the same with flags
sub flagged {
    my ($flags, $body, $name) = @_;

    return (replaced(lib('t', "redis.register_function{function_name='t', "
                              . "flags={$flags}, callback=function()\n$body\n"
                              . 'end}')), [$name, 't', 0]);
}


# a library of this text, and whether there is one then
sub text {
    my ($text) = @_;

    return (replaced($text), ['FUNCTION', 'STATS']);
}


my $f = "redis.register_function('f', redis.log)";

my @groups = (
    'first lines' => [map { loaded($_) }
        '', '#', 'x', '#!', '#!lua', '#!lua name=a', "#!\n", "#!lua\n",
        "#!lua \t \n", "#!lua name=a\n", "#!foo name=a\n", "#! name=a\n",
        "#!foo name=a-b\n", "#!lua name=\n", "#!lua name=a b=c\n",
        "#!lua name=a name=b\n", "#! lua name=a\n", "#!lua nam\n",
        "#!lua ''\n", "#!lua \"\"\n", "#!lua name=\"a b\"\n",
        "#!lua name=\"a\n", "#!lua name='a\n", "#!lua name='a'b\n",
        "#!lua name=\"a\"b\n", "#!lua name='\\a'\n", "#!lua name='a\\''\n",
        "#!lua name=\"\\x41\\n\"\n", "#!lua name=\xe4\n", "#!\"lua\n",
        "#!lua name=a\\b\n", "#!lua x\r\n", "#!lua name=a;\n",
    ],

    'first lines that are well formed' => [map { text($_) }
        "#!lua name=a\n$f", "#!LUA NAME=a\n$f", "#!lua\tname=a  \r\n$f",
        "#!lua 'name=a'\n$f", "#!lua name='a'\n$f", "#!lua \"name=a\"\n$f",
        "#!lua name=\"\\x61\"\n$f", "#!lua name=\"\\a\"\n$f",
        "#!lua name=_1\n$f", "#!l\"ua\" name=b\n$f", "#!'lua' name=a\n$f",
    ],

    'names that are taken' => [
        loaded(lib('l', $f)), loaded(lib('l', $f)), loaded(lib('l', ')')),
        loaded(lib('m', $f)), loaded(lib('L', $f)),
        loaded(lib('m', fn('F', 'return 1'))),
        loaded(lib('L', fn('g', 'return 1'))),
        replaced(lib('l', fn('g', 'return 2'))),
        replaced(lib('l', fn('h', 'return 2'))),
        called('g', 0), called('G', 0), called('f', 0), called('h', 0),
        ['FUNCTION', 'DELETE', 'M'], ['FUNCTION', 'DELETE', 'L'],
        called('g', 0), called('h', 0), ['FUNCTION', 'LIST'],
        ['FUNCTION', 'DELETE', 'l'], ['FUNCTION', 'DELETE', 'l'],
        ['FUNCTION', 'LIST'],
    ],

    'options' => [
        ['FUNCTION'], ['FUNCTION', 'nosuch'], ['FUNCTION', 'LOAD'],
        loaded('replace'), loaded('foo', 'bar'), loaded('replace', 'x', 'y'),
        loaded('replace', 'REPLACE', lib('l', $f)),
        loaded(lib('l', $f), 'replace'),
        map { ['FUNCTION', @$_] }
            ['DELETE'], ['DELETE', 'x'], ['DELETE', 'x', 'y'], ['DUMP', 'x'],
            ['STATS', 'x'], ['KILL'], ['KILL', 'x'], ['FLUSH', 'x'],
            ['FLUSH', 'sync', 'x'], ['flush', 'ASYNC', 'x', 'y'],
            ['FLUSH', 'Sync'], ['FLUSH', 'async'], ['FLUSH'], ['RESTORE'],
            ['RESTORE', 'x'], ['RESTORE', 'x', 'y'],
            ['RESTORE', 'x', 'flush', 'z'], ['Restore', 'x', 'y', 'z', 'a'],
            ['RESTORE', '0123456789'], ['RESTORE', 'x' x 30, 'append'],
            ['LIST', 'x'], ['LIST', 'libraryname'],
            ['LIST', 'withcode', 'libraryname'], ['LIST', 'WITHCODE', 'x'],
            ['LIST', 'withcode', 'withcode'],
            ['LIST', 'LIBRARYNAME', 'a', 'libraryname', 'b'],
            ['LIST', 'libraryname', 'withcode'],
    ],

    'what is registered' => [map { text(lib('m', $_)) }
        '', 'return 1', 'redis.register_function()',
        "redis.register_function('a')", 'redis.register_function(1, 2, 3)',
        'redis.register_function(nil)', 'redis.register_function(nil, nil)',
        'redis.register_function({}, redis.log)',
        "redis.register_function('a', 1)", "redis.register_function('a', {})",
        'redis.register_function(1, redis.log)',
        'redis.register_function(1.5, redis.log)',
        "redis.register_function('', redis.log)",
        "redis.register_function('a-b', redis.log)",
        "redis.register_function('a b', redis.log)",
        "$f $f",
        'redis.register_function{}', "redis.register_function{'a'}",
        'redis.register_function{x=1}', 'redis.register_function{[true]=1}',
        'redis.register_function{function_name={}}',
        'redis.register_function{function_name=true}',
        "redis.register_function{function_name='a'}",
        'redis.register_function{callback=redis.log}',
        'redis.register_function{callback={}}',
        'redis.register_function{callback=1}',
        'redis.register_function{description={}}',
        'redis.register_function{description=redis.log}',
        'redis.register_function{flags=1}',
        "redis.register_function{flags='no-writes'}",
        "redis.register_function{flags={'x'}}",
        'redis.register_function{flags={1}}',
        'redis.register_function{flags={{}}}',
        "redis.register_function{flags={'no-writes', 'no-writes '}}",
    ],

    'what is seen of it' => [
        map { (replaced(lib('m', "redis.register_function{$_}")),
               ['FUNCTION', 'LIST'], ['FUNCTION', 'LIST', 'WITHCODE'],
               ['FUNCTION', 'LIST', 'LIBRARYNAME', '[L-N]', 'withcode'],
               ['FUNCTION', 'LIST', 'LIBRARYNAME', 'mm']) }
            "function_name='a', callback=redis.log",
            "FUNCTION_NAME='a', Callback=redis.log",
            "function_name=1, callback=redis.log, description=1",
            "function_name='a', callback=redis.log, description=''",
            "function_name='a', callback=redis.log, description='a\\0\\r\\nb'",
            "function_name='a', callback=redis.log, flags={}",
            "function_name='a', callback=redis.log, flags={a=1}",
            "function_name='a', callback=redis.log, flags={'NO-Writes'}",
            "function_name='a', callback=redis.log, flags={'allow-oom', "
                . "'no-writes', 'allow-oom'}",
            "function_name='a', callback=redis.log, flags={'allow-oom', "
                . "'allow-stale', 'no-cluster', 'allow-cross-slot-keys', "
                . "'no-writes'}",
    ],

    'what a library sees when it is loaded' => [
        map({ replaced(lib('m', "local a = $_", $f)) }
            'redis', 'redis.call', 'redis.pcall', 'redis.log',
            'redis.LOG_DEBUG', 'redis.LOG_WARNING', 'redis.REPL_ALL',
            'redis.setresp', 'redis.sha1hex', 'redis.error_reply',
            'redis.status_reply', 'redis.breakpoint', 'redis.REDIS_VERSION',
            'redis.REDIS_VERSION_NUM', 'redis.acl_check_cmd', 'redis.nosuch',
            'redis.replicate_commands', 'redis.set_repl', 'nosuch', '_G',
            'KEYS', 'ARGV', 'print', 'tostring', 'pcall', 'string', 'math',
            'cjson', 'bit', 'struct', 'cmsgpack', 'setmetatable', 'loadstring',
            "('x'):rep(3)", '#redis', '{1, 2, 3}', 'redis.register_function'),
        map { text(lib('m', $_, $f)) }
            'x = 1', 'redis.x = 1', 'redis.call = 1', 'a.b = 1',
            "redis.log(1, 'x')", 'redis.log()', "redis.log('x', 'y')",
            'local a = redis.log + 1', "\n\nlocal a = x",
            'local function a() local b = x end', 'local function a() x() end',
            "local function a()\nlocal b = x end\na()", ')', 'x x', 'end',
            'local a = {} a.b.c = 1',
    ],

    'calls' => [
        loaded(lib('l', fn('f', 'return {KEYS, ARGV, #KEYS, #ARGV}'))),
        map { ['FCALL', @$_] }
            [], ['f'], ['f', 0], ['F', 0], ['f', 1], ['f', 1, 'k'],
            ['f', 2, 'k', 'l', 'a', "b\0\r\n"], ['f', 0, 'a', '', 'c'],
            ['f', -1], ['f', '-1', 'a'], ['f', 'x'], ['f', ''], ['f', '1.0'],
            ['f', ' 0'], ['f', '+0'], ['f', '00'], ['f', '-0'], ['f', '2', 'a'],
            ['f', '99999999999999999999'], ['nosuch', 0], ['nosuch', 'x'],
            ['', 0], ['f' x 1000, 0],
    ],

    'FCALL_RO' => [
        loaded(lib('l', fn('f', 'return 1'),
                   "redis.register_function{function_name='r', "
                   . "flags={'no-writes'}, callback=function(k) "
                   . "return redis.call('GET', k[1]) end}")),
        ['SET', 'k', 'v'],
        map { ['FCALL_RO', @$_] }
            [], ['f'], ['f', 0], ['f', -1], ['f', 5], ['nosuch', 0],
            ['r', 1, 'k'], ['R', 1, 'k'], ['r', 0], ['r', 'x'],
    ],

    'flags' => [
        map { my $name = $_;
              (flagged("'no-writes'", "return redis.call('SET', 'a', 1)", $name),
               flagged("'no-writes'", "return redis.pcall('DEL', 'a')", $name),
               flagged("'no-writes'", "return redis.call('GET', 'a')", $name),
               flagged("'allow-oom'", "return redis.call('SET', 'a', 1)", $name),
               flagged("'allow-oom', 'no-writes'", 'return 1', $name),
               flagged("'allow-stale'", 'return 1', $name),
               flagged("'no-cluster', 'allow-cross-slot-keys'", 'return 1',
                       $name),
               flagged('', "return redis.call('INCR', 'a')", $name)) }
            'FCALL', 'FCALL_RO',
    ],

    'results' => [map { body($_) }
        '', 'return nil', 'return true', 'return false', 'return 3',
        'return 3.7', 'return -3.7', "return 'x'", 'return {}',
        'return {1, 2, nil, 4}', "return {1, {'a', {2.5}}, 'b'}",
        "return {ok='fine'}", "return {err='MY bad'}", "return {err='bad'}",
        "return redis.status_reply('x')", "return redis.error_reply('x')",
        "return redis.error_reply('MY x')", 'return {double=1.5}',
        "return {map={a=1}}", "return {set={a=true}}", 'return 1, 2',
        'return redis.log', 'return redis',
        "return {verbatim_string={format='txt', string='x'}}",
        "redis.setresp(3) return redis.call('CONFIG', 'GET', 'nosuch')",
        "redis.setresp(3) return true", "redis.setresp(3) return false",
        "redis.call('DEL', 'h') redis.call('HSET', 'h', 'a', 'b') "
            . "redis.setresp(3) return redis.call('HGETALL', 'h')",
        "return redis.call('HGETALL', 'h')", "return redis.call('PING')",
        "return redis.call('GET', 'nosuch')", "return redis.sha1hex('')",
        "redis.setresp(3) return redis.call('GET', 'nosuch')",
        "return type(redis.call('GET', 'nosuch'))", 'return redis.setresp(2)',
        'return redis.setresp(4)', "return cjson.encode({1, 2})",
        "return {type(KEYS), type(ARGV), KEYS == ARGV}",
        'KEYS[1] = 1 KEYS.x = 2 return KEYS',
    ],

    'errors' => [map { body($_) }
        "error('x')", "error('x', 0)", "error('x', 2)", "\n\nerror('x')",
        "error({err='MY x'})", "error({err='x'})", "error('a\\nb')",
        "local function g()\nerror('deep') end\ng()",
        "local function g()\nerror('deep') end\nlocal x = g() return x",
        "return redis.call('nosuch')", "return redis.pcall('nosuch')",
        "return redis.call('SET', 'a')", "return redis.call()",
        "return redis.call({})", "redis.call('LPUSH', 's', 1) "
            . "return redis.call('GET', 's')",
        "return redis.call('EVAL', 'return 1', 0)",
        "return redis.call('FCALL', 't', 0)",
        "return redis.call('FUNCTION', 'LIST')",
        "return redis.call('FUNCTION', 'nosuch')",
        "return {pcall(redis.call, 'nosuch')}",
        "return {pcall(error, 'x')}", "return {pcall(error, {err='x'})}",
        "redis.call('SET', 'kept', 'here') error('x')",
        "return redis.call('GET', 'kept')", 'return x', 'return _G.x',
        'x = 1', '_G.x = 1', 'redis.x = 1', 'redis.call = nil', 'KEYX = 1',
        'local a a.b = 1', 'local a = {} a.b.c = 1', 'return 1 + {}',
        "return redis.register_function('a', redis.log)",
        'return redis.register_function', 'return redis.nosuch',
        'return redis.breakpoint', 'return redis.replicate_commands',
        'return redis.debug', 'return redis.REPL_ALL', 'return _G.KEYS',
        'return _G.ARGV', 'return t', 'return require', 'return print',
        "rawset(_G, 'a', 1)", 'setmetatable(_G, {})',
        "return loadstring('return 5')()", "return loadstring('return x')()",
        "return loadstring('return redis.call(\\'PING\\')')()",
        "return math.random(1, 1)", "redis.log(redis.LOG_DEBUG, 'x')",
    ],

    'what it keeps' => [
        loaded(lib('l', 'local n = 0', fn('f', 'n = n + 1 return n'),
                   fn('g', 'return n'))),
        called('f', 0), called('f', 0), called('g', 0),
        loaded(lib('m', fn('h', 'return 1'))), called('f', 0),
        replaced(lib('m', fn('h', 'return 2'))), called('f', 0),
        ['FUNCTION', 'DELETE', 'm'], called('f', 0), called('g', 0),
        replaced(lib('l', 'local n = 0', fn('f', 'n = n + 1 return n'))),
        called('f', 0), called('g', 0), ['FLUSHALL'], called('f', 0),
        ['SCRIPT', 'FLUSH'], called('f', 0),
        loaded(lib('r', 'local r = redis', fn('r1', 'return r.call("PING")'),
                   fn('r2', 'return type(r.register_function)'),
                   fn('r3', 'r.register_function("a", r.log)'),
                   fn('r4', 'return r == redis'))),
        map { called("r$_", 0) } 1 .. 4,
    ],

    'EVAL beside it' => [
        ['EVAL', 'return redis.register_function', 0],
        ['EVAL', 'return {KEYS[1], ARGV[1]}', 1, 'k', 'a'],
        body('return _G.KEYS'), body("return loadstring('return ARGV')()"),
        body('return {KEYS[1], ARGV[1]}', 0),
        ['EVAL', 'return t', 0], ['EVAL', "return redis.call('FCALL', 't', 0)", 0],
        ['EVAL', 'return {KEYS[1], ARGV[1]}', 0],
    ],

    'C functions' => [
        loaded(lib('l', $f, "redis.register_function('g', "
                            . 'redis.register_function)')),
        called('g', 0), called('g', 1, 'a'),
    ],
);


# --- asking ---

for my $door (@doors) {
    my ($name, $want, $got) = @$door;
    my @rest = @groups;

    while (my ($title, $commands) = splice @rest, 0, 2) {
        subtest "$name: $title" => sub {
            flush($want, $got);
            compare($_, $want, $got) for @$commands;
        };
    }
}


# Several libraries have no order.
subtest 'several libraries' => sub {
    my ($want, $got) = resp(2);

    flush($want, $got);
    compare($_, $want, $got)
        for map { loaded(lib("lib$_", fn("f$_", "return $_"))) } 1 .. 9;
    compare(['FUNCTION', 'STATS'], $want, $got);

    for my $options ([], ['WITHCODE'], ['LIBRARYNAME', 'LIB[2-5]'],
                     ['libraryname', '*', 'withcode'], ['LIBRARYNAME', 'x'])
    {
        my ($a, $b) = map { listed($_, @$options) } $want, $got;
        is($b, $a, "FUNCTION LIST @$options");
    }
};


subtest 'transactions' => sub {
    my ($want, $got) = resp(2);

    flush($want, $got);
    compare($_, $want, $got)
        for ['MULTI'], loaded(lib('l', fn('f', 'return 1'))), called('f', 0),
            ['FUNCTION', 'LIST'], replaced(lib('l', fn('f', 'return 2'))),
            called('f', 0), ['FUNCTION', 'DELETE', 'l'], called('f', 0),
            ['EXEC'], ['FUNCTION', 'LIST'], ['MULTI'],
            loaded(lib('l', fn('f', 'return 1'))), ['DISCARD'], called('f', 0),
            ['MULTI'], loaded(lib('l', fn('f', 'return 3'))), ['EXEC'],
            called('f', 0);
};


# --- dumps ---

subtest 'dumps, both ways' => sub {
    my ($want, $got) = resp(2);
    my @libs = (
        lib('short', fn('s', 'return 1')),
        lib('long', '-- ' . 'long ' x 5000, fn('l', 'return #KEYS')),
        lib('odd', "--[[\0\xff\r\n" . join('', map { chr } 1 .. 92) . ']]',
            fn('o', 'return ARGV')),
        "#!lua name=d\n" . fn('d', 'return 1'),
    );

    for my $n (0 .. $#libs) {
        my %dump;

        flush($want, $got);
        for my $side ($want, $got) {
            $side->(loaded($_)) for @libs[0 .. $n];
        }

        $dump{redis} = KS::RESP::value($want->(['FUNCTION', 'DUMP']))->{text};
        $dump{module} = KS::RESP::value($got->(['FUNCTION', 'DUMP']))->{text};

        for my $whose (sort keys %dump) {
            exchange($want, $got, $dump{$whose}, "$whose, " . ($n + 1));
        }
    }

    flush($want, $got);
    my $empty = $want->(['FUNCTION', 'DUMP']);
    is($got->(['FUNCTION', 'DUMP']), $empty, 'a dump of nothing');
    compare(['FUNCTION', 'RESTORE', KS::RESP::value($empty)->{text}], $want,
            $got);

    $want->(['SET', 'k', 'v']);
    my $key = KS::RESP::value($want->(['DUMP', 'k']))->{text};
    compare(['FUNCTION', 'RESTORE', $key], $want, $got);
};


like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;
done_testing;


# One dump to both, under all policies.
sub exchange {
    my ($want, $got, $dump, $name) = @_;
    my @restore = ('FUNCTION', 'RESTORE', $dump);

    is($want->([@restore, 'FLUSH']), "+OK\r\n", "$name: Redis takes it");
    is($got->([@restore, 'FLUSH']), "+OK\r\n", "$name: the module takes it");
    is(listed($got, 'WITHCODE'), listed($want, 'WITHCODE'), "$name: ...");

    compare($_, $want, $got, $name)
        for [@restore, 'REPLACE'], called('s', 0), called('l', 1, 'k'),
            called('o', 0, 'a'), called('d', 0), [@restore, 'nosuch'],
            ['FUNCTION', 'DELETE', 'short'],
            replaced(lib('other', fn('S', 'return 1'))), [@restore, 'replace'],
            called('s', 0), ['FUNCTION', 'STATS'],
            ['FUNCTION', 'FLUSH'], [@restore], called('s', 0),
            ['FUNCTION', 'STATS'],
            [@restore[0, 1], substr($dump, 0, -1)],
            [@restore[0, 1], substr($dump, 1)],
            [@restore[0, 1], $dump . "\0"],
            replaced(lib('short', fn('other', 'return 1'))),
            [@restore, 'flush'], called('other', 0), called('s', 0);
}


# FUNCTION LIST with the libraries in the order of their names
sub listed {
    my ($side, @options) = @_;
    my $list = KS::RESP::value($side->(['FUNCTION', 'LIST', @options]));

    return join "\n", sort map { flat($_) } @$list;
}


sub flat {
    my ($v) = @_;

    return 'nil' unless defined $v;
    return '[' . join(' ', map { flat($_) } @$v) . ']' if ref $v eq 'ARRAY';
    return $v->{type} . KS::Referee::show_bytes($v->{text});
}


sub flush {
    for my $side (@_) {
        $side->(['FLUSHALL']);
        $side->(['FUNCTION', 'FLUSH']);
    }
}


# Both sides over RESP of a version.
sub resp {
    my ($version) = @_;

    return (redis($version), asking($version, $ngx->resp));
}


sub redis {
    my ($version) = @_;

    return asking($version, KS::RESP->new(port => $redis->port));
}


sub asking {
    my ($version, $c) = @_;

    $c->command('HELLO', $version);

    return sub { $c->command(@{$_[0]}) };
}


sub compare {
    my ($argv, $want, $got, $about) = @_;
    my $name = ($about ? "$about: " : '') . KS::Referee::show($argv);

    $_ = $_->($argv) for $want, $got;

    diag($name, "\n    ", KS::Referee::show_bytes($want)) if $ENV{KS_SHOW};

    ok(same($want) eq same($got), $name)
        or diag('redis:  ', KS::Referee::show_bytes($want), "\n",
                'module: ', KS::Referee::show_bytes($got));
}


# What is compared of a reply.  Lua 5.4 words its errors otherwise than 5.1: it
# says "attempt to index a nil value (local 'x')" where that says "attempt to
# index local 'x' (a nil value)", does not always know a name that 5.1 knows,
# or the other way round; and what does not compile is found at other places.
sub same {
    my ($s) = @_;
    my $name = qr/(?:local|global|field|upvalue|method|constant) '[^']*'/;

    return $s if $s !~ /^-/;

    $s =~ s/attempt to (.+?) $name \((a \w+ value)\)/attempt to $1 $2/;
    $s =~ s/attempt to (.+?) (a \w+ value) \($name\)/attempt to $1 $2/;
    $s =~ s/(Error compiling function: user_function:\d+:) .*/$1/s;

    return $s;
}
