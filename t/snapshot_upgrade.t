# Snapshots where the binary is upgraded: two masters have the same zone, each
# with a helper; one snapshot is made at a time, whoever is asked for it, and the
# one that stays goes on.  Whether it is the new master or the old one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(tempdir wait_for);
use KS::RESP;
use KS::Redis;

plan skip_all => 'there is no redis-server' unless KS::Redis->available;

my $dir = tempdir();
my $own = tempdir();
chmod 0777, $dir;
chmod 0700, $own;

my $ngx = KS::Nginx->start(size => '64m', resp => '', workers => 2, daemon => 1,
                           zone => "file $own/zone.ks; snapshot $dir/main.rdb;");
my $r = $ngx->resp;
my $keys = 0;


sub info { return {$_[0]->run('INFO', 'persistence') =~ /^(\w+):(\S*)\r?$/mg} }


# Some more keys, in pairs, and a snapshot that redis-server finds them in.
sub save {
    my ($what) = @_;
    my $r = $ngx->resp;

    $r->run('MSET', map { ("a$_" => $keys, "b$_" => $keys) } $keys .. $keys + 999);
    $keys += 1000;

    my $saves = info($r)->{rdb_saves};
    is($r->run('SAVE'), 'OK', "$what: SAVE");
    is(info($r)->{rdb_saves}, $saves + 1, 'one is made');

    # to all at once
    my @clients = map { $ngx->resp } 1 .. 4;
    $_->send(KS::RESP::encode('BGSAVE')) for @clients;
    my @said = map { $_->reply } @clients;
    is(scalar(grep { !/^(?:\+Background saving started|-ERR Background save already in progress)/ } @said),
       0, 'BGSAVE of many at once');
    ok(wait_for(30, sub { info($r)->{rdb_saves} > $saves + 1
                          && !info($r)->{rdb_bgsave_in_progress} }), 'BGSAVE ends');

    my $copy = tempdir();
    system('cp', "$dir/main.rdb", "$copy/dump.rdb") == 0 or die "cp: $?";
    my $redis = KS::Redis->start('--dir', $copy);
    is($redis->run('DBSIZE'), 2 * $keys, 'all keys are in it');
    is($redis->run('GET', 'b' . ($keys - 1)), $keys - 1000, 'the last ones, too');
    $redis->stop;
}


save('at first');

for my $back (1, 0, 0) {
    ok($ngx->upgrade, 'two masters');
    save('both');

    # a snapshot that is being made while one of them goes
    $ngx->resp->run('BGSAVE');
    ok($ngx->settle($back), $back ? 'the new one goes' : 'the old one goes');
    ok(wait_for(60, sub { !info($ngx->resp)->{rdb_bgsave_in_progress} }), 'it ends');
    save($back ? 'the old one' : 'the new one');
}

is(join(' ', map { s{.*/}{}r } glob "$dir/*"), 'main.rdb', 'nothing else is left');
like($ngx->resp->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;

done_testing;
