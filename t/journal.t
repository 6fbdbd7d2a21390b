# The journal on disk: what the helper process writes, that redis-check-aof finds
# it good and redis-server starts from it with the same keys; while the helper,
# workers and all processes are killed, over reloads and upgrades, and where the
# disk is full.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Crowd qw(launch connection);
use KS::Load;
use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(alive capture children installed slurp spew stop_pid tempdir
                wait_for);
use KS::RESP;
use KS::Redis;

my $kills = $ENV{KS_KILLS} // 6;
my $redis_there = KS::Redis::available();


# A directory that the workers may look into.
sub directory {
    my $dir = tempdir();
    chmod 0755, $dir;
    return $dir;
}


sub begin {
    my ($journal, %options) = @_;
    my $zone = delete $options{zone} // '';

    return KS::Nginx->start(size => '32m', resp => '', workers => 2,
                            zone => "$zone journal $journal;", %options);
}


sub info {
    my ($r) = @_;
    my %info = $r->run('INFO', 'persistence') =~ /^(\w+):(\S*)\r?$/mg;
    return \%info;
}


# The helpers of an nginx, once there is one.
sub helpers {
    my ($ngx) = @_;
    my @pids;

    wait_for(20, sub {
        @pids = grep {
            (eval { slurp("/proc/$_/cmdline") } // '') =~ /cache manager/;
        } children($ngx->{pid});
        return scalar @pids;
    });

    return @pids;
}


# Until all is on the disk.
sub synced {
    my ($r) = @_;

    $r->run('SET', 'synced', time);
    return $r->run('WAITAOF', 1, 0, 20_000)->[0];
}


sub whole {
    my ($ngx) = @_;

    return wait_for(20, sub { $ngx->log =~ /is rewritten/ });
}


# A redis-server that has started from a copy of the directory, for the code.
sub with_redis {
    my ($aof, $code) = @_;
    my $dir = tempdir();

    return $code->(undef) unless $redis_there;

    system('cp', '-r', $aof, "$dir/aof") == 0 or die "cp: $?";

    my $redis = KS::Redis->start('--dir', $dir, '--appendonly', 'yes',
                                 '--appenddirname', 'aof');
    my $r = KS::RESP->new(port => $redis->port);

    wait_for(60, sub { (eval { $r->run('PING') } // '') eq 'PONG' });
    $code->($r);
    $redis->stop;
}


sub keys_of {
    my ($r) = @_;
    return { map { $_ => look($r, $_) } @{$r->run('KEYS', '*')} };
}


sub good {
    my ($aof, $name) = @_;

    SKIP: {
        skip 'no redis-check-aof', 1 unless installed('redis-check-aof');

        my ($status, $said) = capture(60, {}, 'redis-check-aof',
                                      "$aof/appendonly.aof.manifest");

        is($status, 0, "redis-check-aof: $name") or diag($said);
    }
}


sub same_in_redis {
    my ($aof, $want, $name) = @_;

    SKIP: {
        skip 'no redis-server', 1 unless $redis_there;

        with_redis($aof, sub {
            my $have = keys_of($_[0]);
            my @wrong = grep { ($have->{$_} // '') ne ($want->{$_} // '') }
                sort keys %{{ %$want, %$have }};

            is("@wrong[0 .. ($#wrong > 5 ? 5 : $#wrong)]", '', $name)
                or diag("$wrong[0]: $want->{$wrong[0]}\n$have->{$wrong[0]}");
        });
    }
}


# Some keys of every type.
sub fill {
    my ($r, $from, $n) = @_;

    for my $i ($from .. $from + $n - 1) {
        $r->replies(
            ['SET', "s:$i", "value $i"], ['SET', "t:$i", $i, 'EX', 5000],
            ['RPUSH', 'l:' . $i % 7, $i, 'x' x ($i % 90)],
            ['LPOP', 'l:' . ($i + 3) % 7],
            ['SADD', 'set:' . $i % 5, map { $i * $_ } 1 .. 4],
            ['SPOP', 'set:' . ($i + 1) % 5],
            ['HSET', 'h:' . $i % 5, "f$i", $i, 'g', $i],
            ['ZADD', 'z:' . $i % 3, $i * 1.5, "m$i"],
            ['XADD', 'x:' . $i % 3, '*', 'f', $i],
            ['INCRBYFLOAT', 'float', 1.25], ['DEL', 's:' . ($i - 5)],
            ['MULTI'], ['INCR', 'a'], ['INCR', 'b'], ['EXEC'],
            ['EVAL', 'for i = 1, 3 do redis.call("INCR", KEYS[i]) end', 3,
             'a', 'b', 'c'],
            ['MSET', 'p', $i, 'q', $i]);
    }
}


# --- as it happens ---

my $dir = directory();
my $ngx = begin("$dir/aof");
my $r = $ngx->resp;

ok(whole($ngx), 'the first base is made by itself');
is((stat "$dir/aof")[2] & 07777, 0700, 'the directory is for its user alone');
fill($r, 1, 300);
is(synced($r), 1, 'WAITAOF: the disk has it');
good("$dir/aof", 'of every type');
same_in_redis("$dir/aof", keys_of($r), 'redis-server has the same keys');

my $i = info($r);
is("@$i{qw(aof_enabled aof_rewrite_in_progress aof_last_write_status)}",
   '1 0 ok', 'INFO persistence');
my $size = 0;
$size += -s for glob "$dir/aof/*.{aof,rdb}";
is($i->{aof_current_size}, $size, '... and its size is that of the files');

is_deeply({ @{$r->run('CONFIG', 'GET', 'append*')} },
          { appendonly => 'yes', appendfsync => 'everysec',
            appenddirname => 'aof', appendfilename => 'appendonly.aof' },
          'CONFIG GET');


# --- rewriting ---

is($r->run('BGREWRITEAOF'), 'Background append only file rewriting started',
   'BGREWRITEAOF');
fill($r, 301, 100);
ok(wait_for(20, sub { info($r)->{aof_rewrites} == 2 }), '... is done');
is(synced($r), 1, '... and what came behind it is on the disk');
is(scalar(() = glob "$dir/aof/*.rdb"), 1, '... by one base');
good("$dir/aof", 'a rewritten one');
same_in_redis("$dir/aof", keys_of($r), 'it is the same in redis-server');

my $http = $ngx->client;
is_deeply($http->run('WAITAOF', 1, 0, 100), [1, 0], 'WAITAOF over REST');
$ngx->stop('stopped');


# --- an empty zone begins with it, and goes on ---

$ngx = begin("$dir/aof", daemon => 1);
$r = $ngx->resp;

my $before = keys_of($r);
cmp_ok(scalar keys %$before, '>', 100, 'a start: the keys are there');
fill($r, 401, 20);
synced($r);
is(scalar(() = glob "$dir/aof/*.rdb"), 1, '... and it goes on');
unlike($ngx->log, qr/anew/, '... where it was');
$before = keys_of($r);
$ngx->crash;

# the tail is torn, as after a power failure
my ($last) = glob "$dir/aof/*.incr.aof";
open my $tail, '>>', $last or die "$last: $!";
print $tail "*3\r\n\$3\r\nSET\r\n\$4\r\ntorn\r\n\$1";
close $tail;
$ngx->launch;
$r = $ngx->resp;
is_deeply(keys_of($r), $before, 'all processes die: what was synced is there');
like($ngx->log, qr/has a torn tail/, '... and the torn tail is told of');
fill($r, 421, 5);
synced($r);
good("$dir/aof", 'behind a torn tail');
$before = keys_of($r);
$ngx->halt;
$ngx->launch;
$r = $ngx->resp;
is_deeply(keys_of($r), $before, 'an end in order: all is there');
$ngx->halt;
system("printf '*1\r\n\$x' | dd of=$last bs=1 seek=5000 conv=notrunc"
       . ' 2>/dev/null');
ok(!eval { $ngx->launch; 1 }, 'a fault inside is no start');
like($ngx->log, qr/does not start: .*incr\.aof/, '... and says where');


# --- by itself, when it has grown ---

$dir = directory();
$ngx = begin("$dir/aof auto=100% auto_min=20k");
$r = $ngx->resp;
whole($ngx);
fill($r, 1, 200);
ok(wait_for(30, sub { info($r)->{aof_rewrites} >= 2 }),
   'it is rewritten when it has grown');
is(synced($r), 1, '...');
same_in_redis("$dir/aof", keys_of($r), '... and is the same');
$ngx->stop('stopped');


for my $wrong (['sync=never', 'sync'], ['on_error=die', 'on_error'],
               ['auto=0%', 'auto'], ['auto_min=x', 'auto_min'])
{
    my ($code, $said) = KS::Nginx->check(
        zone => "journal $dir/aof $wrong->[0];");

    ok($code && $said =~ /$wrong->[1]/, "$wrong->[0] is no configuration")
        or diag($said);
}


# --- the helper is killed, workers are, all under load ---

sub killed {
    my ($mode) = @_;
    my $dir = directory();
    my $ngx = begin("$dir/aof sync=$mode");
    my $load = KS::Load->new($ngx, clients => 3, retry => 'reread');

    whole($ngx);

    for my $n (1 .. $kills) {
        sleep 0.05 + rand 0.3;

        my ($victim) = $n % 3 ? helpers($ngx)
            : grep { !{ map { $_ => 1 } helpers($ngx) }->{$_} } $ngx->workers;

        $ngx->allow("$victim exited on signal 9");
        kill 'KILL', $victim;

        if ($n == 2) {
            wait_for(20, sub { $ngx->resp->run('BGREWRITEAOF') });
        }
    }

    sleep 0.3;

    my $sum = $load->stop;

    is_deeply($sum->{faults}, [], "$mode: clients find what they wrote");

    my $r = $ngx->resp;

    is(synced($r), 1, '... it comes to the disk');
    good("$dir/aof", 'behind kills');
    same_in_redis("$dir/aof", keys_of($r), '... and redis-server has it');
    $ngx->stop('stopped');
}

killed($_) for qw(everysec always);


# --- sync=always: whatever was acknowledged is there ---

# Counters, each with the last value that was acknowledged.
sub counts {
    my ($ngx, $dir) = @_;

    return map {
        launch($dir, $_, sub {
            my ($name, $out) = @_;
            my $c = connection($ngx) or return;
            my $pipe = $name % 2 ? 1 : 8;

            while (1) {
                my @replies = $c->replies(map { ['INCR', "count:$name"] }
                                          1 .. $pipe);
                print $out map { /^:(\d+)/ ? "$1\n" : () } @replies;
                last if @replies < $pipe;
            }
        })
    } 1 .. 4;
}

for my $round (1 .. 3) {
    my $dir = directory();
    my $said = tempdir();
    my $ngx = begin("$dir/aof sync=always", daemon => 1);

    whole($ngx);

    my @pids = counts($ngx, $said);

    my $r = $ngx->resp;

    # the second INCR of this one was sent when the first was acknowledged
    wait_for(60, sub { ($r->run('GET', 'count:1') // 0) > 1 });

    sleep 0.3 + rand 0.4;
    $r->run('BGREWRITEAOF') if $round == 2;
    sleep 0.05;
    $ngx->crash;
    waitpid $_, 0 for @pids;

    my %acknowledged = map {
        my ($last) = reverse split /\n/, slurp("$said/$_");
        ("count:$_" => $last // 0)
    } 1 .. 4;

    cmp_ok($acknowledged{'count:1'}, '>', 0, 'counters count');

    with_redis("$dir/aof", sub {
        my ($r) = @_;

        SKIP: {
            skip 'no redis-server', 1 unless $r;

            my @lost = grep { ($r->run('GET', $_) // 0) < $acknowledged{$_} }
                sort keys %acknowledged;

            is("@lost", '', "all that was acknowledged is there ($round)");
        }
    });
}


# --- what waits, over every way in ---

$dir = directory();
$ngx = begin("$dir/aof sync=always");
$r = $ngx->resp;
$http = $ngx->client;
whole($ngx);

my $other = $ngx->resp;
my @replies = $r->replies(['SET', 'a', 1], ['GET', 'a'], ['MULTI'],
                          ['INCR', 'a'], ['EXEC'], ['GET', 'a'],
                          ['EVAL', 'return redis.call("INCR", "a")', 0],
                          ['GET', 'none']);

is(join('', @replies), "+OK\r\n\$1\r\n1\r\n+OK\r\n+QUEUED\r\n*1\r\n:2\r\n"
   . "\$1\r\n2\r\n:3\r\n\$-1\r\n", 'replies stay in their order');

$r->send(KS::RESP::encode('SET', 'b', 1) . KS::RESP::encode('BLPOP', 'q', 0));
is($r->reply, "+OK\r\n", 'a reply before one that waits for a key');
is($other->run('RPUSH', 'q', 'x'), 1, '...');
is($r->reply, "*2\r\n\$1\r\nq\r\n\$1\r\nx\r\n", '... which is served');

is($http->run('SET', 'h', 1), 'OK', 'over REST');
is($r->run('GET', 'h'), 1, '...');

my $big = 'x' x 300_000;
@replies = $r->replies(map { (['SET', "big:$_", $big], ['GET', "big:$_"]) }
                       1 .. 20);
is(scalar(grep { $_ eq "+OK\r\n" } @replies), 20, 'large ones, and many');
is(scalar(grep { length == 300_000 + 11 } @replies), 20, '...');

# a graceful end waits for what is on its way
$r->send(join '', map { KS::RESP::encode('INCR', 'end') } 1 .. 2000);
kill 'QUIT', $ngx->{pid};
@replies = $r->take_replies(2000);
ok(wait_for(20, sub { !alive($ngx->{pid}) }), 'it ends');
$ngx->stop('stopped');

with_redis("$dir/aof", sub {
    SKIP: {
        skip 'no redis-server', 1 unless $_[0];
        cmp_ok($_[0]->run('GET', 'end') // 0, '>=', scalar @replies,
               '... and what was acknowledged is in the journal');
    }
});


# --- reloads of a zone without a file ---

$dir = directory();
$ngx = begin("$dir/aof sync=always");
$ngx->client->run('SET', 'before', 1);

for (1 .. 2) {
    ok($ngx->reload, 'reload without a file');
}

is($ngx->client->run('GET', 'before'), 1, 'the zone goes on');
$ngx->client->run('SET', 'after', 2);
$ngx->stop;

$ngx = begin("$dir/aof sync=always");
is_deeply([map { $ngx->client->run('GET', $_) } qw(before after)], [1, 2],
          'and its journal');
$ngx->stop;


# --- reloads, an upgrade, and a directory that is another's ---

$dir = directory();
$ngx = begin("$dir/aof sync=always", zone => "file $dir/main.ks;",
             daemon => 1);
whole($ngx);

my $load = KS::Load->new($ngx, clients => 2, retry => 'unread');

for (1 .. 3) {
    sleep 0.2;
    ok($ngx->reload, 'reload');
}

ok($ngx->upgrade, 'upgrade');
sleep 0.3;
ok($ngx->settle, '... it settles');
sleep 0.3;

my $sum = $load->stop;
is_deeply($sum->{faults}, [], 'clients notice nothing of all that');
$r = $ngx->resp;
is(synced($r), 1, '... and it comes to the disk');
same_in_redis("$dir/aof", keys_of($r), '... as it is');

my $second = KS::Nginx->new(resp => '', zone => "journal $dir/aof;");
my ($started, $why) = eval { $second->launch; 1 } ? (1, '') : (0, $@);
ok(!$started, 'another nginx cannot have the directory');
like($second->log . $why, qr/is in use by another nginx/, '... and says so');

my $keys = keys_of($r);

$ngx->crash;
$ngx->launch;
$r = $ngx->resp;
is_deeply(keys_of($r), $keys, 'all processes die: the file has the keys');
fill($r, 1, 50);
is(synced($r), 1, '... and the journal goes on');
good("$dir/aof", 'behind the death of all');
same_in_redis("$dir/aof", keys_of($r), '... as if nothing had been');
unlike($ngx->log, qr/is written anew/, '... where it was');
$ngx->stop('stopped');


# --- a directory that is not what was written ---

$ngx = begin("$dir/aof", zone => "file $dir/main.ks;", daemon => 1);
$r = $ngx->resp;
synced($r);
$ngx->halt;
unlink glob "$dir/aof/*.incr.aof";
$ngx->launch;
$r = $ngx->resp;
ok(wait_for(20, sub { $ngx->log =~ /is written anew/ }),
   'an increment that is gone is noticed');
is(synced($r), 1, '... and the journal is written anew');
same_in_redis("$dir/aof", keys_of($r), '... as it should be');
$ngx->stop('stopped');


# --- a full disk ---

sub full {
    my ($policy) = @_;
    my $disk = tempdir();

    SKIP: {
        skip 'no tmpfs can be mounted', 1
            if $> != 0 || system("mount -t tmpfs -o size=400k none $disk"
                                 . ' 2>/dev/null') != 0;

        chmod 0777, $disk;

        my $ngx = begin("$disk/aof sync=always on_error=$policy auto=off");
        my $r = $ngx->resp;

        whole($ngx);
        spew("$disk/filler", 'x' x 200_000);

        if ($policy eq 'stop') {
            my $c = $ngx->resp;

            $c->send(KS::RESP::encode('SET', 'big', 'y' x 300_000));

            ok(wait_for(20, sub {
                info($r)->{aof_last_write_status} eq 'err'
            }), 'stop: INFO says that there is an error');
            like($r->error('SET', 'x', 1),
                 qr/^MISCONF Errors writing to the AOF file: No space left/,
                 '... writes are refused');
            is($r->run('GET', 'none'), undef, '... reads are not');
            unlink "$disk/filler";
            is($c->reply, "+OK\r\n", '... the one that waited comes to the disk');
            ok(wait_for(20, sub { $r->command('SET', 'x', 2) eq "+OK\r\n" }),
               '... and writes go on');

        } else {
            is($r->run('SET', 'big', 'y' x 300_000), 'OK',
               'continue: writes go on');
            is($r->run('SET', 'x', 1), 'OK', '...');
            unlink "$disk/filler";
            ok(wait_for(60, sub { $r->run('WAITAOF', 1, 0, 1000)->[0] }),
               '... and come to the disk when they can');
        }

        is(synced($r), 1, '...');
        same_in_redis("$disk/aof", keys_of($r), '... all of them');
        $ngx->stop('stopped');
        system("umount $disk");
    }
}

full($_) for qw(stop continue);


# --- without one ---

$ngx = KS::Nginx->start(resp => '');
$r = $ngx->resp;
is($r->error('BGREWRITEAOF'), 'ERR this zone has no journal on disk: see the '
   . 'directive "journal"', 'a zone without a journal');
is($r->error('WAITAOF', 1, 0, 0), 'ERR WAITAOF cannot be used when numlocal is '
   . 'set but appendonly is disabled.', '...');
is(info($r)->{aof_enabled}, 0, '...');
$ngx->stop('stopped');

done_testing;
