# The death of nginx while it loads: the zone's file has no name yet, so the next
# start begins anew, with all keys.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Proc qw(alive children spawn_command stop_pid tempdir wait_for);
use KS::Redis;

plan skip_all => 'there is no redis-server' unless KS::Redis->available;

my $seed = $ENV{KS_SEED} // time;
my $kills = $ENV{KS_KILLS} // 6;
my $keys = 150_000;

note("KS_SEED=$seed");
srand $seed;

my $redis = KS::Redis->start('--appendonly', 'yes', '--appendfsync', 'no',
                             '--enable-debug-command', 'local');
$redis->replies(map { ['SET', "key:$_", "value:$_"] } $_ * 1000 + 1 .. $_ * 1000 + 1000)
    for 0 .. $keys / 1000 - 1;
$redis->run('SAVE');

my $rdb = tempdir() . '/dump.rdb';
system('cp', "$redis->{dir}/dump.rdb", $rdb) == 0 or die "cp: $?";
$redis->stop;

for my $load ($rdb, "$redis->{dir}/appendonlydir") {
    my $dir = tempdir();
    chmod 0700, $dir;

    my $file = "$dir/zone.ks";
    my $ngx = KS::Nginx->start(size => '128m', resp => '', zone => "file $file; load $load;");
    $ngx->crash;

    for my $kill (1 .. $kills) {
        unlink $file;

        my $pid = spawn_command("$dir/out", {}, $ngx->command);

        wait_for(20, sub { !alive($pid) || -e "$file.new" });
        sleep rand 0.3;

        # it may have come to its end before, and have workers
        kill 'STOP', $pid;
        my $named = -e $file;
        my @pids = ($pid, children($pid));
        kill 'KILL', @pids;
        stop_pid($pid, 'KILL');
        wait_for(20, sub { !grep { alive($_) } @pids });
        ok($named || !-e $file, "killed, and no file is left ($kill)");
    }

    unlink $file;
    $ngx->launch;

    my $r = $ngx->resp;
    is($r->run('DBSIZE'), $keys, 'the next start loads all of it');
    is($r->run('GET', "key:$keys"), "value:$keys", 'to the end');
    is(join(' ', map { s{.*/}{}r } glob "$dir/zone*"), 'zone.ks', 'nothing else is left');
    like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    $ngx->stop;
}

done_testing;
