# Snapshots: the file that the helper process writes, by itself and when it is
# asked to, and that redis-server has the same keys from it; while others write,
# while the helper is killed, while nginx is reloaded, and where the file cannot
# be written.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(capture children installed slurp tempdir wait_for);
use KS::RESP;
use KS::Redis;


# A directory that the workers may write to.
sub directory {
    my $dir = tempdir();
    chmod 0777, $dir;
    return $dir;
}


sub info {
    my ($r) = @_;
    my %info = $r->run('INFO', 'persistence') =~ /^(\w+):(\S*)\r?$/mg;
    return \%info;
}


# The helper of an nginx, once it is there.
sub helper {
    my ($ngx) = @_;
    my $pid;

    wait_for(20, sub {
        ($pid) = grep {
            my $title = eval { slurp("/proc/$_/cmdline") } // '';
            $title =~ /cache manager/;
        } children($ngx->{pid});
        return $pid;
    });

    return $pid;
}


# A server of that name (undef: this system's redis-server) that has loaded the
# file, for the code.
sub with_redis {
    my ($name, $file, $code) = @_;
    my $dir = tempdir();

    system('cp', $file, "$dir/dump.rdb") == 0 or die "cp: $?";

    my $redis = KS::Redis->start_of($name, '--dir', $dir);
    my $r = KS::RESP->new(port => $redis->port);

    wait_for(60, sub { (eval { $r->run('PING') } // '') eq 'PONG' });
    $code->($r);
    $redis->stop;
}


# --- every type, and what Redis makes of it ---

my $dir = directory();
my $ngx = KS::Nginx->start(size => '64m', resp => '', workers => 2,
                           eviction => 'allkeys-lru',
                           zone => "snapshot $dir/main.rdb;");
my $r = $ngx->resp;
my $http = $ngx->client;

is(info($r)->{rdb_bgsave_in_progress}, 0, 'nothing is made by itself');
ok(!-e "$dir/main.rdb", 'so that there is no file');
is(info($r)->{rdb_last_bgsave_time_sec}, -1, 'and no time that it took');

for my $n (3, 600, 20000) {
    for (my $i = 0; $i < $n; $i += 100) {
        my @i = $i .. ($n < $i + 100 ? $n : $i + 100) - 1;
        $r->run('RPUSH', "list:$n", map { "element $_" } @i);
        $r->run('SADD', "set:$n", map { "member $_" } @i);
        $r->run('SADD', "ints:$n", map { $_ * 7 } @i);
        $r->run('HSET', "hash:$n", map { ("field $_", $_) } @i);
        $r->run('ZADD', "zset:$n", map { ($_ / 3, "m$_") } @i);
        $r->run('XADD', "stream:$n", "$_-7", 'field', $_, 'other', "value $_") for map { $_ + 1 } @i;
    }

    $r->run('XGROUP', 'CREATE', "stream:$n", 'group', 0);
    $r->run('XREADGROUP', 'GROUP', 'group', $_, 'COUNT', int $n / 3, 'STREAMS', "stream:$n", '>')
        for qw(one two);
    $r->run('XDEL', "stream:$n", '2-7');
}

$r->run('SET', 'huge', 'h' x 5_000_000);
$r->run('RPUSH', 'huge elements', 'e' x 300_000, 'small', 'f' x 70_000);
$r->run('HSET', 'huge field', 'f' x 100_000, 'v' x 200_000);
$r->run('SET', 'int', -12345);
$r->run('SET', 'binary', join '', map chr, 0 .. 255);
$r->run('SET', 'empty', '');
$r->run('SET', 'k' x 3000, 'a long key');
$r->run('SET', 'ttl', 'later', 'EX', 1000);
$r->run('PEXPIRE', 'set:3', 5_000_000);
$r->run('PEXPIRE', 'hash:20000', 5_000_000);
$r->run('SET', 'over', 'x', 'PX', 1);
$r->run('PFADD', 'hll', 1 .. 1000);
$r->run('GEOADD', 'geo', 13.361389, 38.115556, 'Palermo');
$r->run('HSET', 'fields', 'a', 1, 'b', 2);
$r->run('HEXPIRE', 'fields', 1000, 'FIELDS', 1, 'a');

my $lib = "#!lua name=lib\nredis.register_function('f', function() return 42 end)";
is($r->run('FUNCTION', 'LOAD', $lib), 'lib', 'a function, too');

my $before = time;
is($r->run('SAVE'), 'OK', 'SAVE, over RESP');
cmp_ok($r->run('LASTSAVE'), '>=', int $before, 'LASTSAVE');
is($http->run('SAVE'), 'OK', 'SAVE, over REST');

my @keys = grep { $_ ne 'over' } @{$r->run('KEYS', '*')};
is((stat "$dir/main.rdb")[2] & 07777, 0600, 'the file is its owner\'s');
ok(!-e "$dir/main.rdb.new", 'nothing else is left');

my $log = $ngx->log;
like($log, qr/snapshot "\Q$dir\E\/main\.rdb" is complete: \d+ keys/, 'the log says so');
is(() = $log =~ /cannot say when fields expire, which those of 1 hashes do/g, 1,
   'and once that there are fields that expire');

is(info($r)->{$_->[0]}, $_->[1], $_->[0]) for
    [rdb_saves => 2], [rdb_last_bgsave_status => 'ok'],
    [rdb_changes_since_last_save => 0], [rdb_current_bgsave_time_sec => -1];

SKIP: {
    skip 'there is no redis-check-rdb', 1 if !installed('redis-check-rdb');
    is((capture(60, {}, 'redis-check-rdb', "$dir/main.rdb"))[0], 0,
       'redis-check-rdb finds it good');
}

for my $name (undef, 'redis-server', 'valkey-server') {
    my $is = $name ? "$name of Debian 13" : 'redis-server';

    SKIP: {
        skip "there is no $is", 3
            if $name ? !KS::Redis::of_trixie($name) : !KS::Redis->available;

        with_redis($name, "$dir/main.rdb", sub {
            my ($redis) = @_;
            my @differ = grep { look($r, $_) ne look($redis, $_) } @keys;
            is($redis->run('DBSIZE'), scalar @keys, "$is has all keys");
            is("@differ", '', 'and each is what it is here');
            is($redis->run('FCALL', 'f', 0), 42, 'the function as well');
        });
    }
}


# --- the commands ---

is($r->run('BGSAVE'), 'Background saving started', 'BGSAVE');
wait_for(20, sub { info($r)->{rdb_saves} == 3 }) or diag 'it does not end';
is(info($r)->{rdb_saves}, 3, 'and it is made');
is($r->run('BGSAVE', 'SCHEDULE'), 'Background saving started', 'BGSAVE SCHEDULE');
wait_for(20, sub { info($r)->{rdb_saves} == 4 });
like($r->error('BGSAVE', 'NOW'), qr/^ERR syntax error/, 'BGSAVE with something else');
like($r->error('SAVE', 'x'), qr/wrong number/, 'SAVE with something');
$r->run('MULTI');
like($r->error('SAVE'), qr/^ERR Command not allowed inside a transaction/, 'not in MULTI');
like($r->error('EXEC'), qr/^EXECABORT/, 'which is then over');
$r->run('MULTI');
$r->run('BGSAVE');
$r->run('LASTSAVE');
is($r->run('EXEC')->[0], 'Background saving scheduled', 'BGSAVE in MULTI');
wait_for(20, sub { info($r)->{rdb_saves} == 5 });
like($r->error('EVAL', "return redis.call('SAVE')", 0), qr/not allowed from script/,
     'not in a script');

$ngx->stop;


# --- by itself ---

$dir = directory();
$ngx = KS::Nginx->start(size => '16m', resp => '', workers => 2,
                        zone => "snapshot $dir/main.rdb every=1s changes=3;");
$r = $ngx->resp;

$r->run('SET', $_, 1) for 1, 2;
sleep 2.5;
ok(!-e "$dir/main.rdb", 'two changes are not enough');
$r->run('SET', 3, 1);
ok(wait_for(20, sub { -e "$dir/main.rdb" }), 'three are');
ok(wait_for(20, sub { info($r)->{rdb_changes_since_last_save} == 0 }), 'they are counted');
$ngx->stop;


# --- while others write, and the helper dies or nginx is reloaded ---

$dir = directory();
$ngx = KS::Nginx->start(size => '64m', resp => '', workers => 2,
                        zone => "snapshot $dir/main.rdb;");
$r = $ngx->resp;

for my $i (0 .. 199) {
    $r->run('MSET', map { ("key:$_", 'v' x 200) } $i * 100 .. $i * 100 + 99);
}

$r->run('SET', 'large', 'x' x 8_000_000);

# Pairs that are always the same, and a large value that grows.
sub writer {
    my ($ngx, $seed) = @_;
    my $pid = fork;
    return $pid if $pid;

    srand $seed;
    my $w = $ngx->resp;

    for (my $i = 0; ; $i++) {
        my $n = int rand 500;
        my @pair = ("key:$n", "key:" . ($n + 10000));

        eval {
            if ($i % 3 == 0) {
                $w->run('MSET', map { ($_, $i) } @pair);
            } elsif ($i % 3 == 1) {
                $w->run('EVAL', "redis.call('SET', KEYS[1], ARGV[1]) "
                    . "redis.call('SET', KEYS[2], ARGV[1])", 2, @pair, "s$i");
            } else {
                $w->run('MULTI');
                $w->run('SET', $_, "m$i") for @pair;
                $w->run('EXEC');
            }

            $w->run('APPEND', 'large', 'y') if $i % 100 == 0;
        };

        $w = eval { $ngx->resp } // $w if $@;
    }
}

sub torn {
    my ($file) = @_;
    my $torn = 0;

    with_redis(undef, $file, sub {
        my ($redis) = @_;

        $torn = grep {
            $redis->run('GET', "key:$_") ne $redis->run('GET', 'key:' . ($_ + 10000))
        } 0 .. 499;

        is($redis->run('DBSIZE'), 20001, 'all keys are there');
    });

    return $torn;
}

my @writers = map { writer($ngx, $_) } 1 .. 2;
my $rounds = $ENV{KS_ROUNDS} // 3;

SKIP: {
    skip 'there is no redis-server', $rounds * 3 if !KS::Redis->available;

    for (1 .. $rounds) {
        is($r->run('SAVE'), 'OK', 'SAVE while others write');
        is(torn("$dir/main.rdb"), 0, 'and no pair is apart');
    }
}

for (1 .. $ENV{KS_KILLS} // 5) {
    my $pid = helper($ngx);
    my $good = info($r)->{rdb_saves};
    my $had = -s "$dir/main.rdb";

    $r->run('BGSAVE');
    sleep rand 0.05;
    kill 'KILL', $pid;
    ok(wait_for(30, sub { info($r)->{rdb_saves} > $good
                          && !info($r)->{rdb_bgsave_in_progress} }),
       'the helper was killed, and the next one has made it');
    wait_for(10, sub { (helper($ngx) // $pid) != $pid });
}

for (1 .. 2) {
    my $good = info($r)->{rdb_saves};

    $r->run('BGSAVE');
    $ngx->reload;
    $r = $ngx->resp;
    ok(wait_for(30, sub { info($r)->{rdb_saves} > $good
                          && !info($r)->{rdb_bgsave_in_progress} }),
       'nginx was reloaded, and it was made');
}

SKIP: {
    skip 'there is no redis-server', 2 if !KS::Redis->available;
    is(torn("$dir/main.rdb"), 0, 'no pair is apart behind all that');
}

$ngx->allow(qr/exited on signal 9/);
kill 'KILL', $_ for @writers;
waitpid $_, 0 for @writers;

# one that is stopped amid a snapshot leaves the last one

my $last = (stat "$dir/main.rdb")[1];
$r->run('BGSAVE');
$ngx->stop;
ok(-s "$dir/main.rdb", 'the last one stays when nginx is stopped');
ok($last, 'which was there');


# --- where the file cannot be written ---

$dir = directory();
$ngx = KS::Nginx->start(size => '16m', resp => '', zone => "snapshot $dir/main.rdb;");
$r = $ngx->resp;
$r->run('SET', 'k', 'first');
is($r->run('SAVE'), 'OK', 'a first one');
my $size = -s "$dir/main.rdb";

SKIP: {
    skip 'is not root', 8 if $> != 0;

    chmod 0500, $dir;
    chown 0, 0, $dir;
    like($r->error('SAVE'), qr/^ERR the snapshot was not made/, 'without the right to');
    is(info($r)->{rdb_last_bgsave_status}, 'err', 'that is said');
    is(-s "$dir/main.rdb", $size, 'and the last one stays');
    chmod 0777, $dir;
    is($r->run('SAVE'), 'OK', 'with it again, one is made');
    is(info($r)->{rdb_last_bgsave_status}, 'ok', 'which is said');

    # a disk that is full

    my $disk = "$dir/disk";
    mkdir $disk;
    skip 'cannot mount', 3
        if system("mount -t tmpfs -o size=256k,mode=777 tmpfs $disk 2>/dev/null") != 0;

    my $full = KS::Nginx->start(size => '16m', resp => '',
                                zone => "snapshot $disk/main.rdb;");
    my $f = $full->resp;

    $f->run('SET', 'k', 'small');
    ok(wait_for(20, sub { $f->command('SAVE') eq "+OK\r\n" }), 'on a small disk');
    $f->run('SET', 'big', 'x' x 1_000_000);
    like($f->error('SAVE'), qr/^ERR the snapshot was not made/, 'which is full');
    is(join(' ', map { s{.*/}{}r } glob "$disk/*"), 'main.rdb', 'the last one is alone there');
    like($full->log, qr/failed: write\(\).*\(28: No space left on device\)/,
         'the log has the error');
    $full->stop;
    system("umount $disk");
}

$ngx->stop;


# --- without ---

$ngx = KS::Nginx->start(size => '16m', resp => '');
$r = $ngx->resp;
like($r->error($_), qr/^ERR this zone makes no snapshots/, "$_ without \"snapshot\"")
    for qw(SAVE BGSAVE);
cmp_ok($r->run('LASTSAVE'), '>', time - 1000, 'LASTSAVE');
$ngx->stop;

done_testing;
