# Fields of hashes that are due, at an edge and at a replica of Redis 8.0, before
# their primary says that they end: both reply the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Redis;
use KS::Replica qw(differs info same_place);

plan skip_all => 'no redis-server of Debian 13'
    unless KS::Redis::of_trixie('redis-server');


sub client { return KS::RESP->new(port => $_[0]->port) }
sub up { return (info($_[0], 'master_link_status') // '') eq 'up' }


# what a reply says, without the order of fields
sub said {
    my ($r, @argv) = @_;
    my $v = eval { $r->run(@argv) };

    return "error: $@" if $@;
    return defined $v ? $v : 'null' unless ref $v;

    my @all = map { ref $_ ? sort map { $_ // 'null' } @$_ : $_ // 'null' } @$v;

    @all = sort @all if "@argv" =~ /HGETALL|HKEYS|HVALS/;
    return "@all";
}


my $redis = KS::Redis->start_of('redis-server', '--repl-diskless-sync-delay', 0,
                                '--enable-debug-command', 'local');
my $other = KS::Redis->start_of('redis-server', '--replicaof',
                                '127.0.0.1 ' . $redis->port);
my $r = client($redis);
my $replica = client($other);

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
    zone => 'upstream redis://127.0.0.1:' . $redis->port
            . ' mode=replica writes=refuse;');
my $edge = $ngx->resp;

ok(wait_for(30, sub { up($edge) && up($replica) }), 'both follow');

$r->run('DEBUG', 'SET-ACTIVE-EXPIRE', 0);

my $large = 700;

for my $n (5, $large) {
    $r->run('HSET', "some:$n", map { ("f$_", $_ * 11) } 1 .. $n);
    $r->run('HPEXPIRE', "some:$n", 20, 'FIELDS', 2, 'f1', 'f2');
    $r->run('HPEXPIRE', "some:$n", 10_000_000, 'FIELDS', 1, 'f3');
    $r->run('HSET', "all:$n", map { ("f$_", $_ * 11) } 1 .. $n);
    $r->run('HPEXPIRE', "all:$n", 20, 'FIELDS', $n, map { "f$_" } 1 .. $n);
}

ok(wait_for(30, sub { same_place($r, $edge) && same_place($r, $replica) }),
   'they have all of it');
ok(wait_for(30, sub { !defined $r->run('HGET', "all:$large", 'f1')
                      && !defined $edge->run('HGET', "all:$large", 'f1') }),
   'whose fields are due');

for my $key (map { ("some:$_", "all:$_") } 5, $large) {
    my @commands = (['HGET', $key, 'f1'], ['HGET', $key, 'f4'],
        ['HMGET', $key, 'f1', 'f2', 'f4'], ['HGETALL', $key], ['HKEYS', $key],
        ['HVALS', $key], ['HLEN', $key], ['HEXISTS', $key, 'f1'],
        ['HEXISTS', $key, 'f4'], ['HSTRLEN', $key, 'f1'],
        ['HSTRLEN', $key, 'f4'], ['HSCAN', $key, 0, 'COUNT', 10_000],
        ['HSCAN', $key, 0, 'COUNT', 10_000, 'NOVALUES'],
        ['HTTL', $key, 'FIELDS', 2, 'f1', 'f4'],
        ['HPTTL', $key, 'FIELDS', 2, 'f1', 'f4'],
        ['HEXPIRETIME', $key, 'FIELDS', 3, 'f1', 'f3', 'f4'],
        ['HPEXPIRETIME', $key, 'FIELDS', 3, 'f1', 'f3', 'f4'],
        ['EXISTS', $key], ['TYPE', $key], ['TTL', $key],
        ['EVAL_RO', 'return redis.call("HVALS", KEYS[1])', 1, $key],
        ['EVAL_RO', 'return redis.call("HLEN", KEYS[1])', 1, $key]);

    for my $c (@commands) {
        is(said($edge, @$c), said($replica, @$c), "@{$c}[0 .. 1]");
    }

    # where Redis shows what is due
    unlike(join(' ', map { said($edge, 'HRANDFIELD', $key, $_) } -500, 10_000),
           qr/\bf[12]\b/, 'HRANDFIELD draws no field that is due');
}

is($edge->run('HRANDFIELD', 'all:5'), undef, 'nor one at all of these');
is($edge->run('DUMP', 'all:5'), undef, 'which have no dump');
is($edge->run('DBSIZE'), 4, 'but are there');
cmp_ok(info($edge, 'expired_subkeys', 'stats') // 0, '==', 0,
       'no field has ended by itself');


# --- and when the primary says so ---

$r->run('HSET', 'some:5', 'f1', 'new');
$r->run('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
ok(wait_for(30, sub { $r->run('DBSIZE') == 2
                      && $r->run('HLEN', "some:$large") == $large - 2 }),
   'the primary ends them');
is_deeply([differs($r, $edge)], [], 'then they have gone');
is($edge->run('HLEN', "some:$large"), $large - 2, 'and do not count');
is($edge->run('HGET', 'some:5', 'f1'), 'new', 'what was set again is there');

$ngx->stop;
$_->stop for $other, $redis;


# --- a zone as the primary ---

{
    my $top = KS::Nginx->start(size => '32m', resp => '',
        zone => 'replicas ' . KS::Proc::tempdir() . '/replicas;');
    my $t = $top->resp;

    $t->run('HSET', 'h', 'a', 1, 'b', 2);

    my $below = KS::Nginx->start(size => '32m', resp => '',
        zone => "upstream redis://127.0.0.1:" . $top->resp_port
                . " password=$KS::Nginx::TOKEN mode=replica writes=refuse;");
    my $b = $below->resp;

    ok(wait_for(30, sub { up($b) }), 'an edge of a zone');
    $t->run('HPEXPIRE', 'h', 10_000_000, 'FIELDS', 1, 'a');
    ok(wait_for(30, sub { $b->run('HTTL', 'h', 'FIELDS', 1, 'a')->[0] > 0 }),
       'knows when fields expire');
    $t->run('HPEXPIRE', 'h', 30, 'FIELDS', 1, 'a');
    ok(wait_for(30, sub { $b->run('HLEN', 'h') == 1 }), 'and that they have');
    is($b->run('HGET', 'h', 'b'), 2, 'the others stay');

    $_->stop for $below, $top;
}

done_testing;
