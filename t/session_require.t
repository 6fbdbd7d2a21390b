# Where sessions are required; and what becomes of them amid subrequests,
# internal redirects and error pages, reloads, killed workers and a full zone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use KS::App;
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(slurp wait_for);

my $app = KS::App->start;

my $ngx = KS::Nginx->start(
    size       => '16m',
    workers    => 2,
    main       => 'keyspace_zone small 1m { token off; }',
    log_format => '$uri $status $keyspace_session_status',
    http       => $app->conf(<<'CONF'),
        keepalive_requests 1000000;
        keyspace_session main secure=off create=on_write;
        proxy_http_version 1.1;
        upstream app { server 127.0.0.1:%APP%; keepalive 16; }
        proxy_set_header Connection "";
        server {
            listen 127.0.0.1:%PORT2%;
            keyspace_session_require /login?from=$uri;
            location / { proxy_pass http://app; }
            location = /login { return 200 "login $arg_from $request_method"; }
            location /named { keyspace_session_require @named; proxy_pass http://app; }
            location @named { return 200 "named $uri"; }
            location /file {
                keyspace_session_require /files/login.html;
                proxy_pass http://app;
            }
            location /files/ { keyspace_session_require off; alias %DIR%/client/; }
            location /free { keyspace_session_require off; return 200 free; }
        }
CONF
    locations  => <<'CONF',
        location /rest/ { keyspace_session off; keyspace_rest main; }
        location /small/ { keyspace_session off; keyspace_rest small; }

        location /app { proxy_pass http://app; }
        location /need {
            keyspace_session_require on;
            proxy_pass http://app;
            proxy_set_header X-User $keyspace_session_user;
        }
        location /need/page {
            keyspace_session_require on;
            error_page 401 /401;
            proxy_pass http://app;
        }
        location /401 { internal; return 403 "log in at $uri"; }
        location /need/free { keyspace_session_require off; proxy_pass http://app; }
        location /need/closed {
            keyspace_session_require on;
            keyspace_session off;
            proxy_pass http://app;
        }
        location /need/any {
            satisfy any;
            keyspace_session_require on;
            allow 127.0.0.2;
            deny all;
            proxy_pass http://app;
        }
        location /need/all {
            keyspace_session_require on;
            deny all;
        }
        location /always {
            keyspace_session main secure=off;
            keyspace_session_require on;
            proxy_pass http://app;
        }
        location /always/asked {
            keyspace_session main secure=off;
            keyspace_session_require on;
            set $asked $keyspace_session_id;
            proxy_pass http://app;
        }
        location /always/forbidden {
            keyspace_session main secure=off;
            auth_request /forbid;
            proxy_pass http://app;
        }
        location = /forbid {
            internal;
            keyspace_session main secure=off;
            proxy_pass http://app/?status=403;
        }
        location /ended {
            auth_request /end;
            proxy_pass http://app;
        }
        location = /end {
            internal;
            proxy_pass "http://app/?header=Keyspace-Session%3a%20destroy";
        }
        location /gate { auth_request /gate-keeper; proxy_pass http://app; }
        location = /gate-keeper {
            internal;
            keyspace_session_require on;
            proxy_pass http://app/;
        }
        location /gate-login { auth_request /login-keeper; proxy_pass http://app; }
        location = /login-keeper {
            internal;
            keyspace_session_require /app;
            proxy_pass http://app/;
        }
        location /ssi {
            ssi on;
            ssi_types *;
            alias %DIR%/client/ssi.html;
        }
        location /denied { keyspace_session main secure=off; deny all; }

        location /auth {
            auth_request /check;
            auth_request_set $who $sent_http_x_who;
            proxy_pass http://app;
            proxy_set_header X-Status $keyspace_session_status;
            proxy_set_header X-User $keyspace_session_user;
            proxy_set_header X-Who $who;
        }
        location = /check {
            internal;
            proxy_pass http://app/check?$args;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-User $keyspace_session_user;
            proxy_method GET;
        }
        location /authed {
            auth_request /check-ok;
            proxy_pass http://app;
            proxy_set_header X-User $keyspace_session_user;
        }
        location = /check-ok {
            internal;
            proxy_pass "http://app/check?header=Keyspace-Session%3a%20set%20checked%3d1%3buser%3d42";
        }
        location /mirrored { mirror /mirror; proxy_pass http://app; }
        location = /mirror {
            internal;
            log_subrequest on;
            proxy_pass "http://app/m?header=Keyspace-Session%3a%20set%20evil%3d1";
        }

        location /redirect { try_files /none /moved; }
        location /moved {
            keyspace_session main secure=off;
            return 200 "$keyspace_session_status $keyspace_session_id";
        }
        location /broken {
            keyspace_session main secure=off;
            proxy_pass http://app;
            proxy_intercept_errors on;
            error_page 500 /moved;
        }
        location /full {
            keyspace_session small secure=off;
            proxy_pass http://app;
            proxy_set_header X-Status $keyspace_session_status;
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


subtest 'in subrequests, which nginx lets pass' => sub {
    KS::Proc::spew($ngx->dir . '/client/ssi.html',
                   '(<!--#include virtual="/need?body=secret" -->)');

    my $b = KS::App::browser($ngx->client(token => undef));

    is($b->get('/gate')->{status}, 401, 'auth_request to a location that wants one');
    is($b->get('/gate-login')->{status}, 401, '... and is not led to a log-in');
    unlike($b->get('/ssi')->{body}, qr/secret/, 'what a page includes');
    is($b->get('/need')->{headers}{'www-authenticate'},
       'Cookie cookie-name="sid"', '401 says what is wanted');
    is($b->get('/need/any')->{headers}{'www-authenticate'}, undef,
       '... but not beside others');

    $b->get('/app', KS::App::session('set user=a%2525'));
    is($b->get('/gate')->{status}, 200, 'with a session it is granted');
    is($b->get('/gate-login')->{status}, 200, '... both ways');
    like($b->get('/ssi')->{body}, qr/secret/, '... and the page is whole');
    is($b->get('/need')->{json}{headers}{'x-user'}, 'a%2525',
       '"%" itself is %25 in a variable');
};


subtest 'require' => sub {
    my $b = browser();

    is($b->get('/need')->{status}, 401, 'no session');
    is($b->get('/need', undef, cookie => 'sid=' . 'A' x 43)->{status}, 401,
       'an expired one');
    is($b->get('/need', session('set user=1'))->{status}, 401,
       'the application is not asked');
    my $r = $b->get('/need/page');
    is("$r->{status} $r->{body}", '401 log in at /401', 'an error page');
    is($b->get('/need/free')->{status}, 200, 'off');

    $b->get('/app', session('set user=42'));
    is($b->get('/need')->{json}{headers}{'x-user'}, 42, 'a session');
    is($b->get('/need/page')->{status}, 200, '... of any page');
    is($b->get('/need/closed')->{status}, 401,
       'where sessions are off, it is closed');
    is($b->get('/need/any')->{status}, 200, 'satisfy any');
    is(browser()->get('/need/any')->{status}, 401, '... or not');
    is($b->get('/need/all')->{status}, 403, 'satisfy all');
    $b->get('/app', session('destroy'));
    is($b->get('/need')->{status}, 401, 'after the end');
};


subtest 'require, when sessions always begin' => sub {
    my $b = browser();
    my $r = $b->get('/always');

    is($r->{status}, 401, 'one that only begins would not do');
    is_deeply($r->{cookies}, [], '... and does not begin');
    is(browser()->get('/denied')->{status}, 403, 'nor where access is denied');
    is_deeply(browser()->get('/denied')->{cookies}, [], '... none');

    is(browser()->get('/always/asked')->{status}, 401,
       'nor one that began with a variable');
    $r = browser()->get('/always/forbidden');
    is("$r->{status} " . @{$r->{cookies}}, '403 0',
       'none begins while it is asked whether there is access');

    $b->get('/app', session('set user=1'));
    is($b->get('/always')->{status}, 200, 'one that has come does');
};


subtest 'require LOCATION' => sub {
    my $client = KS::HTTP->new(port => $ngx->port2);
    my $b = KS::App::browser($client);
    my $body = sub { my $r = $b->get(@_); "$r->{status} $r->{body}" };

    is($body->('/page'), '200 login /page GET', 'to the location');
    is($body->('/page', undef, method => 'POST', body => 'x=1'),
       '200 login /page GET', '... without what was posted');
    KS::Proc::spew($ngx->dir . '/client/login.html', 'a page');
    is($body->('/file', undef, method => 'POST', body => 'x=1'), '200 a page',
       '... also to a file');
    is($body->('/login'), '200 login  GET', 'which needs no session itself');
    is($body->('/named'), '200 named /named', 'to one with a name');
    is($body->('/free'), '200 free', 'off');

    my $other = browser();
    $other->get('/app', session('set user=1'));
    $b->{jar} = $other->{jar};
    is($b->get('/page')->{json}{path}, '/page', 'with a session');
    is($b->get('/named')->{json}{path}, '/named', '... here, too');
    $client->close;
};


subtest 'one session of a request' => sub {
    my $b = browser();
    my $n = redis('DBSIZE');

    my $r = $b->get('/auth');
    is($r->{json}{headers}{'x-status'}, 'none', 'auth_request: none');
    $r = $b->get('/authed');
    is($r->{json}{headers}{'x-user'}, 42, 'what the subrequest sets is there');
    is(scalar @{$r->{cookies}}, 1, '... the client gets the cookie');
    is(redis('DBSIZE'), $n + 1, '... of one session');
    is(redis('HGET', key($b->{jar}), 'checked'), 1, '... with all fields');
    $r = $b->get('/auth');
    is_deeply([@{$r->{json}{headers}}{'x-status', 'x-user'}], ['active', 42],
              'and afterwards');

    my $o = browser();
    $o->get('/app', session('set user=1'));
    $n = redis('DBSIZE');
    $r = $o->get('/ended', session('set user=2'));
    is("$r->{status} " . redis('DBSIZE'), '200 ' . ($n - 1),
       'what a subrequest has ended does not come back');
    ok(!defined $o->{jar}, '... and the cookie goes');

    $n = redis('DBSIZE');
    $r = browser()->get('/redirect');
    my ($status, $id) = split / /, $r->{body};
    is($status, 'new', 'an internal redirect');
    is(scalar @{$r->{cookies}}, 1, '... one cookie');
    is(sha256_hex($r->{cookies}[0] =~ /sid=([^;]+)/), $id, '... the same');
    is(redis('DBSIZE'), $n + 1, '... one session');

    $r = browser()->get('/broken', 'status=500&' . session('set user=1'));
    ($status, $id) = split / /, $r->{body};
    is("$r->{status} $status", '500 new', 'an error page');
    is(sha256_hex($r->{cookies}[0] =~ /sid=([^;]+)/), $id, '... the same');
    is(redis('DBSIZE'), $n + 2, '... one session');
    is(redis('HGET', "session:$id", 'user'), undef,
       '... an intercepted response says nothing');

    $b->get('/app', session('set mirrored=1'));
    $b->get('/mirrored');
    ok(wait_for(20, sub { $ngx->access_log =~ m{^/mirror 200 }m }), 'a mirror');
    is_deeply([sort(@{redis('HKEYS', key($b->{jar}))})],
              ['_created', 'checked', 'mirrored', 'user'],
              '... has no say');
};


subtest 'a full zone' => sub {
    my $small = sub {
        return KS::HTTP::decode($http->post(KS::HTTP::array(@_),
                                            uri => '/small/'));
    };
    my $b = browser();
    $b->get('/full', session('set user=42'));
    my $key = key($b->{jar});
    is($small->('HGET', $key, 'user')->{result}, 42, 'a session with room');

    my $i = 0;
    for my $size (20000, 2000, reverse map { 8 * $_ } 0 .. 100) {
        1 while !$small->('SET', 'fill' . $i++, 'x' x $size)->{error};
    }

    my $log = length $ngx->log;
    my $r = browser()->get('/full');
    is($r->{status}, 200, 'without room the request goes on');
    is($r->{json}{headers}{'x-status'}, 'none', '... without a session');
    is_deeply($r->{cookies}, [], '... or a cookie');
    like(substr($ngx->log, $log),
         qr/\[error\] .*a session does not begin: no room in keyspace zone "small"/,
         '... and the log says so');

    is($b->get('/full')->{json}{headers}{'x-status'}, 'active',
       'one that is there is found');
    my $before = $small->('HGETALL', $key)->{result};
    $r = $b->get('/full', session(
        'set ' . join('; ', map { "f$_=" . 'x' x 60 } 1 .. 50)));
    is($r->{status}, 200, 'a change that has no room');
    is_deeply($small->('HGETALL', $key)->{result}, $before,
              '... is not made by half');
    like(substr($ngx->log, $log), qr/a session is not changed: no room/,
         '... and logged');

    my $old = $b->{jar};
    $b->get('/full', session('destroy'));
    is($small->('EXISTS', $key)->{result}, 0, 'an end needs no room');
};


subtest 'reload' => sub {
    my $b = browser();
    $b->get('/app', session('set user=42'));
    ok($ngx->reload, 'a reload');
    $http->close;
    is($b->get('/need')->{json}{headers}{'x-user'}, 42, 'keeps sessions');
};


# Each client sets fields of its own in one session; what was answered is there
# in the end, whoever was killed meanwhile.
subtest 'workers that are killed' => sub {
    my $b = browser();
    $b->get('/app', session('set user=42'));
    my $key = key($b->{jar});
    my $dir = KS::Proc::tempdir();
    my @pids;

    for my $i (1 .. 4) {
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            my $c = KS::App::browser($ngx->client, jar => $b->{jar});
            my ($n, @done) = 0;

            while (!-e "$dir/stop" && $n < 5000) {
                $n++;
                my $r = eval {
                    $c->get('/app', session("set f${i}_" . $n % 50 . "=$n"))
                };
                push @done, $n if $r && $r->{status} == 200;
                $c->{http}->close if !$r;
            }

            KS::Proc::spew("$dir/$i", join ' ', $n, @done);
            POSIX::_exit(0);
        }

        push @pids, $pid;
    }

    my $kills = 0;
    for (1 .. 15) {
        sleep 0.1;
        my @workers = $ngx->workers;
        $kills += kill 'KILL', $workers[rand @workers] if @workers;
        wait_for(20, sub { (() = $ngx->workers) >= 2 });
    }

    KS::Proc::spew("$dir/stop", '');
    waitpid $_, 0 for @pids;

    $http->close;
    $ngx->allow('exited on signal 9', 'worker process \d+ exited');
    my %h = @{redis('HGETALL', $key)};
    my ($acked, @bad) = 0;

    for my $i (1 .. 4) {
        my ($last, @done) = split / /, slurp("$dir/$i");
        my %want = map { ("f${i}_" . $_ % 50 => $_) } @done;
        $acked += @done;

        # one that got no answer may have been made
        push @bad, grep {
            ($h{$_} // 0) < $want{$_} || ($h{$_} - $want{$_}) % 50 || $h{$_} > $last
        } keys %want;
    }

    cmp_ok($kills, '>=', 10, "$kills workers were killed");
    cmp_ok($acked, '>', 100, "$acked changes were answered");
    is_deeply(\@bad, [], 'all of them are there');
    is($h{user}, 42, '... and what was there before');
    like(redis('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
};


$http->close;
$ngx->stop;
$app->stop;
done_testing;
