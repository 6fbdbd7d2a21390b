# An edge whose primary sentinels name: what it makes of their answers, right,
# wrong, old and missing ones, and of a primary that is none any more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::FakeSentinel;
use KS::Nginx;
use KS::Proc qw(free_port wait_for);
use KS::RESP;
use KS::Redis;
use KS::Sentinel;

plan skip_all => 'no redis-server' unless KS::Redis::available();

my @servers = map { KS::Redis->start('--repl-diskless-sync-delay', 0) } 1 .. 2;
my ($a, $b) = map { $_->port } @servers;


sub address { return 'sentinel:store@' . join ',', map { '127.0.0.1:' . (ref $_ ? $_->port : $_) } @_ }


sub edge {
    my ($line, %with) = @_;
    my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 1, zone => "upstream $line;", %with);

    $ngx->allow(qr/upstream ".*" of keyspace zone|keyspace zone "main": /);
    return $ngx;
}


# The reply to a command of a new connection, or its error.
sub says {
    my ($ngx, @argv) = @_;
    my $v = eval { $ngx->resp->run(@argv) };

    return defined $v ? $v : $@;
}


sub comes { my ($ngx, $want, @argv) = @_; return wait_for(30, sub { says($ngx, @argv) eq $want }) }

$servers[0]->run('SET', 'where', 'a');
$servers[1]->run('SET', 'where', 'b');


# --- answers ---

{
    my @s = map { KS::FakeSentinel->start(port => $a, epoch => 3) } 1 .. 3;
    my $ngx = edge(address(@s) . ' timeout=2s');

    is(says($ngx, 'SET', 'k', 1), 'OK', 'a write goes to the primary that is named');
    is($servers[0]->run('GET', 'k'), 1, 'and is there');
    is(says($ngx, 'GET', 'where'), 'a', 'what is read, too');

    # one sentinel is cut off, and names what was the primary long ago

    $s[0]->says(port => $b, epoch => 2, tell => 1);
    $servers[0]->run('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    ok(comes($ngx, 'OK', 'SET', 'k', 2), 'an older answer');
    is($servers[0]->run('GET', 'k'), 2, 'does not count against newer ones');

    $s[$_]->says(mute => 1) for 1, 2;
    $servers[0]->run('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    ok(wait_for(30, sub { says($ngx, 'SET', 'k', 3) =~ /^UPSTREAM nothing was run: the sentinels that answer name an older primary/ }),
       'nor if it is the only one');
    is($servers[1]->run('EXISTS', 'k'), 0, 'nothing has gone there');

    $s[$_]->says(mute => 0) for 1, 2;
    ok(comes($ngx, 'OK', 'SET', 'k', 4), 'with the others it goes on');

    # a switch: the old primary lives, and is cut off from the sentinels

    is(says($ngx, 'GET', 'where'), 'a', 'before a switch');
    $s[1]->says(port => $b, epoch => 4, tell => 1);
    ok(comes($ngx, 'b', 'GET', 'where'), 'of which one sentinel tells, it is left at once');
    ok(comes($ngx, 'OK', 'SET', 'k', 5), 'by writes, too');
    is(join(' ', map { $_->run('GET', 'k') } @servers), '4 5', 'none went to the old one');
    like(says($ngx, 'INFO', 'stats'), qr/^keyspace_upstream_switches:1\r?$/m, 'it is counted');
    like($ngx->log, qr/the sentinels name another primary, "127\.0\.0\.1:$b" in the place of "127\.0\.0\.1:$a"/, 'and logged');

    # all of them were set up anew

    $_->says(port => $a, epoch => 0, tell => 1) for @s;
    $servers[1]->run('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    ok(wait_for(30, sub { says($ngx, 'SET', 'k', 6) eq 'OK' && $servers[0]->run('GET', 'k') eq 6 }),
       'all sentinels may name an older one');

    $ngx->stop;
}


# --- no answers ---

my @none = (
    [sub { address(free_port(), free_port()) }, qr/no sentinel names it \("127\.0\.0\.1:\d+": it cannot be connected to/, 'no sentinel'],
    [sub { address($_[0]) =~ s/store/none/r }, qr/no sentinel names it \("127\.0\.0\.1:\d+" knows no primary of that name/, 'an unknown name'],
    [sub { $_[0]->says(mute => 1); address($_[0]) }, qr/no sentinel names it/, 'a sentinel that says nothing'],
    [sub { $_[0]->says(host => 'a.name'); address($_[0]) }, qr/"a\.name" is a name, which takes "resolver"/, 'a name, without a resolver'],
    [sub { $_[0]->says(port => free_port()); address($_[0]) }, qr/it cannot be connected to/, 'a primary that is not there'],
    [sub { address($a) }, qr/no sentinel names it \("127\.0\.0\.1:$a" answers "ERR unknown command/, 'a store in the place of a sentinel'],
    [sub { $servers[1]->run('REPLICAOF', '127.0.0.1', $a); $_[0]->says(port => $b); address($_[0]) },
     qr/it is not a primary/, 'a replica'],
);

for my $case (@none) {
    my ($line, $error, $what) = @$case;
    my $s = KS::FakeSentinel->start(port => $a);
    my $ngx = edge($line->($s) . ' connect_timeout=500ms timeout=1s');
    my $t = time;

    like(says($ngx, 'SET', 'k', 1), qr/^UPSTREAM nothing was run: .*$error/, $what);
    $ngx->stop;
}

{
    my $s = KS::FakeSentinel->start(port => $a);
    my $ngx = edge(address(free_port(), $s, free_port()));

    is(says($ngx, 'SET', 'k', 'v'), 'OK', 'one sentinel of three is enough');
    $ngx->stop;
}


# --- a primary that has become a replica while its connections live on ---

for my $mode ('near', 'replica') {
    $servers[0]->run('REPLICAOF', 'NO', 'ONE');
    $servers[1]->run('REPLICAOF', '127.0.0.1', $a);
    $servers[0]->run('FLUSHALL');
    ok(wait_for(30, sub { $servers[1]->run('INFO', 'replication') =~ /link_status:up/ }), "$mode: a primary and its replica");

    my $s = KS::FakeSentinel->start(port => $a, epoch => 1);
    my $ngx = edge(address($s) . " mode=$mode timeout=5s");
    my $r = $ngx->resp;

    ok(comes($ngx, 'OK', 'SET', 'k', 0), "$mode: an edge");
    is($r->run('INCR', 'n'), 1, "$mode: a write");

    $servers[1]->run('REPLICAOF', 'NO', 'ONE');
    $servers[0]->run('REPLICAOF', '127.0.0.1', $b);
    $s->says(port => $b, epoch => 2);

    # the replica refuses them, and so they may be sent again

    is($r->run('INCR', 'n'), 2, "$mode: it is refused there, and run by the new one");
    is($servers[1]->run('GET', 'n'), 2, "$mode: once");
    is_deeply([map { KS::RESP::plain(KS::RESP::value($_)) } $r->replies(['MULTI'], ['INCR', 'n'], ['INCR', 'n'], ['EXEC'])],
              ['OK', 'QUEUED', 'QUEUED', [3, 4]], "$mode: a transaction");
    is($r->run('GET', 'n'), 4, "$mode: and seen");

    $servers[0]->run('REPLICAOF', 'NO', 'ONE');
    $servers[1]->run('REPLICAOF', '127.0.0.1', $a);
    ok(wait_for(30, sub { $servers[0]->run('GET', 'n') eq 4 }), "$mode: and back");
    $s->says(port => $a, epoch => 3);

    is_deeply([map { KS::RESP::plain(KS::RESP::value($_)) } $r->replies(['MULTI'], ['INCR', 'n'], ['GET', 'n'], ['EXEC'])],
              ['OK', 'QUEUED', 'QUEUED', [5, 5]], "$mode: a transaction that is refused is run by the new one");

    $servers[0]->run('REPLICAOF', '127.0.0.1', $b);
    like($r->error('EVAL', 'return redis.call("INCR", "n")', 0), qr/^READONLY /, "$mode: a script is not run again");
    like($r->error('INCR', 'n'), qr/^UPSTREAM nothing was run: it is not a primary/, "$mode: and if nobody is a primary, it is said");

    $ngx->stop;
}


# --- sentinels and servers with users ---

SKIP: {
    $servers[1]->run('REPLICAOF', 'NO', 'ONE');
    $servers[1]->run('ACL', 'SETUSER', 'app', 'on', '>apps', '~*', '&*', '+@all', '-role');
    $servers[1]->run('CONFIG', 'SET', 'requirepass', 'store-word');

    my $g = KS::Sentinel->start(primary => $servers[1], sentinels => 1, auth => ['watch', 'watches'], conf => <<'CONF');
sentinel auth-pass store store-word
user default off
user watch on >watches ~* &* +@all
CONF

    my @lines = (
        ['sentinel_user=watch sentinel_password=watches password=store-word', qr/^OK$/, 'both with their passwords'],
        ['sentinel_user=watch sentinel_password=watches user=app password=apps', qr/^OK$/, 'a user who may not ask for ROLE'],
        ['password=store-word', qr/UPSTREAM .*no sentinel names it \(.*(?:NOAUTH|WRONGPASS|NOPERM)/, 'no password of the sentinels'],
        ['sentinel_user=watch sentinel_password=apps password=store-word', qr/UPSTREAM .*WRONGPASS/, 'a wrong one'],
        ['sentinel_user=watch sentinel_password=watches password=wrong', qr/UPSTREAM .*it refuses the connection: WRONGPASS/, 'a wrong one of the store'],
    );

    for my $case (@lines) {
        my ($params, $reply, $what) = @$case;
        my $ngx = edge($g->address . " $params");

        like(says($ngx, 'SET', 'k', 'v'), $reply, $what);
        unlike($ngx->log, qr/watches|apps|store-word/, 'is not in the log');
        $ngx->stop;
    }
}

done_testing;
