# Streams of events over REST: their forms, any bytes, clients that go or do not
# read, workers that die, reload and are overtaken, HTTP/2, heartbeats.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Nginx;
use KS::Proc qw(alive capture installed slurp spawn_command stop_pid wait_for);
use KS::RESP;
use KS::Stream;

my $TOKEN = $KS::Nginx::TOKEN;
my $READONLY = $KS::Nginx::READONLY;


sub start {
    my (%options) = @_;

    return KS::Nginx->start(size => '16m', workers => 4, resp => '',
                            resp_listen => 'reuseport',
                            server => 'listen 127.0.0.1:%PORT2% reuseport;',
                            %options);
}


# So many streams of a path, whose beginning was read, on all workers.
sub streams {
    my ($ngx, $n, $path, %options) = @_;
    my @streams = map {
        KS::Stream->open($ngx, $path, port => $ngx->port2, %options)
    } 1 .. $n;

    $_->event for @streams;

    return @streams;
}


sub leave { $_->close for @_ }


sub nobody {
    my ($ngx, $channel) = @_;

    return wait_for(20, sub {
        $ngx->client->run('PUBSUB', 'NUMSUB', $channel)->[1] == 0;
    });
}


# The pids of all workers, those that shut down included.
sub processes { return KS::Proc::children($_[0]->pid) }


subtest 'requests' => sub {
    my $ngx = start(log_format => '$request|$keyspace_command|$keyspace_status',
                    locations => 'location / { keyspace_rest main; }
                                  location /redis/ { keyspace_rest main; }');
    my $http = $ngx->client;

    my @t = (
        ['GET', '/subscribe/a', {}, 'subscribe,a,1'],
        ['POST', '/subscribe/a', {}, 'subscribe,a,1'],
        ['POST', '/subscribe/a', { body => '[]' }, 'subscribe,a,1'],
        ['POST', '/Subscribe/a', { body => 'more' }, 'subscribe,a,1'],
        ['POST', '/subscribe', { body => 'a' }, 'subscribe,a,1'],
        ['POST', '/', { body => '["SUBSCRIBE","a"]' }, 'subscribe,a,1'],
        ['POST', '/', { body => 'subscribe a' }, 'subscribe,a,1'],
        ['GET', '/redis/subscribe/a', {}, 'subscribe,a,1'],
        ['GET', "/subscribe/a?_token=$TOKEN", { token => undef },
         'subscribe,a,1'],
        ['GET', '/subscribe/a', { token => $READONLY }, 'subscribe,a,1'],
        ['GET', '/subscribe/a', { version => '1.0' }, 'subscribe,a,1'],
        ['GET', '/subscribe/a%2Fb', {}, 'subscribe,a/b,1'],
        ['GET', '/psubscribe/a*', {}, 'psubscribe,a*,1'],
        ['GET', '/ssubscribe/a', {}, 'ssubscribe,a,1'],
        ['GET', '/subscribe/a%2Cb', {}, 'subscribe, "a\u002cb",1'],
    );

    for my $t (@t) {
        my ($method, $path, $o, $event) = @$t;
        my $s = KS::Stream->open($ngx, $path, method => $method, %$o);

        is($s->event, $event, "$method $path");
        is($s->{headers}{'content-type'}, 'text/event-stream', 'its type');
        $s->close;
    }

    my $s = KS::Stream->open($ngx, "/subscribe/a/b/c?_token=$TOKEN",
                             token => undef);
    is_deeply([map { $s->event } 1 .. 3],
              ['subscribe,a,1', 'subscribe,b,2', 'subscribe,c,3'],
              'several channels');
    is($s->{status}, 200, 'status');
    is($s->{headers}{'cache-control'}, 'no-store', 'nothing stores it');
    is($s->{headers}{'x-accel-buffering'}, 'no', 'nor does a proxy');
    is($s->{headers}{'content-length'}, undef, 'it has no length');
    ok($s->{headers}{'upstash-sync-token'}, 'Upstash-Sync-Token');
    ok(wait_for(20, sub {
        "@{$http->run('PUBSUB', 'NUMSUB', 'a', 'b', 'c')}" eq 'a 1 b 1 c 1'
    }), 'those that have gone are not counted');
    $s->close;
    ok(nobody($ngx, 'c') && nobody($ngx, 'a'),
       'nor is this one when it has gone');

    my $r = KS::HTTP->new(port => $ngx->port, token => $TOKEN)
                    ->request('HEAD', '/subscribe/a');
    is($r->{headers}{'content-type'}, 'text/event-stream', 'HEAD');
    is($http->run('PUBSUB', 'NUMSUB', 'a')->[1], 0, 'subscribes to nothing');

    ok(wait_for(20, sub { $ngx->access_log =~ /subscribe.a.b.c/ }),
       'it is in the log then');
    like($ngx->access_log,
         qr{^GET /subscribe/a/b/c\?_token=\* HTTP/1.1\|subscribe\|ok$}m,
         'without its token');
    unlike($ngx->access_log . $ngx->log, qr/\Q$TOKEN/, 'nowhere');
    $http->close;
    $ngx->stop;
};


subtest 'errors' => sub {
    my $ngx = start(http => 'client_max_body_size 8m;');
    my $many = join ',', map { "\"c$_\"" } 1 .. 1025;
    my $long = 'n' x 65537;

    my @t = (
        ['GET', '/subscribe', {}, 400, qr/wrong number of arguments/],
        ['GET', '/subscribe/', {}, 200, undef],     # the channel ""
        ['GET', '/subscribe/a', { token => undef }, 401, qr/WRONGPASS/],
        ['GET', '/subscribe/a', { token => 'x' }, 401, qr/WRONGPASS/],
        ['DELETE', '/subscribe/a', {}, 405, qr/not allowed/],
        ['GET', '/subscribe/%zz', {}, 400, qr/cannot read/],
        ['POST', '/', { body => "[\"SUBSCRIBE\",$many]" }, 400,
         qr/too many channels.*1024/],
        ['POST', '/', { body => "[\"SUBSCRIBE\",\"$long\"]" }, 400,
         qr/too long.*64 kB/],
        ['POST', '/', { body => '["UNSUBSCRIBE","a"]' }, 400,
         qr/connections that stay open/],
        ['POST', '/pipeline', { body => '[["SUBSCRIBE","a"]]' }, 200,
         qr/connections that stay open/],
        ['POST', '/multi-exec', { body => '[["SUBSCRIBE","a"]]' }, 400,
         qr/connections that stay open/],
    );

    for my $t (@t) {
        my ($method, $path, $o, $status, $says) = @$t;
        my $s = KS::Stream->open($ngx, $path, method => $method, %$o);

        is($s->{status}, $status, "$method $path: $status");

        if ($says) {
            like($s->{headers}{'content-type'}, qr/json/, 'as JSON');
            like($s->text, $says, 'what is wrong');
        }

        $s->close;
    }

    my $http = $ngx->client;
    ok(wait_for(20, sub { !@{$http->run('PUBSUB', 'CHANNELS')} }),
       'none of them subscribes');
    $http->close;

    for my $wrong ('keyspace_rest_stream_limit 1m 1x 2s;',
                   'keyspace_rest_stream_limit 1m 1m;',
                   'keyspace_rest_heartbeat never;')
    {
        my ($code, $out) = KS::Nginx->check(http => $wrong);
        isnt($code, 0, $wrong) or diag($out);
    }

    $ngx->stop;
};


subtest 'one order, over all workers' => sub {
    my $ngx = start();
    my @streams = streams($ngx, 12, '/psubscribe/*');
    my ($p, $q) = $ngx->two_workers;
    my $n = 300;

    for my $i (1 .. $n) {
        $p->send(KS::RESP::encode('PUBLISH', 'a', "p$i"));
        $q->send(KS::RESP::encode('PUBLISH', 'b', "q$i"));
    }

    my %counts = map { $_ => 1 } $p->take_replies($n), $q->take_replies($n);
    is_deeply([keys %counts], [":12\r\n"], 'each was told to all');

    my %different;

    for my $s (@streams) {
        $different{join "\n", map { $s->event } 1 .. 2 * $n}++;
    }

    is(scalar keys %different, 1, 'all have the same events in one order');

    my ($all) = keys %different;
    is_deeply([$all =~ /^pmessage,\*,a,p(\d+)$/mg], [1 .. $n],
              'a publisher\'s in that of publishing');

    leave(@streams);
    close $_->{socket} for $p, $q;
    $ngx->stop;
};


# What EventSource and those that split lines make of it must be the same.
subtest 'any bytes' => sub {
    my $ngx = start(size => '64m');
    my $http = $ngx->resp;
    my ($s) = streams($ngx, 1, '/psubscribe/*');
    my @texts = (
        '', 'x', "\n", "a\nb", "a\r\nb", "a\rb", "a\n\ndata: message,c,forged",
        "x\ndata: message,c,forged\n\n", "\ndata: forged", "\0", "\x1b[1m\x7f",
        '1,2,,3', ',', ' "', ' "quoted"', '"quoted"', ' quoted', "\t tab",
        '{"n":[1,2,{"a":"b\nc"}]}', "{\n  \"pretty\": true\n}",
        "\xe2\x82\xac \xf0\x9f\x98\x80", "\xff", "\xe2\x82", "\xc0\x80",
        "\xed\xa0\x80", "\xe2\x80\xa8", "\\", '\\u0041', "\xff\\\"\n",
        join('', map { chr } 0 .. 255), 'long ' x 100_000, "\xff" x 50_000,
    );

    push @texts, join '', map { chr(rand() < 0.5 ? rand 256 : 32 + rand 96) }
                          1 .. rand 40
        for 1 .. 300;

    for my $text (@texts) {
        my $channel = length $text && length $text < 1000 && rand() < 0.5
            ? $text : 'plain';

        $http->run('PUBLISH', $channel, $text);
        my $event = $s->event;

        unlike($event, qr/[\x00-\x08\x0a-\x1f]/, 'one line')
            if $event =~ /[\x00-\x08\x0a-\x1f]/;

        my @fields = split /,/, $event, 4;
        my @got = map { KS::Stream::bytes($_) } @fields;

        if (join('|', map { unpack 'H*', $_ } @got)
            ne join('|', map { unpack 'H*', $_ }
                         'pmessage', '*', $channel, $text))
        {
            fail('a message comes as it was published');
            diag($event);
        }
    }

    $http->run('PUBLISH', 'c', 'last');
    is($s->event, 'pmessage,*,c,last', 'one event for each message');
    leave($s);
    close $http->{socket};
    $ngx->stop;
};


subtest 'what stands around' => sub {
    my $ngx = start(http => 'gzip on; gzip_types *; gzip_min_length 0;
                             gzip_proxied any;',
                    locations => 'location / { keyspace_rest main;
                                      keyspace_cors https://app.example; }
                                  location /slow/ { keyspace_rest main;
                                                    limit_rate 1000; }');
    my $p = $ngx->resp;
    my ($s) = streams($ngx, 1, '/subscribe/c',
                      headers => ['Accept-Encoding: gzip',
                                  'Origin: https://app.example']);
    is($s->{headers}{'content-encoding'}, undef, 'nothing is compressed');
    is($s->{headers}{'access-control-allow-origin'}, 'https://app.example',
       'a page of another origin may read it');
    leave($s);
    ok(nobody($ngx, 'c'), 'it goes');

    ($s) = streams($ngx, 1, '/slow/subscribe/c');
    $p->run('PUBLISH', 'c', 'x' x 1500);
    $p->run('PUBLISH', 'c', 'y');
    is(length $s->event, 1500 + 10, 'limit_rate makes it slow');
    is($s->event, 'message,c,y', 'and that is all');
    leave($s);
    close $p->{socket};
    $ngx->stop;
};


subtest 'clients that do not read' => sub {
    my $ngx = start(workers => 1,
                    http => 'keyspace_rest_stream_limit 2m 512k 2s;');
    my ($good) = streams($ngx, 1, '/subscribe/h');
    my ($hard) = streams($ngx, 1, '/subscribe/h', rcvbuf => 4096);
    my $p = $ngx->resp;
    my $text = 't' x 100_000;
    my $n = 0;

    # what the kernel takes is no matter
    while ($n < 500) {
        $p->run('PUBLISH', 'h', $text) == 2 or last;
        $good->event eq "message,h,$text" or last;
        $n++;
    }

    cmp_ok($n, '<', 500, 'the hard limit ends one client');
    is($good->event, "message,h,$text", 'and no other');
    leave($good);
    ok(nobody($ngx, 'h'), 'all go');
    like($ngx->log, qr/client has not read \d+ bytes of a stream/,
         'the log says so');
    leave($hard);

    my ($soft) = streams($ngx, 1, '/subscribe/s', rcvbuf => 4096);
    my $sent = 0;

    # small steps: the system takes what it wants, and then it is behind
    while ($sent < 200 && $ngx->log !~ /has been behind/) {
        $p->run('PUBLISH', 's', 't' x 60_000) or last;
        $sent++;
        sleep 0.05 if $sent > 40;
    }

    ok(nobody($ngx, 's'), 'a limit ends another one');
    leave($soft);
    close $p->{socket};
    $ngx->stop;
};


subtest 'the soft limit' => sub {
    my $ngx = start(workers => 1,
                    http => 'keyspace_rest_stream_limit 0 4k 2s;',
                    locations => 'location / { keyspace_rest main;
                                               limit_rate 100; }');
    my ($s) = streams($ngx, 1, '/subscribe/s');
    my $p = $ngx->resp;

    $p->run('PUBLISH', 's', 't' x 50_000);
    ok(nobody($ngx, 's'), 'it ends a client that is behind for long');
    like($ngx->log, qr/client has been behind for 2000 ms with a stream/,
         'which the log says');
    leave($s);
    close $p->{socket};
    $ngx->stop;
};


subtest 'deaths' => sub {
    my $kills = $ENV{KS_KILLS} // 10;
    my $ngx = start();
    $ngx->allow(qr/exited on signal 9/);

    for my $i (1 .. $kills) {
        my @streams = streams($ngx, 8, '/subscribe/d');
        my @workers = $ngx->workers;
        my $victim = $workers[rand @workers];
        my $p = $ngx->resp;

        $p->send(join '', map { KS::RESP::encode('PUBLISH', 'd', $_) }
                          1 .. 50);
        kill 'KILL', $victim;
        wait_for(10, sub { !alive($victim) });

        my $q = $ngx->resp;
        my $told = $q->run('PUBLISH', 'd', 'last');
        my $left = 0;

        for my $s (@streams) {
            my $event;
            1 while defined($event = $s->event) && $event ne 'message,d,last';
            $left++ if defined $event;
        }

        is($left, $told, "kill $i: all that were counted were told: $told");
        leave(@streams);
        close $_->{socket} for $p, $q;
    }

    my $http = $ngx->client;
    ok(nobody($ngx, 'd'), 'nothing is left over');
    like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    $http->close;
    $ngx->stop;
};


subtest 'reloads' => sub {
    my $ngx = start(workers => 2, http => 'keyspace_rest_heartbeat 300ms;');
    my @streams = streams($ngx, 6, '/subscribe/r');
    my %old = map { $_ => 1 } $ngx->workers;

    kill 'HUP', $ngx->pid;
    ok(wait_for(20, sub { grep { !$old{$_} } processes($ngx) }),
       'new workers');

    my $p;
    ok(wait_for(20, sub {
        $p = eval { $ngx->resp };
        $p && eval { $p->run('PUBLISH', 'r', 'told') } == 6;
    }), 'one of the new workers publishes to streams of the old');
    is($_->event, 'message,r,told', 'it comes') for @streams;
    ok($_->comments($_->{comments} + 2), 'and so do heartbeats')
        for @streams;

    leave(@streams);
    ok(wait_for(20, sub { !grep { $old{$_} } processes($ngx) }),
       'the old ones end with their streams');
    ok(nobody($ngx, 'r'), 'of which none is left');
    close $p->{socket};

    $ngx->{options}{http} = 'keyspace_rest_heartbeat 0;';
    $ngx->{options}{main} = 'worker_shutdown_timeout 1s;';
    ok($ngx->reload, 'all have gone');
    my ($s) = streams($ngx, 1, '/subscribe/r');
    ok($ngx->reload, 'worker_shutdown_timeout ends it');
    is($s->event, undef, 'with its streams');

    leave($s);
    $ngx->stop;
};


subtest 'MONITOR' => sub {
    my $ngx = start();
    my @streams = streams($ngx, 6, '/monitor');
    my $http = $ngx->client;
    my $p = $ngx->resp;

    $http->run('SET', "k\n", "v\xff");
    $p->run('EVAL', 'return redis.call("GET", "x")', 0);

    for my $s (@streams) {
        my $line;
        1 while defined($line = $s->event) && $line !~ /"SET"/;

        like($line, qr/^\d+\.\d{6} \[0 .*\] "SET" "k\\n" "v\\xff"$/,
             'a line in Redis\'s format, from any worker');
        1 while defined($line = $s->event) && $line !~ /"GET"/;
        like($line, qr/\[0 lua\] "GET" "x"$/, 'and a script\'s');
    }

    my $s = KS::Stream->open($ngx, '/monitor', token => $READONLY);
    is($s->{status}, 400, 'a read-only token');
    like($s->text, qr/NOPERM/, 'sees nothing');

    $s = KS::Stream->open($ngx, '/monitor', method => 'POST', body => '[]');
    is($s->event, '"OK"', 'POST, with what an SDK sends');
    like($http->post('[["MONITOR"]]', uri => '/pipeline')->{body},
         qr/connections that stay open/, 'not in a pipeline');

    like($p->run('CLIENT', 'LIST'), qr/ flags=O .* cmd=monitor /,
         'CLIENT LIST');
    leave(@streams, $s);
    ok(wait_for(20, sub { $p->run('CLIENT', 'LIST') !~ /cmd=monitor/ }),
       'they go');
    $http->close;
    close $p->{socket};
    $ngx->stop;
};


subtest 'clients of the zone' => sub {
    my $ngx = start();
    my @streams = streams($ngx, 12, '/subscribe/k/l');
    my $http = $ngx->client;
    my $p = $ngx->resp;
    my @lines;

    ok(wait_for(20, sub {
        @lines = grep { / cmd=subscribe / } split /\n/,
                 $p->run('CLIENT', 'LIST', 'TYPE', 'pubsub');
        return @lines == 12;
    }), 'CLIENT LIST shows those of all workers');

    my ($id, $addr) = $lines[0] =~ /^id=(\d+) addr=(127\.0\.0\.1:\d+) /;
    my $port = $ngx->port2;

    like($lines[0], qr/ laddr=127\.0\.0\.1:$port .* flags=P .* sub=2 /,
         'and what they are');
    like($p->run('CLIENT', 'LIST', 'ID', $id), qr/^id=$id addr=$addr /,
         'also one of them');
    is($p->run('CLIENT', 'KILL', 'ID', $id), 1, 'CLIENT KILL reaches it');

    ok(wait_for(20, sub {
        $http->run('PUBSUB', 'NUMSUB', 'k')->[1] == 11
    }), 'it is no subscriber any more');

    is($http->run('PUBLISH', 'k', 'x'), 11, 'the others are');

    my @events = map { [$_->event, $_->event] } @streams;
    my @ended = grep { !defined $events[$_][1] } 0 .. $#streams;

    is(scalar @ended, 1, 'and hear it');
    ok($streams[$ended[0]]{complete}, 'the response of the one is complete');
    is($p->run('CLIENT', 'KILL', 'TYPE', 'pubsub'), 11, 'and then all');
    ok(nobody($ngx, 'k'), 'none is left');

    leave(@streams);
    $http->close;
    close $p->{socket};
    $ngx->stop;
};


# A worker that is stopped is told more than the journal holds.
subtest 'overtaken' => sub {
    my $ngx = start(workers => 2);
    my @streams = streams($ngx, 24, '/subscribe/o');
    my $p = $ngx->resp;
    my ($other) = $p->run('INFO', 'server') =~ /process_id:(\d+)/;
    my ($stopped) = grep { $_ != $other } $ngx->workers;

    $ngx->freeze($stopped);

    my $text = 't' x 100_000;
    $p->run('PUBLISH', 'o', $text) for 1 .. 15;
    kill 'CONT', $stopped;

    my ($whole, $ended) = (0, 0);

    for my $s (@streams) {
        my $n = 0;
        $n++ while $n < 15 && defined $s->event;
        $n == 15 ? $whole++ : $ended++;
    }

    is($p->run('PUBLISH', 'o', 'x'), $whole,
       "$whole have all messages, and $ended are told that they have not");
    ok($ended, 'some were');

    leave(@streams);
    close $p->{socket};
    $ngx->stop;
};


subtest 'heartbeats' => sub {
    my $ngx = start(http => 'keyspace_rest_heartbeat 200ms;');
    my @streams = streams($ngx, 300, '/subscribe/b');

    ok((grep { $_->comments(3) } @streams) == 300, 'each stream has its');
    my $p = $ngx->resp;
    is($p->run('PUBLISH', 'b', 'x'), 300, 'all are there');
    is((grep { $_->event eq 'message,b,x' } @streams), 300,
       'and they are no events');

    leave(@streams);
    ok(nobody($ngx, 'b'), 'all go');
    close $p->{socket};
    $ngx->stop;
};


subtest 'HTTP/2' => sub {
    plan skip_all => 'there is no curl with HTTP/2'
        unless installed('curl') && (capture(10, {}, 'curl', '-V'))[1] =~ /HTTP2/;

    my $ngx = start(http => 'keyspace_rest_stream_limit 2m 512k 2s;
                             keyspace_rest_heartbeat 100ms;',
                    server => '',
                    locations => 'listen 127.0.0.1:%PORT2% http2;
                                  location / { keyspace_rest main; }');
    my $out = $ngx->dir . '/events';
    my $url = 'http://127.0.0.1:' . $ngx->port2;
    my $p = $ngx->resp;

    # two streams in one connection
    my $pid = spawn_command($out, {}, 'curl', '-sSN', '--no-progress-meter',
                            '--http2-prior-knowledge', '--parallel',
                            '--parallel-immediate',
                            '-H', "Authorization: Bearer $TOKEN",
                            "$url/subscribe/c", "$url/subscribe/d");

    ok(wait_for(20, sub {
        "@{$p->run('PUBSUB', 'NUMSUB', 'c', 'd')}" eq 'c 1 d 1'
    }), 'two streams');

    my $text = 't' x 200_000;
    $p->run('PUBLISH', 'c', $_) for 1 .. 100, $text, 'last';
    $p->run('PUBLISH', 'd', 'other');

    ok(wait_for(20, sub {
        my $got = slurp($out) // '';
        $got =~ /message,c,last/ && $got =~ /message,d,other/ && $got =~ /^:$/m
    }), 'get their messages and heartbeats');

    my $got = slurp($out);
    is_deeply([$got =~ /^data: message,c,(\d+)$/mg], [1 .. 100], 'in order');
    like($got, qr/^data: message,c,$text$/m, 'long ones, too');

    kill 'STOP', $pid;
    my $n = 0;
    $n++ while $n < 500 && $p->run('PUBLISH', 'c', $text);
    cmp_ok($n, '<', 500, 'one that does not read is ended');
    kill 'CONT', $pid;
    stop_pid($pid, 'TERM');
    ok(nobody($ngx, 'd'), 'the other one goes with its connection');

    close $p->{socket};
    $ngx->stop;
};


# How often the workers have gone to sleep so far.
sub sleeps {
    my ($ngx) = @_;
    my $sum = 0;

    for my $pid ($ngx->workers) {
        my ($n) = slurp("/proc/$pid/status") =~ /^voluntary\w+:\s+(\d+)/m;
        $sum += $n;
    }

    return $sum;
}


subtest 'idle' => sub {
    my %wanted = ('0' => 0, '2s' => 2 * 6);
    my (%ngx, %streams, %before);

    for my $beat (sort keys %wanted) {
        $ngx{$beat} = start(workers => 2, connections => 1200,
                            http => "keyspace_rest_heartbeat $beat;");
        $streams{$beat} = [streams($ngx{$beat}, 1000, '/subscribe/i')];
    }

    # what came with the connections ends first
    my ($last, $same) = ('', 0);
    ok(wait_for(30, sub {
        my $now = sleeps($ngx{0});
        $same = $now eq $last ? $same + 1 : 0;
        $last = $now;
        return $same == 3;
    }, 1.5), 'the workers come to rest');

    $before{$_} = sleeps($ngx{$_}) for keys %wanted;
    sleep 10;

    is(sleeps($ngx{0}), $before{0}, '1,000 streams: nobody woke up');

    # one tick wakes each worker once; what it writes wakes nobody
    cmp_ok(sleeps($ngx{'2s'}) - $before{'2s'}, '<=', 2 * $wanted{'2s'},
           'with heartbeats, for these alone');

    for my $beat (sort keys %wanted) {
        is($ngx{$beat}->client->run('PUBLISH', 'i', 'x'), 1000,
           'all are there');
        leave(@{$streams{$beat}});
        $ngx{$beat}->stop;
    }
};


# What is kept for a stream does not grow with what it was sent.
subtest 'for long' => sub {
    plan skip_all => 'a sanitizer keeps what is freed' if $ENV{KS_PRELOAD};

    my $ngx = start(workers => 1);
    my ($s) = streams($ngx, 1, '/subscribe/l');
    my $p = $ngx->resp;
    my @size;

    for my $round (1 .. 3) {
        for my $batch (1 .. 200) {
            $p->send(join '', map { KS::RESP::encode('PUBLISH', 'l', "m$_") }
                              1 .. 100);
            $p->take_replies(100);
            $s->event for 1 .. 100;
        }

        my ($pid) = $ngx->workers;
        push @size, slurp("/proc/$pid/status") =~ /VmData:\s+(\d+)/;
    }

    cmp_ok($size[2] - $size[1], '<', 200,
           "20,000 events more take no memory ($size[1], $size[2] kB)");
    leave($s);
    close $p->{socket};
    $ngx->stop;
};


done_testing;
