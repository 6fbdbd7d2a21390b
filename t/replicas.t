# The zone as a primary: stock servers that replicate it have the same keys, over
# kills of workers and of the helper, reloads, upgrades and cuts of the network;
# what clients and replicas are told of it; and what is refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(capture children free_port installed slurp tempdir
                wait_for);
use KS::RESP;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $kills = $ENV{KS_KILLS} // 3;
my $dir = tempdir();
chmod 0777, $dir;


sub begin {
    my (%options) = @_;
    my $zone = delete $options{zone} // "replicas $dir;";

    return KS::Nginx->start(size => '32m', resp => '', workers => 2,
                            zone => $zone, %options);
}


# A replica of what listens there, as that program.
sub replica {
    my ($port, $program, @options) = @_;
    my $redis = KS::Redis->start_of($program, '--replicaof', "127.0.0.1 $port",
        '--masterauth', $KS::Nginx::TOKEN, '--repl-timeout', 20,
        '--repl-diskless-sync', 'no', @options);

    return $redis;
}


sub section {
    my ($r, $name) = @_;
    my %info = $r->run('INFO', $name) =~ /^(\w+):([^\r\n]*)/mg;
    return \%info;
}


# Whether a replica has all that was told by now.
sub follows {
    my ($r, $redis) = @_;

    return wait_for(30, sub {
        my $i = section($redis, 'replication');

        return 0 if ($i->{master_link_status} // '') ne 'up';
        my $at = section($r, 'replication')->{master_repl_offset};
        return section($redis, 'replication')->{slave_repl_offset} >= $at;
    });
}


sub keys_of {
    my ($r) = @_;
    return { map { $_ => look($r, $_) } @{$r->run('KEYS', '*')} };
}


sub same {
    my ($r, $redis, $name) = @_;

    # to look at a hash ends the fields in it that are due, which is told
    keys_of($r);

    ok(follows($r, $redis), "$name: it follows")
        or diag(slurp("$redis->{dir}/log"));

    my $other = KS::RESP->new(port => $redis->port);
    my ($want, $have) = (keys_of($r), keys_of($other));
    my @wrong = grep { ($have->{$_} // '') ne ($want->{$_} // '') }
        grep { !/^j:/ } sort keys %{{ %$want, %$have }};

    is("@wrong[0 .. ($#wrong > 5 ? 5 : $#wrong)]", '', "$name: it is the same")
        or diag("$wrong[0]: " . ($want->{$wrong[0]} // 'none') . "\n"
                . ($have->{$wrong[0]} // 'none'));
    unlike(slurp("$redis->{dir}/log"), qr/CRITICAL|sending an error|sent an err/,
           "... and nothing was an error to it");
}


# Some keys of every type; not all is known to a stock server.
sub fill {
    my ($r, $from, $n) = @_;

    for my $i ($from .. $from + $n - 1) {
        $r->replies(
            ['SET', "s:$i", "value $i"], ['SET', "t:$i", $i, 'EX', 5000],
            ['SET', "brief:$i", $i, 'PX', 30],
            ['RPUSH', 'l:' . $i % 7, $i, 'x' x ($i % 90)],
            ['LPOP', 'l:' . ($i + 3) % 7],
            ['SADD', 'set:' . $i % 5, map { $i * $_ } 1 .. 4],
            ['SPOP', 'set:' . ($i + 1) % 5],
            ['HSET', 'h:' . $i % 5, "f$i", $i, 'g', $i],
            ['HPEXPIRE', 'h:' . $i % 5, 6_000_000, 'FIELDS', 1, "f$i"],
            ['HPEXPIRE', 'h:' . $i % 5, 20, 'FIELDS', 1, "f" . ($i - 5)],
            ['ZADD', 'z:' . $i % 3, $i * 1.5, "m$i"],
            ['XADD', 'x:' . $i % 3, '*', 'f', $i],
            ['XGROUP', 'CREATE', 'x:' . $i % 3, 'g', '$'],
            ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'x:' . $i % 3, '>'],
            ['INCRBYFLOAT', 'float', 1.25], ['DEL', 's:' . ($i - 5)],
            ['MULTI'], ['INCR', 'a'], ['JSON.SET', 'j:m', '$', $i],
            ['PUBLISH', 'inside', $i], ['INCR', 'b'], ['EXEC'],
            ['JSON.SET', 'j:' . $i % 3, '$', qq({"a":$i,"b":[1,2]})],
            ['JSON.NUMINCRBY', 'j:' . $i % 3, '$.a', 1],
            ['EVAL', 'for i = 1, 3 do redis.call("INCR", KEYS[i]) end', 3,
             'a', 'b', 'c'],
            ['PUBLISH', 'ch', $i], ['PFADD', 'hll', $i],
            ['GEOADD', 'geo', $i % 90, $i % 80, "p$i"],
            ['MSET', 'p', $i, 'q', $i]);
    }

    # all that is brief is over
    wait_for(10, sub {
        !grep { $_ } map { $r->run('EXISTS', "brief:$_") } $from .. $from + $n - 1
    });
    sleep 0.1;
}


# A proxy in front of a port, which cuts what goes through when it is told to.
sub proxy {
    my ($to) = @_;
    my $port = free_port();
    my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8,
                                       LocalPort => $port, ReuseAddr => 1)
        or die "proxy: $!";
    my $pid = fork // die;

    return { port => $port, pid => $pid } if $pid;

    my (%other, $cut);
    my $select = IO::Select->new($server);
    my $end = time + 600;

    $SIG{USR1} = sub { $cut = 1 };
    $SIG{TERM} = sub { POSIX::_exit(0) };

    while (time < $end) {
        my @ready = $select->can_read(1);

        if ($cut) {
            $cut = 0;
            $select->remove($_), close $_ for grep { $_ != $server }
                $select->handles;
            %other = ();
            next;
        }

        for my $s (@ready) {
            if ($s == $server) {
                my $a = $server->accept or next;
                my $b = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                              PeerPort => $to);
                if (!$b) { close $a; next }
                $select->add($a, $b);
                @other{$a, $b} = ($b, $a);
                next;
            }

            my $o = $other{$s} or next;
            my $n = sysread $s, my $buf, 65536;

            if (!$n || !defined syswrite $o, $buf) {
                $select->remove($s, $o);
                delete @other{$s, $o};
                close $s;
                close $o;
            }
        }
    }

    POSIX::_exit(0);
}


sub cut {
    my ($proxy) = @_;
    kill 'USR1', $proxy->{pid};
}


# --- it replicates ---

my $ngx = begin();
my $r = $ngx->resp;

fill($r, 1, 60);

my $redis = replica($ngx->resp_port);
same($r, $redis, 'a replica of what was there');
fill($r, 61, 40);
same($r, $redis, '... and of what comes');
is($redis->run('GET', 's:99'), 'value 99', '... of it, a key');

my $i = section($r, 'replication');
is($i->{role}, 'master', 'INFO: the role');
is($i->{connected_slaves}, 1, '... and one replica');
like($i->{slave0}, qr/^ip=127\.0\.0\.1,port=${\$redis->port},state=online,offset=\d+,lag=[0-2]$/,
     '... which it describes');
like($i->{master_replid}, qr/^[0-9a-f]{40}$/, '... by an id');
is($i->{repl_backlog_active}, 1, '... with a backlog');
is(section($r, 'stats')->{sync_full}, 1, 'one full resync');

my $role = $r->run('ROLE');
is("$role->[0] $role->[2][0][0] $role->[2][0][1]",
   'master 127.0.0.1 ' . $redis->port, 'ROLE');
like($r->run('CLIENT', 'LIST', 'TYPE', 'replica'), qr/ flags=S .* cmd=/,
     'CLIENT LIST TYPE replica');
is($r->run('CLIENT', 'LIST', 'TYPE', 'replica') =~ tr/\n//, 1, '... of one');


# --- messages reach the subscribers of replicas ---

my $sub = KS::RESP->new(port => $redis->port);
$sub->run('SUBSCRIBE', 'news');
$r->run('PUBLISH', 'news', 'hello');
like($sub->reply, qr/message\r.*news\r.*\nhello\r/s, 'PUBLISH is replicated');
$r->run('EVAL', 'return redis.call("PUBLISH", "news", "by a script")', 0);
like($sub->reply, qr/message\r.*news\r.*\nby a script\r/s,
     '... of a script, too');


# --- WAIT ---

$r->run('SET', 'waited', 1);
is($r->run('WAIT', 1, 10_000), 1, 'WAIT for the replica there is');
is($redis->run('GET', 'waited'), 1, '... which has it');
is($r->run('WAIT', 0, 0), 1, 'WAIT 0 says how many there are');
is($r->run('WAIT', 2, 50), 1, 'WAIT for more than there are ends');

my ($one, $two) = $ngx->two_workers;
for ($one, $two) {
    $_->run('INCR', 'waited');
    is($_->run('WAIT', 1, 10_000), 1, 'WAIT of any worker');
}
is($redis->run('GET', 'waited'), 3, '... and it is there');
is_deeply($ngx->client->run('WAIT', 1, 1000), 1, 'WAIT over REST');
like($r->error('WAITAOF', 1, 0, 0), qr/appendonly is disabled/,
     'WAITAOF without a journal');


# --- what older servers do not know ---

my $restored = "\0\1a\x0b\0" . "\0" x 8;

for my $c (
    [qw(SET n:s v)], [qw(DELEX n:s)], [qw(SET n:s v)], [qw(DELIFEQ n:s v)],
    [qw(MSETEX 2 n:a 1 n:b 2 EX 100)], [qw(MSETEX 1 n:a 1)],
    [qw(SET n:a 5 IFEQ 1)], [qw(SET n:a 6 IFNE 1 KEEPTTL)],
    [qw(SET n:b 6 IFEQ 2 PX 90000)], [qw(INCREX n:i BYINT 5 EX 100)],
    [qw(HSET n:h a 1 b 2 c 3 d 4)], [qw(HGETDEL n:h FIELDS 1 a)],
    [qw(HGETEX n:h EX 100 FIELDS 1 b)], [qw(HGETEX n:h PERSIST FIELDS 1 b)],
    [qw(HSETEX n:h EX 100 FIELDS 1 x y)], [qw(HSETEX n:h FNX FIELDS 1 z y)],
    [qw(HSETEX n:h KEEPTTL FIELDS 2 x 1 b 2)], [qw(HPERSIST n:h FIELDS 1 x)],
    [qw(HEXPIRE n:h 0 FIELDS 1 d)], [qw(HINCRBYFLOAT n:h c 1.5)],
    ['RPUSH', 'n:l', 1 .. 9], [qw(LMOVEM n:l n:m LEFT RIGHT)],
    [qw(LMOVEM n:l n:m RIGHT LEFT COUNT 3 OBO)],
    [qw(LMOVEM n:l n:l LEFT LEFT COUNT 2 OBO)], [qw(EXPIRE n:l 900)],
    [qw(LMOVEM n:l n:l LEFT RIGHT COUNT 99 BULK)],
    [qw(BLMOVEM n:l n:m LEFT RIGHT 1)],
    (map { ['XADD', 'n:x', "1-$_", 'a', $_] } 1 .. 9),
    [qw(XGROUP CREATE n:x g 0)], [qw(XGROUP CREATE n:x other 0)],
    [qw(XREADGROUP GROUP g c COUNT 5 STREAMS n:x >)],
    [qw(XREADGROUP GROUP other c COUNT 5 STREAMS n:x >)],
    [qw(XDELEX n:x KEEPREF IDS 1 1-9)], [qw(XDELEX n:x DELREF IDS 1 1-3)],
    [qw(XDELEX n:x ACKED IDS 2 1-1 1-8)],
    [qw(XACKDEL n:x g DELREF IDS 1 1-1)], [qw(XACKDEL n:x g IDS 1 1-2)],
    [qw(XACKDEL n:x g ACKED IDS 1 1-4)],
    [qw(SETBIT n:b1 1 1)], [qw(SETBIT n:b2 2 1)],
    (map { ['BITOP', $_, "n:$_", 'n:b1', 'n:b2'] } qw(DIFF DIFF1 ANDOR ONE)),
    [qw(ZADD n:z 1 a 2 b 3 c)],
    [qw(ZUNIONSTORE n:zu 1 n:z AGGREGATE COUNT)],
    [qw(ZINTERSTORE n:zi 1 n:z AGGREGATE COUNT)],
    [qw(CL.THROTTLE n:t 10 10 60000)], [qw(COPY n:h n:h2)],
    ['RESTORE', 'n:r', 0, $restored],
    ['EVAL', 'redis.call("SET", KEYS[1], "1")
              redis.call("HSETEX", KEYS[2], "EX", 10, "FIELDS", 1, "a", "b")
              redis.call("JSON.SET", KEYS[3], "$", "1")', 3,
     'n:e', 'n:e2', 'j:e'])
{
    my $reply = ($r->replies($c))[0];
    unlike($reply, qr/^-/, "@$c[0, 1] ...") if $c->[0] =~ /EX$|^(?:B?LMOV|X)/;
}

same($r, $redis, 'commands that it does not know');

for my $program (qw(redis-server valkey-server)) {
    SKIP: {
        skip "KS_TRIXIE has no $program", 3 unless KS::Redis::of_trixie($program);

        my $newer = replica($ngx->resp_port, $program);
        same($r, $newer, "$program of Debian 13");
        $newer->stop;
    }
}


# --- several at once, and files for others ---

my @more = map { replica($ngx->resp_port) } 1 .. 2;
same($r, $_, 'one of several') for @more;
is(section($r, 'replication')->{connected_slaves}, 3, 'three replicas');
$r->run('SET', 'all', 3);
is($r->run('WAIT', 3, 10_000), 3, 'WAIT for all');

SKIP: {
    my $to = tempdir();
    my ($status, $said) = capture(30, {}, 'redis-cli', '-a', $KS::Nginx::TOKEN,
        '-p', $ngx->resp_port, '--rdb', "$to/dump.rdb");

    is($status, 0, 'redis-cli --rdb') or diag($said);

    my $loaded = KS::Redis->start('--dir', $to);
    my $have = KS::RESP->new(port => $loaded->port);
    wait_for(20, sub { (eval { $have->run('PING') } // '') eq 'PONG' });
    is_deeply([sort @{$have->run('KEYS', 's:*')}],
              [sort @{$r->run('KEYS', 's:*')}], '... is loaded');
    $loaded->stop;
}

ok(wait_for(20, sub { !glob "$dir/*" }), 'files are removed when all have them');


# --- a short cut: it goes on with what it has ---

my $proxy = proxy($ngx->resp_port);
my $far = replica($proxy->{port});
same($r, $far, 'behind a proxy');
my $before = section($r, 'stats');

cut($proxy);
fill($r, 101, 20);
same($r, $far, 'after a cut');

my $now = section($r, 'stats');
is($now->{sync_partial_ok}, $before->{sync_partial_ok} + 1,
   '... it went on with what it had');
is($now->{sync_full}, $before->{sync_full}, '... and nobody got everything');


# --- workers die, the one that has the connection among them ---

for my $turn (1 .. $kills) {
    my $full = section($r, 'stats')->{sync_full};

    kill 'KILL', $ngx->workers;
    $ngx->allow(qr/exited on signal 9/);
    wait_for(20, sub { eval { $r = $ngx->resp; $r->run('PING') } });
    fill($r, 200 + $turn * 20, 10);
    same($r, $far, "all processes but the master die, $turn");
    is(section($r, 'stats')->{sync_full}, $full,
       '... and nobody got everything again');
}


# --- a reload ---

my $full = section($r, 'stats')->{sync_full};
ok($ngx->reload, 'a reload');
$r = $ngx->resp;
fill($r, 300, 10);
same($r, $far, '... and it follows');
is(section($r, 'stats')->{sync_full}, $full, '... by what it has');


# --- more than the backlog holds ---

kill 'STOP', $far->{pid};
$r->run('SET', 'large', 'x' x 200_000) for 1 .. 150;
$r->run('DEL', 'large');
fill($r, 400, 5);
kill 'CONT', $far->{pid};
same($r, $far, 'one that was overtaken');
cmp_ok(section($r, 'stats')->{sync_full}, '>', $full, '... got everything');
like($ngx->log, qr/further behind than its backlog|does not read on/,
     '... which is in the log');
$ngx->allow(qr/further behind than its backlog/, qr/is closed/);

$r->run('CLIENT', 'KILL', 'TYPE', 'replica');
$r->run('SET', 'after', 'kill');
same($r, $_, 'a replica that was killed comes again') for $far, $redis;


# --- what is refused ---

is($r->run('REPLICAOF', 'NO', 'ONE'), 'OK', 'REPLICAOF NO ONE');
like($r->error('REPLICAOF', '127.0.0.1', 1), qr/^ERR REPLICAOF not allowed/,
     'REPLICAOF is refused');
like($r->error('SLAVEOF', '127.0.0.1', 1), qr/^ERR REPLICAOF not allowed/,
     '... and SLAVEOF');
like($r->error('FAILOVER'), qr/^ERR FAILOVER not allowed/, '... and FAILOVER');
like($r->error('REPLCONF', 'nonsense', 1),
     qr/^ERR Unrecognized REPLCONF option/, 'REPLCONF of what is none');
like($r->error('REPLCONF', 'capa'), qr/^ERR syntax/, '... and of half a pair');
like($r->error('REPLCONF', 'listening-port', 'x'), qr/^ERR value is not an int/,
     '... and of no port');
like($r->error('PSYNC', '?', 'x'), qr/^ERR value is not an integer/,
     'PSYNC of no offset');
$r->run('MULTI');
like($r->error('PSYNC', '?', -1), qr/^ERR Command not allowed inside/,
     '... and in a transaction');
$r->run('DISCARD');
like($r->error('EVAL', 'return redis.call("PSYNC", "?", -1)', 0),
     qr/not allowed from script/, '... and in a script');
like($ngx->client->error('SYNC'), qr/connection|REST/, '... and over REST');

my $reader = $ngx->resp(token => $KS::Nginx::READONLY);
like($reader->error('PSYNC', '?', -1), qr/^NOPERM/,
     'who only reads is no replica');

$_->stop for @more, $far, $redis;
kill 'TERM', $proxy->{pid};
waitpid $proxy->{pid}, 0;
ok(wait_for(20, sub { section($r, 'replication')->{connected_slaves} == 0 }),
   'they have gone');
$ngx->allow(qr/documents of JSON are not in the file/);
like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'MEMORY DOCTOR');
$ngx->stop('stopped');


# --- in a file: over upgrades, restarts and the death of all processes ---

my $port = free_port();
my $file = tempdir();
chmod 0755, $file;
$ngx = begin(zone => "file $file/main.ks; replicas $dir;", daemon => 1,
             resp_port => $port);
$r = $ngx->resp;
fill($r, 1, 10);
$redis = replica($port);
same($r, $redis, 'a zone in a file');

for my $step (['an upgrade', sub { $ngx->upgrade; $ngx->settle }],
              ['a restart', sub { $ngx->halt; $ngx->launch }],
              ['the death of all', sub { $ngx->crash; $ngx->launch }])
{
    my ($id) = section($r, 'replication')->{master_replid};

    $step->[1]->();
    $r = $ngx->resp;
    fill($r, 20, 5);
    same($r, $redis, $step->[0]);
    is(section($r, 'replication')->{master_replid}, $id, '... of one id');
    is(section($r, 'stats')->{sync_full}, 1, '... nobody got everything again');
}

$redis->stop;
$ngx->allow(qr/documents of JSON are not in the file/);
$ngx->stop('stopped');


# --- without the line ---

$ngx = begin(zone => '');
$r = $ngx->resp;
like($r->error('PSYNC', '?', -1), qr/^ERR replicas are not configured/,
     'PSYNC without "replicas"');
like($r->error('SYNC'), qr/^ERR replicas are not configured/, '... SYNC, too');
is(section($r, 'replication')->{repl_backlog_active}, 0, '... in INFO');
is($r->run('WAIT', 1, 20), 0, '... and WAIT waits for nobody');
$ngx->stop('stopped');


# --- writing that needs replicas ---

$ngx = begin(zone => "replicas $dir min=1 min_lag=2s;");
$r = $ngx->resp;
like($r->error('SET', 'a', 1), qr/^NOREPLICAS/, 'min: nobody may write');
is($r->run('GET', 'a'), undef, '... but read');
$redis = replica($ngx->resp_port);
ok(wait_for(20, sub { eval { $r->run('SET', 'a', 1) } }),
   '... until there is a replica');
$redis->stop;
ok(wait_for(20, sub { !eval { $r->run('SET', 'a', 1) } }), '... that follows');
is_deeply({ @{$r->run('CONFIG', 'GET', 'min-replicas-*')} },
          { 'min-replicas-to-write' => 1, 'min-replicas-max-lag' => 2 },
          'CONFIG GET');
$ngx->stop('stopped');


for my $wrong (['backlog=2g', 'backlog'], ['ping=0', 'ping'],
               ['timeout=1ms', 'timeout'], ['min=65', 'min'],
               ['min_lag=x', 'min_lag'], ['size=1m', 'size'])
{
    my ($code, $said) = KS::Nginx->check(
        zone => "replicas $dir $wrong->[0];");

    ok($code && $said =~ /$wrong->[1]/, "$wrong->[0] is no configuration")
        or diag($said);
}

done_testing();
