# Sessions on the less trodden paths of a request: upgrades, upstreams that
# fail, what is replaced, clients that go away, large and odd hashes, reloads.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use KS::App;
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(free_port slurp spew tempdir wait_for);

my $app = KS::App->start;
my $closed = free_port();
my ($upgrading, $upgrader) = upgrader();

my $ngx = KS::Nginx->start(
    size       => '16m',
    workers    => 2,
    resp       => '',
    log_format => '$uri $status $keyspace_session_status',
    http       => <<'CONF',
        keyspace_session main secure=off create=on_write;
        proxy_http_version 1.1;
        proxy_buffer_size 64k;
        proxy_buffers 4 64k;
CONF
    locations  => $app->conf(<<"CONF"),
        location /rest/ { keyspace_session off; keyspace_rest main; }
        location /app {
            proxy_pass http://127.0.0.1:%APP%;
            proxy_set_header X-User \$keyspace_session_user;
            proxy_set_header X-Last \$keyspace_session_last;
            proxy_set_header X-Status \$keyspace_session_status;
        }
        location /need {
            keyspace_session_require on;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /upgrade {
            proxy_pass http://127.0.0.1:$upgrading;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }
        location /lasting {
            keyspace_session main secure=off ttl=8s;
            proxy_pass http://127.0.0.1:$upgrading;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }
        location /down {
            keyspace_session main secure=off;
            proxy_pass http://127.0.0.1:$closed;
        }
        location /fallback {
            keyspace_session main secure=off;
            proxy_pass http://127.0.0.1:$closed;
            error_page 502 = \@app;
        }
        location \@app { proxy_pass http://127.0.0.1:%APP%; }
        location /accel {
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /inside {
            internal;
            return 200 "\$keyspace_session_status \$keyspace_session_user";
        }
        location /if {
            if (\$arg_x) { return 200 "\$keyspace_session_user"; }
            if (\$keyspace_session_user = ada) {
                add_header Keyspace-Session "set met=1";
            }
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /ssi {
            ssi on;
            ssi_types *;
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


# An upstream that switches protocols and sets a field: its port and process.
sub upgrader {
    my $listen = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1')
        or die "listen: $!";
    my $pid = fork // die "fork: $!";

    return ($listen->sockport, $pid) if $pid;

    while (my $c = $listen->accept) {
        my $line = '';
        $line = <$c> while defined $line && $line ne "\r\n";
        print $c "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
                 . "Connection: upgrade\r\n"
                 . "Keyspace-Session: set ws=1\r\n\r\n";
        $c->flush;
        $line = <$c>;
        print $c "you said $line" if defined $line;
        close $c;
    }

    POSIX::_exit(0);
}


# A connection that has switched protocols, and the head of the response.
sub upgraded {
    my ($uri) = @_;
    my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $ngx->port);
    print $c "GET $uri HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\n"
             . "Connection: upgrade\r\n\r\n";
    my $head = '';
    while (defined(my $line = <$c>)) { $head .= $line; last if $line eq "\r\n" }

    return ($c, $head);
}


subtest 'an upgrade' => sub {
    my ($c, $head) = upgraded('/upgrade');

    like($head, qr{^HTTP/1\.1 101 }, 'it switches');
    unlike($head, qr/Keyspace-Session/i, '... without the header');
    my ($cookie) = $head =~ /^Set-Cookie: sid=([^;]+)/m;
    is(redis('HGET', key($cookie), 'ws'), 1, '... with a session');
    print $c "hello\n";
    is(<$c>, "you said hello\n", '... and it goes on');
};


subtest 'a response that lasts' => sub {
    my ($c, $head) = upgraded('/lasting');
    my ($cookie) = $head =~ /^Set-Cookie: sid=([^;]+)/m;
    my $left = redis('PTTL', key($cookie));

    cmp_ok($left, '>', 0, 'its session has a TTL');

    # which falls, until half of it has passed
    my $again = wait_for(60, sub {
        my $now = redis('PTTL', key($cookie));
        my $more = $now > $left;

        $left = $now;
        return $more;
    });

    ok($again, '... that begins anew without a request');
    print $c "hello\n";
    is(<$c>, "you said hello\n", '... and it goes on');
    close $c;
};


subtest 'an upstream that fails' => sub {
    my $n = redis('DBSIZE');
    my $r = browser()->get('/down');
    is("$r->{status} " . @{$r->{cookies}}, '502 1', 'a session has begun');
    $r = browser()->get('/fallback', session('set user=1'));
    is("$r->{status} " . @{$r->{cookies}}, '200 1', 'a fallback goes on with it');
    is(redis('DBSIZE'), $n + 2, '... with that one');
};


subtest 'what is replaced' => sub {
    my $b = browser();
    $b->get('/app', session('set user=ada'));
    my $r = $b->get('/accel', KS::App::query(
        'X-Accel-Redirect: /inside', 'Keyspace-Session: set user=eve'));
    is($r->{body}, 'active ada', 'X-Accel-Redirect says nothing');
    $r = $b->get('/app', session('set role=x'), method => 'HEAD');
    is($r->{status} . redis('HGET', key($b->{jar}), 'role'), '200x', 'HEAD');

    is($b->get('/if', 'x=1')->{body}, 'ada', 'if');
    $b->get('/if');
    is(redis('HGET', key($b->{jar}), 'met'), 1, '... with a header');

    $r = $b->get('/ssi', 'body=' . join '', map {
        "%5b%3c!--%23%20echo%20var=%22keyspace_session_$_%22%20--%3e%5d"
    } '', 'user', 'no%20name', 'x' x 30);
    is($r->{body}, '[(none)][ada][(none)][(none)]', 'SSI, with odd names');
};


subtest 'clients that go away' => sub {
    my $b = browser();
    $b->get('/app', session('set user=1'));

    for (1 .. 10) {
        my $c = $ngx->client(token => undef);
        $c->send($c->build('GET', '/app?delay=0.2&' . session('set gone=1'),
                           headers => ["Cookie: sid=$b->{jar}"]));
        sleep 0.02;
        $c->close;
    }

    ok(wait_for(20, sub { 10 == (() = $ngx->access_log =~ m{^/app 499 active$}mg) }),
       'nobody waits for an answer');
    is(redis('HGET', key($b->{jar}), 'gone'), undef, '... that nobody gets');
};


subtest 'renewed while another request is on its way' => sub {
    my $slow = $ngx->client(token => undef);

    for my $action ('set late=1', 'set late=1, renew', 'unset user',
                    'destroy, set user=new', 'destroy')
    {
        my $b = browser();
        $b->get('/app', session('set user=1'));
        my $key = key($b->{jar});
        redis('PEXPIRE', $key, 600_000);
        $slow->send($slow->build('GET', '/app?delay=0.4&' . session($action),
                                 headers => ["Cookie: sid=$b->{jar}"]));
        ok(wait_for(20, sub { redis('PTTL', $key) > 3_500_000 }),
           "$action: it has found the session");
        $b->get('/app', session('set user=2', 'renew'));
        my $new = key($b->{jar});
        my $r = $slow->response('GET');

        if ($action =~ /destroy/) {
            is(redis('EXISTS', $new), 0, '... and ends it, renewed or not');
            next;
        }

        is($r->{headers}{'set-cookie'}, undef, '... and gets no cookie');
        is(redis('HGET', $new, 'late'), $action =~ /late/ ? 1 : undef,
           '... what it sets is in the renewed one');
        is($b->get('/app')->{json}{headers}{'x-user'} // 'none',
           $action =~ /unset/ ? 'none' : 2, '... which goes on');
    }

    $slow->close;
};


subtest 'odd keys' => sub {
    my $b = browser();
    my $slow = $ngx->client(token => undef);

    for my $action ('set user=late', 'set user=late, renew',
                    'destroy, set user=new', 'destroy', 'unset user', 'renew')
    {
        $b->{jar} = undef;
        $b->get('/app', session('set user=1'));
        my $key = key($b->{jar});
        redis('PEXPIRE', $key, 600_000);
        $slow->send($slow->build('GET', '/app?delay=0.4&' . session($action),
                                 headers => ["Cookie: sid=$b->{jar}"]));
        wait_for(20, sub { redis('PTTL', $key) > 3_500_000 });
        redis('SET', $key, 'a string');
        my $r = $slow->response('GET');
        is("$r->{status} " . redis('GET', $key), '200 a string',
           "a string meanwhile: $action");
        is($b->get('/need')->{status}, 401, '... which is no session');
        redis('DEL', $key);
    }

    $slow->close;
    $b->{jar} = undef;
    $b->get('/app', session('set user=1'));
    my $key = key($b->{jar});

    redis('HSET', $key, map { ("f$_" => $_) } 1 .. 2000);
    redis('HSET', $key, 'last', 'x' x 60_000, 'large', 'y' x 900_000);
    my $r = $b->get('/app');
    is("$r->{json}{headers}{'x-user'} " . length $r->{json}{headers}{'x-last'},
       '1 60000', 'a large hash');
    redis('HDEL', $key, '_created');
    $r = $b->get('/app', session('renew', 'unset large', 'set last=1'));
    $key = key($b->{jar});
    is(redis('HLEN', $key), 2003, '... is renewed');
    is(redis('OBJECT', 'ENCODING', $key), 'hashtable', '... as it is');

    redis('HPEXPIRE', $key, 100_000, 'FIELDS', 2, '_created', 'user');
    is($b->get('/app')->{json}{headers}{'x-user'}, 1, 'fields that expire');
    redis('HPEXPIRE', $key, 1, 'FIELDS', 2, '_created', 'user');
    ok(wait_for(20, sub { !defined redis('HGET', $key, 'user') }), '... do');
    ok(!exists $b->get('/app')->{json}{headers}{'x-user'}, '... here, too');
    ok(redis('HEXISTS', $key, '_created'), '... and it has an age');

    $b->get('/app', session('set user=2'));
    redis('DEL', $key);
    redis('HSET', $key, 'only', 1);
    $b->get('/app', session('unset only'));
    is(redis('HLEN', $key), 1, 'one without a field has its age');

    my @many = map { "set a$_=$_, unset a" . ($_ - 1) } 1 .. 100;
    $b->get('/app', session(@many));
    is(join(' ', sort @{redis('HKEYS', $key)}), '_created a100',
       'many headers, in their order');
    like(redis('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
};


subtest 'reloads amid requests' => sub {
    my $dir = tempdir();
    my @pids;

    $http->close;

    for my $i (1 .. 4) {
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            my $c = KS::App::browser($ngx->client);
            my ($n, $bad) = (0, '');

            while ((!-e "$dir/stop" || $n < 2) && $n < 20_000) {
                $n++;
                my $r = eval { $c->get('/app', session("set user=$i$n", 'renew')) };
                $r = eval { $c->get('/app') } if $r;

                # nothing is known of a request that was cut off
                if (!$r) {
                    $c->{http}->close;
                    $c->{jar} = undef;
                } elsif (($r->{json}{headers}{'x-user'} // '') ne "$i$n") {
                    $bad .= "$n ";
                }
            }

            spew("$dir/$i", $bad);
            POSIX::_exit($n > 1 ? 0 : 1);
        }

        push @pids, $pid;
    }

    for (1 .. 4) {
        sleep 0.3;
        ok($ngx->reload, 'a reload');
    }

    spew("$dir/stop", '');
    my $failed = 0;
    for my $pid (@pids) { waitpid $pid, 0; $failed++ if $? }
    is($failed, 0, 'all went on');
    is(join('', map { slurp("$dir/$_") } 1 .. 4), '', '... with their sessions');
    like(redis('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
};


$http->close;
$ngx->stop;
$app->stop;
kill 'KILL', $upgrader;
waitpid $upgrader, 0;
done_testing;
