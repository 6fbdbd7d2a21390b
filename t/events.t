# keyspace_events as server-sent events: who gets what, in which form, and that a
# client which comes again goes on where it was, whatever has happened meanwhile.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture children installed slurp spawn_command stop_pid
                wait_for);
use KS::Stream;


sub start {
    my ($events, %options) = @_;

    return KS::Nginx->start(size => '16m', workers => 2, resp => '',
                            resp_listen => 'reuseport',
                            locations => "location / { keyspace_rest main; }\n"
                                         . $events, %options);
}


# A client as a browser's: without a token, and what it says of itself.
sub listen_to {
    my ($ngx, $path, @headers) = @_;

    return KS::Stream->open($ngx, $path, token => undef,
                            headers => ['Accept: text/event-stream', @headers]);
}


sub ask {
    my ($ngx, $method, $path, %o) = @_;

    return KS::HTTP->new(port => $ngx->port)->request($method, $path, %o);
}


# So many that come, as "id event data", "-" for what there is not.
sub got {
    my ($s, $n) = @_;

    return [map {
        my $e = $s->next(30) // {};
        join ' ', map { $_ // '-' } @$e{qw(id event data)};
    } 1 .. $n];
}


# It listens, when it has had its beginning.
sub begun {
    my ($s) = @_;

    return wait_for(20, sub {
        $s->event(0.01);
        defined $s->{retry};
    });
}


subtest 'requests' => sub {
    my $ngx = start(<<'CONF');
        location /log { keyspace_events main stream=log retry=1500ms; }
        location /arg { keyspace_events main stream=of:$arg_who; }
        location /one { keyspace_events main channel=news max=1; }
        location /cors {
            keyspace_events main stream=log;
            keyspace_cors https://app.example;
        }
        location /any { keyspace_events main stream=log; keyspace_cors *; }
        location /shut { keyspace_events main stream=log; deny all; }
        location ~ ^/re/(\w+)$ { keyspace_events main stream=$1; }
        location /if {
            if ($arg_x) { add_header X-If yes; }
            keyspace_events main stream=log;
        }
CONF
    my $s = listen_to($ngx, '/log');

    is($s->{status}, 200, 'status');
    is($s->{headers}{'content-type'}, 'text/event-stream', 'its type');
    is($s->{headers}{'cache-control'}, 'no-store', 'nothing stores it');
    is($s->{headers}{'x-accel-buffering'}, 'no', 'nor does a proxy');
    is($s->{headers}{'content-length'}, undef, 'it has no length');
    is($s->{headers}{'upstash-sync-token'}, undef, 'it is not REST');
    ok(begun($s), 'its beginning');
    is($s->{retry}, 1500, 'retry');
    is($s->{id}, '0-0', 'where it is');

    my $r = ask($ngx, 'HEAD', '/log', headers => ['Accept: text/event-stream']);
    is($r->{headers}{'content-type'}, 'text/event-stream', 'HEAD');
    is(ask($ngx, 'HEAD', '/log')->{headers}{'content-type'},
       'application/json', 'HEAD of a long poll');

    $r = ask($ngx, 'OPTIONS', '/log');
    is("$r->{status} $r->{headers}{allow}", '204 GET, HEAD, OPTIONS',
       'OPTIONS');
    $r = ask($ngx, 'POST', '/log', body => 'x');
    is("$r->{status} $r->{headers}{allow}", '405 GET, HEAD, OPTIONS', 'POST');

    is(listen_to($ngx, '/arg')->{status}, 404, 'a variable that is empty');
    is(listen_to($ngx, '/arg?who=')->{status}, 404, '... or has no bytes');
    is(listen_to($ngx, '/arg?who=me')->{status}, 200, 'one that is not');
    is(listen_to($ngx, '/shut')->{status}, 403, 'access is nginx\'s to grant');
    is(listen_to($ngx, '/re/log')->{status}, 200, 'a regular expression');
    is(listen_to($ngx, '/if?x=1')->{status}, 200, 'inside of "if"');

    my $one = listen_to($ngx, '/one');
    my @more = map { listen_to($ngx, '/one') } 1 .. 4;
    ok((grep { $_->{status} == 503 } @more), 'no more than max a worker');
    $_->close for $one, @more;
    ok(wait_for(20, sub {
        my $again = listen_to($ngx, '/one');
        my $ok = $again->{status} == 200;
        $again->close;
        $ok;
    }), '... and as many again when they have gone');

    for my $t (['/cors', 'https://app.example', 'https://app.example', 'true'],
               ['/cors', 'https://evil.example', undef, undef],
               ['/any', 'https://evil.example', '*', undef],
               ['/log', 'https://app.example', undef, undef])
    {
        my ($path, $origin, $allow, $credentials) = @$t;
        my $h = listen_to($ngx, $path, "Origin: $origin")->{headers};

        is($h->{'access-control-allow-origin'}, $allow, "$path: $origin");
        is($h->{'access-control-allow-credentials'}, $credentials, 'cookies');
    }

    $r = ask($ngx, 'OPTIONS', '/cors', headers => [
        'Origin: https://app.example', 'Access-Control-Request-Method: GET',
        'Access-Control-Request-Headers: Last-Event-ID',
    ]);
    is($r->{status}, 204, 'a preflight');
    is($r->{headers}{'access-control-allow-headers'}, 'Last-Event-ID',
       '... lets the id of the last event come');

    $s->close;
    $ngx->stop;
};


subtest 'the directive' => sub {
    my @wrong = (
        ['keyspace_events main;', qr/number of arguments/],
        ['keyspace_events main from=now;', qr/no stream, channel or pattern/],
        ['keyspace_events main stream=;', qr/"stream=" of keyspace_events/],
        ['keyspace_events main stream=$nothing;', qr/unknown "nothing"/],
        ['keyspace_events main stream=a$;', qr/invalid variable name/],
        ['keyspace_events main stream=s from=never;', qr/now, start/],
        ['keyspace_events main stream=s from=1-x;', qr/now, start/],
        ['keyspace_events main stream=s max=0;', qr/1 or more/],
        ['keyspace_events main stream=s heartbeat=x;', qr/a time/],
        ['keyspace_events main stream=s retry=x;', qr/a time/],
        ['keyspace_events main stream=s event=;', qr/name of a field/],
        ['keyspace_events main stream=s data=;', qr/name of a field/],
        ['keyspace_events main stream=s origin=x;', qr/origin=x/],
        ['keyspace_events main stream=s colour=red;', qr/unknown parameter/],
        ['keyspace_events main stream=s from=now from=now;', qr/duplicate/],
        ['keyspace_events none stream=s;', qr/none/],
        ['keyspace_events main stream=s; keyspace_events main stream=s;',
         qr/duplicate/],
        ['keyspace_events main stream=s; keyspace_rest main;',
         qr/stands beside/],
        ['keyspace_events main stream=s; proxy_pass http://127.0.0.1;',
         qr/stands beside/],
    );

    for (@wrong) {
        my ($text, $says) = @$_;
        my ($code, $out) = KS::Nginx->check(
            locations => "location /x/ { $text }");

        isnt($code, 0, $text);
        like($out, $says, '... says what is wrong');
    }
};


subtest 'channels' => sub {
    my $ngx = start(<<'CONF');
        location /news { keyspace_events main channel=news; }
        location /json { keyspace_events main channel=news data=json; }
        location /both { keyspace_events main channel=news pattern=n*; }
        location /mine {
            keyspace_events main pattern=user:$arg_who:* channel=$arg_who;
        }
CONF
    my $http = $ngx->client;
    my ($news, $json, $both) = map { listen_to($ngx, $_) }
        qw(/news /json /both);

    begun($_) for $news, $json, $both;
    $http->run('PUBLISH', 'news', "a\nb\r\n\r\ndata: forged\n\n");
    $http->run('PUBLISH', 'news', "\xff,\xe2\x82\xac");

    is_deeply(got($news, 2), ["- - a\nb\n\ndata: forged\n\n",
                              "- - \xef\xbf\xbd,\xe2\x82\xac"],
              'a message as it is, one event whatever it has');
    is_deeply(got($json, 2),
              ['- - {"channel":"news","message":'
               . '"a\\u000ab\\u000d\\u000a\\u000d\\u000adata: forged'
               . '\\u000a\\u000a"}',
               "- - {\"channel\":\"news\",\"message\":\"\\udcff,\xe2\x82\xac\"}"],
              'as JSON all bytes can be had back');
    is_deeply([map { length } @{got($both, 4)}],
              [map { length } ("- - a\nb\n\ndata: forged\n\n",
                               '- - {"channel":"news","message":'
                               . '"a\\u000ab\\u000d\\u000a\\u000d\\u000adata: forged'
                               . '\\u000a\\u000a"}',
                               "- - \xef\xbf\xbd,\xe2\x82\xac",
                               "- - {\"channel\":\"news\",\"message\":\"\\udcff,\xe2\x82\xac\"}")],
              'a pattern tells the channel');

    # what a client puts into a name is no pattern
    for my $who ('*', '?', '[a-z]', 'a*', '\\', '^') {
        my $arg = $who =~ s/([^a-z])/sprintf '%%%02x', ord $1/ger;
        my $s = listen_to($ngx, "/mine?who=$arg");

        # nginx takes an argument as it came
        begun($s);
        $http->run('PUBLISH', 'user:ann:inbox', 'secret');
        $http->run('PUBLISH', "user:$arg:inbox", 'mine');
        like(got($s, 1)->[0], qr/mine/, "$who is literal");
        $s->close;
    }

    my $ngx2 = start(<<'CONF');
        location /set {
            set $who "*";
            keyspace_events main pattern=user:$who:x;
        }
        location /class {
            set $who "a-z]*[^";
            keyspace_events main pattern=user:${who}x;
        }
CONF
    my $set = listen_to($ngx2, '/set');
    my $class = listen_to($ngx2, '/class');
    begun($_) for $set, $class;
    $ngx2->client->run('PUBLISH', $_, $_)
        for 'user:ann:x', 'user:*:x', 'user:bx', 'user:a-z]*[^x';
    like(got($set, 1)->[0], qr/"message":"user:\*:x"/, 'a star is a star');
    like(got($class, 1)->[0], qr/"message":"user:a-z\]\*\[\^x"/,
         'and a class of characters none');

    my $s = listen_to($ngx, '/news', 'Last-Event-ID: 5-0');
    is_deeply(got($s, 1), ['- gap {"reason":"channel"}'],
              'a channel has nothing of before, and says so');

    $_->close for $s, $set, $class, $news, $json, $both;
    $_->stop for $ngx, $ngx2;
};


subtest 'streams' => sub {
    my $ngx = start(<<'CONF');
        location /all { keyspace_events main stream=log from=start; }
        location /now { keyspace_events main stream=log; }
        location /id { keyspace_events main stream=log from=2-0; }
        location /field {
            keyspace_events main stream=log from=start event=kind data=text;
        }
        location /two {
            keyspace_events main stream=log stream=other from=start;
        }
CONF
    my $http = $ngx->client;

    my $before = listen_to($ngx, '/now');
    begun($before);

    $http->run('XADD', 'log', '1-0', 'kind', 'first', 'text', "a\nb");
    $http->run('XADD', 'log', '2-0', 'text', "\xff\r\0");
    $http->run('XADD', 'log', '3-0', 'kind', "x\nid: 9-9\ndata: y\n\n");

    is_deeply(got($before, 3), [
        '1-0 - {"kind":"first","text":"a\\u000ab"}',
        '2-0 - {"text":"\\udcff\\u000d\\u0000"}',
        '3-0 - {"kind":"x\\u000aid: 9-9\\u000adata: y\\u000a\\u000a"}',
    ], 'live');
    is_deeply(got(listen_to($ngx, '/all'), 3),
              got(listen_to($ngx, '/all?x'), 3), 'from the start');
    like(got(listen_to($ngx, '/id'), 1)->[0], qr/^3-0 /, 'from an id');

    my $now = listen_to($ngx, '/now');
    begun($now);
    is($now->{id}, '3-0', 'now is behind the last');

    my $f = chr(0xfffd);
    utf8::encode($f);
    is_deeply(got(listen_to($ngx, '/field'), 3), [
        "1-0 first a\nb", "2-0 - $f\n\0", "3-0 x${f}id: 9-9${f}data: y$f$f ",
    ], 'a field is the data, another the name');

    my $two = listen_to($ngx, '/two');
    is((got($two, 3))->[2] =~ s/ .*//sr, '3-0.0-0', 'the id names both');
    $http->run('XADD', 'other', '7-7', 'a', 'b');
    is_deeply(got($two, 1), ['3-0.7-7 - {"a":"b"}'], '... the other one, too');
    my $again = listen_to($ngx, '/two', 'Last-Event-ID: 2-0.7-6');
    is_deeply([sort map { s/ .*//sr } @{got($again, 2)}],
              ['3-0.7-6', '3-0.7-7'], 'and one goes on in both');

    # whoever makes an entry, and whatever it is in
    $http->run('EVAL', 'for i = 1, 3 do redis.call("XADD", KEYS[1], "4-" .. i, "n", i) end', 1, 'log');
    is_deeply([map { s/ .*//sr } @{got($now, 3)}], ['4-1', '4-2', '4-3'],
              'a script');
    $http->run('XADD', 'log', '5-0', 'long', 'x' x 300_000);
    is(length got($now, 1)->[0], 300_000 + length('5-0 - {"long":""}'),
       'a long entry');
    $http->run('XADD', 'tmp', '9-0', 'a', 'b');
    $http->run('RENAME', 'tmp', 'log');
    is_deeply([map { s/ .*//sr } @{got($now, 1)}], ['9-0'], 'RENAME');

    # something else of that name is nothing
    $http->run('SET', 'log', 'text');
    my $none = listen_to($ngx, '/all');
    ok(begun($none), 'another type has no entries');
    $http->run('DEL', 'log');
    $http->run('XADD', 'log', '10-0', 'a', 'b');
    is_deeply([map { s/ .*//sr } @{got($none, 1)}, @{got($now, 1)}],
              ['10-0', '10-0'], 'until it is a stream');

    $ngx->stop;
};


subtest 'going on' => sub {
    my $ngx = start(<<'CONF', workers => 1);
        location /log { keyspace_events main stream=log; }
CONF
    my $http = $ngx->client;
    my $ids = sub { [map { s/ \{.*//sr } @{got(@_)}] };

    $http->run('XADD', 'log', "$_-0", 'n', $_) for 1 .. 600;

    is_deeply($ids->(listen_to($ngx, '/log', 'Last-Event-ID: 590-0'), 10),
              [map { "$_-0 -" } 591 .. 600], 'behind an id');
    is_deeply($ids->(listen_to($ngx, '/log?last_event_id=590%2d0'), 10),
              [map { "$_-0 -" } 591 .. 600], '... in the query');
    is_deeply($ids->(listen_to($ngx, '/log', 'Last-Event-ID: 0-0'), 600),
              [map { "$_-0 -" } 1 .. 600], 'long ago');
    is_deeply($ids->(listen_to($ngx, '/log', 'Last-Event-ID: 599'), 1),
              ['600-0 -'], 'an id without its second number');

    my $live = listen_to($ngx, '/log');
    begun($live);
    my $old = listen_to($ngx, '/log', 'Last-Event-ID: 1-0');

    $http->run('XTRIM', 'log', 'MAXLEN', 5);
    is_deeply($ids->(listen_to($ngx, '/log', 'Last-Event-ID: 590-0'), 6),
              ['590-0 gap', map { "$_-0 -" } 596 .. 600], 'trimmed');
    is_deeply($ids->(listen_to($ngx, '/log', 'Last-Event-ID: 597-0'), 3),
              [map { "$_-0 -" } 598 .. 600], '... but not behind that id');
    like(got(listen_to($ngx, '/log', 'Last-Event-ID: 1-0'), 1)->[0],
         qr/^1-0 gap \{"reason":"trimmed"\}$/, 'it says why');

    # one that reads on while it is trimmed has all, or is told
    my ($seen, $gap) = (1, 0);

    while ($seen != 600) {
        my ($e) = @{$ids->($old, 1)};
        my ($id, $name) = $e =~ /^(\d+)-0 (\S+)/ or last;

        $gap ||= $name eq 'gap';
        is($id, $seen + 1, 'nothing is left out') if !$gap && $id != $seen + 1;
        $seen = $id;
    }

    is($seen, 600, 'one that reads on comes to the end');

    # an idle worker hears it all at once
    $http->post(join("\n", map { "XADD log MAXLEN 3 $_-0 n $_" } 601 .. 610),
                uri => '/');
    is_deeply($ids->($live, 4), ['600-0 gap', map { "$_-0 -" } 608 .. 610],
              'trimmed before a live listener has it');
    $http->run('XADD', 'log', 'MAXLEN', 1, '611-0', 'n', 1);
    $http->run('XTRIM', 'log', 'MAXLEN', 0);
    $http->run('XADD', 'log', 'MAXLEN', 1, '612-0', 'n', 1);
    is_deeply($ids->($live, 2), ['611-0 -', '612-0 -'],
              'what it has had may go');
    $http->run('XADD', 'log', '613-0', 'n', 1);
    $http->run('XADD', 'log', '614-0', 'n', 1);
    $http->run('XDEL', 'log', '613-0');
    like("@{$ids->($live, 2)}", qr/614-0 -/, 'what was deleted is left out');

    # what a client has had may be the last that was trimmed
    $http->run('XADD', 'log', 'MAXLEN', 1, '615-0', 'n', 1);
    is_deeply($ids->(listen_to($ngx, '/log', 'Last-Event-ID: 614-0'), 1),
              ['615-0 -'], 'nothing is missing behind the id');
    $http->run('XADD', 'log', 'MAXLEN', 1, "$_-0", 'n', 1) for 616, 617;
    is_deeply($ids->(listen_to($ngx, '/log', 'Last-Event-ID: 615-0'), 2),
              ['615-0 gap', '617-0 -'], 'one entry is');

    # ids that begin anew
    $http->run('DEL', 'log');
    $http->run('XADD', 'log', '2-0', 'n', 1);
    my @rest = @{$ids->($live, 1)};
    push @rest, @{$ids->($live, 1)} until $rest[-1] eq '2-0 -';
    is($rest[-2], '0-0 gap', 'a stream that begins anew');
    is_deeply(got(listen_to($ngx, '/log', 'Last-Event-ID: 614-0'), 2),
              ['0-0 gap {"reason":"restarted"}', '2-0 - {"n":"1"}'],
              '... for those who come again, too');

    for my $bad ('x', '5-', '-5', '5-x', '5-0x', '5-0.1-0', '1' x 30, '5-0 ',
                 ' ', "5-0\t1", '5--1')
    {
        my $s = listen_to($ngx, '/log?last_event_id='
                          . $bad =~ s/([^a-z0-9])/sprintf '%%%02x', ord $1/ger);

        is_deeply(got($s, 1), ['2-0 gap {"reason":"id"}'],
                  "\"$bad\" is no id, and one begins anew");
        $s->close;
    }

    $ngx->stop;
};


subtest 'clients of the zone' => sub {
    my $ngx = start(<<'CONF', workers => 1);
        location /log { keyspace_events main stream=log heartbeat=200ms; }
        location /news { keyspace_events main channel=news heartbeat=0; }
CONF
    my $http = $ngx->client;
    my @s = map { listen_to($ngx, $_) } qw(/log /news);
    begun($_) for @s;

    is_deeply([sort $http->run('CLIENT', 'LIST') =~ / cmd=(events) /g],
              [qw(events events)], 'CLIENT LIST shows them');
    ok($s[0]->comments(2), 'heartbeats');

    my ($id) = $http->run('CLIENT', 'LIST') =~ /^id=(\d+) .* sub=1 /m;
    $http->run('CLIENT', 'KILL', 'ID', $id);
    is($s[1]->next, undef, 'CLIENT KILL ends one');
    $http->run('XADD', 'log', '1-0', 'a', 'b');
    is_deeply(got($s[0], 1), ['1-0 - {"a":"b"}'], 'and not the other');

    $s[0]->close;
    ok(wait_for(20, sub { $http->run('CLIENT', 'LIST') !~ /cmd=events/ }),
       'one that goes is gone');

    $ngx->stop;
};


subtest 'what stands around' => sub {
    my $ngx = start(<<'CONF', server => 'listen 127.0.0.1:%PORT2% http2;',
        location /log { keyspace_events main stream=log from=start; }
        location /news { keyspace_events main channel=news; }
        location = /yes { return 204; }
        location = /no { return 401; }
        location /asked { auth_request /yes; keyspace_events main stream=log; }
        location /refused { auth_request /no; keyspace_events main stream=log; }
CONF
        http => 'gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;
                 postpone_output 1460;');
    my $http = $ngx->client;
    my $s = listen_to($ngx, '/log', 'Accept-Encoding: gzip');

    is($s->{headers}{'content-encoding'}, undef, 'nothing is compressed');
    begun($s);
    $http->run('XADD', 'log', '1-0', 'a', 'b');
    is_deeply(got($s, 1), ['1-0 - {"a":"b"}'], 'nothing is held back');

    is(listen_to($ngx, '/asked')->{status}, 200, 'auth_request allows');
    is(listen_to($ngx, '/refused')->{status}, 401, '... and refuses');

    SKIP: {
        my $curl = (capture(30, {}, 'curl', '-V'))[1];
        skip('this curl has no HTTP/2', 2) unless $curl =~ /HTTP2/;

        my $out = $ngx->dir . '/events';
        my $pid = spawn_command($out, {}, 'curl', '-sSN',
            '--http2-prior-knowledge', '-H', 'Accept: text/event-stream',
            '--parallel', '--parallel-immediate',
            'http://127.0.0.1:' . $ngx->port2 . '/log',
            'http://127.0.0.1:' . $ngx->port2 . '/news');

        ok(wait_for(20, sub {
            (slurp($out) // '') =~ /^id: 1-0$/m
                && $http->run('PUBSUB', 'NUMSUB', 'news')->[1] == 1
        }), 'HTTP/2');
        $http->run('XADD', 'log', '2-0', 'a', 'x' x 200_000);
        $http->run('PUBLISH', 'news', 'hi');
        ok(wait_for(20, sub {
            my $got = slurp($out);
            $got =~ /^data: hi$/m && $got =~ /^data: \{"a":"(x+)"\}$/m
                && length $1 == 200_000
        }), '... live');
        stop_pid($pid, 'TERM');
    }

    $ngx->stop;
};


# The same sessions that the pages of a user have.
subtest 'the user of a session' => sub {
    my $ngx = start(<<'CONF', server => 'keyspace_session main secure=off;');
        location /in {
            add_header Keyspace-Session "set user=$arg_user";
            return 200 in;
        }
        location /mine {
            keyspace_session_require on;
            keyspace_events main stream=orders:$keyspace_session_user
                            from=start;
        }
        location /lax {
            keyspace_events main stream=orders:$keyspace_session_user
                            from=start;
        }
CONF
    my $http = $ngx->client;
    my %cookie;

    for my $user (qw(ann bob)) {
        my $r = ask($ngx, 'GET', "/in?user=$user");
        ($cookie{$user}) = ($r->{headers}{'set-cookie'} // '') =~ /^([^;]+)/;
        ok($cookie{$user}, "$user has a session");
        $http->run('XADD', "orders:$user", '1-0', 'of', $user);
    }

    for my $user (qw(ann bob)) {
        is_deeply(got(listen_to($ngx, '/mine', "Cookie: $cookie{$user}"), 1),
                  ["1-0 - {\"of\":\"$user\"}"], "$user has his own orders");
    }

    is(listen_to($ngx, '/mine')->{status}, 401, 'nobody has none');
    is(listen_to($ngx, '/lax')->{status}, 404, '... wherever it is');
    $ngx->stop;
};


subtest 'clients that do not read' => sub {
    my $ngx = start(<<'CONF', workers => 1, size => '64m', http => 'keyspace_rest_stream_limit 200k 100k 2s;', server => 'listen 127.0.0.1:%PORT2% sndbuf=16k;');
        location /log { keyspace_events main stream=log; }
CONF
    my $http = $ngx->client;
    my $good = listen_to($ngx, '/log');
    my $slow = KS::Stream->open($ngx, '/log', token => undef, rcvbuf => 4096,
                                port => $ngx->port2,
                                headers => ['Accept: text/event-stream']);
    begun($_) for $good, $slow;

    my $n = 0;

    while ($n < 300 && $ngx->log !~ /client has not read/) {
        $n++;
        $http->run('XADD', 'log', "$n-0", 't', 't' x 5_000);
        is($good->next->{id}, "$n-0", 'the other one') or last
            if $n % 50 == 0 || !$good->next;
    }

    like($ngx->log, qr/client has not read \d+ bytes of a stream/,
         'one is ended');

    # what it has got it need not get again, and the rest it gets
    my $last = 0;

    while (my $e = $slow->next(5)) {
        $last = $e->{id};
    }

    my ($seen) = $last =~ /^(\d+)/;
    cmp_ok($seen, '<', $n, 'it has missed something');

    my $again = listen_to($ngx, '/log', "Last-Event-ID: $last");
    my @ids = map { s/ .*//sr } @{got($again, $n - $seen)};
    is_deeply(\@ids, [map { "$_-0" } $seen + 1 .. $n],
              'and has all when it comes again');
    $ngx->stop;
};


# A worker that shuts down lets those go that can come again.
subtest 'a reload' => sub {
    my $ngx = start(<<'CONF');
        location /log { keyspace_events main stream=log; }
        location /news { keyspace_events main channel=news; }
        location /both { keyspace_events main stream=log channel=news; }
CONF
    my $http = $ngx->client;
    my ($log, $news, $both) = map { listen_to($ngx, $_) }
        qw(/log /news /both);
    begun($_) for $log, $news, $both;

    kill 'HUP', $ngx->pid;
    is($log->next, undef, 'a stream ends');
    ok($log->{complete}, '... with its last chunk');
    $http->close;
    $http->run('PUBLISH', 'news', 'still');
    is_deeply([map { got($_, 1)->[0] =~ /still/ } $news, $both], [1, 1],
              'a channel stays');
    $_->close for $news, $both;
    ok(wait_for(20, sub { (() = children($ngx->pid)) == 2 }), 'the old workers end');
    $ngx->stop;
};


# One listener that comes again and again has each entry once and in order,
# whatever becomes of workers.
subtest 'reloads and deaths' => sub {
    my $ngx = start(<<'CONF');
        location /log { keyspace_events main stream=log heartbeat=0; }
CONF
    $ngx->allow(qr/exited on signal 9/);

    my $http = $ngx->client;
    my $s = listen_to($ngx, '/log');
    begun($s);

    my ($id, $n, $connections) = ($s->{id}, 0, 1);
    my @got;

    my $read = sub {
        my ($timeout) = @_;

        while (my $e = $s && $s->next($timeout)) {
            $id = $e->{id};
            push @got, "$e->{event}" if defined $e->{event};
            push @got, $e->{data} =~ /"n":"(\d+)"/;
        }

        return if $s && ($s->{why} // '') eq 'timeout' && !$s->{complete};

        $s = KS::Stream->open($ngx, '/log', token => undef, headers => [
            'Accept: text/event-stream', "Last-Event-ID: $id",
        ]);
        $connections++;
    };

    for my $round (1 .. $ENV{KS_RELOADS} // 10) {
        for (1 .. 50) {
            $n++;

            until (eval { $http->run('XADD', 'log', "$n-0", 'n', $n); 1 }) {
                $http->close;
                last if $@ =~ /equal or smaller/;
            }
        }

        my @workers = $ngx->workers;
        kill $round % 2 ? ('HUP', $ngx->pid) : ('KILL', $workers[0])
            if @workers;
        $read->(0.05);
    }

    for (1 .. 300) {
        last if @got >= $n;
        $read->(0.1);
    }

    is_deeply(\@got, [1 .. $n], 'each once, in order');
    cmp_ok($connections, '>', 1, "over $connections connections");
    ok(wait_for(30, sub { (() = $ngx->workers) == 2 }), 'the workers are there');
    $ngx->stop;
};


done_testing;
