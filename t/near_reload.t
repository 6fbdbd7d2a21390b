# A reload that names another store, of the same kind or another one, or none: what
# came from the store before is not served as the new one's, and the keys that are
# the zone's own stay.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Cluster;
use KS::FakeSentinel;
use KS::Nginx;
use KS::Proc qw(slurp tempdir wait_for);
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

# stores that differ in all they have, each with a key that the others lack
my @stores = map { KS::Redis->start('--repl-diskless-sync-delay', 0) } 1 .. 2;
my $cluster = KS::Cluster->start(nodes => 1);
my ($node) = $cluster->primaries;
my @keys = map { "k$_" } 1 .. 40;

for my $i (0, 1, 2) {
    my $r = $stores[$i] // $node;
    $r->run('SET', $_, "of $i") for @keys;
    $r->run('SET', "only$i", 1);
}

my $sentinel = KS::FakeSentinel->start(port => $stores[1]->port, epoch => 1);
my %line = (
    near0 => 'redis://127.0.0.1:' . $stores[0]->port,
    near1 => 'redis://127.0.0.1:' . $stores[1]->port,
    sentinel1 => 'sentinel:store@127.0.0.1:' . $sentinel->port,
    cluster2 => $cluster->addresses,
    replica0 => 'redis://127.0.0.1:' . $stores[0]->port . ' mode=replica',
    replica1 => 'redis://127.0.0.1:' . $stores[1]->port . ' mode=replica',
);

sub zone { my ($name) = @_; return $name eq 'none' ? '' : "upstream $line{$name} local_prefix=own: stale=60s;" }

my $ngx;

sub start {
    my ($name, $more) = @_;

    $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2, zone => ($more // '') . zone($name));
    $ngx->allow(qr/upstream ".*" of keyspace zone|keyspace zone "main"/);
}


# What keys are, as a connection sees them that is made now.
sub sees {
    my $r = $ngx->resp;
    my @v = map { eval { $r->run('GET', $_) } // ($@ || 'nil') } @_;

    return join ' ', map { s/^(\w+) .*DOWN.*/$1/r } @v;
}


sub all_of { my ($i) = @_; return join ' ', ("of $i") x @keys }
sub only { return sees(map { "only$_" } 0 .. 2) }
sub only_of { my ($i) = @_; return join ' ', map { $_ == $i ? 1 : 'nil' } 0 .. 2 }


# From one to the next, with a look before and behind.
sub goes {
    my ($name) = @_;
    my ($i) = $name =~ /(\d)$/;

    ok($ngx->reload(zone => zone($name)), "to $name");

    # a zone that follows has all keys of before, or none, until it has the new ones
    if ($name =~ /replica/) {
        ok(wait_for(60, sub { sees('k1') eq "of $i" }), '... it comes to have all');
    }

    is(sees(@keys), all_of($i), '... and its keys are read');
    is(only(), only_of($i), '... and none of another one');
    is(sees('own:k'), 'mine', '... the own ones stay');
    is($ngx->resp->run('SET', 'k1', "of $i"), 'OK', '... writes go there');
    is(sees(@keys), all_of($i), '... and all are read again');
}


start('near0');
my $r = $ngx->resp;
is($r->run('SET', 'own:k', 'mine'), 'OK', 'a key of this zone');
is(sees(@keys), all_of(0), 'what the first has is read');
is(only(), only_of(0), 'and what it has not');
my $token = $r->run('KEYSPACE.SYNC');

for my $name (qw(near1 near0 sentinel1 cluster2 near0 cluster2 sentinel1)) {
    goes($name);
}

isnt($ngx->resp->run('KEYSPACE.SYNC'), $token, 'a token is another one');
like($ngx->resp->run('KEYSPACE.SYNC', $token), qr/^[0-9a-f]{40}:\d+$/, 'and one of before holds, as that of any other edge');

# The same address: nothing is fetched anew.

{
    my ($n) = $ngx->resp->run('INFO', 'stats') =~ /^keyspace_near_fetches:(\d+)/m;
    ok($ngx->reload(zone => zone('sentinel1')), 'with the same address');
    is(sees(@keys), all_of(1), '... its keys are read');
    like($ngx->resp->run('INFO', 'stats'), qr/^keyspace_near_fetches:$n\r?$/m, '... and not fetched anew');
}


# A client that a worker of before has still: its store is that of before, and what
# is fetched for it does not stay.

{
    ok($ngx->reload(zone => zone('near0')), 'to the first');
    my %before = map { $_ => 1 } $ngx->workers;
    my $old = $ngx->resp(timeout => 60);
    my @more = map { "more$_" } 1 .. 20;
    for my $i (0, 1) { $stores[$i]->run('SET', $_, "of $i") for @more }

    $old->send(join '', map { KS::RESP::encode(@$_) } ['BLPOP', 'queue', 0], map { ['GET', $_] } @keys, @more);
    ok(wait_for(30, sub { $stores[0]->run('INFO', 'clients') =~ /blocked_clients:1/ }), 'a client waits');
    $ngx->{options}{zone} = zone('near1');
    $ngx->write_config;
    kill HUP => $ngx->{pid};
    ok(wait_for(30, sub { 2 == grep { !$before{$_} } $ngx->workers }), '... while the second takes its place');
    ok(wait_for(30, sub { !grep { -e "/proc/$_" && slurp("/proc/$_/cmdline") !~ /shutting down/ } keys %before }),
       '... and those of before take no new ones');
    ok(wait_for(30, sub { sees('k1') eq 'of 1' }), '... and is read');
    is(sees(@keys), all_of(1), '... all of it');
    $stores[0]->run('RPUSH', 'queue', 'x');
    is(KS::RESP::plain(KS::RESP::value($old->reply))->[1], 'x', '... then the client goes on');
    my %got;
    $got{$_}++ for map { KS::RESP::plain(KS::RESP::value($old->reply // '')) // 'nil' } @keys, @more;
    is_deeply(\%got, { 'of 0' => 60 }, '... with what the first has');
    is(sees(@more), join(' ', ('of 1') x 20), '... which does not stay');
    is(sees(@keys), all_of(1), '... nor take the place of what is there');
    $old->close;
    ok(wait_for(30, sub { !grep { $before{$_} } $ngx->workers }), '... until it is gone');
}


# Without a store what was fetched is gone.

is(sees(@keys), all_of(1), 'keys were fetched');
ok($ngx->reload(zone => ''), 'to none');
is(join(' ', sort @{$ngx->resp->run('KEYS', '*')}), 'own:k', '... they are gone, and the own ones stay');
is($ngx->resp->run('SET', 'k1', 'here'), 'OK', '... it is a zone by itself');
is($stores[1]->run('GET', 'k1'), 'of 1', '... and writes nowhere else');
is(sees('k1'), 'here', '... but here');
goes('near0');
$ngx->stop;


# The same when nginx ends meanwhile, and the zone lies in a file.

{
    my $dir = tempdir();
    my $file = "file $dir/main.ks;";

    chmod 0700, $dir;
    start('near0', $file);
    is($ngx->resp->run('SET', 'own:k', 'mine'), 'OK', 'a zone in a file');
    is(sees(@keys), all_of(0), '... fetches keys');
    $ngx->stop;
    start('near1', $file);
    is(sees(@keys), all_of(1), '... which are not those of another store');
    is(sees('own:k'), 'mine', '... as its own ones stay');
    $ngx->stop;
    start('none', $file);
    is(join(' ', sort @{$ngx->resp->run('KEYS', '*')}), 'own:k', '... nor those of none');
    $ngx->stop;
}


# A zone that follows.

start('replica0');
ok(wait_for(60, sub { sees('k1') eq 'of 0' }), 'a zone that follows has all');
is($ngx->resp->run('SET', 'own:k', 'mine'), 'OK', 'and keys of its own');
goes($_) for qw(replica1 replica0 near1 replica0);

$ngx->resp->run('SET', 'k1', 'of 0');
ok($ngx->reload(zone => ''), 'to none');
is(sees(@keys), all_of(0), '... what it has stays');
is(sees('own:k'), 'mine', '... as do its own');
is($ngx->resp->run('SET', 'k1', 'here'), 'OK', '... it is a zone by itself');
is(sees('k1'), 'here', '... that is read here');
is($stores[0]->run('GET', 'k1'), 'of 0', '... and writes nowhere else');
$stores[0]->run('SET', 'later', 1);
is(sees('later'), 'nil', '... nor hears of anything');
goes('replica1');

$ngx->stop;
$cluster->stop;
$_->stop for @stores;

done_testing;
