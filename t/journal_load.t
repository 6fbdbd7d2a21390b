# A zone without a file that begins with its journal: all that was acknowledged
# is there after the death of all processes, and the journal goes on where it
# ended; a torn tail is cut off, all else that is wrong refuses the start; and
# what comes first, the journal, the snapshot, or what "load" says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(capture installed slurp spew tempdir wait_for);
use KS::RESP;
use KS::Redis;

my $seed = $ENV{KS_SEED} // time;
my $kills = $ENV{KS_KILLS} // 5;

note("KS_SEED=$seed");
srand $seed;

my $dir = tempdir();
chmod 0755, $dir;


sub begin {
    my ($zone, %options) = @_;

    return KS::Nginx->start(size => '32m', resp => '', workers => 2, zone => $zone, %options);
}


sub state {
    my ($r) = @_;

    return {map { $_ => look($r, $_) } @{$r->run('KEYS', '*')}};
}


sub refused {
    my (@options) = @_;

    return 'it has started' if eval { begin(@options)->stop; 1 };
    return $@;
}


# Something of all types.
sub fill {
    my ($r, $n) = @_;

    $r->run('SET', "s:$n", $n, 'EX', 5000);
    $r->run('RPUSH', "l:$n", map { "element $_" } 1 .. 1 + $n % 40);
    $r->run('HSET', "h:$n", map { ("f$_", $_ * $n) } 1 .. 1 + $n % 40);
    $r->run('HPEXPIRE', "h:$n", 5_000_000, 'FIELDS', 1, 'f1');
    $r->run('ZADD', "z:$n", map { ($_ / 7, "m$_") } 1 .. 1 + $n % 40);
    $r->run('SADD', 't', $n);
    $r->run('SPOP', 't') if $n % 3 == 0;
    $r->run('XADD', 'x', '*', 'n', $n);
    $r->run('XGROUP', 'CREATE', 'x', "g$n", 0);
    $r->run('XREADGROUP', 'GROUP', "g$n", 'c', 'COUNT', 3, 'STREAMS', 'x', '>');
    $r->run('EVAL', "redis.call('INCR', KEYS[1]) redis.call('APPEND', KEYS[2], ARGV[1])",
            2, 'n', 'a', $n);
    $r->run('MULTI');
    $r->run('INCR', 'pair:1');
    $r->run('INCR', 'pair:2');
    $r->run('EXEC');
    $r->run('SET', "brief:$n", 1, 'PX', 1 + $n % 5);
    $r->run('FUNCTION', 'LOAD', 'REPLACE', "#!lua name=lib\nredis.register_function('f', "
            . "function() return $n end)");
}


# --- the death of all processes ---

# Counts as fast as it is answered, and notes what was acknowledged.
sub counter {
    my ($ngx, $key) = @_;
    my $pid = fork;

    return $pid if $pid;

    my $r = $ngx->resp;

    open my $f, '>', "$dir/$key" or die;
    $f->autoflush;

    while (my $n = eval { $r->run('INCR', $key) }) {
        eval { $r->run('MSET', "$key:a", $n, "$key:b", $n) };
        print $f "$n\n";
    }

    exec 'true';                        # nothing of this test ends with it
}

my $zone = "journal $dir/aof sync=always auto_min=64k auto=50%;";
my $ngx = begin($zone);
my $filled = 0;

for my $kill (1 .. $kills) {
    my $r = $ngx->resp;

    fill($r, ++$filled) for 1 .. 20;
    my @pids = map { counter($ngx, "count:$_") } 1 .. 3;
    sleep 0.2 + rand 0.6;
    eval { $r->run('BGREWRITEAOF') } if $kill % 2;    # one may be under way
    sleep rand 0.1;
    $ngx->crash;
    waitpid $_, 0 for @pids;

    my $torn = rand 2 < 1 ? 0 : 1 + int rand 20;
    my ($last) = reverse slurp("$dir/aof/appendonly.aof.manifest")
                         =~ /^file (\S+) seq \d+ type i$/mg;
    $last = "$dir/aof/$last";
    spew($last, slurp($last) . substr("*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$5\r\nhello", 0, $torn))
        if $torn;

    $ngx->launch;
    $r = $ngx->resp;

    for my $key (map { "count:$_" } 1 .. 3) {
        my ($acked) = slurp("$dir/$key") =~ /(\d+)\n\z/;
        my $is = $r->run('GET', $key) // 0;

        cmp_ok($is, '>=', $acked, "$key: nothing that was acknowledged is lost ($kill)");
        is($r->run('GET', "$key:a"), $r->run('GET', "$key:b"), 'and no pair is apart');
        unlink "$dir/$key";
    }

    is($r->run('GET', 'n'), $filled, 'the scripts are there');
    is($r->run('FCALL', 'f', 0), $filled, 'the function');
    is($r->run('GET', 'pair:1'), $r->run('GET', 'pair:2'), 'the transactions');
    like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    unlike($ngx->log, qr/written anew/, 'the journal goes on where it was');

    if ($torn) {
        like($ngx->log, qr/\[warn\].*"\Q$dir\E\/aof\/.*incr\.aof" has a torn tail: its last $torn bytes, .* were cut off/,
             'the torn tail is cut off');
    }
}

my $r = $ngx->resp;
my $was = state($r);
$ngx->halt;
$ngx->launch;
$r = $ngx->resp;
is_deeply(state($r), $was, 'a stop and a start');

# what Redis 7.0 does not know goes before its own program looks at the files

$r->run('DEL', map { "h:$_" } 1 .. $filled);
$was = state($r);
my ($rewrites) = $r->run('INFO', 'persistence') =~ /^aof_rewrites:(\d+)/m;
ok(wait_for(30, sub { eval { $r->run('BGREWRITEAOF'); 1 } }), 'a rewriting');
wait_for(30, sub {
    my $info = $r->run('INFO', 'persistence');
    $info =~ /^aof_rewrites:(\d+)/m && $1 > $rewrites
        && $info =~ /^aof_rewrite_in_progress:0/m
});
$ngx->halt;
is((capture(60, {}, 'redis-check-aof', glob "$dir/aof/*.manifest"))[0], 0,
   'redis-check-aof finds it good') if installed('redis-check-aof');
$ngx->launch;
is_deeply(state($ngx->resp), $was, 'a stop and a start of what is left');
like($ngx->log, qr/"main" begins with the \d+ keys of "\Q$dir\E\/aof"/, 'the log says with what it begins');
$ngx->stop;


# --- what comes first ---

chmod 0777, $dir;
my $more = "snapshot $dir/main.rdb; load $dir/other.aof;";
spew("$dir/other.aof", "*3\r\n\$3\r\nSET\r\n\$4\r\nfrom\r\n\$4\r\nload\r\n");

$ngx = begin("journal $dir/two; $more");
is($ngx->resp->run('GET', 'from'), 'load', 'without a journal and a snapshot: what "load" says');
$ngx->resp->run('SET', 'from', 'snapshot');
ok(wait_for(20, sub { (eval { $ngx->resp->run('SAVE') } // '') eq 'OK' }),
   'a snapshot');
$ngx->resp->run('SET', 'from', 'journal');
wait_for(20, sub { $ngx->resp->run('INFO', 'persistence') =~ /aof_rewrite_in_progress:0/
                   && -s "$dir/two/appendonly.aof.manifest" });
$ngx->halt;
$ngx->launch;
is($ngx->resp->run('GET', 'from'), 'journal', 'with all three: the journal');
$ngx->halt;

rename "$dir/two", "$dir/three";
$ngx->launch;
is($ngx->resp->run('GET', 'from'), 'snapshot', 'without the journal: the snapshot');
$ngx->stop;

# a file that cannot be gone on with
my $own = tempdir();
chmod 0700, $own;
$ngx = begin("file $own/zone.ks on_fault=aside; journal $dir/three; $more");
is($ngx->resp->run('GET', 'from'), 'journal', 'a new file: the journal');
$ngx->resp->run('SET', 'later', 1);
wait_for(20, sub { $ngx->resp->run('INFO', 'persistence') =~ /aof_buffer_length:0/ });
$ngx->halt;
truncate "$own/zone.ks", 5000;
$ngx->allow(qr/begins empty: its file/);
$ngx->launch;
is($ngx->resp->run('GET', 'later'), 1, 'a torn file is set aside: the journal');
ok(-e "$own/zone.ks.old.1", 'and the file is kept');
$ngx->stop;


# --- what is wrong ---

$zone = "journal $dir/aof auto=off;";
$ngx = begin($zone);
fill($ngx->resp, ++$filled) for 1 .. 30;
sleep 0.02;
$was = state($ngx->resp);
$ngx->stop;

my ($incr) = sort { -s $b <=> -s $a } glob "$dir/aof/*.incr.aof";
my $bytes = slurp($incr);

my $n = index $bytes, "\r\n*", length($bytes) / 2;
spew($incr, substr($bytes, 0, $n + 2) . 'x' . substr $bytes, $n + 3);
like(refused($zone), qr/does not start: "\Q$incr\E" cannot be loaded: a command does not begin here at byte @{[$n + 2]}\b/,
     'a fault inside: refused, with the place');
is(length slurp($incr), length $bytes, 'and nothing is cut off');
spew($incr, $bytes);

rename "$dir/aof/appendonly.aof.manifest", "$dir/manifest" or die;
like(refused($zone), qr/has "[^"]*\.incr\.aof", but no manifest "appendonly\.aof\.manifest"/,
     'increments without a manifest: refused');
rename "$dir/manifest", "$dir/aof/appendonly.aof.manifest" or die;
$ngx = begin($zone);
is_deeply(state($ngx->resp), $was, 'with all as it was it starts');
$ngx->stop;


# --- the directory of a redis-server ---

SKIP: {
    skip 'there is no redis-server', 4 unless KS::Redis->available;

    my $redis = KS::Redis->start('--appendonly', 'yes', '--appendfsync', 'no');
    my $from = "$redis->{dir}/appendonlydir";

    fill($redis, $_) for 1 .. 20;
    sleep 0.02;
    my $theirs = state(KS::RESP->new(port => $redis->port));
    $redis->stop;
    chmod 0755, $redis->{dir};

    $ngx = begin("journal $from;");
    is_deeply(state($ngx->resp), $theirs, 'a zone begins with the directory of a redis-server');
    ok(wait_for(30, sub {
        my $info = $ngx->resp->run('INFO', 'persistence');
        $info =~ /aof_rewrite_in_progress:0/ && $info =~ /aof_rewrite_scheduled:0/;
    }), 'and goes on in it');
    $ngx->resp->run('SET', 'ours', 1);
    $ngx->halt;
    $ngx->launch;
    is($ngx->resp->run('GET', 'ours'), 1, 'with its own changes');
    is($ngx->resp->run('DBSIZE'), 1 + keys %$theirs, 'behind the others');
    $ngx->stop;
}

done_testing;
