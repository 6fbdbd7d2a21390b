# What a zone begins with: RDB files of redis-server and valkey-server, whose
# keys are compared one by one with the server that wrote them; its own
# snapshots; and files for which nginx does not start.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(capture slurp spew tempdir wait_for);
use KS::RESP;
use KS::Redis;


# Keys of all types and sizes, and a function.
sub fill {
    my ($r) = @_;

    for my $n (3, 600, 20000) {
        for (my $i = 0; $i < $n; $i += 100) {
            my @i = $i .. ($n < $i + 100 ? $n : $i + 100) - 1;
            $r->run('RPUSH', "list:$n", map { "element $_" } @i);
            $r->run('SADD', "set:$n", map { "member $_" } @i);
            $r->run('SADD', "ints:$n", map { $_ * 7 } @i);
            $r->run('HSET', "hash:$n", map { ("field $_", $_) } @i);
            $r->run('ZADD', "zset:$n", map { ($_ / 3, "m$_") } @i);
            $r->run('XADD', "stream:$n", "5-" . ($_ + 1), 'f', $_, 'g', 'x' x 20)
                for @i;
        }
    }

    $r->run('SET', 'huge', 'h' x 5_000_000);
    $r->run('SET', 'mixed', join ' ', map { $_ * 7919 % 100003 } 1 .. 300_000);
    $r->run('RPUSH', 'huge elements', 'e' x 300_000, 'small', 'f' x 70_000);
    $r->run('HSET', 'huge field', 'f' x 100_000, 'v' x 2_000_000);
    $r->run('SET', 'int', -12345);
    $r->run('SET', 'binary', join '', map chr, 0 .. 255);
    $r->run('SET', 'empty', '');
    $r->run('SET', 'k' x 3000, 'a long key');
    $r->run('SET', 'ttl', 'later', 'EX', 1000);
    $r->run('PEXPIRE', 'set:3', 5_000_000);
    $r->run('PEXPIRE', 'hash:20000', 5_000_000);
    $r->run('PFADD', 'hll', 1 .. 1000);
    $r->run('GEOADD', 'geo', 13.361389, 38.115556, 'Palermo');
    $r->run('ZADD', 'scores', '-inf', 'a', 'inf', 'b', '1e300', 'c', 0, 'd');
    $r->run('FUNCTION', 'LOAD', "#!lua name=lib\n"
            . "redis.register_function('f', function() return 42 end)");
}


# The log of an nginx that has not started with these options.
sub refused {
    my (%options) = @_;

    return "it has started" if eval {
        KS::Nginx->start(size => '32m', resp => '', %options)->stop; 1;
    };
    return $@;
}


# A file with these bytes behind its head, and without a checksum.
sub file {
    my ($bytes) = @_;
    my $file = tempdir() . '/dump.rdb';

    spew($file, "REDIS0011$bytes\xff" . "\0" x 8);
    return $file;
}


# --- files of others ---

my $written;                        # one of them, of whoever there is

for my $name (undef, 'redis-server', 'valkey-server') {
    my $is = $name ? "$name of Debian 13" : 'redis-server';

    SKIP: {
        skip "there is no $is", 7
            if $name ? !KS::Redis::of_trixie($name) : !KS::Redis->available;

        my $redis = KS::Redis->start_of($name);
        my $their = KS::RESP->new(port => $redis->port);

        fill($their);
        $their->run('HEXPIRE', 'hash:600', 3000, 'FIELDS', 1, 'field 5')
            if ($name // '') eq 'redis-server';
        is($their->run('SAVE'), 'OK', "$is has written a file");

        if (!$written) {
            $written = tempdir() . '/dump.rdb';
            spew($written, slurp("$redis->{dir}/dump.rdb"));
        }

        my $ngx = KS::Nginx->start(size => '64m', resp => '',
                                   zone => "load $redis->{dir}/dump.rdb;");
        my $r = $ngx->resp;
        my @keys = @{$their->run('KEYS', '*')};
        my @differ = grep { look($r, $_) ne look($their, $_) } @keys;

        is($r->run('DBSIZE'), scalar @keys, 'all keys of it are here');
        is("@differ", '', 'and each is what it is there');
        is($r->run('FCALL', 'f', 0), 42, 'the function as well');
        like($ngx->log, qr/has loaded "[^"]*": @{[scalar @keys]} keys, 1 libraries/,
             'the log says so');

        if (($name // '') eq 'redis-server') {
            is($r->run('HEXPIRETIME', 'hash:600', 'FIELDS', 1, 'field 5')->[0],
               $their->run('HEXPIRETIME', 'hash:600', 'FIELDS', 1, 'field 5')->[0],
               'a field expires when it did there');
        }

        # what is loaded once is not loaded by a reload
        $r->run('SET', 'int', 'changed');
        $r->run('DEL', 'huge');
        $ngx->reload;
        $r = $ngx->resp;
        is($r->run('GET', 'int'), 'changed', 'a reload loads nothing');
        is($r->run('EXISTS', 'huge'), 0, 'neither what was deleted');
        $ngx->stop;
        $redis->stop;
    }
}

SKIP: {
    skip 'there is no redis-server', 12 if !KS::Redis->available;

    # keys of another database
    my $redis = KS::Redis->start('--databases', 4);
    $redis->run('SET', 'here', 1);
    $redis->run('SELECT', 3);
    $redis->run('RPUSH', "there:$_", 1, 2) for 1 .. 3;
    $redis->run('SAVE');

    my $file = "$redis->{dir}/dump.rdb";
    my $log = refused(zone => "load $file;");
    like($log, qr/a zone cannot hold keys of other databases than 0 at byte \d+ \(key "there:\d"\)/,
         'keys of other databases: the start is refused, with the place');
    like($log, qr/holds what a zone cannot: 3 of keys of other databases than 0;/,
         'and it is said how many');

    my $ngx = KS::Nginx->start(size => '32m', resp => '',
                               zone => "load $file skip;");
    is(join(' ', @{$ngx->resp->run('KEYS', '*')}), 'here', 'or they are left out');
    like($ngx->log, qr/\[warn\].*left out .*: 3 of keys of other databases/, 'as the log says');
    $ngx->stop;
    $redis->stop;

    # a file that is damaged; that of another server will do
    my $bytes = slurp($written);
    my $bad = tempdir() . '/bad.rdb';
    my $middle = int(length($bytes) / 2);

    spew($bad, substr($bytes, 0, $middle) . chr(1 ^ ord substr $bytes, $middle, 1)
               . substr $bytes, $middle + 1);
    like(refused(size => '64m', zone => "load $bad;"), qr/cannot be loaded: .* at byte \d+/,
         'a bit is wrong');
    spew($bad, substr $bytes, 0, $middle);
    like(refused(size => '64m', zone => "load $bad;"),
         qr/the file ends too early at byte \d+/, 'the half of it is missing');

    # wherever it is cut: in a list of more elements than bytes are left, too
    spew($bad, "REDIS0011\x12\x01k\x3f\x01" . "\x05" x 8);
    like(refused(zone => "load $bad;"), qr/the file ends too early at byte \d+/,
         'amid the elements of a key');
    like(refused(size => '2m', zone => "load $written;"),
         qr/the zone of 2097152 bytes is full: about \d+ bytes are needed/,
         'a zone that is too small');

    # with a file of its own
    my $dir = tempdir();
    chmod 0700, $dir;
    like(refused(size => '64m', zone => "file $dir/zone.ks; load $bad;"),
         qr/ends too early/, 'with a file');
    is(join(' ', glob "$dir/*"), '', 'of which nothing is left');

    $ngx = KS::Nginx->start(size => '64m', resp => '',
                            zone => "file $dir/zone.ks; load $written;");
    my $r = $ngx->resp;
    is($r->run('LLEN', 'list:20000'), 20000, 'it is loaded into the file');
    $r->run('SET', 'int', 'changed');
    $ngx->crash;
    $ngx->launch;
    is($ngx->resp->run('GET', 'int'), 'changed', 'but once');
    $ngx->stop;
}


# --- files made here ---

my $module = "\x81\060\026\345\242\211\276\370\001";    # MBbloom--
my $modules = file("\0\1k\1v\7\1m${module}\5\3abc\0\7\1n${module}\0");

my $log = refused(zone => "load $modules;");
like($log, qr/cannot hold keys of module "MBbloom--" at byte 14 \(key "m"\)/, 'a module');
like($log, qr/2 of keys of module "MBbloom--";/, 'counted and named');

my $ngx = KS::Nginx->start(size => '32m', resp => '', zone => "load $modules skip;");
is($ngx->resp->run('DBSIZE'), 1, 'or left out');
$ngx->stop;

like(refused(zone => 'load ' . file("\xf5\x10#!lua name=x\nboo") . ';'),
     qr/a library of functions cannot be loaded: ERR .* at byte 9/, 'a library that is no good');
like(refused(zone => 'load ' . file("\0\1k\1v\0\1k\1w") . ';'),
     qr/is there twice at byte 14 \(key "k"\)/, 'a key twice');
like(refused(zone => 'load /nonexistent/dump.rdb;'), qr/open\(\) "\/nonexistent\/dump.rdb" failed/,
     'no file');
like(refused(zone => 'load /dev/null;'), qr/is no regular file/, 'a device');
like(refused(zone => "load $modules all;"), qr/invalid parameter "all"/, 'another word');
like(refused(zone => 'load "";'), qr/"load" needs the path of a file/, 'no path');

# what has expired is left out
my $old = file("\xfc" . pack('Q<', 1000) . "\0\1k\1v" . "\0\1l\1w");
$ngx = KS::Nginx->start(size => '32m', resp => '', zone => "load $old;");
is(join(' ', @{$ngx->resp->run('KEYS', '*')}), 'l', 'keys that have expired');
like($ngx->log, qr/1 keys had expired/, 'are counted');

my ($code, $out) = capture(60, {}, $ngx->command('-t'));
is($code, 0, 'a test of the configuration');
unlike($out, qr/load/, 'loads nothing');
$ngx->stop;


# --- its own snapshots ---

my $dir = tempdir();
chmod 0777, $dir;
$ngx = KS::Nginx->start(size => '64m', resp => '',
                        zone => "snapshot $dir/main.rdb; load $old;");
my $r = $ngx->resp;
is($r->run('GET', 'l'), 'w', 'without a snapshot a zone begins with the file');
fill($r);
$r->run('HSET', 'h', 'a', 1);
is($r->run('SAVE'), 'OK', 'it is saved');
my %was = map { ($_, look($r, $_)) } @{$r->run('KEYS', '*')};
$r->run('SET', 'later', 1);
$ngx->crash;
$ngx->launch;

$r = $ngx->resp;
is($r->run('DBSIZE'), scalar keys %was, 'with one, it begins with that');
is(join(' ', grep { look($r, $_) ne $was{$_} } sort keys %was), '', 'and all that was in it');
is($r->run('FCALL', 'f', 0), 42, 'functions, too');
$ngx->crash;

spew("$dir/main.rdb", substr slurp("$dir/main.rdb"), 0, 1000);
ok(!eval { $ngx->launch; 1 }, 'a snapshot that is damaged: nginx does not start');
like($@, qr/main\.rdb" cannot be loaded: .* at byte \d+/, 'rather than begin without keys');

done_testing;
