# mode=near: what is published at the store comes to the subscribers of the edge, over
# deaths of workers; and stores of other kinds: without tracking, without RESP3.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Proxy;
use KS::RESP;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $redis = KS::Redis->start('--notify-keyspace-events', 'KEA');
plan skip_all => 'no CLIENT TRACKING' unless $redis->since('6.0');

sub edge_of {
    my ($port, $more) = @_;
    my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 2,
        locations => 'location / { keyspace_rest main; }',
        zone => "upstream redis://127.0.0.1:$port $more;");
    $ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
    return $ngx;
}

sub links { return scalar(() = $redis->run('CLIENT', 'LIST') =~ /name=keyspace-news.* psub=1 /g) }

# --- messages ---

my $ngx = edge_of($redis->port, '');
ok(wait_for(30, sub { links() == 1 }), 'one worker hears of messages');

my $r = $ngx->resp;
my @subs = map { my $s = $ngx->resp; $s->run('SUBSCRIBE', 'news'); $s } 1 .. 4;
my $pattern = $ngx->resp;
$pattern->run('PSUBSCRIBE', 'n?ws');

$redis->run('PUBLISH', 'news', "m$_") for 1 .. 200;
is($r->run('PUBLISH', 'news', 'of the edge'), 1, 'of the store it is one subscriber');
$redis->run('PUBLISH', 'other', 'x');
$redis->run('PUBLISH', 'news', 'last');

my $all = [(map { "m$_" } 1 .. 200), 'of the edge', 'last'];
is_deeply($_->heard('last'), $all, 'a subscriber has each once, in order') for @subs;
is_deeply($pattern->heard('last'), $all, 'one of a pattern as well');

$pattern->run('PSUBSCRIBE', '__keyevent@0__:lpush');
$redis->run('LPUSH', 'list', 'a');
is($pattern->heard('list')->[-1], 'list', 'notifications of the store come');

# the worker that has the connection dies, and another one has it

for my $round (1 .. 4) {
    my ($id) = $redis->run('CLIENT', 'LIST') =~ /id=(\d+) .*name=keyspace-news/;
    kill KILL => ($ngx->workers)[$round % 2];
    ok(wait_for(30, sub { links() == 1 && (($redis->run('CLIENT', 'LIST') =~ /id=(\d+) .*name=keyspace-news/)[0] // '') }),
       "a worker is killed, round $round");
    my $s = $ngx->resp;
    $s->run('SUBSCRIBE', 'news');

    # the dead one's connection may be there for a moment
    my ($n, $done) = (0, 0);
    ok(wait_for(30, sub {
        $redis->run('PUBLISH', 'news', 'try' . ++$n);
        sleep 0.05;
        return $r->run('INFO', 'stats') =~ /keyspace_near_messages:[1-9]/ if eval { $r->run('PING') };
        $r = $ngx->resp;
        return 0;
    }), 'messages are counted');
    ok(wait_for(30, sub { $redis->run('PUBLISH', 'news', "end$round"); $s->reply =~ /end$round\r\n\z/ }), 'and come');
}

$ngx->allow(qr/exited on signal 9/);
$ngx->reload;
ok(wait_for(30, sub { links() == 1 }), 'behind a reload one worker hears of them');

{
    my $s = $ngx->resp;
    $s->run('SUBSCRIBE', 'news');
    ok(wait_for(30, sub { $redis->run('PUBLISH', 'news', 'reloaded'); $s->reply =~ /reloaded\r\n\z/ }), 'and they come');
}

$ngx->stop;

# a reload amid messages: the worker that takes over is told of all behind those that
# the one before has told of; in mode=replica the place in the stream says which

for my $mode (qw(near replica)) {
    my $proxy = KS::Proxy->start(to => $redis->port, delay => 0.02);
    my $edge = edge_of($proxy->port, "mode=$mode");
    my $link = $mode eq 'near' ? qr/name=keyspace-news.* psub=1 / : qr/ flags=S /;
    my $ids = sub { return join ' ', map { /^id=(\d+)/ } grep { /$link/ } split /\n/, $redis->run('CLIENT', 'LIST') };
    my ($n, $before) = (0);

    ok(wait_for(30, sub { $ids->() =~ /^\d+$/ && $edge->resp->run('INFO', 'replication') =~ /role:master|master_link_status:up/ }), "mode=$mode: one worker hears");
    sleep 0.2;

    my @s = map { my $s = $edge->resp; $s->run('PSUBSCRIBE', '*'); $s } 1 .. 2;

    # channels of shards are in the stream to replicas
    my $shards = $mode eq 'replica' && $redis->since('7.0') ? $edge->resp : undef;
    $shards->run('SSUBSCRIBE', 'shards') if $shards;
    my $tell = sub {
        $redis->replies(map { ['PUBLISH', 'numbers', ++$n], $shards ? ['SPUBLISH', 'shards', $n] : () } 1 .. $_[0]);
    };

    for my $round (1 .. 4) {
        $before = $ids->();
        kill HUP => $edge->pid;
        ok(wait_for(30, sub {
            $tell->(30);
            return $ids->() =~ /^\d+$/ && $ids->() ne $before;
        }), "reload $round: another worker hears");
        $tell->(300);
        push @s, my $s = $edge->resp;
        $s->run('SUBSCRIBE', 'numbers');
        $s->{from} = $n;
    }

    # all that is told behind the last subscriptions, which come at any time
    $redis->run('PUBLISH', 'numbers', 'last');

    for my $s (@s[0, 1]) {
        is_deeply($s->heard('last'), [1 .. $n, 'last'], "$n messages came, each once and in order");
    }

    for my $s (@s[2 .. $#s]) {
        my $heard = $s->heard('last');
        my $from = @$heard > 1 ? $heard->[0] : $n + 1;
        is_deeply($heard, [$from .. $n, 'last'], '... to later subscribers, those behind that');
    }

    if ($shards) {
        $redis->run('SPUBLISH', 'shards', 'last');
        is_deeply($shards->heard('last'), [1 .. $n, 'last'], '... in a channel of shards, too');
        close $shards->{socket};
    }

    close $_->{socket} for @s;

    # neither may depend on the other's life

    for my $who (0, 1) {
        my @old = $edge->workers;

        kill HUP => $edge->pid;
        wait_for(10, sub { $edge->workers > @old });
        kill KILL => $who ? grep({ my $pid = $_; !grep { $_ == $pid } @old } $edge->workers) : @old;
        $edge->allow(qr/exited on signal 9/);
        ok(wait_for(30, sub { $ids->() =~ /^\d+$/ && eval { $edge->resp->run('PING') } }), 'one of both is killed: one hears');
        my $s;

        # one of before the reload may still take it, and lets go of who is idle
        wait_for(30, sub { eval { $s = $edge->resp; $s->run('SUBSCRIBE', 'numbers'); 1 } });
        ok(wait_for(30, sub { $redis->run('PUBLISH', 'numbers', 'on'); IO::Select->new($s->{socket})->can_read(0.1) }), '... and messages come');
        close $s->{socket};
    }

    $edge->stop;
}

# where no mark can be set another worker hears of them all the same

{
    $redis->run('ACL', 'SETUSER', 'mute', 'on', '>p', '~*', '&*', '+@all', '-publish');
    my $edge = edge_of($redis->port, 'user=mute password=p');
    my $heard = sub { my $s; wait_for(30, sub { eval { $s = $edge->resp; $s->run('SUBSCRIBE', 'news'); 1 } });
                      return wait_for(30, sub { $redis->run('PUBLISH', 'news', 'x'); IO::Select->new($s->{socket})->can_read(0.1) }) };

    ok(wait_for(30, sub { links() == 1 }) && $heard->(), 'a user who may not publish');
    ok($edge->reload, 'a reload');
    ok(wait_for(30, sub { links() == 1 }) && $heard->(), 'messages come');
    $edge->stop;
}


# a user who may not hear them

$redis->run('ACL', 'SETUSER', 'deaf', 'on', '>p', '~*', '+@all', 'resetchannels');
$ngx = edge_of($redis->port, 'user=deaf password=p');
$ngx->allow(qr/its messages do not come here: NOPERM/);
$r = $ngx->resp;
ok(wait_for(20, sub { eval { $r->run('SET', 'k', 'v') } }), 'a user without channels: keys are no matter');
is($r->run('GET', 'k'), 'v', 'all the same');
$ngx->stop;


# --- a store of before RESP3 and tracking ---

{
    my $old = KS::Redis->start('--rename-command', 'HELLO', '', '--rename-command', 'CLIENT', '');
    my $edge = edge_of($old->port, 'ttl=400ms');
    my $e = $edge->resp;

    $old->run('SET', 'k', 'v');
    ok(wait_for(30, sub { my $before = $old->run('INFO', 'commandstats') =~ /cmdstat_dump:calls=(\d+)/ ? $1 : 0;
                          eval { $e->run('GET', 'k') } for 1 .. 5;
                          $before }), 'without RESP3 keys are fetched, for "ttl"');
    is($e->run('GET', 'k'), 'v', 'a key');
    $old->run('SET', 'k', 'w');
    ok(wait_for(20, sub { $e->run('GET', 'k') eq 'w' }), 'is fetched again behind it');
    is($e->run('GET', 'none'), undef, 'a key that is none');
    $old->run('SET', 'none', 'x');
    ok(wait_for(20, sub { ($e->run('GET', 'none') // '') eq 'x' }), 'as well');
    is($e->run('INCR', 'n'), 1, 'a write');
    is($e->run('GET', 'n'), '1', 'is seen');
    $edge->stop;
    $old->stop;
}

$redis->stop;
done_testing;
