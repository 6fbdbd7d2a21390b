# Workers whose malloc fails at random, under a mixed load: none dies, and every
# answer is right or an error.  What was refused has not happened.
#
# KS_ROUNDS says how many requests there are; KS_RATES, one in how many calls
# of malloc fails.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use KS::Nginx;
use KS::Proc qw(capture installed slurp spew tempdir);

plan skip_all => 'there is no C compiler' if !installed('cc');
plan skip_all => 'a sanitizer has an allocator of its own' if $ENV{KS_PRELOAD};

my $rounds = $ENV{KS_ROUNDS} // 6000;
my @rates = split /,/, $ENV{KS_RATES} // '7,40,300';
my $seed = $ENV{KS_SEED} // time;
my $dir = tempdir();

note("KS_SEED=$seed");
srand $seed;

my ($code, $out) = capture(60, {}, 'cc', '-O2', '-shared', '-fPIC', '-o',
                           "$dir/memory.so", "$FindBin::Bin/preload/memory.c");
is($code, 0, 'the allocator is built') or BAIL_OUT($out);

# one in how many, how many have failed, the seed, whose
sub lack {
    my ($rate, @pids) = @_;

    open my $f, '+<', "$dir/control" or die "control: $!";
    print $f pack 'L', $rate;
    seek $f, 8, 0;
    print $f pack 'Ll8', $seed & 0xffffffff, @pids, (0) x (8 - @pids);
    close $f or die "control: $!";
}

sub failed { return (unpack 'LL', slurp("$dir/control"))[1] }

spew("$dir/control", pack 'LLLl8', 0, 0, 0, (0) x 8);

my $ngx = KS::Nginx->start(
    size => '32m', workers => 2, resp => '', resp_listen => 'reuseport',
    env => { LD_PRELOAD => "$dir/memory.so", KS_MEMORY => "$dir/control" },
    zone => 'script_timeout 60s;',
    http => 'keyspace_limit_rule all zone=main key=$arg_who rate=1000000r/s '
            . 'algorithm=gcra burst=1000000;',
    locations => <<'CONF',
        location / { keyspace_rest main; }
        location = /session {
            keyspace_session main secure=off create=on_write;
            add_header Keyspace-Session "set user=$arg_user" always;
            return 204;
        }
        location = /user {
            keyspace_session main secure=off;
            return 200 "<$keyspace_session_user>";
        }
        location = /limited {
            keyspace_limit all;
            keyspace_rest main;
        }
CONF
);

my @workers = sort $ngx->workers;
my $control = $ngx->resp;

$control->run('FUNCTION', 'LOAD', <<'LUA');
#!lua name=sums
redis.register_function('total', function(keys, args)
    local sum = 0
    for _, v in ipairs(redis.call('LRANGE', keys[1], 0, -1)) do sum = sum + v end
    return sum
end)
redis.register_function{function_name = 'join', flags = {'no-writes'},
    callback = function(keys, args) return table.concat(args, '-') end}
LUA
$control->run('RPUSH', 'list', 1 .. 400);
$control->run('ZADD', 'board', map { ($_, "m$_") } 1 .. 300);
$control->run('HSET', 'hash', map { ("f$_", 'v' x $_) } 1 .. 300);
$control->run('SADD', 'set', map { "e$_" } 1 .. 300);

my %counter;            # what each is known to be; undef: it has to be read
my (%n, @wrong);

sub wrong {
    my ($what, $got) = @_;

    push @wrong, "$what: " . substr($got // 'nothing', 0, 200);
}


# --- over RESP ---

sub bulk { return '$' . length($_[0]) . "\r\n$_[0]\r\n" }
sub array { return '*' . @_ . "\r\n" . join '', @_ }

my $count = 0;

# Scripts of which each is another text, and what they reply.
my @scripts = (
    ['local t = {} for i = 1, 200 do t[i] = KEYS[1] .. i end return #table.concat(t, ",")',
     sub { my $k = shift; return ':' . length(join ',', map { "$k$_" } 1 .. 200) . "\r\n" }],
    ['return cjson.encode(cjson.decode(\'[1,"x\u00e9\u20ac",{"a":[true,null]}]\'))',
     sub { return bulk(qq([1,"x\xc3\xa9\xe2\x82\xac",{"a":[true,null]}])) }],
    ['return cmsgpack.unpack(cmsgpack.pack({1, 2, {3, ARGV[1]}}))[3][2]',
     sub { return bulk('argument') }],
    ['return (string.rep("ab", 300):gsub("a", function(c) return c .. c end))',
     sub { return bulk('aab' x 300) }],
    ['local t = {} for i = 1, 100 do t[i] = (i * 37) % 101 end table.sort(t) return t',
     sub { return array(map { ":$_\r\n" } 1 .. 100) }],
    ['local ok, e = pcall(function() error({err = "MINE x"}) end) return e',
     sub { return bulk('MINE x') }],
    ['return redis.call("LRANGE", "list", 0, -1)',
     sub { return array(map { bulk($_) } 1 .. 400) }],
    ['redis.setresp(3) return redis.call("HGETALL", "hash").map.f7',
     sub { return bulk('v' x 7) }],
    ['return {redis.sha1hex(ARGV[1]), tostring(2^53), string.format("%.3f", 1/3)}',
     sub { return array(bulk(sha1_hex('argument')), bulk('9.007199254741e+15'), bulk('0.333')) }],
    ['local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) return {co(), co(), co()}',
     sub { return array(":1\r\n", ":2\r\n", ":3\r\n") }],
    ['return load(function() return nil end) and loadstring("return 1 + 1")()',
     sub { return ":2\r\n" }],
    ['return redis.call("SORT", "list", "LIMIT", 0, 3, "DESC")',
     sub { return array(bulk(400), bulk(399), bulk(398)) }],
);

sub script {
    my ($text, $right) = @{$scripts[rand @scripts]};

    # half of them have been seen before
    $text .= ' -- ' . int(rand 2 ? rand 8 : rand 1e9);

    my $key = 'k' . int rand 10;

    return [[['EVAL', $text, 1, $key, 'argument']], sub { $right->($key) }];
}

# A change of a counter: what the reply says counts, and nothing else.
sub change {
    my ($name, @command) = @_;

    return [[[@command]], sub {
        my ($reply) = @_;

        my ($got) = $reply =~ /^:(\d+)\r\n$/ or return undef;
        my $was = $counter{$name};

        $counter{$name} = $got;

        return $reply if !defined $was || $got == $was + 1;
        return ':' . ($was + 1) . "\r\n";
    }, $name];
}

my @ops = (
    \&script, \&script, \&script,
    sub { return change('n1', 'INCR', 'n1') },
    sub { return change('n2', 'EVAL', 'redis.call("APPEND", "log", "x") local n = redis.call("INCR", KEYS[1]) redis.call("LPUSH", "l2", n) redis.call("LTRIM", "l2", 0, 50) return n -- ' . int(rand 20), 1, 'n2') },
    sub { return [[['FCALL', 'total', 1, 'list']], sub { ":80200\r\n" }] },
    sub { return [[['FCALL_RO', 'join', 0, 'a', 'b']], sub { bulk('a-b') }] },
    sub { $count++; return [[['FUNCTION', 'LOAD', 'REPLACE', "#!lua name=other\nredis.register_function('other', function() return $count end)"]],
                  sub { bulk('other') }] },
    sub { return [[['FUNCTION', 'LIST', 'LIBRARYNAME', 'sums']], sub { $_[0] =~ /^\*1\r\n.*total/s ? $_[0] : undef }] },
    sub { my $s = 'return ' . int rand 1e9; return [[['SCRIPT', 'LOAD', $s]], sub { bulk(sha1_hex($s)) }] },
    sub { return [[['SORT', 'list', 'DESC', 'LIMIT', 0, 2]], sub { array(bulk(400), bulk(399)) }] },
    sub { return [[['LRANGE', 'list', 0, -1]], sub { array(map { bulk($_) } 1 .. 400) }] },
    sub { return [[['ZRANGE', 'board', 0, -1]], sub { array(map { bulk("m$_") } 1 .. 300) }] },
    sub { return [[['ZUNIONSTORE', 'z2', 2, 'board', 'board']], sub { ":300\r\n" }] },
    sub { return [[['SINTERSTORE', 's2', 'set', 'set']], sub { ":300\r\n" }] },
    sub { return [[['COPY', 'hash', 'h2', 'REPLACE']], sub { ":1\r\n" }] },
    sub { return [[['SCAN', 0, 'COUNT', 100000]], sub { $_[0] =~ /^\*2\r\n\$1\r\n0\r\n.*board/s ? $_[0] : undef }] },
    sub { return [[['CLIENT', 'LIST']], sub { $_[0] =~ /^\$\d+\r\nid=/ ? $_[0] : undef }] },
    sub { return [[['INFO']], sub { $_[0] =~ /redis_version:/ ? $_[0] : undef }] },
    sub { return [[['COMMAND', 'COUNT']], sub { $_[0] =~ /^:\d/ ? $_[0] : undef }] },
    sub { my $n = 'name' . int rand 1e6; return [[['CLIENT', 'SETNAME', $n], ['CLIENT', 'GETNAME']],
              sub { "+OK\r\n" }, undef, sub { my ($first, $reply) = @_; $first =~ /^\+/ ? bulk($n) : $reply }] },
    sub { my $v = 'v' x rand 20000; my $k = 'big' . int rand 4;
          return [[['SET', $k, $v], ['GET', $k]], sub { "+OK\r\n" }, undef,
                  sub { my ($first, $reply) = @_; $first =~ /^\+/ ? bulk($v) : $reply }] },
    sub { return [[['MULTI'], ['EVAL', 'return redis.call("INCR", "x1")', 0], ['INCR', 'x2'], ['EXEC']],
                  sub { "+OK\r\n" }, 'x', sub { $_[1] =~ /^\+QUEUED/ ? $_[1] : undef },
                  sub { $_[1] =~ /^\+QUEUED/ ? $_[1] : undef },
                  # without an EXECABORT both are counted, and they are the same
                  sub { my $r = $_[1]; $r =~ /^\*2\r\n:(\d+)\r\n:(\d+)\r\n$/ && $1 == $2 ? $r : undef }] },
);

my @clients;

# A connection that works, however often it takes.
sub client {
    my ($i) = @_;

    for (1 .. 500) {
        return $clients[$i] if $clients[$i];
        $clients[$i] = eval { $ngx->resp };
    }

    die "no connection comes about: $@";
}

sub gone {
    my ($i) = @_;

    $clients[$i]->close;
    $clients[$i] = undef;
    $n{closed}++;
}

sub over_resp {
    my ($i) = @_;
    my $c = client($i);
    my ($commands, $right, $name, @more) = @{$ops[rand @ops]->()};
    my @right = ($right, @more);
    my $first;

    if (!$c->send(join '', map { KS::RESP::encode(@$_) } @$commands)) {
        delete $counter{$name} if $name;
        return gone($i);
    }

    for my $j (0 .. $#$commands) {
        my $reply = $c->reply;

        if (!defined $reply) {
            delete $counter{$name} if $name;
            wrong("@{$commands->[$j]}", "time is up")
                if $c->{why} && $c->{why} eq 'timeout';
            return gone($i);
        }

        $first //= $reply;

        if ($reply =~ /^-/) {
            $n{errors}++;
            next;
        }

        my $expected = $j ? $right[$j]->($first, $reply) : $right->($reply);

        $n{right}++;
        wrong("@{$commands->[$j]}", $reply)
            if !defined $expected || $expected ne $reply;
    }
}


# --- over HTTP ---

my $json = JSON::PP->new->allow_nonref;
my $http = $ngx->client;

my @requests = (
    sub { return ['POST', '/', $json->encode(['LRANGE', 'list', 0, 2]), '{"result":["1","2","3"]}'] },
    sub { return ['POST', '/', 'EVAL return {KEYS[1], "t' . int(rand 50) . '"}[1] 1 key', '{"result":"key"}'] },
    sub { return ['POST', '/pipeline', $json->encode([['GET', 'nothing'], ['LLEN', 'list']]), '[{"result":null},{"result":400}]'] },
    sub { return ['POST', '/multi-exec', $json->encode([['GET', 'nothing'], ['LLEN', 'list']]), '[{"result":null},{"result":400}]'] },
    sub { return ['GET', '/llen/list', undef, '{"result":400}'] },
    sub { return ['GET', '/user', undef, '<>'] },
    sub { return ['GET', '/limited/llen/list?who=' . 'w' x rand 300, undef, qr/^\{"result":400\}$/] },
    sub { return ['GET', '/session?user=u' . int(rand 100), undef, ''] },
);

sub over_http {
    my ($method, $uri, $body, $right) = @{$requests[rand @requests]->()};
    my $r = $http->request($method, $uri, defined $body ? (body => $body) : ());
    my ($status, $text) = @$r{qw(status body)};

    if ($status == 0) {
        wrong("$method $uri", 'time is up') if ($r->{why} // '') eq 'timeout';
        $n{closed}++;
        return;
    }

    if ($status >= 400) {
        $n{errors}++;
        return;
    }

    # errors among others' results
    if ($text =~ /"error":/) {
        $n{errors}++;
        return;
    }

    $n{right}++;
    wrong("$method $uri " . ($body // ''), $text)
        if ref $right ? $text !~ $right : $text ne $right;
}


# --- the load ---

for my $rate (@rates) {
    lack($rate, @workers);

    for (1 .. $rounds / @rates) {
        if (rand 4 < 1) {
            over_http();

        } else {
            over_resp(int rand 6);
        }
    }

    lack(0, @workers);
    is_deeply([sort $ngx->workers], \@workers,
              "one in $rate fails: the workers live");
}

diag(join ', ', map { "$n{$_} $_" } sort keys %n) if $ENV{KS_SHOW};
note(join ', ', (map { "$n{$_} $_" } sort keys %n), failed() . ' mallocs failed');
is_deeply(\@wrong, [], 'every answer is right or an error');
cmp_ok(failed(), '>', $rounds / 20, 'malloc has failed');
cmp_ok($n{$_}, '>', $rounds / 20, "there were answers: $_") for qw(right errors);

# all is as it was said to be
$_ && $_->close for @clients;
$control->close;
$control = $ngx->resp;

for my $name (grep { defined $counter{$_} } sort keys %counter) {
    is($control->run('GET', $name), $counter{$name}, "$name is what it was said to be");
}

is($control->run('GET', 'x1') // 0, $control->run('GET', 'x2') // 0,
   'transactions happened as a whole');
is($control->run('STRLEN', 'log'), $control->run('GET', 'n2') // 0,
   '... and so did scripts');
is($control->run('FCALL', 'total', 1, 'list'), 80200, 'functions run');
is($control->run('EVAL', 'return 5', 0), 5, 'scripts run');
like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

$control->close;
$ngx->allow('Cannot allocate memory', 'malloc\(\) failed', 'no memory');
$ngx->stop;

done_testing;
