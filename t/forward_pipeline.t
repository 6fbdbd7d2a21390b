# Pipelines at an edge whose store is far away: what that store is to run goes
# there together, with replies in their order; what cannot go along waits.  The
# replies are those of the store, byte by byte, and what becomes of each command
# when the network ends in the middle is told exactly.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Proxy;
use KS::RESP;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $TRIP = 0.4;                         # seconds, to the store and back

sub start {
    my ($mode, $redis) = @_;
    my $proxy = KS::Proxy->start(to => $redis->port, delay => $TRIP / 2);
    my $port = $proxy->port;
    my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 1,
        locations => 'location = /ready { keyspace_ready; }'
                     . ' location / { keyspace_rest main; }',
        zone =>
                "upstream redis://127.0.0.1:$port mode=$mode"
                . ' local_prefix=here: timeout=20s;');

    $ngx->allow(qr/keyspace zone "main"|of keyspace zone "main"/);
    ok(wait_for(60, sub {
        my $http = $ngx->client;
        my $r = $http->request('GET', '/ready');
        $http->close;
        $r->{status} == 200
            && ($mode eq 'near'
                || $ngx->resp->run('INFO', 'replication')
                   =~ /^master_link_status:up/m)
    }), "$mode: it is connected");

    return ($ngx, $proxy);
}

sub said { my ($r, @commands) = @_; return [$r->replies(@commands)] }

# commands of a pipeline as a client might send it, all of which are the store's
# to run, or come at once
sub some {
    my ($n) = @_;
    my @all;

    for (1 .. $n) {
        my ($k, $v) = ('k' . int rand 6, int rand 1000);
        my $what = int rand 16;

        push @all,
            $what == 0 ? (['MULTI'], ['SET', $k, $v], ['GET', $k],
                          ['INCR', $k], ['EXEC'])
            : $what == 1 ? (['MULTI'], ['INCR', "n$k"], ['DISCARD'])
            : $what == 2 ? (['MULTI'], ['NONSENSE'], ['SET', $k, 1], ['EXEC'])
            : $what == 3 ? ['GET', $k]
            : $what == 4 ? ['LPUSH', "l$k", $v, $v]
            : $what == 5 ? ['LRANGE', "l$k", 0, -1]
            : $what == 6 ? ['LPUSH', 'nk1', $v]
            : $what == 7 ? ['INCR', "n$k"]
            : $what == 8 ? ['SET', $k, 'x' x (1 + rand 3000)]
            : $what == 9 ? ['EVAL', 'return {KEYS[1], ARGV[1], {1, 2}}', 1,
                            $k, $v]
            : $what == 10 ? ['GET']
            : $what == 11 ? ['PING', $v]
            : $what == 12 ? ['BLPOP', "l$k", 'none', 1]
            : $what == 13 ? ['MGET', 'k1', 'k2', "n$k", 'none']
            : $what == 14 ? ['DEL', $k, "l$k"]
            : ['APPEND', "a$k", $v];
    }

    return grep { $_->[0] ne 'BLPOP' || rand() < 0.2 } @all;
}


for my $mode ('replica', 'near') {
    my $redis = KS::Redis->start;
    my $other = KS::Redis->start;
    my ($ngx, $proxy) = start($mode, $redis);
    my $r = $ngx->resp;
    my $http = $ngx->client;

    $r->{timeout} = 40;
    $r->run('SET', 'x', 1);
    $r->run('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '+@all', '-incr');

    # a round trip for all of them: one for each would take many minutes

    my $began = time;
    is_deeply(said($r, map { ['INCR', 'n'] } 1 .. 1000),
              [map { ":$_\r\n" } 1 .. 1000], "$mode: 1,000 writes in order");
    cmp_ok(time - $began, '<', 100 * $TRIP, '... in far fewer round trips');

    $began = time;
    my $said = $http->post('[' . join(',', map { '["INCR","n"]' } 1 .. 1000)
                           . ']', uri => '/pipeline');
    is_deeply([map { $_->{result} }
               @{ JSON::PP->new->decode($said->{body}) }],
              [1001 .. 2000], "$mode: over REST");
    cmp_ok(time - $began, '<', 100 * $TRIP, '... in far fewer round trips');

    # reads see the writes before them

    is_deeply(said($r, map { (['SET', 'own', $_], ['GET', 'own'],
                              ['STRLEN', 'own']) } 10 .. 59),
              [map { ("+OK\r\n", "\$2\r\n$_\r\n", ":2\r\n") } 10 .. 59],
              "$mode: reads see the writes before them");
    is($http->post('[["SET","own","a"],["GET","own"],["GET"],["NONSENSE"],'
                   . '["PING"],["SET","here:k","l"],["GET","here:k"],'
                   . '["APPEND","own","b"],["GET","own"]]',
                   uri => '/pipeline')->{body}
       =~ s/"error":"[^"]*"/"error"/gr,
       '[{"result":"OK"},{"result":"a"},{"error"},{"error"},'
       . '{"result":"PONG"},{"result":"OK"},{"result":"l"},{"result":2},'
       . '{"result":"ab"}]', "$mode: over REST, with what is run here");
    is($http->post('[["SET","own","a"],["GET","own"],["INCR","own"]]',
                   uri => '/pipeline',
                   headers => ['Upstash-Response-Format: resp2'])->{body},
       "*3\r\n+OK\r\n\$1\r\na\r\n-ERR value is not an integer or out of "
       . "range\r\n", '... and in RESP2');

    # local keys, and what is about the connection, in their place

    is_deeply(said($r, ['SET', 'a', 1], ['SET', 'here:a', 2], ['GET', 'here:a'],
                   ['INCR', 'a'], ['ECHO', 'e'], ['MULTI'], ['SET', 'here:b', 3],
                   ['GET', 'here:b'], ['EXEC'], ['GET', 'a'], ['MULTI'],
                   ['INCR', 'a'], ['GET', 'a'], ['EXEC'], ['INCR', 'a']),
              ["+OK\r\n", "+OK\r\n", "\$1\r\n2\r\n", ":2\r\n", "\$1\r\ne\r\n",
               "+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n",
               "*2\r\n+OK\r\n\$1\r\n3\r\n", "\$1\r\n2\r\n", "+OK\r\n",
               "+QUEUED\r\n", "+QUEUED\r\n", "*2\r\n:3\r\n\$1\r\n3\r\n",
               ":4\r\n"], "$mode: local keys and transactions in their place");

    # rights are looked at here

    my $limited = KS::RESP->new(port => $ngx->resp_port, timeout => 60);
    $limited->run('AUTH', 'limited', 'secret');
    my @replies = $limited->replies(['SET', 'l', 1], ['INCR', 'l'],
                                    ['APPEND', 'l', 2], ['GET', 'l']);
    like($replies[1], qr/^-NOPERM/, "$mode: what a user may not run");
    is_deeply([@replies[0, 2, 3]], ["+OK\r\n", ":2\r\n", "\$2\r\n12\r\n"],
              '... and the others');

    # replies that are left out

    $r->send(join '', map { KS::RESP::encode(@$_) } ['INCR', 'skip'],
             ['CLIENT', 'REPLY', 'SKIP'], ['INCR', 'skip'], ['INCR', 'skip'],
             ['CLIENT', 'REPLY', 'OFF'], ['INCR', 'skip'],
             ['CLIENT', 'REPLY', 'ON'], ['GET', 'skip']);
    is_deeply([map { $r->reply } 1 .. 4],
              [":1\r\n", ":3\r\n", "+OK\r\n", "\$1\r\n4\r\n"],
              "$mode: CLIENT REPLY");

    # as the store itself would reply

    $proxy->tell('delay', 0.002);
    my $direct = KS::RESP->new(port => $other->port, timeout => 40);
    $redis->run('FLUSHALL');
    srand(4711);

    for my $round (1 .. 12) {
        my $resp3 = $round > 8;
        my @commands = some(20 + rand 150);

        if ($round == 9) {
            $_->run('HELLO', 3) for $direct, $r;
        }

        my ($got, $want) = map { said($_, @commands) } $r, $direct;
        my ($i) = grep { ($got->[$_] // '') ne $want->[$_] } 0 .. $#$want;
        ok(!defined $i, "$mode: round $round as the store")
            or diag("@{$commands[$i]}: " . ($got->[$i] // 'nothing')
                    . ", not $want->[$i]");
    }

    # the network ends in the middle

    for my $round (1 .. 6) {
        my $key = "cut$round";
        my $c = $ngx->resp;
        $c->{timeout} = 40;
        $proxy->tell($round % 2 ? 'swallow' : 'pass');
        $proxy->tell('delay', 0.05);
        $c->send(join '', map { KS::RESP::encode('INCR', $key) } 1 .. 200);
        sleep 0.02 * $round;
        $proxy->tell('cut');
        $proxy->tell('pass');
        $proxy->tell('delay', 0.002);

        my @all = map { $c->reply // '' } 1 .. 200;
        my $done = grep { /^:/ } @all;
        my $none = grep { /^-UPSTREAM nothing was run/ } @all;
        my $unknown = grep { /^-UNCERTAIN/ } @all;
        my $run = grep { /^-UNCERTAIN it was run/ } @all;
        my $is = $redis->run('GET', $key) // 0;

        is($done + $none + $unknown, 200, "$mode: cut $round: each has a reply")
            or diag($all[0]);
        cmp_ok($is, '>=', $done + $run, '... what was run is there');
        cmp_ok($is, '<=', $done + $unknown, '... nothing is there twice');
        ok(wait_for(60, sub {
            (eval { $ngx->resp->run('SET', 'again', 1) } // '') eq 'OK'
        }), '... and it goes on');
    }

    # clients that go away in the middle

    for my $bytes (0, 40, 4000) {
        my $gone = $ngx->resp;
        my $all = join '', map { KS::RESP::encode('INCR', 'gone') } 1 .. 500;
        $gone->send($bytes ? substr($all, 0, $bytes) : $all);
        $gone->close;
    }

    is($ngx->resp->run('SET', 'after', 'all'), 'OK',
       "$mode: clients that go away");

    # many clients at once, each with its own order

    my @clients = map { $ngx->resp } 1 .. 10;
    $proxy->tell('delay', 0.02);

    for my $i (0 .. 9) {
        $clients[$i]->send(join '', map { KS::RESP::encode('INCR', "many$i") }
                                    1 .. 300);
    }

    is(scalar(grep {
        my $i = $_;
        join('', map { $clients[$i]->reply // '' } 1 .. 300)
            eq join '', map { ":$_\r\n" } 1 .. 300
    } 0 .. 9), 10, "$mode: many clients, each with its own order");

    $ngx->stop;
    $_->stop for $redis, $other;
}

done_testing;
