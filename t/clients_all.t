# CLIENT about the connections of all workers: LIST and KILL ask the others, and
# PAUSE and UNPAUSE are for all, over both protocols.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use Test::More;
use Time::HiRes qw(time);
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP;

my $WORKERS = 4;
my $CLIENTS = 24;

my $ngx = KS::Nginx->start(size => '32m', workers => $WORKERS, resp => '',
                           resp_listen => 'reuseport');

my @clients = map { $ngx->resp } 1 .. $CLIENTS;
my @ids = map { $_->run('CLIENT', 'ID') } @clients;
my %of = map { $ids[$_] => $clients[$_] } 0 .. $#ids;


sub numbers { return map { $_->[0] } sort { $a->[0] <=> $b->[0] } map { [$_] } @_ }


sub listed {
    my ($c, @args) = @_;

    return map { /^id=(\d+) / } split /\n/, $c->run('CLIENT', 'LIST', @args);
}


# Those of the client's own worker: inside of EXEC no other one is asked.
sub beside {
    my ($c) = @_;

    $c->run('MULTI');
    $c->run('CLIENT', 'LIST');

    my $list = $c->run('EXEC');

    return map { /^id=(\d+) / } split /\n/, $list->[0];
}


# Whether nothing comes for a moment: the reply to what was sent has to wait.
sub waits { return !IO::Select->new($_[0]{socket})->can_read(0.3) }


my %worker;

for my $id (@ids) {
    next if exists $worker{$id};
    my @own = beside($of{$id});
    @worker{@own} = ($id) x @own;
}

my %groups = map { $_ => 1 } values %worker;
cmp_ok(scalar keys %groups, '>', 1, 'connections lie with several workers');
is(scalar keys %worker, $CLIENTS, 'and each with one of them');

# --- LIST ---

my @all = numbers(@ids);

is_deeply([listed($_)], \@all, 'LIST has them all, by their numbers')
    for @clients[0, 7, 15];

my $first = $ids[0];
my ($far) = grep { $worker{$_} != $worker{$first} } @ids;

is_deeply([listed($of{$first}, 'ID', $far, $first, 999999, $far)], [$far, $first, $far],
          'some by their numbers, as asked for');
is_deeply([listed($of{$first}, 'ID', $far)], [$far], 'one of another worker');
is_deeply([listed($of{$first}, 'TYPE', 'normal')], \@all, 'by type');
is_deeply([listed($of{$first}, 'TYPE', 'replica')], [], 'and there are no others');

$of{$far}->run('CLIENT', 'SETNAME', 'far-away');
like($of{$first}->run('CLIENT', 'LIST', 'ID', $far),
     qr/^id=$far addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ .*name=far-away /,
     'with all that its worker knows');

# a pipeline keeps its order around a command that has to wait

my @replies = map { KS::RESP::value($_) }
    $of{$first}->replies(['SET', 'k', '1'], ['CLIENT', 'LIST', 'ID', $far],
                     ['GET', 'k'], ['CLIENT', 'ID']);

is($replies[0]{text}, 'OK', 'before it');
like($replies[1]{text}, qr/^id=$far /, 'itself');
is($replies[2]{text}, 1, 'behind it');
is($replies[3]{text}, $first, 'and at the end');

# --- KILL ---

sub gone {
    my ($id) = @_;

    ok(wait_for(10, sub { !grep { $_ == $id } listed($of{$first}) }),
       'it is in no list any more');
    ok(!defined $of{$id}->reply, 'and is closed');

    delete $of{$id};
    @ids = grep { $_ != $id } @ids;
}


sub far {
    my ($id) = grep { $_ != $first && $worker{$_} != $worker{$first} } @ids;

    return $id;
}

my $me = $of{$first};
my $victim = far();

is($me->run('CLIENT', 'KILL', 'ID', $victim), 1, 'KILL by number');
gone($victim);

$victim = far();
my ($addr) = $me->run('CLIENT', 'LIST', 'ID', $victim) =~ / addr=(\S+) /;
is($me->run('CLIENT', 'KILL', $addr), 'OK', 'KILL of an address, as of old');
gone($victim);
like($me->error('CLIENT', 'KILL', $addr), qr/^ERR No such client/,
     'nobody is there any more');

$victim = far();
($addr) = $me->run('CLIENT', 'LIST', 'ID', $victim) =~ / addr=(\S+) /;
is($me->run('CLIENT', 'KILL', 'ADDR', $addr, 'USER', 'default', 'TYPE',
            'normal', 'LADDR', '127.0.0.1:' . $ngx->resp_port), 1,
   'all filters together');
gone($victim);

is($me->run('CLIENT', 'KILL', 'MAXAGE', 100000), 0, 'nobody is so old');
is($me->run('CLIENT', 'KILL', 'TYPE', 'pubsub'), 0, 'nobody subscribes');

# --- over REST ---

my $http = $ngx->client;

is_deeply([map { /^id=(\d+) .* laddr=127/ }
           split /\n/, $http->run('CLIENT', 'LIST')],
          [numbers(@ids)], 'LIST over REST');

$victim = far();
is($http->run('CLIENT', 'KILL', 'ID', $victim), 1, 'and KILL');
gone($victim);

# --- PAUSE ---

my $w2 = $of{far()};
my ($w1) = grep { $_ != $w2 && $_ != $me } values %of;

is($me->run('CLIENT', 'PAUSE', 600000, 'WRITE'), 'OK', 'writes are paused');

$_->send(KS::RESP::encode('SET', 'p', $_ == $w1 ? 1 : 2)) for $w1, $w2;
ok(waits($_), 'a write waits') for $w1, $w2;

is($me->run('GET', 'k'), 1, 'reads do not');
is($http->run('GET', 'k'), '1', 'nor over REST');

my $writer = $ngx->client;
$writer->send($writer->build('POST', '/',
                             body => KS::HTTP::array('SET', 'q', 'rest')));

my $held;
wait_for(10, sub {
    ($held) = $me->run('CLIENT', 'LIST') =~ /^(id=.* flags=b .*)$/m;
});
like($held, qr/ addr=127\.0\.0\.1:\d+ .* user=default /,
     'a request that is held is a client');

my $victim_http = $ngx->client;
$victim_http->send($victim_http->build('POST', '/',
                   body => KS::HTTP::array('SET', 'never', 1)));
my $port = $victim_http->{socket}->sockport;
ok(wait_for(10, sub {
    $me->run('CLIENT', 'LIST') =~ / addr=127\.0\.0\.1:$port /
}), 'and another one');
is($me->run('CLIENT', 'KILL', 'ADDR', "127.0.0.1:$port"), 1, 'can be killed');

my ($multi) = grep { $_ != $w1 && $_ != $w2 && $_ != $me } values %of;
$multi->run('MULTI');
$multi->send(KS::RESP::encode('INCR', 'n'));
ok(waits($multi), 'a write waits before it is queued');

my ($other) = grep { $_ != $w1 && $_ != $w2 && $_ != $multi } values %of;
is($other->run('CLIENT', 'UNPAUSE'), 'OK', 'anyone ends it');
is(KS::RESP::value($_->reply)->{text}, 'OK', 'the write is done') for $w1, $w2;
is(KS::RESP::value($multi->reply)->{text}, 'QUEUED', 'and the other queued');
is($multi->run('EXEC')->[0], 1, 'and run');

is(KS::HTTP::decode($writer->response('POST'))->{result}, 'OK',
   'and that over REST');
is($me->run('EXISTS', 'never'), 0, 'what was killed was not done');

# all commands, for a time: it ends by itself

my $began = time;
$me->run('CLIENT', 'PAUSE', 3000, 'ALL');

$w1->send(KS::RESP::encode('GET', 'k'));
$w2->send(KS::RESP::encode('PING'));
ok(waits($w1), 'all commands wait');
is(KS::RESP::value($w1->reply)->{text}, 1, 'until it is over');
is(KS::RESP::value($w2->reply)->{text}, 'PONG', 'for each of them');
cmp_ok(time - $began, '>=', 2.99, 'and no sooner');

# --- a worker that is stopped is left out ---

my ($pid) = $ngx->workers;
$ngx->freeze($pid);

my @left;
ok(wait_for(20, sub {
    my $c = eval { local $KS::RESP::TIMEOUT = 5; $ngx->resp } // return 0;
    @left = listed($c);
    return 1;
}), 'LIST does not wait for a worker that is stopped');
cmp_ok(scalar @left, '<', scalar @ids + 1, 'and leaves out its connections');

$ngx->thaw;
ok(wait_for(20, sub { listed($me) >= @ids }), 'until it goes on');

$ngx->stop;
subtest 'amid a transaction' => sub {
    my $ngx = KS::Nginx->start(workers => 2, resp => '',
                               resp_listen => 'reuseport');
    my ($c, $d) = $ngx->two_workers;

    # what others are told, or a table that is made, costs it no lock
    for my $command (['CLIENT', 'UNPAUSE'], ['CLIENT', 'TRACKING', 'ON'],
                     ['CLIENT', 'TRACKING', 'OFF'])
    {
        $c->run('HELLO', 3);
        $c->run(@$_) for ['MULTI'], ['SET', 'a', 'x'], $command,
                         ['SET', 'b', 'y'];
        is_deeply($c->run('EXEC'), ['OK', 'OK', 'OK'], "@$command");
        is_deeply($d->run('MGET', 'a', 'b'), ['x', 'y'], 'and all is done');
    }

    like($d->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    close $_->{socket} for $c, $d;
    $ngx->stop;
};


done_testing;
