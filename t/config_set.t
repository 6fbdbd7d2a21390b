# CONFIG SET and CONFIG GET: what redis-server says to the same, for all workers
# at once, and until the next reload.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(free_port tempdir);
use KS::Redis;
use KS::Referee;
use KS::RESP;

my $ngx = KS::Nginx->start(size => '8m', resp => '', workers => 2,
                           zone => 'notify_keyspace_events Kx;');
my $http = $ngx->client;
my $resp = $ngx->resp;


sub setting { return $_[0]->run('CONFIG', 'GET', $_[1])->[1] }


# The same lines to both.
sub beside {
    my ($redis, @lines) = @_;

    for my $line (@lines) {
        my @argv = map { $_ eq '""' ? '' : $_ } split / /, $line;
        my ($want) = $redis->replies(\@argv);
        my ($got) = $resp->replies(\@argv);

        is(KS::Referee::show_bytes($got), KS::Referee::show_bytes($want), $line);
    }

    $redis->stop;
}


my ($lines, $newer) = do { local $/; split /^--\n/m, <DATA> };

subtest 'beside redis-server' => sub {
    plan skip_all => 'there is no redis-server' unless KS::Redis::available();

    beside(KS::Redis->start('--notify-keyspace-events', 'Kx'),
           split /\n/, $lines);
};


subtest 'small lists and sets, beside Redis 8.0' => sub {
    plan skip_all => 'KS_TRIXIE names no tree of Debian 13'
        unless KS::Redis::of_trixie('redis-server');

    $resp->run('FLUSHALL');
    beside(KS::Redis->start_of('redis-server'), split /\n/, $newer);
};


# what nginx's own directives say of the door that a client came by
subtest 'a door' => sub {
    my ($port, $path) = (free_port, tempdir() . '/socket');
    my $with = KS::Nginx->start(size => '8m', resp => '', workers => 2,
        resp_listen => 'backlog=77 so_keepalive=90s:5s:2',
        zone => 'snapshot %DIR%/kept/one.rdb; script_timeout 3s;',
        locations => 'location / { keyspace_rest main; }',
        stream => "server { listen 127.0.0.1:$port so_keepalive=on; keyspace_resp main; keyspace_resp_timeout 1500ms;
                            keyspace_resp_max_clients 12; }
                   server { listen unix:$path; keyspace_resp main; }");
    my $all = sub {
        my ($c) = @_;
        my %is = @{$c->run('CONFIG', 'GET', '*')};
        return \%is;
    };

    my $is = $all->($with->resp);
    is($is->{port}, $with->resp_port, 'port');
    is($is->{bind}, '127.0.0.1', 'bind');
    is($is->{'tls-port'}, 0, 'tls-port');
    is($is->{unixsocket}, '', 'unixsocket');
    is($is->{maxclients}, 20_000, 'maxclients: of all workers');
    is($is->{timeout}, 0, 'timeout');
    is($is->{'tcp-backlog'}, 77, 'tcp-backlog');
    is($is->{'tcp-keepalive'}, 90, 'tcp-keepalive');
    is($is->{'lua-time-limit'}, 3000, 'lua-time-limit');
    is($is->{'busy-reply-threshold'}, 3000, 'and its other name');
    is($is->{dir}, $with->dir . '/kept', 'dir');
    is($is->{dbfilename}, 'one.rdb', 'dbfilename');
    like($with->resp->run('INFO', 'clients'), qr/^maxclients:20000\r$/m, 'INFO clients');

    $is = $all->(KS::RESP->new(port => $port, token => $KS::Nginx::TOKEN));
    is($is->{port}, $port, 'the port of another server');
    is($is->{maxclients}, 24, 'its maxclients');
    is($is->{timeout}, 2, 'its timeout, in seconds');
    is($is->{'tcp-keepalive'}, 7200, 'its tcp-keepalive: that of the system');

    is(setting($with->client, 'port'), 0, 'REST has no port of Redis');
    is(setting($with->client, 'dir'), $with->dir . '/kept', 'and the same files');
    ok(!grep({ /pass$|^masterauth$|^requirepass$/ } keys %$is), 'no passwords');

    $with->stop;
};


subtest 'of what is fixed' => sub {
    for my $name (qw(appendonly databases maxmemory proto-max-bulk-len save
                     bind dir maxclients port tcp-keepalive timeout)) {
        is($resp->error('CONFIG', 'SET', $name, 'other'),
           'ERR CONFIG SET failed (possibly related to argument '
           . "'$name') - can't set immutable config", $name);
        is($resp->run('CONFIG', 'SET', $name, setting($resp, $name)), 'OK',
           "$name as it is");
    }

    my $policy = setting($resp, 'maxmemory-policy');

    like($resp->error('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu', 'save', '60 1'),
         qr/'save'\) - can't set immutable config$/, 'with a setting that is not');
    is(setting($resp, 'maxmemory-policy'), $policy, 'which stays');
    like($resp->error('CONFIG', 'SET', 'save', '', 'save', ''),
         qr/'save'\) - duplicate parameter$/, 'twice');
};


subtest 'all workers, and until the next reload' => sub {
    my @two = $ngx->two_workers;

    is($two[0]->run('CONFIG', 'SET', 'notify-keyspace-events', 'KEA',
                    'maxmemory-policy', 'allkeys-lru',
                    'tracking-table-max-keys', 77), 'OK', 'three settings');

    for my $client (@two, $resp) {
        is(setting($client, 'notify-keyspace-events'), 'AKE', 'the first');
        is(setting($client, 'maxmemory-policy'), 'allkeys-lru', 'the second');
        is(setting($client, 'tracking-table-max-keys'), 77, 'the third');
    }

    ok($ngx->reload, 'a reload');
    $http = $ngx->client;

    is(setting($http, 'notify-keyspace-events'), 'xK',
       'the directive is in force');
    is(setting($http, 'maxmemory-policy'), 'noeviction', 'and the default');
    is(setting($http, 'tracking-table-max-keys'), 1_000_000, '... of each');
};


subtest 'not with a read-only token' => sub {
    my $reader = $ngx->client(token => $KS::Nginx::READONLY);

    like($reader->post('["CONFIG","SET","maxmemory-policy","allkeys-lru"]')
                ->{body}, qr/NOPERM/, 'it may not');
    is(setting($http, 'maxmemory-policy'), 'noeviction', '... and did not');
};

$ngx->stop;
done_testing;

__DATA__
CONFIG GET notify-keyspace-events
CONFIG SET notify-keyspace-events KEA
CONFIG GET notify-keyspace-events
CONFIG SET NOTIFY-keyspace-EVENTS mgK
CONFIG GET notify-KEYspace-events
CONFIG SET notify-keyspace-events KEAq
CONFIG GET notify-keyspace-events
CONFIG SET notify-keyspace-events ""
CONFIG GET notify-keyspace-events
CONFIG SET notify-keyspace-events
CONFIG SET a
CONFIG SET nosuch 1
CONFIG SET maxmemory-policy foo
CONFIG SET maxmemory-policy ALLKEYS-LRU
CONFIG GET maxmemory-policy
CONFIG SET maxmemory-policy volatile-ttl nosuch 1
CONFIG SET maxmemory-policy volatile-ttl databases 3
CONFIG SET databases 3 nosuch 1
CONFIG SET nosuch 1 databases 3
CONFIG SET maxmemory-policy volatile-ttl maxmemory-policy volatile-lru
CONFIG SET maxmemory-policy volatile-ttl nosuch
CONFIG SET maxmemory-policy volatile-ttl notify-keyspace-events Q
CONFIG SET maxmemory-policy foo notify-keyspace-events Q
CONFIG SET notify-keyspace-events Q maxmemory-policy foo
CONFIG GET maxmemory-policy
CONFIG SET maxmemory-policy volatile-lru notify-keyspace-events KE$
CONFIG GET maxmemory-policy
CONFIG GET notify-keyspace-events
CONFIG SET maxmemory-policy noeviction
CONFIG SET tracking-table-max-keys 12
CONFIG GET tracking-table-max-keys
CONFIG SET tracking-table-max-keys -1
CONFIG SET tracking-table-max-keys abc
CONFIG SET tracking-table-max-keys 9223372036854775808
CONFIG SET tracking-table-max-keys 9223372036854775807
CONFIG GET tracking-table-max-keys
CONFIG SET tracking-table-max-keys 1000000
CONFIG REWRITE
CONFIG REWRITE x
CONFIG GET aclfile
CONFIG GET acllog-max-len
CONFIG GET dbfilename
CONFIG GET hll-sparse-max-bytes
CONFIG GET hz
CONFIG GET io-threads-do-reads
CONFIG GET lazyfree-lazy-eviction
CONFIG GET lazyfree-lazy-user-flush
CONFIG GET lfu-decay-time
CONFIG GET LFU-log-factor
CONFIG GET logfile
CONFIG GET loglevel
CONFIG GET replica-announced
CONFIG GET slave-serve-stale-data
CONFIG GET supervised
CONFIG GET timeout
CONFIG GET tls-port
CONFIG GET unixsocket
CONFIG GET nosuch
CONFIG SET hash-max-listpack-entries 5
CONFIG GET hash-max-ziplist-entries
CONFIG SET hash-max-listpack-entries -1
CONFIG SET hash-max-listpack-entries x
CONFIG SET hash-max-listpack-entries 12 hash-max-ziplist-entries 13
CONFIG GET hash-max-listpack-entries
CONFIG SET hash-max-listpack-value 1k
CONFIG GET hash-max-listpack-value
CONFIG SET hash-max-listpack-value 1Kb
CONFIG GET hash-max-listpack-value
CONFIG SET hash-max-listpack-value -1
CONFIG SET hash-max-listpack-value 1x
CONFIG SET hash-max-listpack-value ""
CONFIG SET hash-max-listpack-value 10
CONFIG SET list-max-listpack-size 2147483648
CONFIG SET list-max-listpack-size abc
CONFIG SET list-max-listpack-size 3
CONFIG GET list-max-ziplist-size
CONFIG SET set-max-intset-entries 4
CONFIG SET zset-max-listpack-entries 3 zset-max-listpack-value 9
CONFIG GET zset-max-ziplist-value
HSET h a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12 m 13
OBJECT ENCODING h
HSET h n 14
OBJECT ENCODING h
HGET h n
HSET h2 a 1234567890
OBJECT ENCODING h2
HSET h2 a 12345678901
OBJECT ENCODING h2
HSET h3 a 1234567890
CONFIG SET hash-max-listpack-value 1
HGET h3 a
HSET h3 b 1
OBJECT ENCODING h3
HGETALL h3
SADD s 1 2 3 4
OBJECT ENCODING s
SADD s 5
OBJECT ENCODING s
ZADD z 1 a 2 b 3 c
OBJECT ENCODING z
ZADD z 4 d
OBJECT ENCODING z
ZSCORE z a
ZADD z2 1 123456789
OBJECT ENCODING z2
ZADD z2 1 1234567890
OBJECT ENCODING z2
CONFIG SET hash-max-listpack-entries 0 zset-max-listpack-entries 0 set-max-intset-entries 0
HSET h4 a 1
OBJECT ENCODING h4
ZADD z4 1 a
OBJECT ENCODING z4
SADD s4 1
SMEMBERS s4
CONFIG SET hash-max-listpack-entries 100000 hash-max-listpack-value 64mb
--
CONFIG SET set-max-listpack-entries 3 set-max-listpack-value 4
SADD s a b c
OBJECT ENCODING s
SADD s d
OBJECT ENCODING s
SADD s2 a abcd
OBJECT ENCODING s2
SADD s2 abcde
OBJECT ENCODING s2
CONFIG SET list-max-listpack-size 4
RPUSH l 1 2 3 4
OBJECT ENCODING l
LSET l 0 9
OBJECT ENCODING l
RPUSH l 5
OBJECT ENCODING l
RPOP l
RPOP l
OBJECT ENCODING l
RPOP l
OBJECT ENCODING l
LINSERT l BEFORE 2 x
LINSERT l BEFORE 2 y
OBJECT ENCODING l
LINSERT l BEFORE 2 z
OBJECT ENCODING l
CONFIG SET list-max-listpack-size 0
RPUSH l2 1
OBJECT ENCODING l2
RPUSH l2 2
OBJECT ENCODING l2
CONFIG SET list-max-listpack-size -2 set-max-listpack-entries 128
