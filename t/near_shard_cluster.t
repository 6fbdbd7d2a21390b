# mode=near: channels of shards of a Cluster: the edge subscribes at the node of a
# channel's slot, over moves of slots, failovers, reloads and deaths of workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Cluster;
use KS::Nginx;
use KS::Proc qw(wait_for);

plan skip_all => 'no redis-server' unless KS::Cluster->available;

my $c = KS::Cluster->start(nodes => 3, replicas => 1);
my ($n1, $n2, $n3) = $c->primaries;
plan skip_all => 'no channels of shards' unless $n1->since('7.0');

my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 2,
    locations => 'location / { keyspace_rest main; }',
    zone => 'upstream ' . $c->addresses . ' timeout=20s;');
$ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone|exited on signal 9/);

# channels of each node
my %of;
for (my $i = 0; keys %of < 3 || grep { @$_ < 3 } values %of; $i++) {
    push @{$of{$c->owner($c->slot("ch$i"))->port}}, "ch$i";
}

# connections that subscribe to it at a node, and that the edge has to one for that
sub numsub { return eval { $_[0]->run('PUBSUB', 'SHARDNUMSUB', $_[1])->[1]{text} } // -1 }
sub has { my ($r, $channel, $n) = @_; return wait_for(60, sub { numsub($r, $channel) == $n }) }
sub at_owner {
    my ($channel) = @_;
    return wait_for(60, sub { my $r = $c->owner($c->slot_of($channel)); $r && numsub($r, $channel) == 1 });
}
sub ids { return join ' ', ($_[0]->run('CLIENT', 'LIST') =~ /^id=(\d+) .*name=keyspace-news.* sub=1 psub=0 /mg) }
sub publish { my ($channel, $text) = @_; return $c->run($channel, 'SPUBLISH', $channel, $text) }

# a connection that subscribes: to a worker that is not about to end
sub subscriber {
    my @channels = @_;
    my ($s, $pid);
    wait_for(30, sub {
        eval {
            $s = $ngx->resp;
            ($pid) = $s->run('INFO', 'server') =~ /process_id:(\d+)/;
            $s->run('SSUBSCRIBE', $_) for @channels;
            1;
        };
    });
    return wantarray ? ($s, $pid) : $s;
}


# --- messages ---

ok(wait_for(30, sub { join('', map { $_->run('CLIENT', 'LIST') } $c->primaries) =~ /name=keyspace-news.* psub=1 / }),
   'one worker hears of messages');
is(ids($_), '', 'without subscribers there is no connection for them') for $c->primaries;

my @channels = map { @{$of{$_->port}}[0, 1] } $n1, $n2, $n3;
my @subs = map { scalar subscriber(@channels) } 1 .. 3;

for my $channel (@channels) {
    ok(at_owner($channel), "$channel is subscribed to once, where its slot is");
    publish($channel, "$channel-$_") for 1 .. 20;
    is_deeply($_->heard("$channel-20"), [map { "$channel-$_" } 1 .. 20], 'each message comes once, in order')
        for @subs;
}

like(ids($_), qr/^\d+\z/, 'a node has one connection') for $c->primaries;
my $r = $ngx->resp;
$r->run('SPUBLISH', $channels[0], 'of the edge');
is_deeply($_->heard('of the edge'), ['of the edge'], 'a message of the edge comes back') for @subs;

my $plain = $ngx->resp;
$plain->run('PSUBSCRIBE', '*');
$n1->run('PUBLISH', 'other', 'plain');
is_deeply($plain->heard('plain'), ['plain'], 'other messages come as ever');

$subs[0]->run('SUNSUBSCRIBE', $channels[0]);
$subs[1]->run('SUNSUBSCRIBE', $channels[0]);
ok(at_owner($channels[0]), 'some leave');
$subs[2]->run('SUNSUBSCRIBE', $channels[0]);
ok(has($n1, $channels[0], 0), 'the last one leaves');
$_->run('SSUBSCRIBE', $channels[0]) for @subs;
ok(at_owner($channels[0]), 'and all come again');


# the reply comes when the node has subscribed the edge, or a second later
{
    my $s = $ngx->resp;
    my ($lost, $late) = (0, 0);

    for my $i (1 .. 20) {
        my $since = time;
        $s->run('SSUBSCRIBE', "once$i");
        $late++, next if time - $since > 0.8;
        $lost++, next if !$c->run("once$i", 'SPUBLISH', "once$i", "m$i");
        $s->heard("m$i");
    }

    is($lost, 0, "what is published behind the reply to SSUBSCRIBE comes ($late late)");
    $s->close;
}


# at a node without a connection: as soon as there is one, without a pause
ok(wait_for(60, sub {
    my $edge = KS::Nginx->start(size => '16m', resp => '', workers => 2,
        locations => 'location / { keyspace_rest main; }',
        zone => 'upstream ' . $c->addresses . ' timeout=20s;');
    $edge->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);

    my $s = $edge->resp;
    $s->run('GET', $channels[0]);
    my $since = time;
    $s->run('SSUBSCRIBE', $channels[0]);
    my $took = time - $since;
    $s->close;
    $edge->stop;
    return $took < 0.09;
}), 'the first channel of a node does not wait for the next time it is asked for');


# --- reloads and deaths ---

my $moving = $channels[0];
my $n = 0;

for my $round (1 .. 3) {
    my $before = ids($n1);
    kill HUP => $ngx->pid;
    ok(wait_for(60, sub { publish($moving, ++$n) for 1 .. 20; return ids($n1) =~ /^\d+$/ && ids($n1) ne $before }),
       "reload $round: another worker hears");
    publish($moving, ++$n) for 1 .. 50;
}

publish($moving, 'last');
is_deeply($_->heard('last'), [1 .. $n, 'last'], "$n messages came, each once and in order") for @subs;
$_->close for @subs;
ok(has($n1, $moving, 0), 'the workers of before had the last: the edge unsubscribes');

@subs = map { scalar subscriber($moving) } 1 .. 4;
ok(at_owner($moving), 'subscribers');
kill KILL => $ngx->workers;
ok(has($n1, $moving, 0), 'their workers are killed: nothing is subscribed to');
$_->close for @subs, $plain, $r;

for my $round (1 .. 3) {
    my ($s, $pid) = subscriber(@channels);
    ok(at_owner($_), "a subscriber of $_") for @channels;
    my @others;
    wait_for(30, sub { @others = grep { $_ != $pid } $ngx->workers; @others == 1 });

    # whoever has the connections: the subscriber's worker stays
    kill KILL => @others;
    ok(wait_for(60, sub {
        my @new = map { ids($_) } $c->primaries;
        return 3 == grep { /^\d+\z/ } @new;
    }), 'another worker is killed: one hears');
    ok(at_owner($_), "of $_") for @channels;

    for my $channel (@channels) {
        ok(wait_for(60, sub { publish($channel, "on-$channel") }), 'a message');
        ok($s->heard("on-$channel"), '... comes');
    }
    $s->close;
}


# --- a slot moves ---

@subs = map { scalar subscriber($moving, $of{$n2->port}[0]) } 1 .. 3;
ok(at_owner($moving), 'subscribed to');
$n = 0;

for my $step ([$n1, $n2], [$n2, $n3], [$n3, $n1]) {
    my ($from, $to) = @$step;
    publish($moving, ++$n) for 1 .. 20;
    $c->move($c->slot_of($moving), $from, $to);
    ok(has($to, $moving, 1), 'a slot moves: the new node is subscribed to');
    is(numsub($from, $moving), 0, 'and the old one is not');
    publish($moving, ++$n) for 1 .. 20;
}

publish($moving, 'last');
for my $s (@subs) {
    is_deeply([sort { $a <=> $b } grep { /\d/ } @{$s->heard('last')}], [1 .. $n],
              'what is published while it is subscribed to comes once');
}

# under way, while it is published: in order, no message twice
{
    my $from = $c->owner($c->slot_of($moving));
    my ($first, $to) = ($n + 1, $n2);
    $c->begin($c->slot_of($moving), $from, $to);
    publish($moving, ++$n) for 1 .. 20;
    $c->end($c->slot_of($moving), $from, $to);
    ok(wait_for(60, sub { publish($moving, ++$n); numsub($to, $moving) == 1 }), 'a slot moves amid messages');
    publish($moving, ++$n) for 1 .. 20;
    publish($moving, 'last');
    for my $s (@subs) {
        my $heard = $s->heard('last');
        my %times;
        $times{$_}++ for @$heard;
        is_deeply([grep { $times{$_} > 1 } keys %times], [], 'none comes twice');
        ok(!(grep { !$times{$_} } $first .. $first + 19, $n - 19 .. $n), 'but for those amid the move all come');
    }
}


# --- failovers ---

# on demand: the node of before lives on, as a replica
{
    my $channel = $of{$n2->port}[0];
    my $old = $c->owner($c->slot_of($channel));
    my ($replica) = grep { my $of = KS::Cluster::id($old); $_->run('CLUSTER', 'NODES') =~ /myself,slave $of/ } $c->replicas;
    is($replica->run('CLUSTER', 'FAILOVER'), 'OK', 'a replica takes over');
    ok(wait_for(60, sub { $replica->run('ROLE')->[0]{text} eq 'master' }), '... and is the primary');
    ok(has($replica, $channel, 1), 'which is subscribed to');
    ok(has($old, $channel, 0), 'and the one before is not');
    publish($channel, "after$_") for 1 .. 20;
    is_deeply($_->heard('after20'), [map { "after$_" } 1 .. 20], 'each message comes once, in order') for @subs;
}

# by death
{
    my $victim = $c->owner($c->slot_of($moving));
    $c->kill_node($victim);
    ok(wait_for(60, sub { my $r = $c->owner($c->slot_of($moving)); $r && $r != $victim }), 'a node dies, and is taken over for');
    ok(at_owner($moving), 'the new one is subscribed to');
    publish($moving, "late$_") for 1 .. 20;
    is_deeply($_->heard('late20'), [map { "late$_" } 1 .. 20], 'each message comes once, in order') for @subs;
}

$_->close for @subs;
ok(wait_for(60, sub { !grep { ids($_) ne '' } grep { !$_->{gone} } $c->all }), 'the last leave, and the connections');

$ngx->stop;
$c->stop;
done_testing;
