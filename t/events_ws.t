# keyspace_events over WebSocket: the handshake and who may make one, the same
# events as frames, and what a client may send.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Stream;
use KS::WebSocket;


sub start {
    my ($events, %options) = @_;

    return KS::Nginx->start(size => '16m', workers => 1,
                            locations => "location / { keyspace_rest main; }\n"
                                         . $events, %options);
}


subtest 'the handshake' => sub {
    my $ngx = start(<<'CONF');
        location /log { keyspace_events main stream=log; }
        location /of { keyspace_events main stream=of:$arg_who; }
        location /shut { keyspace_events main stream=log; deny all; }
CONF
    my $ws = KS::WebSocket->open($ngx, '/log');

    is($ws->{status}, 101, 'status');
    is($ws->{headers}{upgrade}, 'websocket', 'Upgrade');
    is(lc $ws->{headers}{connection}, 'upgrade', 'Connection');
    is($ws->{headers}{'sec-websocket-accept'}, $KS::WebSocket::ACCEPT,
       'the answer to its key');
    is($ws->{headers}{$_}, undef, "no $_")
        for qw(content-length transfer-encoding content-type);
    $ws->close;

    my $key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    my @t = (
        [101, 'any case', 'upgrade: WebSocket', 'connection: UPGRADE', $key,
         'Sec-WebSocket-Version: 13'],
        [426, 'another version', 'Upgrade: websocket', 'Connection: Upgrade',
         $key, 'Sec-WebSocket-Version: 8'],
        [400, 'no version', 'Upgrade: websocket', 'Connection: Upgrade', $key],
        [400, 'no key', 'Upgrade: websocket', 'Connection: Upgrade',
         'Sec-WebSocket-Version: 13'],
        [400, 'a key that is none', 'Upgrade: websocket',
         'Connection: Upgrade', 'Sec-WebSocket-Key: x',
         'Sec-WebSocket-Version: 13'],
        [400, 'no Connection', 'Upgrade: websocket', $key,
         'Sec-WebSocket-Version: 13'],
        [200, 'another protocol', 'Upgrade: h2c', 'Connection: Upgrade',
         'Accept: text/event-stream'],
    );

    for (@t) {
        my ($status, $what, @headers) = @$_;
        my $s = KS::WebSocket->open($ngx, '/log', headers => \@headers);

        is($s->{status}, $status, "$what: $status");
        is($s->{headers}{'sec-websocket-version'}, 13, 'which one it is')
            if $status == 426;
        $s->close;
    }

    is(KS::WebSocket->open($ngx, '/log', method => 'POST',
                           more => ['Content-Length: 0'])->{status}, 405,
       'POST');
    is(KS::WebSocket->open($ngx, '/shut')->{status}, 403, 'deny');
    is(KS::WebSocket->open($ngx, '/of')->{status}, 404, 'an empty name');
    is(KS::WebSocket->open($ngx, '/log?wait=0', version => '1.0')->{status}, 200,
       'HTTP/1.0 has no upgrade');
    $ngx->stop;
};


subtest 'origins' => sub {
    my $ngx = start(<<'CONF');
        location /none { keyspace_events main stream=log; }
        location /cors {
            keyspace_events main stream=log;
            keyspace_cors https://app.example;
        }
        location /any { keyspace_events main stream=log; keyspace_cors *; }
        location /own {
            keyspace_events main stream=log origin=https://one.example
                            origin=https://two.example;
            keyspace_cors *;
        }
        location /all { keyspace_events main stream=log origin=*; }
CONF
    my @t = (
        ['/none', undef, 101], ['/none', 'http://localhost', 101],
        ['/none', 'https://LOCALHOST', 101],
        ['/none', 'http://localhost:81', 403], ['/none', 'null', 403],
        ['/none', 'http://localhost.evil.example', 403],
        ['/none', 'http://evil.example/localhost', 403],
        ['/none', 'localhost', 403], ['/none', '://localhost', 101],
        ['/cors', 'https://app.example', 101],
        ['/cors', 'https://evil.example', 403],
        ['/cors', 'http://localhost', 101],
        ['/any', 'https://evil.example', 101],
        ['/any', 'https://evil.example', 403, 'Cookie: sid=1'],
        ['/any', 'https://evil.example', 403, 'Authorization: Basic eA=='],
        ['/any', 'http://localhost', 101, 'Cookie: sid=1'],
        ['/own', 'https://two.example', 101, 'Cookie: sid=1'],
        ['/own', 'https://evil.example', 403],
        ['/all', 'https://evil.example', 101, 'Cookie: sid=1'],
    );

    for (@t) {
        my ($path, $origin, $status, @more) = @$_;
        my $s = KS::WebSocket->open($ngx, $path, more => [
            defined $origin ? "Origin: $origin" : (), @more,
        ]);

        is($s->{status}, $status,
           join ' ', "$path:", $origin // 'no origin', @more);
        $s->close;
    }

    $ngx->stop;
};


subtest 'events' => sub {
    my $ngx = start(<<'CONF');
        location /log {
            keyspace_events main stream=log from=start event=kind;
        }
        location /now { keyspace_events main stream=log; }
        location /news { keyspace_events main channel=news; }
        location /any { keyspace_events main pattern=n*; }
        location /json { keyspace_events main channel=news data=json; }
CONF
    my $http = $ngx->client;
    my ($log, $now, $news, $any, $json) = map {
        KS::WebSocket->open($ngx, $_)
    } qw(/log /now /news /any /json);

    is_deeply($log->event, { id => '0-0' }, 'where it begins');
    $http->run('XADD', 'log', '1-0', 'kind', "a\nb", 'x', "\xe2\x82\xac");
    is_deeply($log->event, { id => '1-0', event => "a\nb",
                             data => { kind => "a\nb", x => "\x{20ac}" } },
              'an entry');
    is_deeply([map { $_->{id} } $now->event, $now->event], ['0-0', '1-0'],
              'live');

    $http->run('XADD', 'log', '2-0', 'x', "\xff\"\\");
    is($log->text, '{"id":"2-0","data":{"x":"\\udcff\\"\\\\"}}', 'any bytes');
    $http->run('XADD', 'log', '3-0', 'x', 'x' x 100), $log->event;
    $http->run('XADD', 'log', '4-0', 'x', 'x' x 70_000);
    is(length $log->event->{data}{x}, 70_000, 'a long frame');

    ok(wait_for(20, sub {
        $http->run('PUBSUB', 'NUMSUB', 'news')->[1] == 2
    }), 'they subscribe');
    $http->run('PUBLISH', 'news', "a\nb");
    is_deeply($news->event, { data => "a\nb" }, 'a message');
    is_deeply($_->event, { data => { channel => 'news', message => "a\nb" } },
              'with its channel') for $any, $json;

    my $again = KS::WebSocket->open($ngx, '/log?last_event_id=3-0');
    is_deeply([map { $_->{id} } $again->event, $again->event],
              ['3-0', '4-0'], 'going on');
    is_deeply(KS::WebSocket->open($ngx, '/log?last_event_id=x')->event->{id},
              '0-0', 'an id that is none');
    is_deeply(KS::WebSocket->open($ngx, '/news?last_event_id=1-0')->event,
              { event => 'gap', data => { reason => 'channel' } },
              'a channel has nothing of before');

    $_->close for $log, $now, $news, $any, $json, $again;
    ok(wait_for(20, sub { $http->run('CLIENT', 'LIST') !~ /cmd=events/ }),
       'they are gone');
    $ngx->stop;
};


subtest 'what clients send' => sub {
    my $ngx = start('location /log { keyspace_events main stream=log; }');
    my $http = $ngx->client;
    my $open = sub {
        my $ws = KS::WebSocket->open($ngx, '/log', @_);
        $ws->text;
        return $ws;
    };

    my $ws = $open->();
    $ws->send(9, 'hello');
    is_deeply([$ws->frame], [10, 'hello'], 'a ping is answered');
    $ws->send(9, '');
    is_deeply([$ws->frame], [10, ''], 'an empty one, too');
    $ws->send(9, 'x' x 125);
    is_deeply([$ws->frame], [10, 'x' x 125], '... and the longest');
    $ws->send(10, 'unasked');
    syswrite $ws->{socket}, $_ for split //, KS::WebSocket::bytes(9, 'slow');
    is_deeply([$ws->frame], [10, 'slow'], 'one in pieces');

    $http->run('XADD', 'log', '1-0', 'a', 'b');
    is($ws->event->{id}, '1-0', 'events go on');
    $ws->send(8, pack 'n', 1000);
    is($ws->closed, 1000, 'a close is answered');

    for my $t (['a text', 1003, 1, 'hi'], ['a binary message', 1003, 2, 'hi'],
               ['a part of one', 1003, 1, 'hi', fin => 0],
               ['a long one', 1003, 1, 'x' x 100_000],
               ['a continuation', 1002, 0, 'hi'],
               ['an opcode that is none', 1002, 3, ''],
               ['a reserved bit', 1002, 9, '', rsv => 0x40],
               ['no mask', 1002, 9, 'hi', mask => ''],
               ['a ping in parts', 1002, 9, 'hi', fin => 0],
               ['a long ping', 1002, 9, 'x' x 126],
               ['a close without a code', 1000, 8, ''],
               ['a close with half a code', 1002, 8, 'x'],
               ['a code that is none', 1002, 8, pack('n', 999)],
               ['a code of its own', 4321, 8, pack('n', 4321) . 'bye'],
               ['a reason that is no text', 1007, 8, pack('n', 1000) . "\xff"])
    {
        my ($what, $code, @frame) = @$t;
        my $s = $open->();

        $s->send(@frame);
        is($s->closed, $code, "$what: $code");
    }

    my $early = KS::WebSocket->open($ngx, '/log',
                                    after => KS::WebSocket::bytes(9, 'early'));
    is_deeply([sort map { "@$_" } [$early->frame], [$early->frame]],
              ['1 {"id":"1-0"}', '10 early'],
              'what comes with the request is read');
    $early->close;

    # a flood, from one that does not read
    my $flood = $open->();
    $flood->{socket}->blocking(0);
    my $ping = KS::WebSocket::bytes(9, 'x' x 125) x 500;
    syswrite $flood->{socket}, $ping for 1 .. 200;
    is($http->run('PING'), 'PONG', 'a flood of pings holds nobody up');
    $flood->close;

    # any bytes at all: it ends, or goes on, and nothing else happens
    srand 6455;

    for (1 .. 300) {
        my $s = $open->();
        my $junk = join '', map { chr rand 256 } 1 .. 1 + rand 200;

        syswrite $s->{socket}, $junk;
        $s->close;
    }

    is($http->run('PING'), 'PONG', 'junk does no harm');
    ok(wait_for(20, sub { $http->run('CLIENT', 'LIST') !~ /cmd=events/ }),
       'nobody is left');
    $ngx->stop;
};


subtest 'pings and ends' => sub {
    my $ngx = start(<<'CONF', workers => 2);
        location /log { keyspace_events main stream=log heartbeat=100ms; }
        location /slow { keyspace_events main stream=log heartbeat=0; }
        location /both { keyspace_events main stream=log channel=news; }
CONF
    my $http = $ngx->client;
    my $ws = KS::WebSocket->open($ngx, '/log');
    $ws->event;

    for (1 .. 6) {
        my ($opcode, $payload) = $ws->frame;
        is($opcode, 9, 'a ping') or last;
        $ws->send(10, $payload);
    }

    $ws->close;

    my $deaf = KS::WebSocket->open($ngx, '/log');
    $deaf->{deaf} = 1;
    is($deaf->closed, 1008, 'one that answers none is ended');

    my $slow = KS::WebSocket->open($ngx, '/slow');
    $slow->event;
    my @ids = $http->run('CLIENT', 'LIST') =~ /^id=(\d+) .* cmd=events/mg;
    $http->run('CLIENT', 'KILL', 'ID', $_) for @ids;
    is($slow->closed, 1008, 'CLIENT KILL');

    ($ws, $slow) = map { KS::WebSocket->open($ngx, $_) } qw(/slow /both);
    $_->event for $ws, $slow;
    kill 'HUP', $ngx->pid;
    is($ws->closed, 1012, 'a reload ends those that can come again');
    $http->close;
    $http->run('PUBLISH', 'news', 'still');
    is_deeply($slow->event, { data => 'still' }, '... and no others');
    $slow->close;
    $ngx->stop;
};


done_testing;
