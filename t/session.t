# Sessions: the cookie and the key that belongs to it, what the application's
# headers do, what a client cannot do, and where sessions are required.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Digest::SHA qw(sha256_hex);
use Test::More;
use Time::HiRes qw(time);

use KS::App;
use KS::Clock;
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture installed slurp spew wait_for);

my $app = KS::App->start;

my $ngx = KS::Nginx->start(
    size       => '16m',
    workers    => 2,
    resp       => '',
    log_format => '$uri $keyspace_session_status $keyspace_session_id '
                  . '$keyspace_session_user',
    http       => $app->conf(<<'CONF'),
        proxy_cache_path %DIR%/proxy/cache keys_zone=pages:1m;
        proxy_http_version 1.1;
        server {
            listen 127.0.0.1:%PORT2% http2;
            keyspace_session main;
            location / { proxy_pass http://127.0.0.1:%APP%/; }
        }
CONF
    server     => 'keyspace_session main secure=off; root %DIR%/files;',
    locations  => $app->conf(<<'CONF'),
        location /rest/ { keyspace_session off; keyspace_rest main; }

        location /app {
            proxy_pass http://127.0.0.1:%APP%;
            proxy_set_header X-User $keyspace_session_user;
            proxy_set_header X-Role $keyspace_session_role;
            proxy_set_header X-Session $keyspace_session_id;
            proxy_set_header X-Status $keyspace_session_status;
        }
        location /write {
            keyspace_session main secure=off create=on_write;
            proxy_pass http://127.0.0.1:%APP%;
            proxy_set_header X-User $keyspace_session_user;
            proxy_set_header X-Session $keyspace_session_id;
            proxy_set_header X-Status $keyspace_session_status;
        }
        location /php {
            fastcgi_pass 127.0.0.1:%FASTCGI%;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param HTTP_X_USER $keyspace_session_user if_not_empty;
        }
        location /fastcgi {
            fastcgi_pass 127.0.0.1:%FASTCGI%;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param HTTP_X_USER $keyspace_session_user;
        }
        location /gone { return 404; }
        location /vars {
            return 200 "$keyspace_session_status|$keyspace_session_id|$keyspace_session_user|$keyspace_session_userid|$keyspace_session_last_seen|$keyspace_session_text";
        }
        location /off {
            keyspace_session off;
            proxy_pass http://127.0.0.1:%APP%;
            proxy_set_header X-Session "<$keyspace_session_id>";
        }
        location /static {
            add_header X-User $keyspace_session_user;
            add_header X-Status $keyspace_session_status;
        }
        location = /logout {
            add_header Keyspace-Session destroy;
            return 204;
        }
        location /cached {
            proxy_cache pages;
            proxy_cache_valid 1m;
            proxy_cache_key $uri;
            proxy_pass http://127.0.0.1:%APP%;
            add_header X-Cache $upstream_cache_status;
        }
        location /strict {
            keyspace_session main secure=off grace=0;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /other {
            keyspace_session main cookie=other prefix=o: secure=on httponly=off
                samesite=strict path=/other domain=example.com ttl=10s
                absolute=20s;
            return 200 $keyspace_session_id;
        }
CONF
);

my $http = $ngx->client;


sub browser { return KS::App::browser($http, @_) }
sub session { return KS::App::session(@_) }


# A command over REST.
sub redis {
    return KS::HTTP::decode($http->post(KS::HTTP::array(@_),
                                        uri => '/rest/'))->{result};
}


# How many there are, without the old keys of renewed ones.
sub sessions {
    return scalar grep { redis('HEXISTS', $_, '_created') }
        @{redis('KEYS', 'session:*')};
}


sub errors { return slurp($ngx->dir . '/error.log') }
sub key { return 'session:' . sha256_hex($_[0]) }
sub hash { my %h = @{redis('HGETALL', $_[0])}; return \%h }


subtest 'a cookie and its key' => sub {
    my $b = browser();
    my $r = $b->get('/app');
    my $cookie = $b->{jar};

    is(scalar @{$r->{cookies}}, 1, 'one cookie');
    is($r->{cookies}[0], "sid=$cookie; Path=/; HttpOnly; SameSite=Lax",
       '... with the attributes of the directive');
    like($cookie, qr/^[A-Za-z0-9_-]{43}$/, '256 bits in base64url');
    is($r->{headers}{'cache-control'}, 'no-store', 'no cache keeps it');
    is($r->{json}{headers}{'x-status'}, 'new', 'the session is new');

    my $id = $r->{json}{headers}{'x-session'};
    is($id, sha256_hex($cookie), 'its id is the digest of the cookie');
    is(redis('TYPE', "session:$id"), 'hash', 'and it is a hash');
    like(redis('HGET', "session:$id", '_created'), qr/^\d{13}$/,
         '... that knows when it began');
    my $ttl = redis('TTL', "session:$id");
    ok($ttl > 3500 && $ttl <= 3600, "... with the TTL of an hour: $ttl");

    $r = $b->get('/app');
    is($r->{json}{headers}{'x-status'}, 'active', 'it is there again');
    is($r->{json}{headers}{'x-session'}, $id, '... the same one');
    is_deeply($r->{cookies}, [], '... and no cookie is set again');
    ok(!exists $r->{headers}{'cache-control'}, '... nor a cache told');

    my %seen = map { my $o = browser(); $o->get('/app'); $o->{jar} => 1 }
        1 .. 50;
    is(scalar keys %seen, 50, 'no two are alike');

    $r = browser(name => 'other')->get('/other');
    like($r->{cookies}[0], qr/^other=.{43}; Path=\/other; Domain=example\.com; Secure; SameSite=Strict$/,
         'other attributes');
    is(redis('EXISTS', "o:$r->{body}"), 1, '... and another prefix');
};


subtest 'what a client sends is not believed' => sub {
    my $b = browser();
    my $good = do { $b->get('/app', session('set user=42')); $b->{jar} };
    my $n = redis('DBSIZE');

    for my $case (
        ['of the wrong form', 'sid=forged', 'new'],
        ['empty', 'sid=', 'new'],
        ['unknown', 'sid=' . 'A' x 43, 'expired'],
        ['with a last character that is none', 'sid=' . 'A' x 42 . 'B', 'new'],
        ['too long', "sid=$good" . 'A', 'new'],
        ['much too long', 'sid=' . 'A' x 3000, 'new'],
        ['in quotes', "sid=\"$good\"", 'new'],
        ['of another case', "SID=$good", 'new'],
        ['of a longer name', "xsid=$good; sidx=$good", 'new'],
        ['without a name', "sidx$good; $good; =$good", 'new'],
        ['a key, not a cookie', 'sid=' . sha256_hex($good), 'new'],
        ['with other characters', 'sid=' . '%' x 43, 'new'],
    ) {
        my ($name, $cookie, $status) = @$case;
        my $other = browser();
        my $r = $other->get('/app', undef, cookie => $cookie);
        my ($sent) = $cookie =~ /=(.*)/;

        is($r->{json}{headers}{'x-status'}, $status, "$name: $status");
        is($r->{json}{headers}{'x-user'} // '', '', "$name: nobody's fields");
        ok(defined $other->{jar} && $other->{jar} ne $good, '... another one');
        ok(!length $sent || index($r->{head}, $sent) < 0, '... no echo');
    }

    is(redis('DBSIZE'), $n + 12, 'each began a session of its own');

    my $second = browser();
    $second->get('/app', session('set user=43'));

    my $user = sub {
        my $r = browser()->get('/app', undef, cookie => $_[0]);
        return $r->{json}{headers}{'x-user'} // '';
    };

    is($user->("sid=$good; sid=$good"), '42', 'the same one twice');
    is($user->("sid=forged; sid=$good"), '42', 'one of the wrong form');
    is($user->("a=b; sid=$good;sid=" . 'A' x 43), '42', 'one that is dead');
    is($user->("sid=$good; sid=$second->{jar}"), '',
       'between two that live none is taken');
    is($user->(join '; ', "sid=$good", map { 'sid=' . 'A' x 41 . "${_}A" } 1 .. 9),
       '', 'nor among many');

    my $two = browser()->get('/app', undef, cookie => "sid=$good",
                             headers => ["Cookie: sid=$second->{jar}"]);
    is($two->{json}{headers}{'x-user'} // '', '', '... nor in two headers');

    my $r = $b->get('/app', undef, headers => [
        'Keyspace-Session: set user=1; role=admin', 'Keyspace-Session: renew',
        'X-User: root', 'X-Role: admin', 'X-Session: mine']);
    is($b->{jar}, $good, 'a Keyspace-Session of a request does nothing');
    is_deeply([@{hash(key($good))}{qw(user role)}], ['42', undef], '... at all');
    is($r->{json}{headers}{'x-user'}, '42', "a client's X-User is replaced");
    ok(!exists $r->{json}{headers}{'x-role'}, '... or removed');
    is($r->{json}{headers}{'x-session'}, sha256_hex($good), '... the id, too');
};


subtest 'what the application says' => sub {
    my $b = browser();
    my $r = $b->get('/app', session('set user=42; role=admin'));
    my $key = key($b->{jar});

    unlike($r->{head}, qr/Keyspace-Session/i, 'the client does not see it');
    is_deeply([@{hash($key)}{qw(user role)}], [42, 'admin'], 'set');

    $r = $b->get('/app', session('unset role'));
    is($r->{json}{headers}{'x-role'}, 'admin', 'the next request knows');
    is_deeply([@{hash($key)}{qw(user role)}], [42, undef], 'unset');

    $b->get('/app', session('set a=1;b=2 ;  c=3', 'unset  a ; nosuch',
                            'set d=4, unset b, SET e=5'));
    is_deeply([@{hash($key)}{qw(a b c d e)}], [undef, undef, 3, 4, 5],
              'several, in their order');

    my $bytes = join '', map { chr } 0 .. 255;
    my $text = $bytes =~ s/(.)/sprintf '%%%02X', ord $1/gers;
    $b->get('/app', session("set text=$text; empty=; eq=a=b+c==; n%61me=x"));
    is(redis('STRLEN', 'none'), 0, 'a command in between');
    my $c = $ngx->resp;
    is($c->run('HGET', $key, 'text'), $bytes, 'any bytes, percent-encoded');
    is_deeply([@{hash($key)}{qw(empty eq name)}], ['', 'a=b+c==', 'x'],
              'an empty one, and one with more of "="');
    $c->close;

    my $log = length errors();
    my $before = hash($key);
    my @bad = ('set', 'set ', 'set x', 'set =1', 'set x=1;', 'set x=a b',
               'set x=%zz', 'set x=1%4', 'set _created=1', 'set %5Fx=1',
               'unset _created', 'unset', 'nosuch', 'renew now', 'destroyed',
               'set x=1, nosuch', 'set x=1; role=%', 'set x="a,b"', ',', '',
               "set x=\xc3\xa4", 'renew; destroy', 'unset user=42',
               'set ' . join(';', map { "f$_=1" } 1 .. 257));
    for my $bad (@bad) {
        $r = $b->get('/app', session($bad));
        is_deeply($r->{cookies}, [], 'no cookie: ' . substr $bad, 0, 40);
        unlike($r->{head}, qr/Keyspace-Session/i, '... nor is it passed on');
    }
    is_deeply(hash($key), $before, 'what is wrong does nothing');
    my $said = () = substr(errors(), $log)
        =~ /\[warn\] .*"Keyspace-Session" header is ignored/g;
    is($said, scalar @bad, '... and is logged');
    unlike(substr(errors(), $log), qr/ignored: [^,]*f256/,
           '... without what it says');

    $b->get('/app', session('set bad=%', 'set good=1'));
    is_deeply([@{hash($key)}{qw(bad good)}], [undef, 1],
              'a good one beside a bad one');

    $r = $b->get('/app', KS::App::query('keyspace-session: set low=1',
                                        'KEYSPACE-SESSION: set high=1'));
    is_deeply([@{hash($key)}{qw(low high)}], [1, 1], 'names of any case');
    unlike($r->{head}, qr/Keyspace-Session/i, '... are taken out');
};


subtest 'variables' => sub {
    my $b = browser();
    my $vars = sub { return [split /\|/, $b->get('/vars')->{body}, -1] };

    my $v = $vars->();
    is_deeply([@$v[0, 2 .. 5]], ['new', '', '', '', ''], 'a new session');
    is($v->[1], sha256_hex($b->{jar}), '... with an id');

    redis('HSET', key($b->{jar}), 'user', 'Ada', 'userId', '7',
          'last-seen', 'now', 'text', 'x');
    is_deeply($vars->(), ['active', $v->[1], 'Ada', '7', 'now', 'x'],
              'fields, also of names that no variable has');

    redis('HSET', key($b->{jar}), 'userid', '8', 'text',
          "a\r\nSet-Cookie: sid=x\0\x7f \xc3\xa4", 'user', 'x' x 65537);
    $v = $vars->();
    is($v->[3], '8', 'the very name comes first');
    is($v->[5], "a%0d%0aSet-Cookie: sid=x%00%7f \xc3\xa4",
       'control characters end no header');
    is($v->[2], '', 'what is too long is not given');

    redis('HSET', key($b->{jar}), 'user', "x\r\nX-Evil: 1");
    my $r = $b->get('/app');
    is($r->{json}{headers}{'x-user'}, 'x%0d%0aX-Evil: 1', 'upstream');
    ok(!exists $r->{json}{headers}{'x-evil'}, '... neither');

    $b->get('/app', session('set user=logged'));
    ok(wait_for(10, sub {
        $ngx->access_log =~ m{^/app active \Q$v->[1]\E logged$}m
    }), 'the log says what the response has left');

    my $n = redis('DBSIZE');
    browser()->get('/gone');
    ok(wait_for(10, sub { $ngx->access_log =~ m{^/gone none - -$}m }),
       'an error is no reason for a session');
    is(redis('DBSIZE'), $n, '... nor is the log');

    $r = $b->get('/off');
    is($r->{json}{headers}{'x-session'}, '<>', 'off: there is none');
    is_deeply($r->{cookies}, [], '... and no cookie');
};


subtest 'renew' => sub {
    my $b = browser();
    $b->get('/app', session('set user=42; cart=full'));
    my ($old, $key) = ($b->{jar}, key($b->{jar}));
    my $hash = hash($key);

    redis('PEXPIRE', $key, 3_599_700);
    my $r = $b->get('/app', session('set role=admin', 'renew'));
    my $new = $b->{jar};

    isnt($new, $old, 'another cookie');
    is_deeply(hash($key), { _moved => key($new) =~ s/^session://r },
              'the old key only says where the session is');
    my $grace = redis('PTTL', $key);
    ok($grace > 0 && $grace <= 5000, '... for a few seconds');
    is_deeply(hash(key($new)), { %$hash, role => 'admin' },
              'the data is the same, with what was set besides');
    ok(redis('TTL', key($new)) > 3500, '... and so is the TTL');
    unlike($r->{head}, qr/\Q$old\E/, 'the old cookie is not told');

    is($b->get('/app')->{json}{headers}{'x-user'}, '42', 'the new one is good');

    # a request that was on its way with the old cookie
    my $late = sub {
        my ($query, $cookies) = @_;
        return browser()->get('/app', $query,
                              cookie => $cookies // "sid=$old");
    };

    $r = $late->(session('set cart=late'));
    is($r->{json}{headers}{'x-status'}, 'active', 'the old one is, for a while');
    is_deeply($r->{cookies}, [], '... and gets no cookie');
    is(redis('HGET', key($new), 'cart'), 'late', '... but what it sets is there');
    $r = $late->(session('set cart=later', 'renew'));
    is_deeply($r->{cookies}, [], '... nor by another renewal');
    is_deeply(hash(key($new)), { %$hash, role => 'admin', cart => 'later' },
              '... which is none');
    is_deeply($late->(undef, "sid=$old; sid=$new")->{cookies}, [],
              'both cookies at once');
    is($late->(undef, "sid=$old; sid=$new")->{json}{headers}{'x-user'}, '42',
       '... are of one session');

    # renewed once more, and again
    $b->get('/app', session('renew')) for 1 .. 2;
    is($late->()->{json}{headers}{'x-user'}, '42', 'it is led on');
    is_deeply(redis('HKEYS', $key), ['_moved'], '... and still no session');

    redis('PEXPIRE', $key, 1);
    ok(wait_for(20, sub { !redis('EXISTS', $key) }), 'the seconds pass');
    is($late->()->{json}{headers}{'x-status'}, 'expired', 'no longer');
    is($b->get('/app')->{json}{headers}{'x-user'}, '42', 'but the new one');

    # the end of the session is the end
    my $d = browser();
    $d->get('/app', session('set user=1'));
    my $before = "sid=$d->{jar}";
    $d->get('/app', session('renew'));
    $r = browser()->get('/write', session('destroy'), cookie => $before);
    is(redis('EXISTS', key($d->{jar})), 0, 'the old one ends it, too');
    like($r->{cookies}[0] // '', qr/Max-Age=0/, '... with the cookie');
    is(browser()->get('/app', undef, cookie => $before)
           ->{json}{headers}{'x-status'}, 'expired', 'then there is nothing');

    # a location without grace
    my $strict = browser();
    $strict->get('/strict', session('set user=1'));
    my $gone = $strict->{jar};
    $strict->get('/strict', session('renew'));
    is(redis('EXISTS', key($gone)), 0, 'grace=0: the old key is gone');

    my $c = browser();
    $r = $c->get('/write', session('renew'));
    is_deeply($r->{cookies}, [], 'nothing to renew');
    $r = $c->get('/write', session('renew', 'set user=1'));
    is(scalar @{$r->{cookies}}, 1, 'one that begins needs no renewal');
    is(hash(key($c->{jar}))->{user}, 1, '... and has its fields');
};


subtest 'destroy' => sub {
    my $b = browser();
    $b->get('/app', session('set user=42'));
    my $old = $b->{jar};

    my $r = $b->get('/app', session('destroy'));
    is(redis('EXISTS', key($old)), 0, 'the key is gone');
    is($r->{cookies}[0], 'sid=; Expires=Thu, 01 Jan 1970 00:00:01 GMT; '
       . 'Max-Age=0; Path=/; HttpOnly; SameSite=Lax', 'the cookie expires');
    is(scalar @{$r->{cookies}}, 1, '... and none is set');
    is($r->{headers}{'cache-control'}, 'no-store', '... nor kept');

    $b->{jar} = $old;
    $r = $b->get('/app');
    is($r->{json}{headers}{'x-status'}, 'expired', 'it does not come back');
    isnt($b->{jar}, $old, '... but another one');

    $b->get('/app', session('set user=42; keep=no'));
    $old = $b->{jar};
    $b->get('/app', session('set keep=yes', 'destroy', 'set notice=bye'));
    isnt($b->{jar}, $old, 'what is set behind it is in a new session');
    my $h = hash(key($b->{jar}));
    delete $h->{_created};
    is_deeply($h, { notice => 'bye' }, '... and nothing else is');
    is(redis('EXISTS', key($old)), 0, '... the old one is gone');

    for my $last ('set x=1, destroy', 'renew, destroy') {
        $b->get('/app');
        my $n = redis('DBSIZE');
        $r = $b->get('/app', session($last));
        ok(!defined $b->{jar}, "$last: no cookie is left");
        is(scalar @{$r->{cookies}}, 1, '... nor another one given');
        is(redis('DBSIZE'), $n - 1, '... the key is gone');
    }

    my $n = redis('DBSIZE');
    is_deeply(browser()->get('/app', session('destroy'))->{cookies}, [],
              'one that has only begun leaves no cookie');
    is(redis('DBSIZE'), $n, '... and no key');
    $b->get('/app');

    $r = $b->get('/logout');
    is("$r->{status} " . (defined $b->{jar} ? 'kept' : 'gone'), '204 gone',
       'nginx itself may say it');
    unlike($r->{head}, qr/Keyspace-Session/i, '... and nobody sees it');

    is_deeply(browser()->get('/write', session('destroy'))->{cookies}, [],
              'without a session there is nothing to do');
};


subtest 'create=on_write' => sub {
    my $b = browser();
    my $n = redis('DBSIZE');
    my $r = $b->get('/write');

    is($r->{json}{headers}{'x-status'}, 'none', 'there is none');
    ok(!exists $r->{json}{headers}{'x-session'}, '... and no id');
    is_deeply($r->{cookies}, [], '... no cookie');
    $b->get('/write', session($_)) for 'unset x', 'renew', 'destroy';
    is(redis('DBSIZE'), $n, '... and no key');

    $b->get('/write', session('set user=42'));
    is(redis('DBSIZE'), $n + 1, 'it begins with the first field');
    is(hash(key($b->{jar}))->{user}, 42, '... which it has');
    is($b->get('/write')->{json}{headers}{'x-user'}, 42, '... from then on');

    my $o = browser();
    $r = $o->get('/write', undef, cookie => 'sid=' . 'A' x 43);
    is($r->{json}{headers}{'x-status'}, 'expired', 'an expired one');
    is_deeply($r->{cookies}, [], '... is replaced when there is need');
    $r = $o->get('/write', session('set user=1'), cookie => 'sid=' . 'A' x 43);
    ok(defined $o->{jar} && $o->{jar} ne 'A' x 43, '... and not before');
};


subtest 'time' => sub {
    my $b = browser();
    $b->get('/app');
    my $key = key($b->{jar});

    redis('PEXPIRE', $key, 600_000);
    $b->get('/app');
    ok(redis('PTTL', $key) > 3_500_000, 'each use begins the TTL anew');
    redis('PEXPIRE', $key, 7_200_000);
    $b->get('/app');
    ok(redis('PTTL', $key) <= 3_600_000, '... however long it was');
    redis('PERSIST', $key);
    $b->get('/app');
    ok(redis('PTTL', $key) > 3_500_000, '... whatever somebody did to it');

    my $same = grep {
        redis('PEXPIRE', $key, 3_599_700);
        my $at = redis('PEXPIRETIME', $key);
        $b->get('/app');
        $at == redis('PEXPIRETIME', $key);
    } 1 .. 10;
    ok($same, 'but not for a moment: that would be a write for each request');

    my $now = int(time * 1000);
    redis('HSET', $key, '_created', $now - 12 * 3_600_000 + 120_000);
    $b->get('/app');
    my $ttl = redis('PTTL', $key);
    ok($ttl > 0 && $ttl <= 120_000, "the absolute lifetime: $ttl ms are left");
    $b->get('/app', session('renew'));
    $key = key($b->{jar});
    $ttl = redis('PTTL', $key);
    ok($ttl > 0 && $ttl <= 120_000, '... is not longer by a renewal');

    redis('HSET', $key, '_created', $now - 13 * 3_600_000);
    redis('PERSIST', $key);
    is($b->get('/app')->{json}{headers}{'x-status'}, 'expired', 'it is over');
    is(redis('EXISTS', $key), 0, '... and the key is gone');

    $b->get('/app');
    $key = key($b->{jar});
    redis('DEL', $key);
    redis('HSET', $key, 'user', 'again');
    is($b->get('/app')->{json}{headers}{'x-user'}, 'again',
       'a hash that an application made anew');
    ok(redis('HGET', $key, '_created') >= $now && redis('TTL', $key) > 3500,
       '... gets an age and a TTL');
    redis('HSET', $key, '_created', 'nonsense');
    $b->get('/app');
    like(redis('HGET', $key, '_created'), qr/^\d{13}$/, '... again');

    redis('SET', $key, 'a string');
    is($b->get('/app')->{json}{headers}{'x-status'}, 'expired',
       'a key of another type is no session');
    is(redis('GET', $key), 'a string', '... and is left alone');
};


subtest 'time goes on' => sub {
    plan skip_all => 'there is no cc' unless KS::Clock::available();

    my $clock = KS::Clock->new;
    my $short = KS::Nginx->start(
        env       => $clock->env,
        size      => '4m',
        server    => 'keyspace_session main secure=off ttl=10s absolute=25s;',
        locations => <<'CONF',
            location /rest/ { keyspace_session off; keyspace_rest main; }
            location /gone { return 404; }
        location /vars { return 200 $keyspace_session_status; }
CONF
    );
    my $client = $short->client;
    my $b = KS::App::browser($client);
    my $exists = sub {
        return KS::HTTP::decode($client->post("EXISTS $_[0]", uri => '/rest/'))
            ->{result};
    };

    $clock->hold;
    $b->get('/vars');
    my ($old, $key) = ($b->{jar}, key($b->{jar}));
    is($exists->($key), 1, 'a key');
    $clock->move(9);
    is($exists->($key), 1, '... is there till the end of its time');
    $clock->move(11);
    ok(wait_for(20, sub { !$exists->($key) }, 0.05), '... goes by itself');
    is($b->get('/vars')->{body}, 'expired', 'the cookie is of no use');
    isnt($b->{jar}, $old, '... and is replaced');

    # it is used all the time, and ends all the same
    $old = $b->{jar};

    for my $later (19, 27, 35) {
        $clock->move($later);
        $b->get('/vars');
        is($b->{jar}, $old, "$later s: it is used");
    }

    $clock->move(37);
    $b->get('/vars');
    isnt($b->{jar}, $old, 'the absolute lifetime ends');

    $client->close;
    $short->stop;
};


subtest 'RESP and REST' => sub {
    my $b = browser();
    my $c = $ngx->resp;
    $b->get('/app');
    my $key = key($b->{jar});

    $c->run('HSET', $key, 'user', 'Grace', 'role', 'dev');
    my $h = $b->get('/app')->{json}{headers};
    is("$h->{'x-user'} $h->{'x-role'}", 'Grace dev', 'HSET over RESP');
    redis('HDEL', $key, 'role');
    ok(!exists $b->get('/app')->{json}{headers}{'x-role'}, 'HDEL over REST');
    $b->get('/app', session('set role=ops'));
    is($c->run('HGET', $key, 'role'), 'ops', 'HGET of what was set');

    $c->run('WATCH', $key);
    $b->get('/app', session('set role=dev'));
    $c->run('MULTI');
    $c->run('HSET', $key, 'role', 'lost');
    is($c->run('EXEC'), undef, 'WATCH hears of it');

    $c->run('DEL', $key);
    is($b->get('/app')->{json}{headers}{'x-status'}, 'expired',
       'DEL ends a session');
    $c->close;
};


subtest 'fastcgi, files, HTTP/2' => sub {
    my $b = browser();
    my $r = $b->get('/fastcgi', session('set user=42'));
    unlike($r->{head}, qr/Keyspace-Session/i, 'FastCGI: not for the client');
    is($b->get('/fastcgi')->{json}{headers}{'x-user'}, '42', '... it works');

    # what the docs say for PHP
    my @forged = (headers => ['X-User: root']);
    is($b->get('/php', undef, @forged)->{json}{headers}{'x-user'}, '42',
       'a field as a parameter, and not what a client sends');
    is(browser()->get('/php', undef, @forged)->{json}{headers}{'x-user'}, undef,
       '... also without a field');

    mkdir $ngx->dir . '/files';
    mkdir $ngx->dir . '/files/static';
    spew($ngx->dir . '/files/static/a.txt', 'a file');

    $r = $b->get('/static/a.txt');
    is("$r->{body} @{$r->{headers}}{'x-user', 'x-status'}", 'a file 42 active',
       'a file');
    my $etag = $r->{headers}{etag};
    $r = browser()->get('/static/a.txt');
    is("$r->{headers}{'x-status'} " . @{$r->{cookies}}, 'new 1',
       '... begins a session');
    $r = browser()->get('/static/a.txt', undef,
                        headers => ["If-None-Match: $etag"]);
    is("$r->{status} " . @{$r->{cookies}}, '304 1', '... if it is not changed');
    $r = browser()->get('/static/none.txt');
    is($r->{status}, 404, 'one that is not there');
    $r = browser()->get('/static/a.txt', undef, method => 'HEAD');
    is("$r->{status} " . @{$r->{cookies}}, '200 1', 'HEAD');

    SKIP: {
        skip('there is no curl', 3) unless installed('curl');
        my $url = 'http://127.0.0.1:' . $ngx->port2;
        my ($code, $out) = capture(30, {}, 'curl', '-sS', '-i',
            '--http2-prior-knowledge', "$url/x?" . session('set user=2'));
        like($out, qr/^set-cookie: sid=[^;]{43}; Path=\/; Secure; /m, 'HTTP/2');
        unlike($out, qr/keyspace-session/i, '... has no other header');
        my ($cookie) = $out =~ /^set-cookie: (sid=[^;]+)/m;
        is(hash(key($cookie =~ s/sid=//r))->{user}, 2, '... and sets fields');
    }
};


subtest 'caches' => sub {
    my ($a, $b) = (browser(), browser());
    my $count = session('set user=alice');

    my $r = $a->get('/cached/secret', $count);
    is($r->{headers}{'x-cache'}, 'MISS', 'a response that sets a field');
    $r = $b->get('/cached/secret', $count);
    is($r->{headers}{'x-cache'}, 'MISS', '... is not kept');

    my @r = map { $_->get('/cached/page', 'body=page') } browser(), browser();
    is_deeply([map { $_->{headers}{'x-cache'} } @r], ['MISS', 'HIT'],
              'another one is');
    isnt($r[0]{cookies}[0], $r[1]{cookies}[0], '... without the cookie');
    is(scalar @{$r[1]{cookies}}, 1, '... of which each gets its own');

    $r = browser()->get('/app', KS::App::query('Cache-Control: public, max-age=60',
                                               'cache-control: max-age=61'));
    is_deeply([$r->{head} =~ /^Cache-Control: (.*?)\r$/mig], ['no-store'],
              'with a cookie nothing is public');
    $r = $a->get('/app', KS::App::query('Cache-Control: public'));
    is($r->{headers}{'cache-control'}, 'public', '... without one it may be');

    # the application has a say only where there are sessions
    my $keys = redis('DBSIZE');
    $r = browser()->get('/off', session('set user=x'));
    unlike($r->{head}, qr/Keyspace-Session|Set-Cookie/i, 'where there is none');
    is(redis('DBSIZE'), $keys, '... nothing happens');
};


# A page from before there were sessions, with a header that was meant for
# whoever asked first.
subtest 'an old cache' => sub {
    my $locations = $app->conf(<<'CONF');
        location /cached {
            proxy_cache old;
            proxy_cache_valid 1m;
            proxy_cache_key $uri;
            proxy_pass http://127.0.0.1:%APP%;
            add_header X-Cache $upstream_cache_status;
        }
CONF
    my $old = KS::Nginx->start(
        http => 'proxy_cache_path %DIR%/proxy/cache keys_zone=old:1m;',
        locations => $locations,
    );
    my $client = $old->client;
    my $b = KS::App::browser($client);

    like($b->get('/cached', session('set user=root'))->{head},
         qr/^X-Cache: MISS\r$/m, 'a page is kept');
    ok($old->reload(server => 'keyspace_session main secure=off;',
                    locations => $locations . <<'CONF'), 'sessions come');
        location /user { return 200 "<$keyspace_session_user>"; }
CONF
    $client->close;
    $b->get('/user');
    my $r = $b->get('/cached');
    is($r->{headers}{'x-cache'}, 'HIT', 'the page is there');
    unlike($r->{head}, qr/Keyspace-Session/i, '... without the header');
    is($b->get('/user')->{body}, '<>', '... which has no effect');
    $client->close;
    $old->stop;
};


subtest 'at the same time' => sub {
    my $b = browser();
    $b->get('/app');
    my $key = key($b->{jar});
    my @pids;

    for my $i (1 .. 8) {
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            my $c = KS::App::browser($ngx->client, jar => $b->{jar});
            my $ok = eval {
                $c->get('/app', session("set f${i}_$_=$i$_; shared=$i"))
                    for 1 .. 25;
                1;
            };
            POSIX::_exit($ok ? 0 : 1);
        }

        push @pids, $pid;
    }

    my $failed = 0;
    for my $pid (@pids) { waitpid $pid, 0; $failed++ if $? }

    is($failed, 0, '8 clients set 25 fields each');
    my $h = hash($key);
    my @lost = grep { my $n = $_;
        ($h->{"f$n->[0]_$n->[1]"} // '') ne "$n->[0]$n->[1]"
    } map { my $i = $_; map { [$i, $_] } 1 .. 25 } 1 .. 8;
    is(scalar @lost, 0, 'none is lost');

    # one that is destroyed while a request is under way
    my $slow = $ngx->client;
    redis('PEXPIRE', $key, 600_000);
    $slow->send($slow->build('GET', '/app?delay=1&' . session('set user=late'),
                             token => undef,
                             headers => ["Cookie: sid=$b->{jar}"]));
    my $again = KS::App::browser($http, jar => $b->{jar});
    ok(wait_for(20, sub { redis('PTTL', $key) > 3_500_000 }), 'in use');
    $again->get('/app', session('destroy'));
    my $r = $slow->response('GET');
    is("$r->{status} " . redis('EXISTS', $key), '200 0',
       'does not come back by what it sets');
    unlike($r->{head}, qr/Set-Cookie/i, '... nor does another one begin');

    # the same, for a new id
    $b->get('/app');
    $key = key($b->{jar});
    redis('PEXPIRE', $key, 600_000);
    $slow->send($slow->build('GET', '/app?delay=1&'
                             . session('set user=late', 'renew'),
                             token => undef,
                             headers => ["Cookie: sid=$b->{jar}"]));
    ok(wait_for(20, sub { redis('PTTL', $key) > 3_500_000 }), 'in use');
    redis('DEL', $key);
    my $n = sessions();
    $r = $slow->response('GET');
    is("$r->{status} " . sessions(), "200 $n", 'nor by a renewal');
    unlike($r->{head}, qr/Set-Cookie/i, '... which gives no cookie');
    $slow->close;
};



subtest 'how many there were' => sub {
    my $info = redis('INFO', 'stats');

    like($info, qr/^keyspace_sessions_begun:[1-9]\d*\r$/m, 'begun');
    like($info, qr/^keyspace_sessions_ended:[1-9]\d*\r$/m, 'and ended');
};


$http->close;
$ngx->stop;
$app->stop;
done_testing;
