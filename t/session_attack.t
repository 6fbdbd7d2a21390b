# Sessions under attack: what no client may reach by what it sends, and what a
# request that nobody answers must not leave behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);

use KS::App;
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture free_port installed slurp spew wait_for);

my $app = KS::App->start;

my $ngx = KS::Nginx->start(
    size       => '16m',
    workers    => 2,
    resp       => '',
    main       => 'keyspace_zone small 1m { token off; }',
    log_format => '$request_uri $status $keyspace_session_status '
                  . '$keyspace_session_id',
    http       => $app->conf(<<'CONF'),
        keyspace_session main secure=off create=on_write;
        proxy_http_version 1.1;
        client_max_body_size 8m;
        server {
            listen 127.0.0.1:%PORT2% http2;
            location / {
                keyspace_session_require /login?next=$uri;
                proxy_pass http://127.0.0.1:%APP%;
            }
            location = /login { proxy_pass http://127.0.0.1:%APP%; }
        }
CONF
    locations  => $app->conf(<<'CONF'),
        location /rest/ { keyspace_session off; keyspace_rest main; }
        location /small/ { keyspace_session off; keyspace_rest small; }
        location /full {
            keyspace_session small secure=off create=on_write;
            proxy_pass http://127.0.0.1:%APP%;
            proxy_set_header X-Status $keyspace_session_status;
        }
        location /app {
            proxy_pass http://127.0.0.1:%APP%;
            proxy_set_header X-User $keyspace_session_user;
            proxy_set_header X-Status $keyspace_session_status;
            proxy_set_header X-Session $keyspace_session_id;
        }
        location /always {
            keyspace_session main secure=off;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /silent { keyspace_session main secure=off; return 444; }

        location /page {
            keyspace_session_require /login?next=$uri;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location = /login { proxy_pass http://127.0.0.1:%APP%; }

        location /any {
            satisfy any;
            keyspace_session_require /login?next=$uri;
            allow 127.0.0.1;
            deny all;
            return 200 allowed;
        }
        location /any/asked {
            satisfy any;
            auth_request /yes;
            keyspace_session_require /login?next=$uri;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location = /yes { internal; proxy_pass http://127.0.0.1:%APP%/; }
        location /any/no {
            satisfy any;
            keyspace_session_require /login?next=$uri;
            allow 127.0.0.2;
            deny all;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /any/none {
            satisfy any;
            keyspace_session_require @out;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location @out { return 403 out; }

        location /loop/a {
            keyspace_session_require /loop/b;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /loop/b {
            keyspace_session_require /loop/a?x=$uri;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /loop/named {
            keyspace_session_require @a;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location @a {
            keyspace_session_require @b;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location @b {
            keyspace_session_require @a;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /loop/nowhere {
            keyspace_session_require @nowhere;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /loop/up {
            keyspace_session_require /loop$arg_x/up;
            proxy_pass http://127.0.0.1:%APP%;
        }

        location /changed {
            auth_request /change;
            try_files /none /need;
        }
        location = /change {
            internal;
            proxy_pass "http://127.0.0.1:%APP%/?header=Keyspace-Session%3a%20destroy%2c%20set%20notice%3dbye";
        }
        location = /need {
            keyspace_session_require on;
            proxy_pass http://127.0.0.1:%APP%;
        }
CONF
);

my $http = $ngx->client;


sub browser { return KS::App::browser($http, @_) }
sub session { return KS::App::session(@_) }
sub key { return 'session:' . sha256_hex($_[0]) }

sub redis {
    return KS::HTTP::decode($http->post(KS::HTTP::array(@_),
                                        uri => '/rest/'))->{result};
}


subtest 'the URI of a request in the arguments of the location' => sub {
    my $r = browser()->get('/page%0d%0aX-User:%20root%0d%0aX:%20y');
    my $h = $r->{json}{headers};

    is($r->{json}{path}, '/login', 'redirected');
    ok(!exists $h->{'x-user'}, 'a line end in a URI begins no header upstream');

    $r = browser()->get('/page%20HTTP/1.0%0d%0a%0d%0aGET%20/second');
    is($r->{json}{path}, '/login', 'nor another request');
};


subtest 'odd bytes' => sub {
    my $b = browser();
    $b->get('/app', session('set user=1'));
    my $key = key($b->{jar});
    my (@wrong, %seen);

    is($b->get('/app')->{json}{headers}{'x-session'},
       sha256_hex($b->{jar}), 'an id');

    for my $len (1 .. 25) {
        for my $at (0 .. $len - 1) {
            my $c = ("\x01", "\x1f", "\x7f", "\n")[($len + $at) % 4];
            my $value = substr '~' x $at . $c . "\xe9" x 25, 0, $len;
            my $want = $value =~ s/([\x00-\x1f\x7f])/sprintf '%%%02x', ord $1/ger;
            $b->get('/app', session('set user='
                . $value =~ s/([^~])/sprintf '%%%02x', ord $1/ger));
            my $is = $b->get('/app')->{json}{headers}{'x-user'};
            push @wrong, "$len $at" if $is ne $want;
        }
    }

    is_deeply(\@wrong, [], 'a control character anywhere in a field');

    my $status = sub {
        return browser()->get('/app', undef, cookie => "sid=$_[0]")
            ->{json}{headers}{'x-status'};
    };

    for my $at (0 .. 42) {
        my $cookie = 'A' x 43;
        substr $cookie, $at, 1, ('.', '@', '[', '`', '{', '/', ':', "\xc1",
                                 "\xe1", '^', '+', ',')[$at % 12];
        $seen{$status->($cookie)}++;
    }

    is_deeply(\%seen, { none => 43 }, 'a wrong one anywhere in a cookie');
    %seen = ();

    for my $c ('a' .. 'z', 'A' .. 'Z', 0 .. 9, '-', '_') {
        $seen{$status->($c x 42 . 'A')}++;
    }

    is_deeply(\%seen, { expired => 64 }, '... and all that may be there');
};


subtest 'a body is left behind' => sub {
    my $b = browser();
    my $r = $b->get('/page', undef, method => 'POST', body => 'x=1');
    is("$r->{json}{method} $r->{json}{path}", 'GET /login', 'a GET');
    is($r->{json}{headers}{'content-length'} // 0, 0, '... without a body');
    $r = $b->get('/page');
    is($r->{json}{path}, '/login', 'the connection goes on');

    my @all = (
        [body => 'x' x 3_000_000],
        [chunks => ['x=1']],
        [chunks => [map { 'x' x 10_000 } 1 .. 20]],
        [body => 'x=1', headers => ['Expect: 100-continue']],
    );
    for my $i (0 .. $#all) {
        $r = $http->request('POST', '/page', @{$all[$i]}, token => undef);
        like($r->{body}, qr{"path": "/login"}, "... of any form: $i");
        unlike($r->{body}, qr/"(?:content-length|transfer-encoding)"/,
               '... and nothing of it comes');
        is($b->get('/page')->{json}{path}, '/login', '... nor afterwards');
    }

    my $c = $ngx->client(token => undef);
    $c->send("POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx");
    like($c->response('POST')->{body}, qr{"path": "/login"},
         'nobody waits for the rest');
    $c->close;

    SKIP: {
        skip('there is no curl', 2) unless installed('curl');
        spew($ngx->dir . '/client/body', 'x' x 10_000);
        my $out;

        # the stream ends while curl may be sending, which it takes for an error
        ok(wait_for(60, sub {
            (undef, $out) = capture(30, {}, 'curl', '-sS', '-m', 20,
                '--http2-prior-knowledge', '--data-binary',
                '@' . $ngx->dir . '/client/body',
                'http://127.0.0.1:' . $ngx->port2 . '/page');
            return $out =~ m{"path": "/login"};
        }), 'HTTP/2') or diag($out);
        unlike($out, qr/"content-length"/, '... without it');
    }
};


subtest 'satisfy any' => sub {
    my $b = browser();

    is($b->get('/any')->{body}, 'allowed', 'an address that is allowed');
    is($b->get('/any/asked')->{json}{path}, '/any/asked', 'one asked for');
    is($b->get('/any/no')->{json}{path}, '/login', 'one that is not');
    is($b->get('/any/none')->{body}, 'out', 'nothing else that would do');
    $b->get('/app', session('set user=1'));
    is($b->get('/any/no')->{json}{path}, '/any/no', 'a session');
    is($b->get('/any/none')->{json}{path}, '/any/none', '... does');
};


subtest 'locations that lead nowhere' => sub {
    for my $uri (qw(/loop/a /loop/b /loop/named /loop/nowhere),
                 '/loop/up?x=/..', '/loop/up?x=%00', '/loop/up?x=/x')
    {
        my $r = browser()->get($uri, undef, method => 'POST', body => 'x=1');
        like($r->{status}, qr/^(?:500|404)$/, $uri);
        is($r->{json}, undef, '... and not to the application');
    }

    is(browser()->get('/loop/up')->{json}{path}, '/loop/up', 'to itself');
};


subtest 'requests without an answer' => sub {
    my $n = redis('DBSIZE');
    my $c = $ngx->client(token => undef);
    my $r = $c->request('GET', '/silent');
    ok(!$r->{status}, 'return 444');
    ok(wait_for(10, sub { $ngx->access_log =~ m{^/silent 444 none -$}m }),
       '... is logged');

    $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                               PeerPort => $ngx->port);
    print $c "GET /always HTTP/1.1\r\nHost: x\r\n";
    $c->close;
    $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                               PeerPort => $ngx->port);
    print $c "GET /rest/?delay=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";
    $c->close;
    sleep 0.3;
    is(redis('DBSIZE'), $n, '... and begins no session');
};


subtest 'WATCH' => sub {
    my $b = browser();
    $b->get('/app', session('set user=1'));
    my $key = key($b->{jar});
    my $c = $ngx->resp;

    redis('HDEL', $key, '_created');
    $c->run('WATCH', $key);
    redis('PEXPIRE', $key, 3_600_000) for 1;
    $c->run('UNWATCH');
    $c->run('WATCH', $key);
    $b->get('/app');
    like($c->run('HGET', $key, '_created'), qr/^\d{13}$/, 'a new age');
    $c->run('MULTI');
    $c->run('HSET', $key, 'role', 'lost');
    is($c->run('EXEC'), undef, '... is heard of');
    $c->close;
};


subtest 'another session than that which came' => sub {
    my $b = browser();
    is($b->get('/need')->{status}, 401, 'none');
    is($b->get('/changed')->{status}, 401, 'one that has only begun');
    $b->{jar} = undef;
    $b->get('/app', session('set user=1'));
    is($b->get('/need')->{status}, 200, 'one that came');
    is($b->get('/changed')->{status}, 401, '... and ended');
};


subtest 'an end in a full zone' => sub {
    my $small = sub {
        return KS::HTTP::decode($http->post(KS::HTTP::array(@_),
                                            uri => '/small/'));
    };
    my @b = map { browser() } 1 .. 2;
    $_->get('/full', session('set user=42')) for @b;

    my $i = 0;
    for my $size (20000, 2000, reverse map { 8 * $_ } 0 .. 100) {
        1 while !$small->('SET', 'fill' . $i++, 'x' x $size)->{error};
    }

    my $much = join '; ', map { "f$_=" . 'x' x 60 } 1 .. 50;
    my $old = $b[0]{jar};
    my $r = $b[0]->get('/full', session("destroy, set $much"));
    is($small->('EXISTS', key($old))->{result}, 0,
       'no room for what is set: the session ends all the same');
    ok(!defined $b[0]{jar}, '... the cookie expires');
    is($b[0]->get('/full', undef, cookie => "sid=$old")
           ->{json}{headers}{'x-status'}, 'expired', '... and is dead');

    $b[1]->get('/full', session("set $much", 'renew'));
    is($small->('HLEN', key($b[1]{jar}))->{result}, 2,
       'another change is not made by half');
};


$http->close;
$ngx->stop;
$app->stop;
done_testing;
