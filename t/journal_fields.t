# The times of hash fields in files: a journal's base and a snapshot of version 12
# have them, for a start of nginx and for Redis 7.4 and later, and those of Redis
# are read here.  DUMP says them, too.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use KS::Nginx;
use KS::Proc qw(alive slurp tempdir wait_for);
use KS::RESP;
use KS::Redis;

my $dir = tempdir();
chmod 0777, $dir;

my $newer = KS::Redis::of_trixie('redis-server');
my $ends = int((time + 5000) * 1000);

# a listpack and a table, some fields that expire and some that do not; one whose
# fields do not any more; and one that is written in steps
my @hashes = ([small => 4], [table => 600], [steps => 9000], [kept => 3]);


sub fill {
    my ($r) = @_;

    for (@hashes) {
        my ($key, $n) = @$_;

        for (my $i = 0; $i < $n; $i += 500) {
            my @fields = map { "f$_" } $i .. ($n < $i + 500 ? $n : $i + 500) - 1;

            $r->run('HSET', $key, map { ($_, "value of $_") } @fields);
            my @timed = @fields[grep { $_ % 3 == 1 } 0 .. $#fields];
            $r->run('HPEXPIREAT', $key, $ends + $i, 'FIELDS', scalar @timed, @timed);
        }
    }

    $r->run('HPERSIST', 'kept', 'FIELDS', 1, 'f1');
    $r->run('HSET', 'plain', 'a', 1);
}


# fields, values, times
sub hash {
    my ($r, $key) = @_;
    my %h = @{$r->run('HGETALL', $key)};
    my @f = sort keys %h;

    return join ' ', map { "$_=$h{$_}" } @f if !@f;

    my $at = $r->run('HPEXPIRETIME', $key, 'FIELDS', scalar @f, @f);
    return join "\n", map { "$f[$_] $h{$f[$_]} $at->[$_]" } 0 .. $#f;
}


sub hashes_of {
    my ($r) = @_;
    return { map { ($_ => hash($r, $_)) } map({ $_->[0] } @hashes), 'plain' };
}


sub info {
    my ($r) = @_;
    return { $r->run('INFO', 'persistence') =~ /^(\w+):(\S*)\r?$/mg };
}


# a Redis 8 that has started in the directory, for the code
sub with_newer {
    my ($code, @options) = @_;

    SKIP: {
        skip 'there is no redis-server of Debian 13', 2 unless $newer;

        my $redis = KS::Redis->start_of('redis-server', @options);
        my $r = KS::RESP->new(port => $redis->port);

        wait_for(60, sub { (eval { $r->run('PING') } // '') eq 'PONG' });
        $code->($r);
        $redis->stop;
    }
}


sub copied {
    my ($from, $name) = @_;
    my $to = tempdir();

    system('cp', '-r', $from, "$to/$name") == 0 or die "cp: $?";
    return $to;
}


sub version { return substr slurp($_[0]), 0, 9 }


# --- the journal ---

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
                           zone => "journal $dir/aof;", daemon => 1);
my $r = $ngx->resp;

ok(wait_for(20, sub { $ngx->log =~ /is rewritten/ }), 'a first base');
is(version(glob "$dir/aof/*.rdb"), 'REDIS0010', 'of nothing is version 10');
fill($r);

my $want = hashes_of($r);

$r->run('BGREWRITEAOF');
ok(wait_for(20, sub { info($r)->{aof_rewrites} == 2 }), 'a second one');
is(version(glob "$dir/aof/*.rdb"), 'REDIS0012', 'has times, and is version 12');
is(() = $ngx->log =~ /\[warn\].* has hashes whose fields expire: only Redis 7\.4/g, 1,
   'which the log tells');
$r->run('BGREWRITEAOF');
ok(wait_for(20, sub { info($r)->{aof_rewrites} == 3 }), 'a third one');
is(() = $ngx->log =~ /only Redis 7\.4/g, 1, 'it is told once');
is($r->run('WAITAOF', 1, 0, 20_000)->[0], 1, 'the disk has it');

with_newer(sub {
    is_deeply(hashes_of($_[0]), $want, 'Redis 8 starts from it, with the times');
}, '--dir', copied("$dir/aof", 'aof'), '--appendonly', 'yes',
   '--appenddirname', 'aof');

$ngx->crash;
$ngx->launch;
$r = $ngx->resp;
is_deeply(hashes_of($r), $want, 'and so does nginx');

for (@hashes, ['plain']) {
    my ($key) = @$_;
    my $dump = $r->run('DUMP', $key);

    is($r->run('RESTORE', "$key again", 0, $dump), 'OK', "RESTORE of $key");
    is(hash($r, "$key again"), $want->{$key}, 'has the times');
}

# those that do not expire are no reason for another version
$r->run('DEL', map { ($_->[0], "$_->[0] again") } @hashes);
$r->run('BGREWRITEAOF');
ok(wait_for(20, sub { info($r)->{aof_rewrites} == 1 }), 'without them');
is(version(glob "$dir/aof/*.rdb"), 'REDIS0010', 'it is version 10');
$ngx->stop('stopped');


# --- snapshots, and files of Redis ---

for my $version (10, 12) {
    my $file = "$dir/$version.rdb";

    $ngx = KS::Nginx->start(size => '32m', resp => '', daemon => 1,
                            zone => "snapshot $file version=$version;");
    $r = $ngx->resp;
    $r->run('SET', 'x', 1);
    wait_for(20, sub { $r->command('SAVE') eq "+OK\r\n" });
    is(version($file), 'REDIS0010', "version=$version without such hashes");
    fill($r);
    is($r->run('SAVE'), 'OK', 'and with them');
    is(version($file), "REDIS00$version", '...');
    is(scalar(() = $ngx->log =~ /cannot say when fields expire, which those of 4 hashes do/g),
       $version == 10 ? 1 : 0, '... of which the log warns if they are lost');
    $ngx->crash;
    $ngx->launch;
    $r = $ngx->resp;
    my $have = hashes_of($r);

    if ($version == 12) {
        my $copy = copied($file, 'dump.rdb');

        is_deeply($have, $want, '... a start has them');

        with_newer(sub {
            my ($redis) = @_;

            is_deeply(hashes_of($redis), $want, '... and Redis 8');

            for (@hashes) {
                is($redis->run('RESTORE', "$_->[0] ours", 0,
                               $r->run('DUMP', $_->[0])), 'OK', 'a dump from here');
                is(hash($redis, "$_->[0] ours"), $want->{$_->[0]}, 'has the times');
            }

            is($redis->run('SAVE'), 'OK', 'a file of Redis 8');
            system('cp', "$copy/dump.rdb", "$dir/theirs.rdb");
        }, '--dir', $copy);

    } else {
        is($have->{small}, $want->{small} =~ s{-?\d+$}{-1}mgr, '... they stay for ever');
    }

    $ngx->stop('stopped');
}

SKIP: {
    skip 'there is no file of Redis 8', 1 unless -e "$dir/theirs.rdb";

    chmod 0644, "$dir/theirs.rdb";
    $ngx = KS::Nginx->start(size => '32m', resp => '', zone => "load $dir/theirs.rdb;");
    is_deeply(hashes_of($ngx->resp), $want, 'it is loaded with its times');
    $ngx->stop;
}

my ($code, $said) = KS::Nginx->check(zone => "snapshot $dir/x.rdb version=11;");
ok($code && $said =~ m{it is 10 or 12}, "there are two versions");

done_testing;
