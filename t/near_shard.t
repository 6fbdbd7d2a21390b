# mode=near: channels of shards (SSUBSCRIBE, SPUBLISH): the edge subscribes at the store
# to those that have a subscriber here, and each message comes once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Proxy;
use KS::Redis;
use KS::Stream;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $redis = KS::Redis->start;
plan skip_all => 'no channels of shards' unless $redis->since('7.0');

my $proxy = KS::Proxy->start(to => $redis->port);
my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 2,
    locations => 'location / { keyspace_rest main; }',
    zone => 'upstream redis://127.0.0.1:' . $proxy->port . ';');
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone|exited on signal 9/);

# the connections of edges that subscribe to it at the store
sub numsub { return $redis->run('PUBSUB', 'SHARDNUMSUB', $_[0])->[1]{text} }
sub has { my ($channel, $n) = @_; return wait_for(30, sub { numsub($channel) == $n }) }
sub ids { return join ' ', $redis->run('CLIENT', 'LIST') =~ /^id=(\d+) .*name=keyspace-news.* psub=1 /mg }

# a connection that subscribes: to a worker that is not about to end
sub subscriber {
    my ($channel) = @_;
    my $s;
    wait_for(30, sub { eval { $s = $ngx->resp; $s->run('SSUBSCRIBE', $channel); 1 } });
    return $s;
}

# a subscriber at each worker
sub at_both {
    my ($channel) = @_;
    my %at;
    wait_for(60, sub {
        my $s = $ngx->resp;
        my ($pid) = $s->run('INFO', 'server') =~ /process_id:(\d+)/ or return 0;
        if (!$at{$pid}) {
            $s->run('SSUBSCRIBE', $channel);
            $at{$pid} = $s;
        }
        return keys %at == 2;
    });
    return values %at;
}

ok(wait_for(30, sub { ids() =~ /^\d+$/ }), 'one worker hears of messages');
is_deeply($redis->run('PUBSUB', 'SHARDCHANNELS'), [], 'without subscribers none is subscribed to');


# --- messages ---

my @subs = at_both('s');
is(scalar @subs, 2, 'a subscriber at each worker');
ok(has('s', 1), 'the edge is one subscriber of the store');

my $r = $ngx->resp;
my $other = $ngx->resp;
$other->run('SUBSCRIBE', 's');
$redis->run('SPUBLISH', 's', "m$_") for 1 .. 200;
is($r->run('SPUBLISH', 's', 'of the edge'), 1, 'SPUBLISH at the edge is the store\'s');
$redis->run('PUBLISH', 's', 'no shard');
$redis->run('SPUBLISH', 's', 'last');

is_deeply($_->heard('last'), [(map { "m$_" } 1 .. 200), 'of the edge', 'last'],
          'each message comes once, in order') for @subs;
is_deeply($other->heard('no shard'), ['no shard'], 'and to subscribers of shards alone');

# the reply comes when the store has subscribed the edge, or a second later
sub behind_reply {
    my ($name, $test) = @_;
    my ($lost, $late, $s) = (0, 0, subscriber($name));

    $proxy->tell('delay 0.02');

    for (1 .. 20) {
        my $since = time;
        $s->run('SSUBSCRIBE', "$name $_");
        $late++, next if time - $since > 0.8;
        $lost++, next if !$redis->run('SPUBLISH', "$name $_", "m$_");
        $s->heard("m$_");
    }

    is($lost, 0, "$test ($late late)");
    $s->close;
    $proxy->tell('delay 0');
}

{
    behind_reply('at once', 'what is published behind the reply to SSUBSCRIBE comes');

    my $begins = KS::Nginx->start(size => '16m', resp => '', workers => 2,
        locations => 'location / { keyspace_rest main; }',
        zone => 'upstream redis://127.0.0.1:' . $redis->port . ';');
    $begins->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
    my $since = time;
    my $first = $begins->resp;
    $first->run('SUBSCRIBE', 'first');
    my $heard = $redis->run('PUBLISH', 'first', 'm');
    ok($heard || time - $since > 0.8, '... and to SUBSCRIBE at an edge that has just begun');
    $first->close;
    $begins->stop;
}

# many channels of one command: a round trip, or two
{
    my $soonest = 9;

    for my $round (1 .. 5) {
        my $s = $ngx->resp;
        my $since = time;
        $s->replies(['SSUBSCRIBE', map { "of one $round $_" } 1 .. 500]);
        my $took = time - $since;
        $soonest = $took if $took < $soonest;
        $s->close;
    }

    cmp_ok($soonest, '<', 0.95, 'SSUBSCRIBE with many channels does not take the whole second');
}

# over REST the reply comes then as well, not the next time it is asked for
{
    my $n = 0;
    ok(wait_for(60, sub {
        my $since = time;
        my $stream = KS::Stream->open($ngx, '/ssubscribe/rest' . ++$n);
        my $took = time - $since;
        $redis->run('SPUBLISH', "rest$n", 'm') == 1 or return 0;
        return $stream->{status} == 200 && $took < 0.09;
    }), 'SSUBSCRIBE over REST is told to go on');

    # who waits is a client
    $proxy->tell('delay 0.2');
    my $c = $ngx->resp;
    ok(wait_for(60, sub {
        my $pid = fork // die;
        if (!$pid) { eval { KS::Stream->open($ngx, '/ssubscribe/waits' . $n) }; POSIX::_exit(0) }
        $n++;
        my $seen = 0;
        for (1 .. 50) {
            $seen ||= $c->run('CLIENT', 'LIST') =~ /flags=b .*cmd=ssubscribe/;
            sleep 0.01;
        }
        waitpid $pid, 0;
        return $seen;
    }), 'whoever waits is in CLIENT LIST');
    $c->close;
    $proxy->tell('delay 0');
}

my @many = map { "c$_" } 1 .. 700;
my $many = $ngx->resp;
$many->replies(map { ['SSUBSCRIBE', $_] } @many);
ok(wait_for(30, sub { @{$redis->run('PUBSUB', 'SHARDCHANNELS', 'c*')} == @many }), 'many channels');


# --- those who leave ---

$subs[0]->run('SUNSUBSCRIBE', 's');
ok(has('c700', 1) && numsub('s') == 1, 'one leaves: the other is there');
$redis->run('SPUBLISH', 's', 'for one');
is_deeply($subs[1]->heard('for one'), ['for one'], 'and hears');
$subs[1]->close;
ok(has('s', 0), 'the last connection ends: the edge unsubscribes');
@subs = at_both('s');
ok(has('s', 1), 'and subscribes again');

# --- the link is cut ---

my $before = ids();
$proxy->tell('cut');
ok(wait_for(30, sub { ids() =~ /^\d+$/ && ids() ne $before }), 'the link is cut, and there again');
ok(has('s', 1) && has('c700', 1), 'all are subscribed to again');
ok(wait_for(30, sub { @{$redis->run('PUBSUB', 'SHARDCHANNELS', 'c*')} == @many }), 'many, too');
$redis->run('SPUBLISH', 's', 'cut');
is_deeply($_->heard('cut'), ['cut'], 'a message comes') for @subs;
$many->close;
ok(wait_for(30, sub { @{$redis->run('PUBSUB', 'SHARDCHANNELS', 'c*')} == 0 }), 'many leave at once');


# --- a reload: the next worker subscribes before its mark ---

my $n = 0;
my $tell = sub { $redis->replies(map { ['SPUBLISH', 's', ++$n] } 1 .. $_[0]) };
$proxy->tell('delay 0.02');

for my $round (1 .. 3) {
    $before = ids();
    kill HUP => $ngx->pid;
    ok(wait_for(30, sub { $tell->(30); return ids() =~ /^\d+$/ && ids() ne $before }),
       "reload $round: another worker hears");
    $tell->(300);
}

$redis->run('SPUBLISH', 's', 'last');
is_deeply($_->heard('last'), [1 .. $n, 'last'], "$n messages came, each once and in order") for @subs;
$_->close for @subs;
ok(has('s', 0), 'the workers of before had the last: the edge unsubscribes');


# --- a worker dies with all subscribers ---

$proxy->tell('delay 0');
@subs = map { subscriber('dead') } 1 .. 4;
ok(has('dead', 1), 'subscribers');
kill KILL => $ngx->workers;
ok(has('dead', 0), 'their workers are killed: nothing is subscribed to');
$_->close for @subs;
my $s = subscriber('dead');
ok(has('dead', 1), 'a subscriber again');
$redis->run('SPUBLISH', 'dead', 'alive');
is_deeply($s->heard('alive'), ['alive'], 'which hears');

# a worker that shuts down stays for its subscribers
$_->close for $s, $other;
$ngx->stop;


# --- a user who may not subscribe to such ---

$redis->run('ACL', 'SETUSER', 'part', 'on', '>p', '~*', '&*', '+@all', '-ssubscribe');
$ngx = KS::Nginx->start(size => '16m', resp => '', workers => 2,
    locations => 'location / { keyspace_rest main; }',
    zone => 'upstream redis://127.0.0.1:' . $redis->port . ' user=part password=p;');
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
ok(wait_for(30, sub { ids() =~ /^\d+$/ }), 'a user without SSUBSCRIBE: one worker hears');
$s = $ngx->resp;
$s->run('SSUBSCRIBE', 'x');
$s->run('SUBSCRIBE', 'x');
ok(wait_for(30, sub { $redis->run('PUBLISH', 'x', 'm'); IO::Select->new($s->{socket})->can_read(0.1) }),
   'messages of other channels come');
ok(wait_for(30, sub { $ngx->log =~ /refuses a part of its messages: NOPERM/ }), 'the log says what is refused');
is(numsub('x'), 0, 'nothing is subscribed to');
$s->close;
$ngx->stop;


# --- what is refused is no matter to others ---

sub edge_as {
    my ($user) = @_;
    my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 2,
        locations => 'location / { keyspace_rest main; }',
        zone => 'upstream redis://127.0.0.1:' . $proxy->port . " user=$user password=p;");
    $ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
    wait_for(30, sub { ids() =~ /^\d+$/ });
    return $ngx;
}

# a channel: its user may subscribe to some
$redis->run('ACL', 'SETUSER', 'some', 'on', '>p', '~*', '&*', '+@all', '-ssubscribe', '(+ssubscribe &yes*)');
$ngx = edge_as('some');
my $soonest = 9;
for my $i (1 .. 10) {
    $s = $ngx->resp;
    my $since = time;
    $s->run('SSUBSCRIBE', "no$i");
    my $took = time - $since;
    $soonest = $took if $took < $soonest;
    $s->close;
}
ok($ngx->log =~ /refuses a part of its messages: NOPERM/, 'a channel is refused');
cmp_ok($soonest, '<', 0.8, '... and not waited for');
behind_reply('yes', 'others are waited for');
$ngx->stop;

# the mark: its user may not publish
$redis->run('ACL', 'SETUSER', 'mute', 'on', '>p', '~*', '&*', '+@all', '-publish');
$ngx = edge_as('mute');
$before = ids();
kill HUP => $ngx->pid;
ok(wait_for(60, sub { ids() =~ /^\d+$/ && ids() ne $before }), 'another worker hears, without a mark');
ok($ngx->log =~ /refuses a part of its messages: NOPERM/, '... which was refused');
behind_reply('marked', 'channels are waited for');
$ngx->stop;
$proxy->stop;

$redis->stop;
done_testing;
