# MIGRATE to a redis-server and to another zone: keys arrive with their times and
# are gone here; what did not arrive, or has changed meanwhile, stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use KS::Names qw(certificates);
use KS::Nginx;
use KS::Proc qw(free_port installed tempdir wait_for);
use KS::Proxy;
use KS::Redis;
use KS::RESP;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $target = KS::Redis->start('--databases', 16);
my $redis = KS::RESP->new(port => $target->port);
my $store = KS::Redis->start;
my $locked = KS::RESP->new(port => $store->port);
my $proxy = KS::Proxy->start(to => $target->port);
my $nobody = free_port;

# takes connections, and never says a word
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => free_port, Listen => 16)
    or die "mute: $!";

$locked->run('ACL', 'SETUSER', 'mover', 'on', '>moverpass', '~*', '+@all');
$locked->run('CONFIG', 'SET', 'requirepass', 'secret');

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    zone => 'migrate 127.0.0.0/8 10.0.0.0/8;
             user ours { token ours-token; rights ~our:* +@all; }');
my $other = KS::Nginx->start(size => '32m', resp => '', locations => 'location / { keyspace_rest main; }');

my $r = $ngx->resp;
my $http = $ngx->client;
my $there = $other->resp;

my @to = ('127.0.0.1', $target->port);
my $BUSY = 'ERR Target instance replied with error: BUSYKEY Target key name already exists.';
my $READING = 'IOERR error or timeout reading to target instance';


subtest 'a key' => sub {
    $r->run('SET', 'k', "v\r\n\0");
    is($r->run('MIGRATE', @to, 'k', 0, 20_000), 'OK', 'MIGRATE');
    is($redis->run('GET', 'k'), "v\r\n\0", 'it is there');
    is($r->run('EXISTS', 'k'), 0, 'and not here');
    is($r->run('MIGRATE', @to, 'k', 0, 20_000), 'NOKEY', 'no key');
    is($r->run('MIGRATE', @to, '', 0, 20_000), 'NOKEY', 'none named');
    is($r->run('MIGRATE', @to, '', 0, 20_000, 'KEYS'), 'NOKEY', 'KEYS of none');

    $r->run('SET', 'k', 'new');
    is($r->error('MIGRATE', @to, 'k', 0, 20_000), $BUSY, 'it is there already');
    is($r->run('GET', 'k'), 'new', 'and stays here');
    is($redis->run('GET', 'k'), "v\r\n\0", 'as there');
    is($r->run('MIGRATE', @to, 'k', 0, 20_000, 'COPY', 'REPLACE'), 'OK', 'COPY REPLACE');
    is($redis->run('GET', 'k'), 'new', 'the new one is there');
    is($r->run('GET', 'k'), 'new', 'and here');
    is($r->run('MIGRATE', @to, 'k', 0, 20_000, 'REPLACE'), 'OK', 'REPLACE');
    is($r->run('EXISTS', 'k'), 0, 'it is not here any more');

    $r->run('SET', '', 'empty');
    is($r->run('MIGRATE', 'localhost', $target->port, '', 0, 20_000), 'OK', 'a key without a name');
    is($redis->run('GET', ''), 'empty', 'is one');
};


subtest 'several' => sub {
    $redis->run('FLUSHALL');
    $r->run('FLUSHALL');
    $r->run('SET', 'string', 's', 'PX', 3_600_000);
    $r->run('RPUSH', 'list', map { "item $_" } 1 .. 500);
    $r->run('HSET', 'hash', 'f', 1, 'g', 2);
    $r->run('SADD', 'set', 'a', 'b');
    $r->run('ZADD', 'zset', 1, 'a', 2, 'b');
    $r->run('XADD', 'stream', '1-1', 'f', 'v');
    my @names = qw(string list hash set zset stream);

    is($r->run('MIGRATE', @to, '', 1, 20_000, 'KEYS', @names[0 .. 2], 'none', @names[3 .. 5]),
       'OK', 'with one that is none among them, to database 1');
    is($redis->run('DBSIZE'), 0, 'nothing is in database 0');
    is($r->run('DBSIZE'), 0, 'and nothing here');
    $redis->run('SELECT', 1);
    is(join(' ', sort @{$redis->run('KEYS', '*')}), join(' ', sort @names), 'all are there');
    is_deeply($redis->run('LRANGE', 'list', 0, -1), [map { "item $_" } 1 .. 500], 'the list');
    is($redis->run('HGET', 'hash', 'g'), 2, 'the hash');
    is($redis->run('XLEN', 'stream'), 1, 'the stream');
    my $ttl = $redis->run('PTTL', 'string');
    ok($ttl > 3_000_000 && $ttl <= 3_600_000, 'the time that is left');
    is($redis->run('PTTL', 'set'), -1, 'which others do not have');
    $redis->run('SELECT', 0);

    # one of them is refused: the others go

    $redis->run('SET', 'b', 'theirs');
    $r->run('SET', $_, 'ours') for qw(a b c);
    is($r->error('MIGRATE', @to, '', 0, 20_000, 'KEYS', qw(a b c)), $BUSY, 'one is there already');
    is_deeply($r->run('KEYS', '*'), ['b'], 'it stays, the others went');
    is(join(' ', map { $redis->run('GET', $_) } qw(a b c)), 'ours theirs ours', 'and are there');

    is($r->run('MIGRATE', @to, '', 0, 20_000, 'REPLACE', 'KEYS', 'b', 'b'), 'OK', 'one named twice');
    is($r->run('DBSIZE'), 0, 'has gone once');

    like($r->run('SET', 'a', 1) && $r->error('MIGRATE', @to, 'a', 99, 20_000),
         qr/^ERR Target instance replied with error: ERR DB index/, 'no such database');
    is($r->run('GET', 'a'), 1, 'the key stays');
    is($redis->run('GET', 'a'), 'ours', 'and is sent to no other one');
    is($r->run('MIGRATE', @to, 'a', 0, 20_000, 'REPLACE'), 'OK', 'the connection goes on');
};


subtest 'passwords' => sub {
    my @locked = ('127.0.0.1', $store->port);
    my $error = 'ERR Target instance replied with error: ';

    $r->run('SET', 'k', 1);
    like($r->error('MIGRATE', @locked, 'k', 0, 20_000), qr/^${error}NOAUTH /, 'none');
    like($r->error('MIGRATE', @locked, 'k', 0, 20_000, 'AUTH', 'x'), qr/^${error}WRONGPASS /, 'a wrong one');
    like($r->error('MIGRATE', @locked, 'k', 0, 20_000, 'AUTH2', 'mover', 'secret'),
         qr/^${error}WRONGPASS /, 'that of another user');
    is($r->run('GET', 'k'), 1, 'the key stays');
    is($r->run('MIGRATE', @locked, 'k', 0, 20_000, 'AUTH', 'secret'), 'OK', 'AUTH');
    $r->run('SET', 'k2', 1);
    is($r->run('MIGRATE', @locked, '', 0, 20_000, 'AUTH2', 'mover', 'moverpass', 'KEYS', 'k2'), 'OK', 'AUTH2');
    is(join(' ', sort @{$locked->run('KEYS', '*')}), 'k k2', 'both are there');

    $r->run('SET', 'k', 2);
    like($r->error('MIGRATE', @locked, 'k', 0, 20_000, 'REPLACE'), qr/^${error}NOAUTH /,
         'a connection that has logged in is for the same password');
};


subtest 'another zone' => sub {
    $r->run('JSON.SET', 'doc', '$', '{"a":[1,2]}');
    $r->run('HSET', 'h', 'f', 1, 'g', 2);
    $r->run('HPEXPIRE', 'h', 3_600_000, 'FIELDS', 1, 'f');
    is($http->run('MIGRATE', '127.0.0.1', $other->resp_port, '', 0, 20_000, 'AUTH', $KS::Nginx::TOKEN,
                  'KEYS', 'doc', 'h'), 'OK', 'over REST');
    is($there->run('JSON.GET', 'doc'), '{"a":[1,2]}', 'a document');
    is($there->run('HGET', 'h', 'g'), 2, 'a hash');
    cmp_ok($there->run('HPTTL', 'h', 'FIELDS', 1, 'f')->[0], '>', 3_000_000, 'and the time of its field');
    is($r->run('EXISTS', 'doc', 'h'), 0, 'neither is here');
    like($http->error('MIGRATE', @to, 'k', 0, 20_000, 'FOO'), qr/^ERR syntax error/, 'errors over REST');
};


subtest 'redis-server to a zone' => sub {
    $redis->run('FLUSHALL');
    $redis->run('SET', 'from', 'redis', 'PX', 3_600_000);
    is($redis->run('MIGRATE', '127.0.0.1', $ngx->resp_port, 'from', 0, 20_000, 'AUTH', $KS::Nginx::TOKEN),
       'OK', 'MIGRATE of Redis');
    is($r->run('GET', 'from'), 'redis', 'it is here');
    cmp_ok($r->run('PTTL', 'from'), '>', 3_000_000, 'with its time');
    is($r->run('MIGRATE', @to, 'from', 0, 20_000), 'OK', 'and goes back');
    is($redis->run('GET', 'from'), 'redis', 'as it was');
};


# The words are those of Redis, which is asked the same.
subtest 'what is wrong' => sub {
    $_->run('SET', 'k', 1) for $r, $redis;
    my $mute_port = $mute->sockport;

    for my $args ([1, 'k', 'x', 100], [1, 'k', 0, 'x'], [1, 'k', 0, 100, 'FOO'], [1, 'k', 0, 100, 'AUTH'],
                  [1, 'k', 0, 100, 'AUTH2', 'a'], [1, 'k', 0, 100, 'KEYS', 'a'],
                  [$nobody, 'k', 0, 5000], [$mute_port, 'k', 0, 300], [$mute_port, 'k', 0, 300, 'AUTH', 'x'],
                  [1, 'none', 0, 100])
    {
        my ($want) = $redis->replies(['MIGRATE', '127.0.0.1', @$args]);
        my ($got) = $r->replies(['MIGRATE', '127.0.0.1', @$args]);
        is($got, $want, join ' ', map { $_ eq $nobody || $_ eq $mute_port ? 'port' : $_ } @$args);
    }

    is($r->run('GET', 'k'), 1, 'the key stays');
    like($r->error('MIGRATE', '127.0.0.1', $_, 'k', 0, 100), qr/^ERR the port/, "port $_") for 0, 65_536, 'x';
};


subtest 'others are served meanwhile' => sub {
    my @client = map { $ngx->resp } 1 .. 8;         # of both workers
    my $waits = $ngx->resp;

    $r->run('SET', 'k', 1);
    $waits->send(KS::RESP::encode('MIGRATE', '127.0.0.1', $mute->sockport, 'k', 0, 5000));
    ok(wait_for(20, sub { grep { / cmd=migrate / } split /\n/, $r->run('CLIENT', 'LIST') }), 'one waits');
    is($_->run('APPEND', 'other', 'x') && 1, 1, 'another one does not') for @client;
    is($r->run('GET', 'k'), 1, 'the key can be read');
    is($waits->reply, "-$READING\r\n", 'the end of its time');
    is($r->run('GET', 'k'), 1, 'the key stays');

    $waits->send(KS::RESP::encode('MIGRATE', '127.0.0.1', $mute->sockport, 'k', 0, 60_000));
    ok(wait_for(20, sub { grep { / cmd=migrate / } split /\n/, $r->run('CLIENT', 'LIST') }), 'one waits');
    $waits->close;
    ok(wait_for(20, sub { !grep { / cmd=migrate / } split /\n/, $r->run('CLIENT', 'LIST') }), 'and leaves');
    is($r->run('GET', 'k'), 1, 'the key stays');
};


subtest 'a key that changes on its way' => sub {
    my $far = $ngx->resp;

    $redis->run('FLUSHALL');
    $r->run('SET', $_, 'old') for qw(a b c);
    $proxy->tell('delay', 0.7);
    $far->send(KS::RESP::encode('MIGRATE', '127.0.0.1', $proxy->port, '', 0, 30_000, 'KEYS', qw(a b c)));
    ok(wait_for(20, sub { $redis->run('EXISTS', 'b') }), 'it has arrived');
    is($r->run('SET', 'b', 'new'), 'OK', 'and changes here');
    like($far->reply, qr/^-ERR 1 of 3 keys changed while they were on their way/, 'which is said');
    is($r->run('GET', 'b'), 'new', 'it stays');
    is($redis->run('GET', 'b'), 'old', 'as it was it is there');
    is($r->run('EXISTS', 'a', 'c'), 0, 'the others have gone');

    $proxy->tell('delay', 0);
    is($r->run('MIGRATE', '127.0.0.1', $proxy->port, 'b', 0, 30_000, 'REPLACE'), 'OK', 'the next time it goes');
    is($redis->run('GET', 'b'), 'new', 'as it is');
};


subtest 'replies that are lost' => sub {
    $r->run('SET', 'lost', 1);
    $proxy->tell('swallow');
    is($r->error('MIGRATE', '127.0.0.1', $proxy->port, 'lost', 0, 500), $READING, 'no reply');
    is($r->run('GET', 'lost'), 1, 'the key stays');
    $proxy->tell('pass');
    is($r->run('MIGRATE', '127.0.0.1', $proxy->port, 'lost', 0, 20_000, 'REPLACE'), 'OK', 'another time');
};


subtest 'a connection is used again' => sub {
    my $one = $ngx->resp;
    my $connections = sub { $redis->run('INFO', 'stats') =~ /total_connections_received:(\d+)/ && $1 };

    $one->run('SET', 'k', 1);
    $one->run('MIGRATE', @to, 'k', 0, 20_000, 'REPLACE', 'COPY');
    my $before = $connections->();
    is($one->run('MIGRATE', @to, 'k', $_ % 3, 20_000, 'REPLACE', 'COPY'), 'OK', "database " . $_ % 3)
        for 1 .. 6;
    is($connections->(), $before, 'over one connection');
    $redis->run('SELECT', 2);
    is($redis->run('GET', 'k'), 1, 'the database is the one that was named');
    $redis->run('SELECT', 0);

    cmp_ok($redis->run('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'), '>', 0, 'they are closed');
    ok(wait_for(20, sub {
        my ($reply) = $one->replies(['MIGRATE', @to, 'k', 0, 20_000, 'REPLACE', 'COPY']);
        return $reply eq "+OK\r\n";
    }), 'one that was closed is made anew');
};


subtest 'where it is not possible' => sub {
    $r->run('SET', 'k', 1);
    $r->run('MULTI');
    $r->run('MIGRATE', @to, 'k', 0, 20_000, 'REPLACE');
    like($r->run('EXEC')->[0], qr/^ERR MIGRATE is not possible in a transaction/, 'in MULTI');
    like($r->error('EVAL', 'return redis.call(unpack(ARGV))', 0, 'MIGRATE', @to, 'k', 0, 20_000),
         qr/MIGRATE is not possible in a transaction or a script/, 'in a script');
    like($r->error('MIGRATE', '192.0.2.1', 6379, 'k', 0, 1000), qr/^ERR keys may not go to that host/,
         'an address that is not listed');
    like($r->error('MIGRATE', '::1', 6379, 'k', 0, 1000), qr/^ERR keys may not go to that host/, 'nor of IPv6');
    like($r->error('MIGRATE', 'redis.example', 6379, 'k', 0, 1000), qr/^ERR the host of MIGRATE is an IP address/,
         'a name');
    like($there->error('MIGRATE', @to, 'k', 0, 1000), qr/^ERR MIGRATE is off/, 'a zone without "migrate"');
    is($r->run('GET', 'k'), 1, 'the key stays');
};


subtest 'rights' => sub {
    my $ours = $ngx->resp(token => undef);

    is($ours->run('AUTH', 'ours', 'ours-token'), 'OK', 'a user of some keys');
    $redis->run('FLUSHALL');
    $r->run('SET', $_, 1) for 'our:1', 'our:2', 'other';
    is($ours->run('MIGRATE', @to, '', 0, 20_000, 'KEYS', 'our:1', 'our:2'), 'OK', 'keys of their own');
    like($ours->error('MIGRATE', @to, 'other', 0, 20_000), qr/^NOPERM /, 'another one');
    like($ours->error('MIGRATE', @to, '', 0, 20_000, 'KEYS', 'our:1', 'other'), qr/^NOPERM /, 'behind KEYS');
    is($r->run('EXISTS', 'other'), 1, 'it stays');
};


subtest 'COMMAND' => sub {
    my $info = sub { my $i = $_[0]->run('COMMAND', 'INFO', 'MIGRATE')->[0]; [@$i[0 .. 8]] };
    is_deeply($info->($r), $info->($redis), 'INFO');

    for my $args ([1, 'k', 0, 1], [1, '', 0, 1, 'KEYS', 'a', 'b'], [1, 'k', 0, 1, 'KEYS', 'a'],
                  [1, '', 0, 1, 'COPY', 'AUTH', 'keys', 'KEYS', 'a'], [1, '', 0, 1, 'AUTH2', 'keys', 'keys', 'KEYS', 'a'],
                  [1, '', 0, 1, 'KEYS'], [1, '', 0, 1, 'COPY'])
    {
        my ($want) = $redis->replies(['COMMAND', 'GETKEYS', 'MIGRATE', 'h', @$args]);
        my ($got) = $r->replies(['COMMAND', 'GETKEYS', 'MIGRATE', 'h', @$args]);
        is($got, $want, "GETKEYS @$args");
    }

    my $specs = sub { $_[0]->run('COMMAND', 'INFO', 'MIGRATE')->[0][8] };
    is_deeply($specs->($r), $specs->($redis), 'where keys are');
};


subtest 'a zone with a journal' => sub {
    my $kept = KS::Nginx->start(size => '16m', resp => '', zone => 'migrate 127.0.0.1; journal %DIR%/aof sync=always;');
    my $c = $kept->resp;

    $redis->run('FLUSHALL');
    $c->run('SET', $_, 1) for qw(a b c stays);
    is($c->run('MIGRATE', @to, '', 0, 20_000, 'KEYS', qw(a b c)), 'OK', 'three of four go');
    $kept->crash;
    $kept->launch;
    is_deeply($kept->resp->run('KEYS', '*'), ['stays'], 'and do not come back');
    $kept->stop;
};


# what writes is the upstream's to run, and this line is not asked
subtest 'a zone with an upstream' => sub {
    my $port = $target->port;
    my $edge = KS::Nginx->start(size => '16m', resp => '', zone => "upstream redis://127.0.0.1:$port;");
    my $c = $edge->resp;

    $redis->run('FLUSHALL');
    $c->run('SET', 'edge', 1);
    is($c->run('GET', 'edge'), 1, 'a key of the upstream');
    is($c->run('MIGRATE', '127.0.0.1', $other->resp_port, '', 0, 20_000, 'AUTH', $KS::Nginx::TOKEN,
               'KEYS', 'edge'), 'OK', 'is sent by it');
    is($there->run('GET', 'edge'), 1, 'and arrives');
    is($c->run('GET', 'edge'), undef, 'the edge does not have it any more');
    is($redis->run('EXISTS', 'edge'), 0, 'nor the upstream');
    $edge->stop;
};


# as Redis shows it: once, whatever comes of it, without what is secret
subtest 'MONITOR' => sub {
    my @seen = map { $_->port } $target, $ngx;
    my @monitor = (KS::RESP->new(port => $target->port), $ngx->resp);
    my @lines = ([1, 'k', 0, 100], [1, '', 0, 100, 'COPY', 'AUTH', 'x', 'KEYS', 'k', 'none'],
                 [1, 'k', 0, 100, 'AUTH2', 'u', 'x', 'REPLACE'], [1, 'none', 0, 100],
                 [1, 'auth', 0, 100], [$mute->sockport, 'k', 0, 100, 'AUTH', 'x']);

    $_->run('MONITOR') for @monitor;

    for my $i (0, 1) {
        my $c = ($redis, $r)[$i];
        my @got;

        $c->run('SET', 'k', 1);
        $c->replies(['MIGRATE', '127.0.0.1', @$_]) for @lines;
        $c->run('ECHO', 'end');

        while ((my $line = $monitor[$i]->reply) !~ /"end"/) {
            push @got, $line =~ s/^\+[\d.]+ \[0 [\d.:]+\] //r if $line =~ /"MIGRATE"/;
        }

        $seen[$i] = \@got;
        $monitor[$i]->close;
    }

    is(@{$seen[1]}, @lines, 'each is seen');
    is_deeply($seen[1], $seen[0], 'as by Redis');
};


subtest 'TLS' => sub {
    plan skip_all => 'no openssl' unless installed('openssl');

    my $dir = tempdir();
    my $port = free_port;
    my ($code, $said) = certificates($dir, 'IP:127.0.0.1,DNS:store.test');
    is($code, 0, 'certificates') or diag($said);

    my $secure = eval { KS::Redis->start('--tls-port', $port, '--tls-cert-file', "$dir/pem", '--tls-key-file', "$dir/key",
                                         '--tls-ca-cert-file', "$dir/ca.pem", '--tls-auth-clients', 'yes',
                                         '--bind', map { "127.0.0.$_" } 1 .. 9) };
    plan skip_all => "no redis-server with TLS: $@" unless $secure;
    my $far = KS::RESP->new(port => $secure->port);
    my $ours = "tls_cert=$dir/pem tls_key=$dir/key";

    # a line for each address, and one for all others
    my $from = KS::Nginx->start(size => '16m', resp => '', zone => "
        migrate 127.0.0.1 tls=on tls_ca=$dir/ca.pem $ours;
        migrate 127.0.0.2 tls=on tls_ca=$dir/ca.pem tls_name=store.test $ours;
        migrate 127.0.0.3 tls=on tls_ca=$dir/ca.pem $ours;
        migrate 127.0.0.4 tls=on tls_verify=off $ours;
        migrate 127.0.0.5 tls=on $ours;
        migrate 127.0.0.6 tls=on tls_verify=off;
        migrate 127.0.0.0/8;");
    $from->allow(qr/SSL_do_handshake|SSL_read/);
    my $c = $from->resp;
    my $go = sub {
        my ($last, $to) = @_;
        $c->run('SET', 'k', $last);
        return ($c->replies(['MIGRATE', "127.0.0.$last", $to // $port, 'k', 0, $to ? 5000 : 20_000, 'REPLACE']))[0];
    };

    for ([1, 'its address is in the certificate'], [2, 'so is the name of the line'], [4, 'nothing is verified']) {
        my ($last, $name) = @$_;
        is($go->($last), "+OK\r\n", $name);
        is($far->run('GET', 'k'), $last, '... and the key is there');
        is($c->run('EXISTS', 'k'), 0, '... and not here');
    }

    my $failed = qr/^-IOERR error or timeout connecting to the client: /;
    like($go->(3), qr/${failed}its certificate is not that of "127\.0\.0\.3"/, 'another address');
    is($c->run('GET', 'k'), 3, '... the key stays');
    like($go->(5), qr/${failed}its certificate is not to be trusted/, 'another CA');
    like($go->(6), qr/^-IOERR error or timeout /, 'without a certificate of its own');
    like($go->(1, $secure->port), qr/${failed}the TLS handshake /, 'a port without TLS');
    like($go->(1, $nobody), $failed, 'nothing listens');
    is($c->run('GET', 'k'), 1, '... the key stays');
    like($go->(9), qr/^-IOERR error or timeout reading/, 'a port with TLS, without it');
    is($go->(9, $secure->port), "+OK\r\n", 'a network of the last line is without');
    is($far->run('GET', 'k'), 9, '... and the key is there');

    $_->stop for $from, $secure;
};


for ([' off 127.0.0.1', 'nothing goes with "off"'], [' example.com', 'invalid network "example.com"'],
     [' off; migrate 127.0.0.1', 'no other line goes with "off"'], [' 127.0.0.1; migrate off', 'no other line goes with "off"'],
     [' tls=on', 'it begins with a network'], [' 127.0.0.1 tls=maybe', 'invalid parameter "tls=maybe"'],
     [' 127.0.0.1 tls_ca=ca.pem', 'has parameters of TLS, but not "tls=on"'],
     [' 127.0.0.1 tls=on 127.0.0.2', 'unknown parameter "127.0.0.2"'],
     [' 127.0.0.1 tls=on tls_cert=a', 'has only one of "tls_cert" and "tls_key"'],
     [' 127.0.0.1 tls=on tls_ca=/nowhere/ca.pem', '/nowhere/ca.pem']) {
    my ($line, $text) = @$_;
    like((KS::Nginx->check(size => '8m', zone => "migrate$line;"))[1], qr/\Q$text\E/, "migrate$line");
}

$ngx->reload;
$r = $ngx->resp;
$r->run('SET', 'k', 1);
is($r->run('MIGRATE', @to, 'k', 0, 20_000, 'REPLACE'), 'OK', 'and after a reload');

$_->stop for $ngx, $other;
$proxy->stop;
$_->stop for $target, $store;
done_testing;
