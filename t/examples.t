# Every example of a configuration starts as it is, but for the port, and
# serves what it says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap);
use KS::Clock;
use KS::Nginx;
use KS::Redis;
use KS::RESP;
use KS::Redis;
use KS::Proc qw(capture free_port installed root slurp spawn_command spew
                stop_pid tempdir wait_for);

plan skip_all => 'there is no curl' unless installed('curl');

my $examples = root() . '/conf-examples';
my %test = (
    'quickstart.conf' => \&quickstart,
    'production.conf' => \&production,
    'resp.conf'       => \&resp,
    'limits.conf'     => \&limits,
    'sessions.conf'   => \&sessions,
    'users.conf'      => \&users,
    'live_stock.conf' => \&live_stock,
    'events.conf'     => \&events,
    'switches.conf'   => \&switches,
    'catalogue.conf'  => \&catalogue,
    'replica.conf'    => \&replica,
    'durable.conf'    => \&durable,
    'near.conf'       => \&near,
    'primary.conf'    => \&primary,
    'failover.conf'   => \&failover,
    'databases.conf'  => \&databases,
);

is_deeply([sort map { m{([^/]+)$} } glob "$examples/*.conf"],
          [sort keys %test], 'each example has a test');

for my $name (sort keys %test) {
    subtest $name => sub { $test{$name}->($name) };
}

done_testing;


# An nginx with the example, on other ports, and other files in its prefix; env
# is its environment.
sub start {
    my ($name, %files) = @_;
    my $env = delete $files{env};
    my $text = delete $files{'conf/nginx.conf'} // slurp("$examples/$name");
    my %port = map { $_ => free_port() }
        $text =~ /^ *listen 127\.0\.0\.1:(\d+)/mg;

    is(scalar(() = $text =~ /^ *listen /mg), scalar keys %port,
       'it listens on 127.0.0.1');

    $text =~ s/^( *listen 127\.0\.0\.1:)(\d+)/$1$port{$2}/mg;
    $text =~ s/^load_module .*ngx_stream_module\.so;$//m
        if (my @modules = KS::Nginx::stream_modules()) == 1;

    my ($port) = @port{grep { $port{$_} } 8080, 8443, 6379};
    my $ngx = KS::Nginx->start(port => $port, env => $env, prefix => {
        'conf/nginx.conf' => $text, %files,
    });

    $ngx->{ports} = \%port;

    return $ngx;
}


sub curl {
    my ($url, $token, @more) = @_;
    my @auth = defined $token ? ('-H', "Authorization: Bearer $token") : ();
    my ($code, $out) = capture(30, {}, 'curl', '-sSk', '--max-time', 20,
                               '-w', ' %{http_code}', @auth, @more, $url);

    return $out;
}


# What a comment says that redis-cli is to be given, on the port that is ours.
sub cli {
    my ($ngx, $args) = @_;

    $args =~ s/-p (\d+)/-p $ngx->{ports}{$1}/;
    $args =~ s{conf/}{$ngx->dir . '/conf/'}e;

    return (capture(30, {}, 'redis-cli', '--no-auth-warning',
                    split / /, $args))[1];
}


sub replica {
    my ($name) = @_;

    plan skip_all => 'there is no redis-server' unless KS::Redis->available;

    my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0);
    my $text = slurp("$examples/$name");

    ok($text =~ s{redis://127\.0\.0\.1:6379}{'redis://127.0.0.1:' . $redis->port}e,
       'it names the store');

    my $ngx = start($name, 'conf/tokens' => "TOKEN\n",
                    'conf/nginx.conf' => $text);
    my $url = 'http://127.0.0.1:' . $ngx->port;

    ok(wait_for(20, sub { curl("$url/ready") =~ /"ready":true.* 200$/ }),
       'it is ready');

    my @try = $text =~ m{^# try: curl http://127\.0\.0\.1:8080(/\S+)}mg;

    is(curl("$url$try[0]", 'TOKEN'), '{"result":"OK"} 200', 'a write');
    is(curl("$url$try[1]", 'TOKEN'), '{"result":"hello"} 200', 'is seen here');
    is($redis->run('GET', 'greeting'), 'hello', 'and there');

    $ngx->stop;
    $redis->stop;
}


sub quickstart {
    my $ngx = start(@_);
    my $url = 'http://127.0.0.1:' . $ngx->port;

    # what its comment says to try
    my $text = slurp("$examples/quickstart.conf");
    my @try = $text =~ /^# try: curl (.*)$/mg;
    my @want = ('{"result":"OK"} 200', '{"result":"hello"} 200');

    is(scalar @try, 2, 'two things to try');

    for my $i (0 .. $#try) {
        my ($path) = $try[$i] =~ m{http://127\.0\.0\.1:8080(/\S*)?};
        my ($token) = $try[$i] =~ /Bearer (\w+)/;
        my @data = $try[$i] =~ /-d '([^']+)'/ ? ('-d', $1) : ();

        is(curl($url . ($path // ''), $token, @data), $want[$i], $try[$i]);
    }

    SKIP: {
        skip('there is no redis-cli', 1) unless installed('redis-cli');
        is(cli($ngx, $text =~ /^# try: redis-cli (.*)$/mg), "hello\n",
           'and redis-cli');
    }

    like(curl("$url/console/"), qr{^<!doctype html>.* 200$}s,
         'the console');
    like(curl($url, 'other', '-d', 'PING'), qr/ 401$/, 'another token');
    is(curl("$url/set/large", 'quickstart', '--data-binary', '@' . large($ngx)),
       '{"result":"OK"} 200', 'a value of 10 MB');

    # a worker may not be able to write below the prefix
    unlike($ngx->log, qr/temporary file/, '... without a file');

    $ngx->stop;
}


sub near {
    my ($name) = @_;

    plan skip_all => 'there is no redis-server or redis-cli'
        unless KS::Redis->available && installed('redis-cli');

    my $redis = KS::Redis->start;
    my $store = $redis->port;
    my $text = slurp("$examples/$name");
    my $ngx = start($name, 'conf/tokens' => "token-one\n",
                    'conf/nginx.conf' => $text =~ s/127\.0\.0\.1:6379/127.0.0.1:$store/r);
    my @try = map { s/TOKEN/token-one/r } $text =~ /^# try: redis-cli (.*)$/mg;

    is(scalar @try, 2, 'two things to try');
    is(cli($ngx, $try[0]), "OK\n", $try[0]);
    is(cli($ngx, $try[1]), "hello\n", $try[1]);
    is($redis->run('GET', 'greeting'), 'hello', 'it is one dataset');
    ok(wait_for(20, sub { curl('http://127.0.0.1:' . $ngx->port . '/ready') =~ / 200$/ }),
       'and connected');

    # what is in front of an application that is not there

    my $app = 'http://127.0.0.1:' . $ngx->port . '/app/?user=eve';
    like(curl($app), qr/ 502$/, 'a request passes');
    ok(wait_for(20, sub { ($redis->run('GET', 'hits') // 0) == 1 }), 'and is counted by the store');
    $redis->run('SET', 'blocked:eve', 1);
    ok(wait_for(20, sub { curl($app) =~ / 403$/ }), 'until its user is blocked there');

    $ngx->stop;
}


sub durable {
    my ($name) = @_;
    my $ngx = start($name, 'data/backup/README' => '');
    my $data = $ngx->dir . '/data';
    my $url = 'http://127.0.0.1:' . $ngx->port;
    my @try = slurp("$examples/$name") =~ /^# try: curl .*-d '([^']+)'$/mg;
    my @want = ('{"result":"OK"} 200', '{"result":[1,0]} 200',
                '{"result":"OK"} 200');

    chmod 0777, "$data/backup";
    is(scalar @try, 3, 'three things to try');

    for my $i (0 .. $#try) {
        my $said;

        # the process that writes files may not be there yet
        wait_for(20, sub { ($said = curl($url, 'durable', '-d', $try[$i])) eq $want[$i] });
        is($said, $want[$i], $try[$i]);
    }

    for (['all processes die', []], ['the file is gone', ['main.ks']],
         ['the journal as well', ['main.ks', 'aof']])
    {
        my ($is, $gone) = @$_;

        $ngx->crash;
        system('rm', '-rf', map { "$data/$_" } @$gone) == 0 or die "rm: $?";
        $ngx->launch;
        is(curl("$url/get/greeting", 'durable'), '{"result":"hello"} 200', $is);
    }

    is(scalar(grep { -e "$data/$_" } 'main.ks', 'aof', 'backup/main.rdb'), 3,
       'and they are there again');
    $ngx->stop;
}


sub large {
    my ($ngx) = @_;
    my $path = $ngx->dir . '/large';

    spew($path, 'x' x 10_000_000);

    return $path;
}


sub production {
    my ($name) = @_;
    my %cert = certificate();
    my $ngx = start($name, %cert, 'conf/tokens' => "token-one\n",
                    'conf/tokens.readonly' => "token-read\n");
    my $url = 'https://127.0.0.1:' . $ngx->port;

    is(curl($url, 'token-one', '-d', 'SET k v'), '{"result":"OK"} 200',
       'a write over TLS');
    is(curl("$url/get/k", 'token-read', '--http2', '-w', ' %{http_version}'),
       '{"result":"v"} 2', 'a read over HTTP/2');
    like(curl($url, 'token-read', '-d', 'SET k w'),
         qr/^\{"error":"NOPERM .* 400$/, 'no write with the other token');
    like(curl($url, undef, '-d', 'PING'), qr/ 401$/, 'no token');

    # the way to another token that it describes
    for my $step (["token-one\ntoken-two\n", 200, 200], ["token-two\n", 401, 200])
    {
        my ($tokens, $one, $two) = @$step;

        $ngx->{options}{prefix}{'conf/tokens'} = $tokens;
        ok($ngx->reload, 'a reload');
        like(curl("$url/get/k", 'token-one'), qr/ $one$/, "token one: $one");
        like(curl("$url/get/k", 'token-two'), qr/"v".* $two$/,
             "token two: $two, and the key is there");
    }

    curl("$url/get/k?_token=token-two", undef);
    ok(wait_for(20, sub { $ngx->access_log =~ /_token=/ }, 0.1),
       'the log is written');
    like($ngx->access_log, qr/ get hit$/m, 'it says what was asked for');
    unlike($ngx->access_log . $ngx->log, qr/token-(?:one|two|read)/,
           'and no token');

    $ngx->stop;
}


# A stock server follows it, as its comment says.
sub primary {
    my ($name) = @_;

    plan skip_all => 'there is no redis-server' unless KS::Redis::available();

    my $ngx = start($name);
    my ($port) = slurp($ngx->dir . '/conf/nginx.conf')
        =~ /listen 127\.0\.0\.1:(\d+);\s+keyspace_resp/;
    my $redis = KS::Redis->start('--replicaof', "127.0.0.1 $port",
                                 '--masterauth', 'primary');
    my $r = KS::RESP->new(port => $port, token => 'primary');

    is($r->run('SET', 'greeting', 'hello'), 'OK', 'a key');
    ok(wait_for(20, sub {
        ($redis->run('GET', 'greeting') // '') eq 'hello'
    }), '... is there in the replica');
    is($r->run('WAIT', 1, 10_000), 1, 'WAIT');
    $redis->stop;
    $ngx->stop;
}


sub failover {
    my ($name) = @_;

    plan skip_all => 'there is no redis-server' unless KS::Redis::available();

    my $ngx = start($name);
    my $http = $ngx->client(token => undef);
    my ($port) = slurp($ngx->dir . '/conf/nginx.conf')
        =~ /listen 127\.0\.0\.1:(\d+);\s+keyspace_resp/;
    my $redis = KS::Redis->start('--replicaof', "127.0.0.1 $port", '--requirepass', 'failover',
                                 '--masterauth', 'failover', '--repl-diskless-sync-delay', 0);
    my $r = KS::RESP->new(port => $port, token => 'failover');
    my $other = KS::RESP->new(port => $redis->port, token => 'failover');
    my $has = sub { my ($at, $value) = @_; wait_for(30, sub { ($at->run('GET', 'greeting') // '') eq $value }) };
    my $ready = sub { return $http->request('GET', '/ready')->{status} };

    is($ready->(), 200, 'a primary is ready');
    is($r->run('SET', 'greeting', 'hello'), 'OK', 'a key');
    ok($has->($other, 'hello'), '... is there in the replica');

    # what sentinels say
    $other->run('REPLICAOF', 'NO', 'ONE');
    $other->run('SET', 'greeting', 'there');
    is($r->run('REPLICAOF', '127.0.0.1', $redis->port), 'OK', 'it follows the other one');
    ok($has->($r, 'there'), '... and has its keys');
    ok(wait_for(30, sub { $ready->() == 200 }), '... and is ready');
    is($r->run('REPLICAOF', 'NO', 'ONE'), 'OK', 'and is the primary again');
    is($r->run('SET', 'greeting', 'here'), 'OK', '... which is written to');
    $redis->stop;
    $ngx->stop;
}


sub resp {
    my ($name) = @_;

    plan skip_all => 'there is no redis-cli' unless installed('redis-cli');

    my %cert = certificate();
    my $ngx = start($name, %cert, 'conf/tokens' => "token-one\n",
                    'conf/tokens.readonly' => "token-read\n");
    my @try = map { s/TOKEN/token-one/r }
        slurp("$examples/$name") =~ /^# try: redis-cli (.*)$/mg;

    is(scalar @try, 2, 'two things to try');
    is(cli($ngx, $try[0]), "OK\n", $try[0]);
    is(cli($ngx, $try[1]), "hello\n", $try[1]);
    is(cli($ngx, $try[1] =~ s/one/read/r), "hello\n", 'a read-only token');
    like(cli($ngx, $try[0] =~ s/one/read/r), qr/^NOPERM /, '... only reads');
    like(cli($ngx, $try[0] =~ s/-a \S+ //r), qr/^NOAUTH /, 'no token');

    ok($ngx->reload, 'a reload');
    is(cli($ngx, $try[1]), "hello\n", '... keeps the keys');
    unlike($ngx->log, qr/token-(?:one|read)/, 'no token is logged');
    ok(wait_for(20, sub {
        slurp($ngx->dir . '/logs/resp.log') =~ /^127\.0\.0\.1:\d+ /m
    }, 0.1), 'the log is written');

    $ngx->stop;
}


sub databases {
    my ($name) = @_;

    plan skip_all => 'there is no redis-cli' unless installed('redis-cli');

    my $ngx = start($name, 'conf/tokens' => "token-one\n",
                    'data/README' => '');
    my $text = slurp("$examples/$name") =~ s/TOKEN/token-one/gr;
    my @try = $text =~ /^# try: redis-cli (.*)$/mg;
    my ($path) = $text =~ m{^# try: curl .*:8080(/[^"]+)"$}m;

    is(cli($ngx, $try[0]), "OK\n", $try[0]);
    is(cli($ngx, $try[1]), "1\n", $try[1]);
    is(cli($ngx, $try[2]), "tea\n", $try[2]);
    is(cli($ngx, $try[2] =~ s/-n 1/-n 0/r), "\n", 'it is no more in the first');
    is(curl('http://127.0.0.1:' . $ngx->port . $path, 'token-one'),
       '{"result":"tea"} 200', $path);

    $ngx->stop;
}


sub users {
    my ($name) = @_;

    plan skip_all => 'there is no redis-cli' unless installed('redis-cli');

    my $ngx = start($name, 'conf/tokens' => "token-op\n",
                    map { ("conf/$_.tokens" => "token-$_\n") } qw(shop report tenant));
    my $url = 'http://127.0.0.1:' . $ngx->port;
    my %secret = (SHOP => 'token-shop', TOKEN => 'token-op');
    my @try = map { s/\$(\w+)/$secret{$1}/gr }
        slurp("$examples/$name") =~ /^# try: redis-cli (.*)$/mg;
    my ($path) = slurp("$examples/$name") =~ m{^# try: curl .*:8080(/\S+)$}m;

    is(scalar @try, 2, 'two things to try');
    is(curl($url . $path, 'token-shop'), '{"result":"OK"} 200', 'by REST');
    is(cli($ngx, $try[0]), "tea\n", 'and by RESP');
    like(curl("$url/set/other/x", 'token-shop'), qr/NOPERM/, 'its keys alone');
    is(curl("$url/get/shop:1", 'token-report'), '{"result":"tea"} 200', 'reports read');
    like(curl("$url/set/shop:1/x", 'token-report'), qr/NOPERM/, '... and no more');
    is(curl("$url/set/tenant:1/x", 'token-tenant'), '{"result":"OK"} 200', 'a customer');
    like(cli($ngx, $try[1]), qr/^commands-day\n1\ncommands-day-limit\n10000$/m,
         'has used one command');
    like(curl("$url/metrics", undef),
         qr/^keyspace_user_commands_total\{zone="main",user="tenant"\} 1$/m, 'as a metric');
    ok(wait_for(20, sub {
        slurp($ngx->dir . '/logs/access.log') =~ / shop set$/m
    }, 0.1), 'the log names the user');
    unlike($ngx->log, qr/token-/, 'no token is logged');

    $ngx->stop;
}


sub limits {
    my ($name) = @_;

    plan skip_all => 'there is no cc' unless KS::Clock::available();

    # what is used of a minute comes back in the course of it
    my $clock = KS::Clock->new;
    $clock->hold;

    my $ngx = start($name, 'conf/tokens' => "token-one\n",
                    env => $clock->env);
    my $url = 'http://127.0.0.1:' . $ngx->port;
    my $rest = "http://127.0.0.1:$ngx->{ports}{8081}";
    my $dir = $ngx->dir;

    mkdir "$dir/html";
    spew("$dir/html/$_", $_) for qw(api login);

    my $asked = sub {
        my ($n, $path, @more) = @_;

        return join ' ', map {
            curl($url . $path, undef, '-o', '/dev/null', @more) =~ /(\d+)$/
        } 1 .. $n;
    };

    # what its comment says to try
    my @try = slurp("$examples/$name") =~ /^# try: curl -i (.*)$/mg;
    my @want = ('api 200', 'login 200');

    is(scalar @try, 2, 'two things to try');

    for my $i (0 .. $#try) {
        my ($path) = $try[$i] =~ m{http://127\.0\.0\.1:8080([^'\s]+)};
        my @more = ($try[$i] =~ /-H '([^']+)'/ ? ('-H', $1) : (),
                    $try[$i] =~ /-X (\w+)/ ? ('-X', $1) : ());

        is(curl("$url$path", undef, @more), $want[$i], $try[$i]);
    }

    is($asked->(11, '/api/'), '200 ' x 10 . '429', 'a guest');

    is($asked->(1, '/api/', '-H', "X-API-Key: made-up-$_"), '429',
       '... and so is one who makes up a key') for 1 .. 3;

    my $r = curl("$url/api/", undef, '-i');
    like($r, qr/^ratelimit: "flood";r=\d+;t=\d+, "api";r=0;t=\d+\r/mi,
         'both limits are told');
    like($r, qr/^retry-after: \d+\r/mi, 'and when to come again');
    like($r, qr/^content-type: application\/json\r/mi, 'the page is JSON');
    like($r, qr/\{"error":"too many requests","rule":"api"\}\n 429$/,
         'and names the rule');

    is($asked->(6, '/api/report', '-H', 'X-API-Key: demo-free'),
       '200 200 200 200 200 429', 'the free plan, and what costs more');
    is($asked->(7, '/api/report', '-H', 'X-API-Key: demo-pro'),
       '200 200 200 200 200 200 200', 'a larger plan');
    is(curl("$rest/exists/limit:api:demo-partner", 'token-one'),
       '{"result":0} 200', 'one without a limit');
    is($asked->(1, '/api/', '-H', 'X-API-Key: demo-partner'), '200',
       '... is served');
    is(curl("$rest/exists/limit:api:demo-partner", 'token-one'),
       '{"result":0} 200', '... and not charged');

    # its second comment
    like(curl("$rest/hgetall/limit:api:demo-free", 'token-one'),
         qr/"current","51"|"current","1"/, 'what a client has used');
    is(curl("$rest/del/limit:api:demo-free", 'token-one'),
       '{"result":1} 200', 'is given back');
    is($asked->(1, '/api/report', '-H', 'X-API-Key: demo-free'), '200',
       '... at once');

    is($asked->(5, '/login/?user=bob', '-X', 'POST'), '200 200 200 200 429',
       'the address, with the one before');
    is($asked->(3, '/login/?user=bob'), '200 200 200', 'looking is free');
    like(curl("$rest/get/limit:login_account:bob", 'token-one'),
         qr/^\{"result":"4"\}/, 'the account is charged for what passed');
    is(curl("$rest/set/limit:login_account:eve/100?EX=3600", 'token-one'),
       '{"result":"OK"} 200', 'an account that was tried often');
    is(curl("$rest/del/limit:login_address:127.0.0.1", 'token-one'),
       '{"result":1} 200', 'the address is given back what it has used');
    like(curl("$url/login/?user=eve", undef, '-X', 'POST'),
         qr/"rule":"login_account"\}\n 429$/, '... but not the account');
    is($asked->(1, '/login/?user=bob', '-X', 'POST'), '200',
       'another is open');

    ok(wait_for(20, sub { $ngx->access_log =~ /429 REJECTED api 0$/m }, 0.1),
       'the log says which rule it was');

    $ngx->stop;
}


sub sessions {
    my ($name) = @_;
    my $port = free_port();
    my $app = spawn_command(tempdir() . '/out', {}, 'python3',
                            "$examples/app.py", $port);

    ok(wait_for(30, sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    }), 'the application starts') or return;

    my $ngx = start($name, 'conf/nginx.conf' =>
                    slurp("$examples/$name") =~ s/:8000;/:$port;/r);
    my $url = 'http://127.0.0.1:' . $ngx->port;
    my $clients = root() . '/t/clients';

    # what its comment says to try
    my @try = slurp("$examples/$name")
        =~ m{^# try: curl http://127\.0\.0\.1:8080(/\S*) .*Bearer (\w+)' -d '([^']+)'}mg;
    my @want = ('{"result":["0",[]]} 200', '{"result":0} 200');

    is(scalar @try, 6, 'two things to try');

    while (my ($path, $token, $data) = splice @try, 0, 3) {
        is(curl($url . $path, $token, '-d', $data), shift @want, $data);
    }

    run_tap('python3', "$clients/sessions.py", $url, "$url/redis", 'sessions');

    my $flushed = curl("$url/redis", 'sessions', '-d', 'FLUSHALL');
    is($flushed, '{"result":"OK"} 200', 'again, in a browser');
    run_tap('python3', "$clients/browser.py", $url, tempdir());

    ok(wait_for(20, sub {
        $ngx->access_log =~ m{"GET / HTTP/1.1" 200 active [0-9a-f]{64} ada$}m
    }, 0.1), 'the log says who it was');

    $ngx->stop;
    stop_pid($app);
}


sub live_stock {
    my ($name) = @_;
    my $ngx = start($name, 'html/live_stock.html' =>
                    slurp("$examples/live_stock.html"));
    my $url = 'http://127.0.0.1:' . $ngx->port;

    # what its comment says to try
    my @try = slurp("$examples/$name")
        =~ m{^# try: curl http://127\.0\.0\.1:8080(/\S*) .*Bearer (\w+)' -d '([^']+)'}mg;

    is(scalar @try, 6, 'two things to try');
    is(curl($url . $try[0], $try[1], '-d', $try[2]), '{"result":3} 200',
       'three come in');
    is(curl($url . $try[3], $try[4], '-d', $try[5]), '{"result":2} 200',
       'one is sold');
    like(curl("$url/redis", 'watch', '-d', 'PUBLISH stock lamp,0'),
         qr/NOPERM.* 400$/, 'those who watch publish nothing');

    SKIP: {
        skip('there is no browser', 1) unless installed('chromedriver');
        run_tap('python3', root() . '/t/clients/live_stock.py', $url,
                tempdir());
    }

    ok(wait_for(20, sub {
        curl("$url/redis", 'shop', '-d', 'PUBSUB NUMSUB stock')
            eq '{"result":["stock",0]} 200'
    }), 'no page is left');

    $ngx->stop;
}


sub events {
    my ($name) = @_;
    my $ngx = start($name, 'html/events.html' =>
                    slurp("$examples/events.html"));
    my $url = 'http://127.0.0.1:' . $ngx->port;

    my $jar = $ngx->dir . '/jar';

    like(curl("$url/orders"), qr/ 401$/, 'nobody has no orders');
    like(curl("$url/login?user=a*", undef, '-c', $jar), qr/ 303$/,
         'a name that is none');
    like(curl("$url/orders", undef, '-b', $jar), qr/ 404$/,
         '... makes nobody a user: a session without one has no stream');

    # what its comment says to try
    my @try = slurp("$examples/$name")
        =~ m{^# try: curl http://127\.0\.0\.1:8080(/\S*) .*Bearer (\w+)' -d '([^']+)'}mg;

    is(scalar @try, 6, 'two things to try');
    is(curl($url . $try[0], $try[1], '-d', $try[2]), '{"result":"1-1"} 200',
       'she orders something');
    is(curl($url . $try[3], $try[4], '-d', $try[5]), '{"result":"1-2"} 200',
       'it is paid for');

    curl("$url/login?user=ada", undef, '-c', $jar);
    like(curl("$url/orders?wait=0", undef, '-b', $jar),
         qr/"id":"1-2","data":\{"number":"7","item":"lamp","status":"paid"\}/,
         'she has her orders');

    SKIP: {
        skip('there is no browser', 1) unless installed('chromedriver');
        run_tap('python3', root() . '/t/clients/events.py', $url,
                $ENV{KS_KEEP} ? $ngx->dir : tempdir());
    }

    $ngx->stop;
}


sub certificate {
    my $dir = tempdir();
    my ($code, $out) = capture(60, {}, 'openssl', 'req', '-x509', '-nodes',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
        '-subj', '/CN=localhost', '-days', 2, '-keyout', "$dir/key.pem",
        '-out', "$dir/cert.pem");

    is($code, 0, 'a certificate') or diag($out);

    return map { ("conf/$_.pem" => slurp("$dir/$_.pem")) } qw(key cert);
}


sub catalogue {
    my ($name) = @_;
    my $port = free_port();
    my $said = slurp("$examples/$name");
    my @app = (tempdir() . '/out', {}, 'python3', "$examples/catalogue.py",
               $port);
    my $app = spawn_command(@app);

    my $up = sub {
        wait_for(30, sub {
            IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        })
    };

    ok($up->(), 'the application starts') or return;

    my $ngx = start($name, 'conf/tokens' => "token-one\n",
                    'conf/nginx.conf' => $said =~ s/:8000;/:$port;/r);
    my $url = 'http://127.0.0.1:' . $ngx->port;
    my $rest = "http://127.0.0.1:$ngx->{ports}{8081}";
    my @commands = $said =~ m{^#   curl http://127\.0\.0\.1:8081/(\S+) -H}mg;
    my ($purge, $shelf, $ttl) = @commands;

    is(scalar @commands, 3, 'three commands to try');

    my $tea = curl("$url/products/1");
    like($tea, qr{<h1 id="name">Earl Grey</h1>.* 200$}s, 'a page');
    is(curl("$url/products/1"), $tea, '... which is made once');
    like(curl("$url/products/1", undef, '-i'), qr/^Cache-Status: .*hit/mi,
         '... as it says');
    unlike(curl("$url/products/1", undef, '-i'), qr/^Cache-Tag/mi,
           'tags are hidden');
    like(curl("$rest/$ttl", 'token-one'), qr/"result":\d{5}\}/,
         'it is kept for a day');

    my ($etag) = curl("$url/products/1", undef, '-i') =~ /^ETag: (\S+)/mi;
    like(curl("$url/products/1", undef, '-H', "If-None-Match: $etag"),
         qr/ 304$/, 'a browser that has it gets a 304');

    curl("$rest/$purge", 'token-one');
    my $second = curl("$url/products/1");
    isnt($second, $tea, 'purged by key');

    my $cup = curl("$url/products/3");
    curl("$rest/$shelf", 'token-one');
    isnt(curl("$url/products/1"), $second, 'purged by tag');
    is(curl("$url/products/3"), $cup, '... without others');

    curl("$url/products/1", undef, '-X', 'PUT', '-d', 'Oolong');
    like(curl("$url/products/1"), qr/Oolong/, 'a PUT purges, too');

    SKIP: {
        skip 'there is no chromedriver', 1 unless installed('chromedriver');

        # the application as it was, and an empty store
        stop_pid($app);
        $app = spawn_command(@app);
        ok($up->(), 'the application starts anew') or return;
        curl("$rest/flushall", 'token-one');

        run_tap('python3', root() . '/t/clients/catalogue.py', $url, $rest,
                'token-one', tempdir());
    }

    my $last = curl("$url/products/1");
    stop_pid($app);
    curl("$rest/expire/cache:%2Fproducts%2F1/80000", 'token-one');
    is(curl("$url/products/1"), $last, 'stale while nobody answers');
    like(curl("$url/products/2"), qr/ 502$/, '... but for what is not there');

    $ngx->allow('upstream|connect');
    $ngx->stop;
}


sub switches {
    my ($name) = @_;
    my $ngx = start($name, 'conf/tokens' => "token-one\n");
    my $url = 'http://127.0.0.1:' . $ngx->port . '/page';
    my $rest = "http://127.0.0.1:$ngx->{ports}{8081}";
    my $said = slurp("$examples/$name");

    for my $version (qw(stable next)) {
        mkdir $ngx->dir . "/html/$version";
        spew($ngx->dir . "/html/$version/page", "page of $version\n");
    }

    # the comment's commands, each with what it changes
    my @commands = $said =~ m{^#   curl http://127\.0\.0\.1:8081/(\S+) -H}mg;
    is(scalar @commands, 4, 'four commands to try');

    my ($close, $keep_out, $next, $top) = @commands;
    my $user = sub { curl($url, undef, '-b', "user=$_[0]") };

    is($user->('ann3'), "page of stable\n 200", 'a page');

    curl("$rest/$next", 'token-one');
    is($user->('ann3'), "page of next\n 200", 'a new version for some');
    is($user->('ann4'), "page of stable\n 200", '... and the old for others');

    curl("$rest/$keep_out", 'token-one');
    like($user->('eve'), qr/ 403$/, 'a user is kept out');

    ok(wait_for(30, sub {
        curl("$rest/$top", 'token-one') eq '{"result":["/page","3"]} 200'
    }), 'pages are counted');
    is(curl("$rest/get/hits:stable", 'token-one'), '{"result":"2"} 200',
       '... and versions');

    curl("$rest/$close", 'token-one');
    like($user->('ann3'), qr/ 503$/, 'the site is closed');

    $ngx->stop;
}
