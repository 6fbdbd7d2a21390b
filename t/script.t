# Scripts, where they are ours: known to all workers, limited in time and in
# memory, rolled back when they are ended, and never half done.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::HTTP;
use KS::Info;
use KS::Nginx;
use KS::Proc qw(slurp wait_for);
use KS::RESP;

my $READONLY = $KS::Nginx::READONLY;
my $seed = $ENV{KS_SEED} // time;

note("KS_SEED=$seed");
srand $seed;


# --- helpers ---

# memory of their own, in kB, that the workers have
sub private_memory {
    my ($ngx) = @_;
    my $sum = 0;

    for my $pid ($ngx->workers) {
        my ($kb) = slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
        $sum += $kb;
    }

    return $sum;
}


sub start {
    return KS::Nginx->start(size => '64m', workers => 2, resp => '',
                            resp_listen => 'reuseport',
                            http => 'client_max_body_size 16m;', @_);
}


sub whole {
    my ($ngx) = @_;

    like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
}


# --- one library for all workers ---

subtest 'scripts are known to all workers' => sub {
    my $ngx = start();
    my ($a, $b) = $ngx->two_workers;
    my $text = 'return "loaded " .. ARGV[1]';
    my $sha = sha1_hex($text);

    is($b->error('EVALSHA', $sha, 0, 'x'),
       'NOSCRIPT No matching script. Please use EVAL.', 'not before');
    is($a->run('SCRIPT', 'LOAD', $text), $sha, 'SCRIPT LOAD in one');
    is_deeply($b->run('SCRIPT', 'EXISTS', $sha), [1], 'the other knows it');
    is($b->run('EVALSHA', $sha, 0, 'there'), 'loaded there', '... and runs it');
    is($ngx->client->run('EVALSHA', $sha, 0, 'too'), 'loaded too',
       '... over REST as well');

    $text = 'return KEYS[1] .. ARGV[1]';
    is($b->run('EVAL', $text, 1, 'k', 'v'), 'kv', 'EVAL in one');
    is($a->run('EVALSHA', sha1_hex($text), 1, 'k', 'v'), 'kv',
       'EVALSHA in the other');

    my @clients = map { $ngx->resp } 1 .. 40;
    is(scalar(grep { $_->run('EVALSHA', $sha, 0, 'all') eq 'loaded all' }
              @clients), 40, 'on forty connections');

    is($a->run('SCRIPT', 'FLUSH'), 'OK', 'SCRIPT FLUSH in one');
    is($b->error('EVALSHA', $sha, 0, 'x'),
       'NOSCRIPT No matching script. Please use EVAL.',
       '... is felt in the other, which had it compiled');
    is_deeply($b->run('SCRIPT', 'EXISTS', $sha), [0], '... and seen');

    $_->close for @clients, $a, $b;
    whole($ngx);
    $ngx->stop;
};


subtest 'scripts outlive a reload, a worker and a flush of the keys' => sub {
    my $ngx = start();
    my $http = $ngx->client;
    my $sha = $http->run('SCRIPT', 'LOAD', 'return redis.call("INCR", "n")');

    is($http->run('EVALSHA', $sha, 0), 1, 'before');
    $http->close;
    ok($ngx->reload, 'a reload');
    is($http->run('EVALSHA', $sha, 0), 2, 'after it');

    $http->close;

    my %before = map { $_ => 1 } $ngx->workers;
    kill 'KILL', keys %before;
    ok(wait_for(20, sub {
        my @now = $ngx->workers;
        return @now == 2 && !grep { $before{$_} } @now;
    }), 'new workers in the place of killed ones');

    is($http->run('EVALSHA', $sha, 0), 3, '... know it too');

    is($http->run('FLUSHALL'), 'OK', 'FLUSHALL');
    is($http->run('EVALSHA', $sha, 0), 1, 'is of keys');

    # more than a zone ought to be filled with by those who never load
    my $first = 'return "first"';
    $http->run('SCRIPT', 'LOAD', $first);
    $http->pipeline(map { ['EVAL', "return $_", 0] } $_ * 500 .. $_ * 500 + 499)
        for 0 .. 9;
    is($http->run('EVALSHA', sha1_hex($first), 0), 'first',
       'one that was loaded stays, however many were run');

    $http->close;
    $ngx->allow('exited on signal 9');
    whole($ngx);
    $ngx->stop;
};


# --- semantics that are Redis's ---

subtest 'errors keep what was written, ends do not' => sub {
    my $ngx = start(zone => 'script_timeout 500ms;');
    my $c = $ngx->resp;

    like($c->error('EVAL', 'redis.call("SET", "kept", 1) error("stop")', 0),
         qr/^ERR user_script:1: stop script: [0-9a-f]{40}, on \@user_script:1\.$/,
         'a script that fails');
    is($c->run('GET', 'kept'), 1, '... keeps what it wrote');

    like($c->error('EVAL',
             'redis.call("SET", "kept", 2) return redis.call("INCR", "kept", 3)',
             0), qr/^ERR Wrong number of args/, 'and one whose command fails');
    is($c->run('GET', 'kept'), 2, '... too');

    like($c->error('EVAL', 'redis.call("SET", "gone", 1) while true do end', 0),
         qr/script_timeout/, 'one that is ended');
    is($c->run('EXISTS', 'gone'), 0, '... does not');
    is($c->run('GET', 'kept'), 2, '... and takes nothing else along');

    # what was there before comes back: of every type, much of it, and expiry
    my @before = (
        ['SET', 's', 'before', 'EX', 1000], ['RPUSH', 'l', 1 .. 500],
        ['HSET', 'h', map { ("f$_", "v$_") } 1 .. 300],
        ['SADD', 'set', map { "m$_" } 1 .. 500],
        ['ZADD', 'z', map { ($_, "m$_") } 1 .. 500],
        ['SET', 'big', 'x' x 100_000],
    );
    $c->replies(@before);
    my %dump = map { $_ => $c->command('DUMP', $_) } qw(s l h set z big);

    like($c->error('EVAL', <<'LUA', 0), qr/script_timeout/, 'many writes');
        redis.call("DEL", "s")
        redis.call("LTRIM", "l", 10, 20)
        redis.call("LPUSH", "l", "new")
        redis.call("HDEL", "h", "f1", "f2", "f3")
        redis.call("HSET", "h", "f4", string.rep("y", 5000))
        redis.call("RENAME", "set", "other")
        redis.call("ZREMRANGEBYRANK", "z", 0, 400)
        redis.call("APPEND", "big", string.rep("z", 100000))
        for i = 1, 500 do redis.call("SET", "new" .. i, i) end
        while true do end
LUA
    is(scalar(grep { $c->command('DUMP', $_) eq $dump{$_} } sort keys %dump), 6,
       '... are undone, every one');
    cmp_ok($c->run('TTL', 's'), '>', 900, '... TTLs too');
    is($c->run('DBSIZE'), 7, '... and new keys are not there');

    # FLUSHALL as well
    like($c->error('EVAL', 'redis.call("FLUSHALL") while true do end', 0),
         qr/script_timeout/, 'FLUSHALL');
    is($c->run('DBSIZE'), 7, '... is undone');

    # the script cannot see to it that it is not ended
    for my $way (
        'while true do pcall(function() while true do end end) end',
        'while true do pcall(redis.call, "SET", "gone", 1) end',
        'while true do redis.pcall("NOSUCH") end',
        'local function f() return pcall(f) end while true do f() end',
        'xpcall(function() while true do end end, function() while true do end end)',
        'local co = coroutine.wrap(function() while true do end end) co()',
        'while true do local co = coroutine.wrap(function() coroutine.yield() end) co() end',
        'local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return t[1] end) end',
        'coroutine.wrap(function() pcall(function() while true do end end) while true do end end)() while true do end',
        'while true do loadstring("return 1")() end',
        'repeat until false',
        '::top:: goto top',
        'for i = 1, 1e18 do end',
        'table.sort({3, 2, 1, 5, 4}, function() while true do end end)',
        '("x"):gsub(".", function() while true do end end)',
        'setmetatable({}, {__tostring = function() while true do end end}) local t = setmetatable({}, {__concat = function() while true do end end}) return t .. "x"',
        'load(function() while true do end end)',
        'redis.call("SET", "gone", 2) local t = {} for i = 1, 1e9 do t[i % 100 + 1] = i end',
    ) {
        like($c->error('EVAL', $way, 0), qr/script_timeout/, $way);
    }

    is($c->run('EXISTS', 'gone'), 0, 'and nothing of these stays');
    is($c->run('EVAL', 'return 5', 0), 5, 'scripts run as before');

    $c->close;
    whole($ngx);
    $ngx->stop;
};


subtest 'in MULTI' => sub {
    my $ngx = start(zone => 'script_timeout 500ms;');
    my $c = $ngx->resp;
    my $sha = $c->run('SCRIPT', 'LOAD', 'return redis.call("INCRBY", KEYS[1], ARGV[1])');

    my @r = $c->replies(['MULTI'], ['SET', 'n', 1],
        ['EVAL', 'return redis.call("INCR", KEYS[1])', 1, 'n'],
        ['EVALSHA', $sha, 1, 'n', 40],
        ['EVAL', 'redis.call("SET", "m", 1) error("in MULTI")', 0],
        ['GET', 'm'], ['EXEC']);
    my $v = KS::RESP::value($r[-1]);

    is($v->[1]{text}, 2, 'EVAL');
    is($v->[2]{text}, 42, 'EVALSHA');
    like($v->[3]{text}, qr/^ERR user_script:1: in MULTI/, 'one that fails');
    is($v->[4]{text}, 1, '... keeps what it wrote');

    # one that is ended takes the whole transaction along
    @r = $c->replies(['MULTI'], ['SET', 'n', 100],
        ['EVAL', 'redis.call("SET", "m", 2) while true do end', 0],
        ['INCR', 'n'], ['EXEC']);
    like($r[-1], qr/^-.*script_timeout/, 'one that is ended');
    is_deeply($c->run('MGET', 'n', 'm'), [42, 1],
              '... and nothing of the transaction happened');
    is($c->run('PING'), 'PONG', 'the connection goes on');
    like($c->error('EXEC'), qr/^ERR EXEC without MULTI/, '... outside of MULTI');

    # time stands still, as in Redis 7.2
    @r = $c->replies(['MULTI'], ['TIME'],
        ['EVAL', 'local t = redis.call("TIME") for i = 1, 1e5 do end local u = redis.call("TIME") return {t[1], t[2], u[1], u[2]}', 0],
        ['TIME'], ['EXEC']);
    is_deeply([KS::RESP::texts($r[-1])],
              [(KS::RESP::texts($r[-1]))[map { $_ % 2 } 0 .. 7]], 'TIME');

    # WATCH sees what scripts write
    my $d = $ngx->resp;
    $c->run('WATCH', 'w');
    $d->run('EVAL', 'return redis.call("SET", "w", 1)', 0);
    @r = $c->replies(['MULTI'], ['SET', 'w', 2], ['EXEC']);
    is($r[-1], "*-1\r\n", 'WATCH hears of a script');

    my $rest = $ngx->client->post(
        '[["SET","n","7"],["EVAL","return redis.call(\'INCR\', KEYS[1])","1","n"],'
        . '["EVAL","error(\'x\')","0"]]', uri => '/multi-exec');
    like($rest->{body}, qr/^\[\{"result":"OK"\},\{"result":8\},\{"error":"ERR user_script:1: x /,
         '/multi-exec');

    $rest = $ngx->client->post(
        '[["SET","n","9"],["EVAL","while true do end","0"],["INCR","n"]]',
        uri => '/multi-exec');
    like($rest->{body}, qr/^\{"error":"[^"]*script_timeout/,
         '... one that is ended');
    is($c->run('GET', 'n'), 8, '... and nothing happened');

    $_->close for $c, $d;
    whole($ngx);
    $ngx->stop;
};


subtest 'keys that were not declared' => sub {
    my $ngx = start(size => '200m', zone => 'script_timeout 60s;');
    my ($a, $b) = $ngx->two_workers;

    is($a->run('EVAL', <<'LUA', 0), 500500, 'a thousand, over all shards');
        for i = 1, 1000 do redis.call("SET", "u" .. i, i) end
        local sum = 0
        for i = 1, 1000 do sum = sum + redis.call("GET", "u" .. i) end
        return sum
LUA
    is($b->run('EVAL', 'return redis.call("GET", KEYS[1] .. ARGV[1])', 1, 'u',
               '17'), 17, 'a name that is made of parts');
    is($b->run('EVAL', 'local n = redis.call("GET", KEYS[1]) return redis.call("GET", "u" .. n)',
               1, 'u5'), 5, 'a name that is a value');
    is($a->run('EVAL', 'return #redis.call("KEYS", "u*")', 0), 1000, 'KEYS');

    # a script that is begun again for want of a lock is not done twice
    is($a->run('EVAL', <<'LUA', 1, 'count'), 100, 'each is done once');
        for i = 1, 100 do
            redis.call("INCR", KEYS[1])
            redis.call("APPEND", "far" .. i, "x")
        end
        return redis.call("GET", KEYS[1]) + 0
LUA
    is($a->run('EVAL', 'local s = "" for i = 1, 100 do s = s .. redis.call("GET", "far" .. i) end return s', 0),
       'x' x 100, '... the others too');

    # two workers, each with the keys of the other
    my @both = map {
        ['EVAL', 'redis.call("INCR", ARGV[1]) redis.call("INCR", ARGV[2]) return 1', 0,
         $_ % 2 ? ('one', 'two') : ('two', 'one')]
    } 1 .. 2000;
    $_->send(join '', map { KS::RESP::encode(@$_) } @both) for $a, $b;
    my @r = map { $_->take_replies(2000) } $a, $b;
    is(scalar(grep { $_ eq ":1\r\n" } @r), 4000, 'both at the same time');
    is_deeply($a->run('MGET', 'one', 'two'), [4000, 4000], '... lose nothing');

    $_->close for $a, $b;
    whole($ngx);
    $ngx->stop;
};


# --- limits ---

# Each is a script that would take for ever, or all memory, or all stack.
my @bombs = (
    ['a pattern that backtracks',
     'return string.find(("a"):rep(30), ("a?"):rep(30) .. ("a"):rep(30))'],
    ['another one', 'return ("a"):rep(40):match("(.-)(.-)(.-)(.-)(.-)(.-)(.-)(.-)b")'],
    ['one for gsub', 'return (("a"):rep(50):gsub("a*a*a*a*a*a*a*a*b", "x"))'],
    ['one for gmatch', 'for w in ("a"):rep(100):gmatch(("a*"):rep(12) .. "b") do end'],
    ['one over a long text', 'local s = ("a"):rep(200000) return s:find(".-.-.-b")'],
    ['%b over a long text', 'local s = ("("):rep(300000) for i = 1, 1000 do s:find("%b()") end'],
    ['a plain search', 'local s = ("a"):rep(4000000) local p = ("a"):rep(2000000) .. "b" while true do s:find(p, 1, true) end'],
    ['recursion', 'local function f() return 1 + f() end return f()'],
    ['recursion of C', 'local function f(s) return (s:gsub(".", f)) end return f("x")'],
    ['recursion through pcall', 'local function f() pcall(f) end f() while true do end'],
    ['recursion through metatables', 'local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x'],
    ['recursion through coroutines', 'local function f() return coroutine.wrap(f)() end return f()'],
    ['recursion through tostring', 'local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return tostring(t) end return tostring(t)'],
    ['recursion through sort', 'local function f(a, b) table.sort({1, 2, 3}, f) return a < b end table.sort({1, 2, 3}, f)'],
    ['coroutines', 'local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) coroutine.resume(t[i]) end'],
    ['a long string', 'return #string.rep("x", 1e9)'],
    ['a longer one', 'return #string.rep("x", 1e15)'],
    ['a string with separators', 'return #string.rep("x", 1e8, string.rep("y", 100))'],
    ['nothing, often', 'while true do string.rep("", 1e18) end'],
    ['doubling', 'local s = "x" while true do s = s .. s end'],
    ['appending', 'local s = "" while true do s = s .. "0123456789" end'],
    ['a table that grows', 'local t = {} local i = 1 while true do t[i] = i i = i + 1 end'],
    ['a table of tables', 'local t = {} while true do t = {t, {}, {}} end'],
    ['a table of strings', 'local t = {} for i = 1, 1e9 do t[i] = i .. ("x"):rep(100) end'],
    ['a table made large', 'return #table.concat({}, "x", 1, 1e9)'],
    ['table.concat', 'local t = {} for i = 1, 1000 do t[i] = ("x"):rep(1000) end for i = 1, 1e9 do local s = table.concat(t, ("y"):rep(100000)) end'],
    ['unpack', 'return unpack({}, 1, 1e7)'],
    ['unpack with large indices', 'return unpack({}, -9223372036854775807, 9223372036854775807)'],
    ['many arguments', 'return (function(...) return select("#", ...) end)(unpack({}, 1, 5e6))'],
    ['select', 'local function f(...) return f(1, ...) end return f()'],
    ['string.format', 'return #string.format("%99999999d", 1)'],
    ['string.byte', 'return {string.byte(("x"):rep(1e7), 1, -1)}'],
    ['string.char', 'while true do string.char(unpack((function() local t = {} for i = 1, 200 do t[i] = 65 end return t end)())) end'],
    ['string.reverse', 'local s = ("x"):rep(5e6) while true do s = s:reverse() end'],
    ['string.upper', 'local s = ("x"):rep(5e6) while true do s = s:upper() .. "" end'],
    ['sorting', 'local t = {} for i = 1, 300000 do t[i] = (i * 7919) % 300007 end while true do table.sort(t) end'],
    ['a bad order', 'local t = {} for i = 1, 300000 do t[i] = i end while true do table.sort(t, function() return true end) end'],
    ['table.insert', 'local t = {} while true do table.insert(t, 1, 1) end'],
    ['table.remove', 'local t = {} for i = 1, 100000 do t[i] = i end while true do table.remove(t, 1) t[#t + 1] = 1 end'],
    ['a length that lies', 'local t = setmetatable({}, {__len = function() return 1e15 end}) table.insert(t, 1, 1)'],
    ['another', 'local t = setmetatable({}, {__len = function() return 1e15 end, __index = function() return 1 end, __newindex = function() end}) table.sort(t)'],
    ['table.move', 'return table.move and table.move({}, 1, 1e15, 2) or string.rep("x", 1e10)'],
    ['maxn', 'local t = {} for i = 1, 100000 do t[i] = i end while true do table.maxn(t) end'],
    ['foreach', 'local t = {1, 2, 3} while true do table.foreach(t, function() end) end'],
    ['a load that never ends', 'return load(function() return "x = 1 " end)'],
    ['a script in brackets', 'return assert(loadstring("return " .. ("("):rep(1e6)))'],
    ['a script of many locals', 'local t = {} for i = 1, 1e6 do t[i] = "local a" .. i .. " = 1" end return loadstring(table.concat(t, "\n"))()'],
    ['scripts without end', 'for i = 1, 1e9 do loadstring("return " .. i)() end'],
    ['upvalues', 'local function f(n) local a = n return function() return a end end local t = {} for i = 1, 1e9 do t[i] = f(i) end'],
    ['JSON in depth', 'local t = {} t[1] = t return cjson.encode(t)'],
    ['JSON, deep', 'return cjson.decode(("["):rep(1e6))'],
    ['JSON in length', 'local t = {} for i = 1, 100000 do t[i] = i end while true do cjson.encode(t) end'],
    ['JSON of long strings', 'local s = ("\0"):rep(5e6) return #cjson.encode({s, s, s, s, s, s})'],
    ['JSON of long arrays', 'local s = "[" .. ("1,"):rep(3e6) .. "1]" return #cjson.decode(s)'],
    ['JSON of sparse arrays', 'cjson.encode_sparse_array(false, 0, 0) local ok, r = pcall(cjson.encode, {[1e9] = 1}) cjson.encode_sparse_array(false, 2, 10) if ok then return #r end error(r)'],
    ['MessagePack in depth', 'return cmsgpack.unpack(("\145"):rep(1e6))'],
    ['MessagePack that lies', 'return cmsgpack.unpack("\221\255\255\255\255" .. ("\192"):rep(1e6))'],
    ['MessagePack in length', 'local s = cmsgpack.pack(("x"):rep(1e6)) while true do cmsgpack.unpack(s) end'],
    ['MessagePack of many', 'return cmsgpack.unpack(("\1"):rep(1e7))'],
    ['struct that lies', 'return struct.pack("c2000000000", "x")'],
    ['struct in length', 'return #struct.pack(("x"):rep(5e6) .. ("d"):rep(5e6))'],
    ['struct of padding', 'local f = ("x"):rep(1e6) while true do struct.pack(f) end'],
    ['bit without end', 'while true do bit.band(1, 2) end'],
    ['a digest', 'local s = ("x"):rep(1e7) while true do redis.sha1hex(s) end'],
    ['a command without end', 'while true do redis.call("GET", "k") end'],
    ['writes without end', 'local i = 0 while true do i = i + 1 redis.call("SET", "bomb" .. i, i) end'],
    ['a value that grows', 'while true do redis.call("APPEND", "bomb", ("x"):rep(1000)) end'],
    ['a set that grows', 'local i = 0 while true do i = i + 1 redis.call("SADD", "bomb", i) end'],
    ['deleting and writing', 'while true do redis.call("SET", "bomb", ("x"):rep(10000)) redis.call("DEL", "bomb") end'],
    ['a log without end', 'while true do redis.log(redis.LOG_DEBUG, "x") end'],
    ['a long log', 'redis.log(redis.LOG_DEBUG, ("x"):rep(1e9))'],
    ['an error of a long text', 'error(("x"):rep(1e9))'],
    ['a command of many arguments', 'local t = {} for i = 1, 1e6 do t[i] = "x" end return redis.call("RPUSH", "bomb", unpack(t))'],
    ['math.fmod', 'while true do math.fmod(1e308, 3) end'],
    ['a reply of many', 'local t = {} for i = 1, 1e8 do t[i] = i end return t'],
    ['a chain of coroutines', 'local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end'],
    ['closing', 'if coroutine.close then while true do coroutine.close(coroutine.create(function() end)) end else while true do end end'],
    ['KEYS without end', 'while true do redis.call("KEYS", "*") end'],
    ['collectgarbage', 'while true do collectgarbage() end'],
);

subtest 'bombs' => sub {
    my $ngx = start(workers => 2, size => '64m', zone => 'script_timeout 50ms;');
    my $c = $ngx->resp;
    my @workers = $ngx->workers;

    $c->run('MSET', map { ("k$_", $_) } 1 .. 1000);

    my $before = private_memory($ngx);
    my $most = $before;
    my (@kept, @silent);

    for (@bombs, @bombs) {
        my ($name, $script) = @$_;
        my $bytes = $c->command('EVAL', $script, 0);

        like($bytes, qr/^-/, $name) or diag(substr $bytes, 0, 200);
        note("$name: ", substr $bytes, 0, 150);

        push @kept, $name if $c->run('EXISTS', 'bomb', 'bomb1') != 0;
        $c->run('DEL', 'bomb');

        my $now = private_memory($ngx);
        $most = $now if $now > $most;

        push @silent, $name if $ngx->resp->run('GET', 'k7') ne '7';
    }

    is_deeply(\@kept, [], 'none left anything');
    is_deeply(\@silent, [], 'others were served after each');
    is_deeply([$ngx->workers], \@workers, 'the workers live');

    # a state may hold what others left until it is collected, and what malloc
    # got for it does not all go back; but bombs do not add up
    # (a sanitizer keeps what is freed)
    cmp_ok($most - $before, '<', 10 * 16 * 1024,
           'their memory is bounded, however many bombs there are')
        unless $ENV{KS_PRELOAD};
    is($c->run('DBSIZE'), 1000, 'all keys are there');

    $c->close;
    whole($ngx);
    $ngx->stop;
};


subtest 'replies that are too deep, and other ends' => sub {
    my $ngx = start(zone => 'script_timeout 60s;');
    my $c = $ngx->resp;

    # Redis 7.0 does not survive these three
    for my $v ('{}', '{ok = "FINE"}', '{1, 2, 3}') {
        like($c->error('EVAL', "error($v)", 0), qr/^ERR /, "error($v)");
    }

    # what reads the replies goes as deep as they are
    local $SIG{__WARN__} = sub { warn @_ if $_[0] !~ /^Deep recursion/ };

    my $deep = $c->command('EVAL',
        'local t = {} for i = 1, 5000 do t = {t} end return t', 0);
    like($deep, qr/-ERR reached lua stack limit\r\n$/, 'a deep reply');
    my $round = $c->command('EVAL', 'local t = {} t[1] = t return t', 0);
    like($round, qr/-ERR reached lua stack limit\r\n$/, 'one without an end');
    is($c->run('PING'), 'PONG', 'the connection goes on');

    like($ngx->client->command('EVAL', 'local t = {} t[1] = t return t', 0)
            ->{body}, qr/reached lua stack limit/, '... over REST');

    # a worker's own memory is the limit of a reply
    my $text = $c->command('EVAL',
        'local s = ("x"):rep(1e6) local t = {} for i = 1, 50 do t[i] = s end return t',
        0);
    is(length $text, 5 + 50 * (1_000_000 + 12), 'a reply of 50 MB');

    # what was loaded cannot be got at
    for my $s ('return string.dump and loadstring(string.dump(function() return 1 end))',
               'return loadstring("\27Lua\83\0\25\147\13\10\26\10")',
               'return load(function() return nil end, "x", "b") and nil',
               'return (loadstring("\27Lua", "x", "b"))') {
        is($c->command('EVAL', $s, 0), "\$-1\r\n", $s);
    }

    # nothing of one script is there in the next
    $c->command('EVAL', $_, 0) for
        'KEYS.x = 1 ARGV.x = 1 return 1',
        'local mt = getmetatable("") if mt then mt.__index.evil = 1 end',
        'rawset(string, "evil", 1)',
        'string.evil = 1',
        'setmetatable(_G, {__index = function() return 1 end})',
        'rawset(getmetatable(redis) or {}, "__index", {})',
        'for k, v in pairs(_G) do pcall(rawset, v, "evil", 1) end',
        'debug.sethook()',
        'redis.setresp(3)',
        'cjson.null = 1',
        'local t = getmetatable(_G) t.__newindex = nil evil = 1';
    is($c->run('EVAL', 'return {KEYS.x or 0, ARGV.x or 0, string.evil or 0, rawget(_G, "evil") or 0, redis.evil or 0, ("").evil or 0}', 0)->[$_], 0, "nothing stays ($_)")
        for 0 .. 5;

    $c->close;
    whole($ngx);
    $ngx->stop;
};


subtest 'limits that are set' => sub {
    my $ngx = start(zone => 'script_timeout 1s; script_memory 2m;');
    my $c = $ngx->resp;
    my $error = sub { $c->error('EVAL', $_[0], 0) };

    like($error->('redis.call("SET", "k", 1) local t = {} for i = 1, 1e6 do t[i] = {} end'),
         qr/memory/, 'script_memory');
    is($c->run('EXISTS', 'k'), 0, '... and what it wrote is rolled back');
    is($c->run('EVAL', 'return #string.rep("x", 1000000)', 0), 1_000_000,
       'less is allowed');
    is($c->run('EVAL', 'return #string.rep("x", 1000000)', 0), 1_000_000,
       '... again and again') for 1 .. 5;

    my $time = time;
    like($error->('while true do end'), qr/script_timeout/, 'script_timeout');
    cmp_ok(time - $time, '>=', 0.9, '... is the time that was given');

    ok($ngx->reload(zone => 'script_timeout 60s; script_memory 64m;'),
       'a reload');
    $c = $ngx->resp;
    is($c->run('EVAL', 'return #string.rep("x", 20000000)', 0), 20_000_000,
       'changes script_memory');
    ok($ngx->reload(zone => 'script_timeout 1m;'), 'another');
    $c = $ngx->resp;
    is($c->run('EVAL', 'local n = 0 for i = 1, 1e8 do n = n + 1 end return n', 0),
       100_000_000, 'changes script_timeout');

    my $said = sub {
        my ($code, $out) = KS::Nginx->check(size => '8m', zone => $_[0]);
        return "$code: $out";
    };
    like($said->('script_timeout soon;'), qr/^1: .*invalid/s, 'no time');
    like($said->('script_timeout 0;'), qr/^1: .*invalid/s, 'none at all');
    like($said->('script_memory 1k;'), qr/^1: .*invalid/s, 'less than any needs');
    like($said->('script_memory much;'), qr/^1: .*invalid/s, 'no size');
    like($said->('script_timeout 1s; script_timeout 2s;'),
         qr/^1: .*duplicate/s, 'twice');

    $c->close;
    whole($ngx);
    $ngx->stop;
};


# each may run as long as it does, but not all of them
subtest 'many scripts at once' => sub {
    my $ngx = start(zone => 'script_timeout 200ms;');
    my $c = $ngx->resp;
    my $eval = KS::HTTP::array('EVAL', 'for i = 1, 1e6 do end', 0);
    my $text = join "\n", map { "::l$_\:: f()" } 1 .. 60_000;

    for my $n (2, 5000) {
        my $set = KS::HTTP::array('SET', "k$n", 1);
        my $r = $ngx->client->post('[' . join(',', $set, ($eval) x $n) . ']',
                                   uri => '/multi-exec');

        if ($n == 2) {
            is($r->{status}, 200, 'a few');

        } else {
            like($r->{body}, qr/^\{"error":"EXECABORT .*script_timeout/,
                 'many');
        }
    }

    is_deeply($c->run('MGET', 'k2', 'k5000'), [1, undef], 'nothing of these');
    $c->close;
    ok($ngx->reload(zone => 'script_timeout 50ms;'), 'less time');
    $c = $ngx->resp;
    like($c->error('EVAL', $text, 0), qr/script_timeout/, 'one that is long');

    $c->close;
    whole($ngx);
    $ngx->stop;
};


subtest 'what goes into the log' => sub {
    my $ngx = start(workers => 1);
    my $c = $ngx->resp;
    my $log = 'redis.log(redis.LOG_WARNING, ';

    $c->run('EVAL', "$log\"one\\n1999/01/01 [emerg] two \\27[2J\\\\\") return 1", 0);
    $c->run('EVAL', "$log string.rep('x', 100000)) return 1", 0);
    $c->run('EVAL', "for i = 1, 1000 do $log 'many ' .. i) end return 1", 0);

    my $said = $ngx->log;

    like($said, qr/script: one\\x0A1999\/01\/01 \[emerg\] two \\x1B\[2J\\x5C$/m,
         'is one line of printable characters');
    unlike($said, qr/^1999/m, '... and no line is forged');
    like($said, qr/script: x{1020,1024}\.\.\.$/m, 'of a length');
    is(() = $said =~ /script: many \d+$/mg, 32, 'so many of a script');
    is(() = $said =~ /has more to say/g, 1, '... and a word about the rest');

    $c->close;
    $ngx->allow('emerg\] two');
    $ngx->stop;
};


subtest 'others while a script runs' => sub {
    my $ngx = start(zone => 'script_timeout 5s;');
    my ($a, $b) = $ngx->two_workers;

    $b->run('MSET', 'far', 1, 'near', 1);

    # this one holds its keys for as long as it may
    $a->send(KS::RESP::encode('EVAL',
        'redis.call("SET", KEYS[1], 2) while true do end', 1, 'near'));
    is($b->run('PING'), 'PONG', 'PING in another worker');
    is($b->run('GET', 'near'), 1, 'its key waits, and is as it was before');
    like($a->reply, qr/^-.*script_timeout/, 'the script is ended');

    # SCRIPT KILL comes from another worker
    $a->send(KS::RESP::encode('EVAL',
        'redis.call("SET", KEYS[1], 2) while true do end', 1, 'near'));
    my $killed = wait_for(5, sub { $b->command('SCRIPT', 'KILL') eq "+OK\r\n" });

    ok($killed, 'SCRIPT KILL finds it');
    like($a->reply, qr/^-ERR Error running script: .*SCRIPT KILL/,
         '... and ends it, though it has written');
    is($b->run('GET', 'near'), 1, '... which is rolled back');
    like($b->error('SCRIPT', 'KILL'), qr/^NOTBUSY /, 'none runs now');

    $_->close for $a, $b;
    whole($ngx);
    $ngx->stop;
};


subtest 'a zone that is full' => sub {
    my $ngx = start(size => '8m', workers => 1, zone => 'script_timeout 60s;');
    my $c = $ngx->resp;

    my $error = $c->error('EVAL', <<'LUA', 0);
        local i = 0
        while true do
            i = i + 1
            redis.call("SET", "k" .. i, string.rep("x", 100000))
        end
LUA
    like($error, qr/^OOM /, 'noeviction: the script gets the OOM error');
    is($c->run('DBSIZE'), 0, '... and nothing of it happened');

    my $n = 0;
    $n++ while $c->command('SET', "k$n", 'x' x 100_000) eq "+OK\r\n";
    cmp_ok($n, '>', 10, "$n keys fill the zone");

    for my $script ('return redis.call("SET", "more", string.rep("x", 1e6))',
                    'redis.call("SET", "k0", "") return redis.call("SET", "more", string.rep("x", 1e6))',
                    'return redis.pcall("SET", "more", string.rep("x", 1e6))') {
        like($c->error('EVAL', $script, 0), qr/^OOM /, $script);
    }

    is($c->run('STRLEN', 'k0'), 100_000, '... and nothing of them either');
    is($c->run('EVAL', 'redis.call("DEL", "k0", "k1") return redis.call("SET", "more", string.rep("x", 50000))', 0),
       'OK', 'one that stores less than it deletes');
    $c->run('FLUSHALL');
    $c->close;
    whole($ngx);

    ok($ngx->reload(eviction => 'allkeys-lru'), 'with eviction');
    $c = $ngx->resp;
    my $many = 'for i = 1, 20 do redis.call("SET", ARGV[1] .. i, string.rep("x", 100000)) end return redis.call("STRLEN", ARGV[1] .. "20")';
    is(scalar(grep { $c->command('EVAL', $many, 0, "round$_:") eq ":100000\r\n" }
              1 .. 30), 30, 'thirty scripts write more than fits');
    $c->close;
    whole($ngx);
    $ngx->stop;
};


# --- rights ---

subtest 'read-only tokens' => sub {
    my $ngx = start();
    my $full = $ngx->client;
    my $sha = $full->run('SCRIPT', 'LOAD', 'return redis.call("SET", KEYS[1], "evil")');
    my $get = $full->run('SCRIPT', 'LOAD', 'return redis.call("GET", KEYS[1])');

    $full->run('SET', 'k', 'v');
    $full->run('FUNCTION', 'LOAD', <<'LUA');
#!lua name=lib
redis.register_function('put', function(keys, args)
    return redis.call('SET', keys[1], args[1])
end)
redis.register_function{function_name = 'take',
    callback = function(keys) return redis.call('GET', keys[1]) end,
    flags = {'no-writes'}}
LUA

    my @doors = (
        ['REST', $ngx->client(token => $READONLY)],
        ['RESP', $ngx->resp(token => $READONLY)],
    );

    for (@doors) {
        my ($name, $c) = @$_;

        for my $argv (
            ['EVAL', 'return redis.call("SET", KEYS[1], "evil")', 1, 'k'],
            ['EVAL', 'return redis.call("SET", "k", "evil")', 0],
            ['EVAL', 'return redis.pcall("DEL", "k")', 0],
            ['EVAL', 'redis.call("FLUSHALL")', 0],
            ['EVAL', 'return redis.call("KEYS", "*")', 0],
            ['EVALSHA', $sha, 1, 'k'],
            ['EVAL_RO', 'return redis.call("SET", KEYS[1], "evil")', 1, 'k'],
            ['EVALSHA_RO', $sha, 1, 'k'],
            ['EVAL', 'local ok, e = pcall(redis.call, "SET", "k", "evil") error(e)', 0],
            ['EVAL', 'return coroutine.wrap(function() return redis.call("SET", "k", "evil") end)()', 0],
            ['FCALL', 'put', 1, 'k', 'evil'],
            ['FCALL_RO', 'put', 1, 'k', 'evil'],
        ) {
            my $error = $c->error(@$argv);
            my $no = $argv->[0] =~ /_RO/ ? qr/ACL failure|read-only|write flag|^ERR Can not/i
                                         : qr/ACL failure in script/;
            like($error, $no, "$name: @$argv[0, 1]");
        }

        for my $argv (['SCRIPT', 'LOAD', 'return 1'], ['SCRIPT', 'FLUSH'],
                      ['SCRIPT', 'KILL'], ['FUNCTION', 'FLUSH'],
                      ['FUNCTION', 'DELETE', 'lib'],
                      ['FUNCTION', 'LOAD', "#!lua name=x\n"])
        {
            like($c->error(@$argv), qr/^NOPERM /, "$name: @$argv[0, 1]");
        }

        is($c->run('EVAL', 'return redis.call("GET", KEYS[1])', 1, 'k'), 'v',
           "$name: EVAL of what reads");
        is($c->run('EVALSHA', $get, 1, 'k'), 'v', "$name: EVALSHA");
        is($c->run('EVAL_RO', 'return redis.call("GET", KEYS[1])', 1, 'k'), 'v',
           "$name: EVAL_RO");
        is($c->run('FCALL', 'take', 1, 'k'), 'v', "$name: FCALL");
        is($c->run('FCALL_RO', 'take', 1, 'k'), 'v', "$name: FCALL_RO");
    }

    is($full->run('GET', 'k'), 'v', 'nothing was written');
    is($full->run('EVALSHA', $sha, 1, 'k'), 'OK', 'and the other token may');

    $doors[1][1]->close;
    whole($ngx);
    $ngx->stop;
};


# --- death ---

# adds to two keys together, with much between
my $ADD = <<'LUA';
local ka, kb = KEYS[1], KEYS[2]
local a = redis.call('INCR', ka)
redis.call('INCR', 'a')
redis.call('SET', 'trash' .. ka, string.rep('x', a % 3000))
for i = 1, 300 do
    redis.call('HSET', 'work' .. ka, i, a)
end
redis.call('DEL', 'work' .. ka)
redis.call('INCR', 'b')
local b = redis.call('INCR', kb)
return {a, b}
LUA

my $ADD_IN_MULTI = 'redis.call("INCR", "a") redis.call("INCR", "b") return 1';

# Scripts and transactions that do so while workers are killed: whoever reads
# the keys sees them equal.
subtest 'kill -9 inside scripts and transactions' => sub {
    my $kills = $ENV{KS_KILLS} // 100;

    $kills = $kills > 100 ? 100 : $kills;

    my $ngx = start(zone => 'script_timeout 60s;', workers => 3, size => '64m');
    $ngx->allow('exited on signal 9');

    # the shard of scripts may keep an empty page of each size that it has had
    my $kept = 8 * 4096;
    $ngx->client->run('EVAL', $_, 2, 'a', 'b') for $ADD, $ADD_IN_MULTI;
    $ngx->client->run('SCRIPT', 'FLUSH');
    $ngx->client->run('FLUSHALL');

    my $empty = KS::Info::used($ngx->client);
    my $dir = $ngx->dir;
    my @pids = map { adder($ngx, $_) } 1 .. 4;
    my ($silent, $missing) = (0, 0);
    my @faulty;

    for my $i (1 .. $kills) {
        sleep 0.01 + rand 0.04;

        my @workers = $ngx->workers;
        my $victim = $workers[rand @workers];

        kill 'KILL', $victim;

        $missing++ unless wait_for(20, sub {
            my @now = $ngx->workers;
            return @now == 3 && !grep { $_ == $victim } @now;
        }, 0.002);

        if ($i % 20 == 0) {
            my $text = persistent($ngx, 'MEMORY', 'DOCTOR');
            push @faulty, "after $i: $text" if $text !~ /^ok/;
        }
    }

    KS::Proc::spew("$dir/stop", '');
    waitpid $_, 0 for @pids;

    is($missing, 0, "a new worker came after each of $kills deaths");
    is_deeply(\@faulty, [], 'the zone was whole all the time');

    for my $id (1 .. 4) {
        my ($done, $broken, $text) =
            (slurp("$dir/adder$id") // '0 0 ended without a word')
            =~ /^(\d+) (\d+) (.*)/s;
        my ($a, $b) = map { $_ // 0 }
            @{persistent($ngx, 'MGET', "a$id", "b$id")};

        is($text, '', "client $id saw nothing in half");
        is($a, $b, '... and left nothing in half');
        cmp_ok($a, '>=', $done, "all of its $done acknowledged additions are there");
        cmp_ok($a, '<=', $done + $broken, "... and at most $broken more");
    }

    my ($a, $b) = @{persistent($ngx, 'MGET', 'a', 'b')};
    is($a, $b, 'nor is what all of them share');
    note('locks taken over from the dead: '
         . KS::Info::field($ngx->client, 'keyspace_recovered_locks'));

    whole($ngx);
    persistent($ngx, 'FLUSHALL');
    persistent($ngx, 'SCRIPT', 'FLUSH');
    ok(wait_for(10, sub { KS::Info::used($ngx->client) <= $empty + $kept },
                0.1), 'nothing leaked')
        or diag('used: ' . KS::Info::used($ngx->client) . ", at first: $empty");
    $ngx->stop('the error log holds nothing but those deaths');
};


# A result over REST, whoever may die meanwhile.
sub persistent {
    my ($ngx, @argv) = @_;

    for (1 .. 50) {
        my $r = $ngx->client->command(@argv);
        return KS::HTTP::decode($r)->{result} if $r->{status};
    }

    return 'no answer';
}


# A process that adds, each time by one of three ways, and looks.
sub adder {
    my ($ngx, $id) = @_;
    my $pid = fork // die "fork: $!";

    return $pid if $pid;

    my ($done, $broken, $fault) = (0, 0, '');

    srand $seed * 10 + $id;

    my $ok = eval {
        while (!-e $ngx->dir . '/stop' && $fault eq '') {
            my $c = eval { $ngx->resp };

            if (!$c) {
                sleep 0.005;
                next;
            }

            for (1 .. 1000) {
                my ($added, $seen) = add($c, $id);

                $done++ if $added;
                $fault = $seen if $seen;

                if (!$added) {
                    $broken++;
                    last;
                }

                last if -e $ngx->dir . '/stop' || $fault ne '';
            }

            $c->close;
        }

        1;
    };

    $fault ||= "$@" if !$ok;
    KS::Proc::spew($ngx->dir . "/adder$id", "$done $broken $fault");
    POSIX::_exit(0);
}


# (whether it is acknowledged, what was wrong)
sub add {
    my ($c, $id) = @_;
    my $way = int rand 3;
    my ($v, @r);

    if ($way == 0) {
        @r = $c->replies(['EVAL', $ADD, 2, "a$id", "b$id"]);
        $v = @r ? KS::RESP::plain(KS::RESP::value($r[0])) : undef;

    } elsif ($way == 1) {
        @r = $c->replies(['MULTI'], ['INCR', "a$id"], ['INCR', 'a'],
            (map { ['HSET', "work$id", $_, 'x' x (7 * $_)] } 1 .. 60),
            ['DEL', "work$id"], ['INCR', 'b'], ['INCR', "b$id"], ['EXEC']);
        $v = @r == 67 ? KS::RESP::plain(KS::RESP::value($r[-1])) : undef;
        $v = [@$v[0, -1]] if ref $v eq 'ARRAY';

    } else {
        @r = $c->replies(['MULTI'], ['INCR', "a$id"], ['INCR', "b$id"],
            ['EVAL', $ADD_IN_MULTI, 0], ['EXEC']);
        $v = @r == 5 ? KS::RESP::plain(KS::RESP::value($r[-1])) : undef;
    }

    return (0, '') if !defined $v;
    return (1, "a reply that is none: $r[-1]") if ref $v ne 'ARRAY';
    return (1, "$v->[0] and $v->[1]") if $v->[0] != $v->[1];

    # all see the same
    @r = $c->replies(['MGET', 'a', 'b']);

    if (@r) {
        $v = KS::RESP::plain(KS::RESP::value($r[0]));
        $_ //= 0 for @$v;
        return (1, "a is $v->[0], b is $v->[1]") if $v->[0] != $v->[1];
    }

    return (1, '');
}


done_testing;
