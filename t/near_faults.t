# mode=near when something is in the way: values that cannot be kept, a store that
# refuses, links that are late, young or cut, and readers amid changes.  What is read
# is never older than what the same client was told before.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Proxy;
use KS::RESP;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $redis = KS::Redis->start('--lua-time-limit', 50);
plan skip_all => 'no CLIENT TRACKING' unless $redis->since('6.0');


sub edge_of {
    my ($port, $line, %o) = @_;
    my $user = $o{user} ? "$o{user}@" : '';
    my $ngx = KS::Nginx->start(size => $o{size} // '16m', resp => '', workers => $o{workers} // 1,
        zone => ($o{zone} // '') . "upstream redis://${user}127.0.0.1:$port mode=near $line;");

    $ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);

    return $ngx;
}

sub calls { return $redis->run('INFO', 'commandstats') =~ /^cmdstat_$_[0]:calls=(\d+)/m ? $1 : 0 }

sub links { return scalar(() = $redis->run('CLIENT', 'LIST') =~ /name=keyspace-near/g) }

# whether it is that, and need not be asked for
sub kept {
    my ($ngx, $key, $value) = @_;
    my $asked = calls('get') + calls('dump');
    my $is = $ngx->resp->run('GET', $key);

    return ($is // '') eq $value && calls('get') + calls('dump') == $asked;
}

# a request with a token: the result, and the token that came back
sub ask {
    my ($ngx, $token, @command) = @_;
    my $http = $ngx->client;
    my $r = $http->post(JSON::PP->new->encode(\@command), headers => $token ? ["upstash-sync-token: $token"] : []);
    my $body = JSON::PP->new->decode($r->{body});

    $http->close;

    return ($body->{result} // $body->{error}, $r->{headers}{'upstash-sync-token'} // '', $r);
}


# --- values that find no room, or are of a type that is not known here ---

subtest 'a value that finds no room' => sub {
    for my $policy (qw(allkeys-lru noeviction)) {
        my $ngx = edge_of($redis->port, '', zone => "eviction $policy; ");
        my $r = $ngx->resp;

        $redis->run('FLUSHALL');
        $redis->run('SET', "k$_", $_) for 1 .. 50;
        $redis->run('SETRANGE', 'big', 50_000_000, 'x');
        ok(wait_for(20, sub { links() == 1 }), "$policy: a link");
        ok(wait_for(20, sub { my $d = calls('dump'); $r->run('GET', "k$_") for 1 .. 50; calls('dump') == $d }),
           'small keys are here');

        my $dumps = calls('dump');
        is($r->run('STRLEN', 'big'), 50_000_001, 'a value of 50 MB in a zone of 16');
        is($r->run('STRLEN', 'big'), 50_000_001, '... again') for 1 .. 5;
        is(calls('dump') - $dumps, 1, '... is fetched once, and then asked for where it is');
        cmp_ok(calls('strlen'), '>=', 5, '... each time');

        $dumps = calls('dump');
        is($r->run('GET', "k$_"), $_, 'a small key') for 1, 25, 50;
        is(calls('dump'), $dumps, '... has not gone for it');

        $redis->run('SET', 'big', 'small');
        ok(wait_for(10, sub { $r->run('GET', 'big') eq 'small' }), 'a change is seen');
        $dumps = calls('dump') + calls('get');
        ok(wait_for(10, sub { my $n = calls('dump') + calls('get'); $r->run('GET', 'big'); calls('dump') + calls('get') == $n }),
           '... and it is kept now');
        $ngx->stop;
    }
};

SKIP: {
    skip 'KS_TRIXIE has no redis-server', 1 unless KS::Redis::of_trixie('redis-server');

    subtest 'what a newer store has' => sub {
        my $newer = KS::Redis->start_of('redis-server');
        my $ngx = edge_of($newer->port, '');
        my $r = $ngx->resp;

        $newer->run('HSET', 'h', 'a', '1', 'b', '2');
        $newer->run('HPEXPIRE', 'h', '600000', 'FIELDS', '1', 'a');
        $newer->run('SET', 's', 'v');
        my $vectors = ($newer->replies(['VADD', 'v', 'VALUES', '2', '1', '2', 'm']))[0] =~ /^:1/;

        ok(wait_for(20, sub { $newer->run('CLIENT', 'LIST') =~ /name=keyspace-near/ }), 'a link');
        is($r->run('GET', 's'), 'v', 'a string') for 1, 2;
        is($r->run('HGET', 'h', 'a'), '1', 'a hash with a field that expires') for 1, 2;
        my $ttl = $r->run('HPTTL', 'h', 'FIELDS', '1', 'a')->[0];
        cmp_ok($ttl, '>', 500_000, '... whose time is here');
        cmp_ok($ttl, '<=', 600_000, '... and no longer');

        if ($vectors) {
            is($r->run('EXISTS', 'v'), 1, 'a key of a type that is not known here') for 1, 2;
            is($r->run('OBJECT', 'ENCODING', 's'), 'embstr', '... and others are');
        }

        $ngx->stop;
        $newer->stop;
    };
}


# --- a store that refuses ---

subtest 'a store that refuses' => sub {
    my $ngx = edge_of($redis->port, 'timeout=10s');
    my $r = $ngx->resp;

    $redis->run('SET', 'k', 'v');
    ok(wait_for(20, sub { links() == 1 }), 'a link');

    my $busy = KS::RESP->new(port => $redis->port);
    $busy->send(KS::RESP::encode('EVAL', 'while true do end', 0));
    ok(wait_for(20, sub { ($redis->replies(['PING']))[0] =~ /^-BUSY/ }), 'the store is busy');
    like($r->error('GET', 'k'), qr/^BUSY/, 'its error is the reply');
    like($r->error('SET', 'k', 'w'), qr/^BUSY/, '... of a write, too');
    $redis->replies(['SCRIPT', 'KILL']);
    $busy->reply;
    is($r->run('GET', 'k'), 'v', 'then it is read');
    is($r->run('GET', 'k'), 'v', '... again');
    $ngx->stop;

    $redis->run('CONFIG', 'SET', 'maxmemory', '1');
    $ngx = edge_of($redis->port, '');
    $r = $ngx->resp;
    is($r->run('GET', 'k'), 'v', 'without memory it is read');
    like($r->error('SET', 'k', 'w'), qr/^OOM/, '... and a write is refused');
    is($r->run('GET', 'k'), 'v', '... and has changed nothing');
    $redis->run('CONFIG', 'SET', 'maxmemory', '0');
    $ngx->stop;

    $redis->run('ACL', 'SETUSER', 'half', 'on', '>p', '~*', '&*', '+@all', '-dump');
    $ngx = edge_of($redis->port, '', user => 'half:p');
    $r = $ngx->resp;
    my $gets = calls('get');
    is($r->run('GET', 'k'), 'v', 'a user who may not DUMP') for 1 .. 5;
    is(calls('get') - $gets, 5, '... asks each time');
    my $denied = $redis->run('INFO', 'commandstats') =~ /cmdstat_dump:.*rejected_calls=(\d+)/ ? $1 : 0;
    cmp_ok($denied, '<=', 2, '... and does not try to fetch it each time');
    $ngx->stop;
};

subtest 'a store that refuses MULTI' => sub {
    $redis->run('ACL', 'SETUSER', 'single', 'on', '>p', '~*', '&*', '+@all', '-multi', '-exec');
    my $ngx = edge_of($redis->port, '', user => 'single:p');
    my $r = $ngx->resp;

    ok(wait_for(20, sub { links() == 1 }), 'a link');
    $r->run('MULTI');
    $r->run('SET', 'torn:1', 'a');
    $r->run('SET', 'torn:2', 'b');
    like($r->error('EXEC'), qr/^UNCERTAIN the commands were run, but one by one/, 'what was run by itself is no error of EXEC alone');
    is(join(',', map { $redis->run('GET', "torn:$_") } 1, 2), 'a,b', '... and it was run');
    $r->run('MULTI');
    $r->run('INCR', 'torn:1');
    like($r->error('EXEC'), qr/NOPERM/, 'where nothing was run that is the error');
    is($r->run('GET', 'torn:1'), 'a', '... and no other reply is');
    $ngx->stop;
};

subtest 'a store that hangs while keys are asked for' => sub {
    my $proxy = KS::Proxy->start(to => $redis->port);
    my $ngx = edge_of($proxy->port, 'timeout=1s connect_timeout=1s');
    my $first = $ngx->resp;
    my ($until, $n, @others) = (time + 60, 0);

    ok(wait_for(20, sub { links() == 1 }), 'a link');
    $proxy->tell('swallow');
    $first->send(KS::RESP::encode('GET', 'hangs'));

    while (time < $until && !IO::Select->new($first->{socket})->can_read(0.25)) {
        push @others, $ngx->resp;
        $others[-1]->send(KS::RESP::encode('GET', 'hangs:' . ++$n));
    }

    cmp_ok(time, '<', $until, 'the first one has a reply while others ask');
    like($first->reply // '', qr/^-UPSTREAM|^-UNCERTAIN/, '... an error');
    $proxy->tell('pass');
    $redis->run('SET', 'hangs', 'v');
    ok(wait_for(60, sub { (eval { $first->run('GET', 'hangs') } // '') eq 'v' }), 'then it is read');
    $_->close for @others;
    $ngx->stop;
};


# --- a token of one edge at another one ---

subtest 'tokens' => sub {
    my $proxy = KS::Proxy->start(to => $redis->port);
    my $here = edge_of($redis->port, '', workers => 2);
    my $there = edge_of($proxy->port, '');
    my ($bad, $late, $value, $token) = (0, 0);

    ok(wait_for(20, sub { links() == 3 }), 'two edges');

    for my $n (1 .. 5) {
        $proxy->tell('delay', 0);
        $redis->run('SET', 'seen', "old$n");
        ok(wait_for(10, sub { kept($here, 'seen', "old$n") && kept($there, 'seen', "old$n") }), 'both have it');
        (undef, $token) = ask($here, '', 'GET', 'seen');
        ask($there, $token, 'GET', 'seen');
        $proxy->tell('delay', 0.3);

        # somebody else's write, which a client has seen here
        $redis->run('SET', 'seen', "new$n");
        wait_for(10, sub { ($value, $token) = ask($here, $token, 'GET', 'seen'); $value eq "new$n" });
        $late++ if (ask($there, '', 'GET', 'seen'))[0] ne "new$n";
        $bad++ if (ask($there, $token, 'GET', 'seen'))[0] ne "new$n";
    }

    is($bad, 0, 'what was read at one edge is read at another one, with its token');
    cmp_ok($late, '>', 0, '... where it would come later without');
    $_->stop for $there, $here;
};

subtest 'tokens, at an edge by time' => sub {
    $redis->run('ACL', 'SETUSER', 'plain', 'on', '>p', '~*', '&*', '+@all', '-client|tracking');
    my $here = edge_of($redis->port, '');
    my $there = edge_of($redis->port, 'ttl=60s', user => 'plain:p');
    my ($value, $token);

    $redis->run('SET', 'seen', 'old');
    ok(wait_for(10, sub { links() == 2 }), 'two edges');
    ok(wait_for(10, sub { kept($there, 'seen', 'old') }), 'a key that is kept');
    ($value, $token) = ask($here, '', 'SET', 'seen', 'new');
    is((ask($there, '', 'GET', 'seen'))[0], 'old', 'without a token it is read here');
    is((ask($there, $token, 'GET', 'seen'))[0], 'new', 'with one it is asked for: nobody tells of changes');
    $_->stop for $there, $here;
};

subtest 'tokens, by a worker whose link is young' => sub {
    my $proxy = KS::Proxy->start(to => $redis->port);
    my $here = edge_of($redis->port, '');
    my $there = edge_of($proxy->port, '', workers => 2);

    $there->allow(qr/exited on signal 9/);
    ok(wait_for(20, sub { links() == 3 && $redis->run('CLIENT', 'LIST') =~ /name=keyspace-near.* cmd=ping/ }), 'edges');
    $redis->run('SET', 'seen', 'old');
    ok(wait_for(10, sub { kept($there, 'seen', 'old') }), 'a key');

    my ($one, $two) = $there->workers;
    $proxy->tell('delay', 0.2);
    kill 'STOP', $one;
    kill 'KILL', $two;
    my (undef, $token) = ask($here, '', 'SET', 'seen', 'new');
    $proxy->tell('delay', 0);
    ok(wait_for(20, sub { links() == 3 && $redis->run('CLIENT', 'LIST') !~ /name=keyspace-near.* cmd=hello/ }), 'a worker is killed, while another one hangs');
    sleep 0.3;
    is((ask($there, $token, 'GET', 'seen'))[0], 'new', 'the new one has not heard of all that may be old, and asks');
    kill 'CONT', $one;
    ok(wait_for(20, sub { (ask($there, '', 'GET', 'seen'))[0] eq 'new' }), '... and knows later');
    $_->stop for $there, $here;
};


subtest 'a worker that is killed while it shuts down' => sub {
    my $proxy = KS::Proxy->start(to => $redis->port);
    my $ngx = edge_of($proxy->port, '');

    $ngx->allow(qr/exited on signal 9/);
    ok(wait_for(20, sub { links() == 1 }), 'a link');
    $redis->run('SET', 'last', 'old');
    ok(wait_for(10, sub { kept($ngx, 'last', 'old') }), 'a key');

    my ($old) = $ngx->workers;
    $proxy->tell('delay', 0.2);
    kill 'HUP', $ngx->pid;
    ok(wait_for(10, sub { $ngx->log =~ /gracefully shutting down/ }), 'a reload');
    kill 'STOP', $old;
    $redis->run('SET', 'last', 'new');
    $proxy->tell('delay', 0);
    ok(wait_for(20, sub { $redis->run('CLIENT', 'LIST') =~ /name=keyspace-near.*\n(?:.*\n)*.*name=keyspace-near.* cmd=(?!hello)/ }), 'another worker has a link');
    sleep 0.3;
    kill 'KILL', $old;
    ok(wait_for(15, sub { (eval { $ngx->resp->run('GET', 'last') } // '') eq 'new' }), 'what it alone was told of is not read for ever');
    $ngx->stop;
};


# --- a store that cuts who does not listen ---

subtest 'a link that is behind by too much' => sub {
    my $ngx = edge_of($redis->port, 'stale=30s', size => '32m');
    my $r = $ngx->resp;

    $redis->run('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 300000 0 0');
    ok(wait_for(20, sub { links() == 1 }), 'a link');
    $redis->run('SET', "k$_", 'old') for 1 .. 20;
    ok(wait_for(10, sub { (grep { ($r->run('GET', "k$_") // '') eq 'old' } 1 .. 20) == 20 }), 'keys');

    my ($worker) = $ngx->workers;
    kill 'STOP', $worker;
    my $n = 0;
    ok(wait_for(60, sub { $redis->replies(map { ['SET', 'x' x 200 . ++$n, 'v'] } 1 .. 2000); links() == 0 }), 'it is cut while it does not listen');
    $redis->run('SET', "k$_", 'new') for 1 .. 20;
    kill 'CONT', $worker;
    ok(wait_for(20, sub { (grep { (eval { $r->run('GET', "k$_") } // '') eq 'new' } 1 .. 20) == 20 }), 'then all is as it is over there');
    $redis->run('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 0 0');
    $redis->run('FLUSHALL');
    $ngx->stop;
};

subtest 'Keyspace-Stale' => sub {
    my $proxy = KS::Proxy->start(to => $redis->port);
    my $ngx = edge_of($proxy->port, 'stale=60s local_prefix=here:');

    $redis->run('SET', 'k', 'v');
    ok(wait_for(20, sub { links() == 1 }), 'a link');
    ok(wait_for(10, sub { (ask($ngx, '', 'GET', 'k'))[0] eq 'v' }), 'a key');
    my ($value, $token, $response) = ask($ngx, '', 'GET', 'k');
    is($response->{headers}{'keyspace-stale'}, undef, 'with a link nothing is stale');
    $proxy->tell('refuse');
    $proxy->tell('cut');
    ok(wait_for(20, sub { ($value, undef, $response) = ask($ngx, '', 'GET', 'k');
                          ($response->{headers}{'keyspace-stale'} // '') =~ /^\d+s$/ }), 'without one it is said');
    is($value, 'v', '... of what is read');
    sleep 1.1;
    (undef, undef, $response) = ask($ngx, '', 'STRLEN', 'k');
    cmp_ok($response->{headers}{'keyspace-stale'} =~ /^(\d+)s$/ && $1, '>=', 2, '... and grows');
    (undef, undef, $response) = ask($ngx, '', 'SET', 'here:k', 'v');
    is($response->{headers}{'keyspace-stale'}, undef, 'what writes is not');
    (undef, undef, $response) = ask($ngx, '', 'GET', 'here:k');
    is($response->{headers}{'keyspace-stale'}, undef, '... nor a local key');
    like((ask($ngx, ('ab' x 20) . ':1', 'GET', 'k'))[0], qr/^UPSTREAM/, 'with a token of others it is not read');
    $proxy->tell('accept');
    ok(wait_for(20, sub { ($value, undef, $response) = ask($ngx, '', 'GET', 'k');
                          ($value // '') eq 'v' && !defined $response->{headers}{'keyspace-stale'} }), 'with a link again it is no more');
    $ngx->stop;
};


# --- readers amid changes ---

subtest 'no connection reads back in time' => sub {
    my $proxy = KS::Proxy->start(to => $redis->port, delay => 0.004);
    my $ngx = edge_of($proxy->port, '', workers => 2);
    my @c = map { $ngx->resp } 1 .. 4;
    my (@seen, $back, $n, $none) = (map { {} } @c);

    ok(wait_for(20, sub { links() == 2 }), 'an edge');
    ($back, $n, $none) = (0, 0, 0);

    my $until = time + 8;

    while (time < $until) {
        my $key = 'n' . ++$n % 3;

        $redis->run('FLUSHALL') if $n % 199 == 0;
        $redis->run('INCRBY', 'clock', 1);
        $redis->replies(map { $n % 2 ? ['SET', $_, $n] : ['SET', $_, $n, 'PX', 30] } $key);

        for my $i (0 .. $#c) {
            my $how = ($n + $i) % 5;
            my $c = $c[$i];
            my $value = $how == 0 ? $c->run('GET', $key)
                : $how == 1 ? $c->run('MGET', $key)->[0]
                : $how == 2 ? $c->run('EVAL_RO', 'return redis.call("GET", KEYS[1])', 1, $key)
                : $how == 3 ? do { $c->run('MULTI'); $c->run('GET', $key); $c->run('EXEC')->[0] }
                : $c->run('GETRANGE', $key, 0, -1);

            $value = undef if defined $value && $value eq '';
            if (!defined $value) { $none++; next }
            $back++ if $value < ($seen[$i]{$key} // 0);
            $seen[$i]{$key} = $value;
        }
    }

    is($back, 0, "$n changes: nothing older was read behind something newer");
    cmp_ok($n, '>', 20, '... of some');

    $redis->run('SET', "n$_", "last$_") for 0 .. 2;
    ok(wait_for(10, sub { join(',', map { $c[0]->run('GET', "n$_") } 0 .. 2) eq 'last0,last1,last2' }), 'at rest all is equal');
    $ngx->stop;
};


$redis->stop;
done_testing;
