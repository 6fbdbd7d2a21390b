# Publish/subscribe between workers: order, commits, deaths, reloads, and
# clients that do not read.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP;

my $READONLY = $KS::Nginx::READONLY;


sub start {
    my (%options) = @_;

    return KS::Nginx->start(size => '16m', workers => 4, resp => '',
                            resp_listen => 'reuseport', %options);
}


sub message { return KS::RESP::encode('message', @_) }


# So many clients that subscribe to these channels.
sub subscribers {
    my ($ngx, $n, @channels) = @_;
    my @clients = map { $ngx->resp } 1 .. $n;

    for my $c (@clients) {
        $c->send(KS::RESP::encode('SUBSCRIBE', @channels));
        $c->take_replies(scalar @channels);
    }

    return @clients;
}


sub leave { close $_->{socket} for @_ }


# The pids of all workers, those that shut down included.
sub processes { return KS::Proc::children($_[0]->pid) }


subtest 'one order, over all workers' => sub {
    my $ngx = start();
    my @clients = subscribers($ngx, 16, 'a', 'b');
    my ($p, $q) = $ngx->two_workers;
    my $n = 500;

    # two publishers of different workers at a time
    for my $i (1 .. $n) {
        $p->send(KS::RESP::encode('PUBLISH', 'a', "p$i"));
        $q->send(KS::RESP::encode('PUBLISH', $i % 2 ? 'a' : 'b', "q$i"));
    }

    my %counts = map { $_ => 1 } $p->take_replies($n), $q->take_replies($n);
    is_deeply([keys %counts], [":16\r\n"], 'each was told to all');

    my @streams = map { join '', $_->take_replies(2 * $n) } @clients;
    my %different = map { $_ => 1 } @streams;

    is(scalar keys %different, 1, 'all have the same messages in one order');

    for my $who ('p', 'q') {
        is_deeply([$streams[0] =~ /\n$who(\d+)\r/g], [1 .. $n],
                  "those of $who in that of publishing");
    }

    leave(@clients, $p, $q);
    $ngx->stop;
};


subtest 'with the commit' => sub {
    my $ngx = start();
    my ($s) = subscribers($ngx, 1, 'c');
    my $http = $ngx->client;
    my $p = $ngx->resp;

    $p->run(@$_) for ['MULTI'], ['PUBLISH', 'c', 'first'], ['SET', 'k', 'v'],
                     ['PUBLISH', 'c', 'second'];
    $http->run('PUBLISH', 'c', 'before');
    is_deeply($p->run('EXEC'), [1, 'OK', 1], 'a transaction publishes');

    $http->run('EVAL', 'redis.call("PUBLISH", "c", "s1") '
                       . 'redis.call("PUBLISH", "c", "s2")', 0);
    like($http->error('EVAL', 'redis.call("PUBLISH", "c", "never") '
                              . 'local x = {} while true do x[#x + 1] = {} end',
                      0), qr/rolled back/, 'a script that is undone');

    like($http->request('POST', '/publish/c/path')->{body}, qr/"result":1/,
         'as a path');
    $http->pipeline(['PUBLISH', 'c', 'piped'], ['SPUBLISH', 'c', 'shard']);
    $http->post('[["PUBLISH","c","m1"],["PUBLISH","c","m2"]]',
                uri => '/multi-exec');

    is(join('', $s->take_replies(9)),
       join('', map { message('c', $_) }
            qw(before first second s1 s2 path piped m1 m2)),
       'each message comes with its commit');

    like($http->post('[["SUBSCRIBE","c"]]', uri => '/pipeline')->{body},
         qr/connections that stay open/, 'a pipeline does not subscribe');
    like($http->post('[["SUBSCRIBE","c"]]', uri => '/multi-exec')->{body},
         qr/connections that stay open/, 'nor in a transaction');
    like($http->error('EVAL', 'return redis.call("SUBSCRIBE", "c")', 0),
         qr/not allowed from script/, 'nor has a script');

    my $large = 't' x 300_000;
    like($p->error('PUBLISH', 'c', $large), qr/too large.*262128 bytes/,
         'a message may have a quarter of the journal');
    like($http->error('EVAL', 'for i = 1, 9 do redis.call("PUBLISH", "c", '
                              . 'ARGV[1]) end', 0, 't' x 100_000),
         qr/too large/, 'and those of a script together half of it');
    is($p->run('PUBLISH', 'c', 'end'), 1, 'what it has published till then');
    is(join('', $s->take_replies(6)),
       join('', message('c', 't' x 100_000) x 5, message('c', 'end')),
       'has come, and none that was too large');

    my $reader = KS::RESP->new(port => $ngx->resp_port, token => $READONLY);
    like($reader->error('PUBLISH', 'c', 'x'), qr/^NOPERM/,
         'who may read alone does not publish');
    $reader->run('SUBSCRIBE', 'c');
    is($p->run('PUBLISH', 'c', 'x'), 2, 'but subscribes');

    leave($s, $p, $reader);
    $http->close;
    $ngx->stop;
};


subtest 'deaths' => sub {
    my $kills = $ENV{KS_KILLS} // 20;
    my $ngx = start();
    $ngx->allow(qr/exited on signal 9/);

    for my $i (1 .. $kills) {
        my @clients = subscribers($ngx, 12, 'd');
        my $p = $ngx->resp;
        my @workers = $ngx->workers;
        my $victim = $workers[rand @workers];

        # messages are on their way when it is killed
        $p->send(join '', map { KS::RESP::encode('PUBLISH', 'd', $_) }
                          1 .. 50);
        kill 'KILL', $victim;
        wait_for(10, sub { !KS::Proc::alive($victim) });

        my $q = $ngx->resp;
        my $told = $q->run('PUBLISH', 'd', 'last');
        my $left = 0;

        for my $c (@clients) {
            my $last;

            while (defined(my $bytes = $c->reply)) {
                $last = $bytes;
                last if $bytes eq message('d', 'last');
            }

            $left++ if defined $last && $last eq message('d', 'last');
        }

        is($left, $told, "kill $i: all that were counted were told: $told");
        is($q->run('PUBSUB', 'NUMSUB', 'd')->[1], $left, 'and no more');
        leave(@clients, $p, $q);
    }

    my $http = $ngx->client;
    ok(wait_for(20, sub { !@{$http->run('PUBSUB', 'CHANNELS')} }),
       'nothing is left over');
    like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    $http->close;
    $ngx->stop;
};


subtest 'reloads' => sub {
    my $ngx = start(workers => 2, resp => 'keyspace_resp_timeout 1s;');
    my @clients = subscribers($ngx, 6, 'r');
    my $idle = $ngx->resp;
    my %old = map { $_ => 1 } $ngx->workers;

    kill 'HUP', $ngx->pid;
    ok(wait_for(20, sub { grep { !$old{$_} } processes($ngx) }),
       'new workers');
    is($idle->reply, undef, 'an idle client is let go');

    my $p;
    ok(wait_for(20, sub {
        $p = eval { $ngx->resp };
        $p && (eval { $p->run('PUBLISH', 'r', 'told') } // 0) == 6;
    }), 'one of the new workers publishes to clients of the old');
    is($_->reply, message('r', 'told'), 'it comes') for @clients;
    $clients[0]->run('UNSUBSCRIBE', 'r');

    leave(@clients);
    ok(wait_for(20, sub { !grep { $old{$_} } processes($ngx) }),
       'and the old ones end with their clients');

    # the one of before may have been idle for too long
    leave($p);
    $p = $ngx->resp;
    is($p->run('PUBSUB', 'NUMSUB', 'r')->[1], 0, 'of which none is left');
    $p->run('SUBSCRIBE', 'r');
    sleep 2;
    ok($p->run('PING'), 'a subscriber is never idle');
    leave($p);

    $ngx->{options}{main} = 'worker_shutdown_timeout 1s;';
    ok($ngx->reload, 'all have gone');
    my ($s) = subscribers($ngx, 1, 'r');
    ok($ngx->reload, 'worker_shutdown_timeout ends it');
    is($s->reply, undef, 'with its subscribers');

    leave($s);
    $ngx->stop;
};


# A worker that is stopped is told more than the journal holds.
subtest 'overtaken' => sub {
    my $ngx = start(workers => 2);
    my ($p, $s) = $ngx->two_workers;
    my ($mine) = $p->run('CLIENT', 'ID');
    my ($near) = grep { KS::Nginx::beside($_) =~ /^id=$mine /m }
                 map { $ngx->resp } 1 .. 40;
    my @workers = $ngx->workers;

    $s->run('SUBSCRIBE', 'o');
    $near->run('SUBSCRIBE', 'o');

    # the worker of $s is the one that is stopped
    my ($other) = $p->run('INFO', 'server') =~ /process_id:(\d+)/;
    my ($stopped) = grep { $_ != $other } @workers;

    $ngx->freeze($stopped);

    my $text = 't' x 100_000;
    $p->run('PUBLISH', 'o', $text) for 1 .. 15;
    is($near->reply, message('o', $text), 'others are told')
        for 1 .. 15;

    kill 'CONT', $stopped;
    is($s->reply, undef, 'whoever has missed a message is ended');
    is($p->run('PUBLISH', 'o', 'x'), 1, 'and is no subscriber');
    is(scalar(() = $ngx->log =~ /was told more at a time/g), 1,
       'the log says so once');

    leave($p, $s, $near);
    $ngx->stop;
};


subtest 'clients that do not read' => sub {
    my $ngx = start(workers => 1,
                    resp => 'keyspace_resp_pubsub_limit 2m 512k 2s;');
    my ($good, $hard) = subscribers($ngx, 2, 'h');
    my $p = $ngx->resp;
    my $text = 't' x 100_000;
    my $n = 0;

    # what the kernel takes is no matter
    while ($n < 500) {
        $p->run('PUBLISH', 'h', $text) == 2 or last;
        $good->reply eq message('h', $text) or last;
        $n++;
    }

    cmp_ok($n, '<', 500, "the hard limit ends one client");
    is($good->reply, message('h', $text), 'and no other');
    leave($good, $hard);
    ok(wait_for(20, sub { $p->run('PUBSUB', 'NUMSUB', 'h')->[1] == 0 }),
       'all go');
    like($ngx->log, qr/client has not read \d+ bytes/, 'the log says so');

    my ($soft) = subscribers($ngx, 1, 's');

    # it stays between the limits, which are told of in CLIENT LIST
    for (1 .. 500) {
        last if $p->run('CLIENT', 'LIST') =~ /sub=1 .* obl=(\d+)/
            && $1 > 1_000_000;
        $p->run('PUBLISH', 's', $text);
    }

    ok(wait_for(20, sub { $p->run('PUBSUB', 'NUMSUB', 's')->[1] == 0 }),
       'and the soft limit another one, after its time');
    like($ngx->log, qr/client has been behind for 2000 ms/,
         'which the log says');

    leave($soft, $p);
    $ngx->stop;
};


subtest 'many, and long ones' => sub {
    my $ngx = start(size => '64m');
    my $p = $ngx->resp;
    my $many = $ngx->resp;
    my $n = 10_000;

    $many->send(KS::RESP::encode('SUBSCRIBE', map { "ch$_" } 1 .. $n));
    is(($many->take_replies($n))[-1],
       "*3\r\n\$9\r\nsubscribe\r\n\$7\r\nch10000\r\n:10000\r\n",
       '10,000 channels of one client');
    is(scalar @{$p->run('PUBSUB', 'CHANNELS')}, $n, 'are there');
    is($p->run('PUBLISH', 'ch77', 'x'), 1, 'one is told');
    is($many->reply, message('ch77', 'x'), 'and it comes');

    leave($many);
    ok(wait_for(30, sub { !@{$p->run('PUBSUB', 'CHANNELS')} }),
       'and go with it');

    my $long = 'n' x 65536;
    my ($s) = subscribers($ngx, 1, $long);
    is($p->run('PUBLISH', $long, 'x'), 1, 'a name of 64 kB');
    is($s->reply, message($long, 'x'), 'as a channel');
    $s->run('PSUBSCRIBE', ('*a' x 30_000) . 'b', '*' x 60_000 . 'c');
    $s->reply;

    my $http = $ngx->client;
    my $hostile = ('a' x 60_000);
    $p->run('PUBLISH', $hostile, 'x') for 1 .. 20;
    is($s->run('PING')->[0], 'pong', 'patterns of great cost match nothing');
    is($http->run('PING'), 'PONG', 'and others are served');

    leave($s, $p);
    like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    $http->close;
    $ngx->stop;
};


subtest 'keyspace notifications' => sub {
    my $ngx = start(zone => 'notify_keyspace_events KEA;');
    my ($s) = subscribers($ngx, 1, '__keyevent@0__:set');
    my $q = $ngx->resp;
    my $p = $ngx->resp;

    $q->run('PSUBSCRIBE', '__key*__:*');
    $p->run('SET', 'k', 'v');
    is($s->reply, message('__keyevent@0__:set', 'k'), 'to a channel');
    is(join('', $q->take_replies(2)),
       join('', map { KS::RESP::encode('pmessage', '__key*__:*', @$_) }
            ['__keyspace@0__:k', 'set'], ['__keyevent@0__:set', 'k']),
       'and to a pattern');

    leave($s, $q, $p);
    $ngx->stop;
};


done_testing;
