# What nginx.conf says of a zone that is the edge of another store: variables,
# commands that requests run, limits, sessions, the cache, events, metrics and the
# console, with both modes, far from the store, and with no way to it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Origin;
use KS::Proc qw(wait_for);
use KS::RESP;
use KS::Redis;
use KS::Replica qw(proxy does info);
use KS::Stream;

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0);
my $store = KS::RESP->new(port => $redis->port);
my $origin = KS::Origin->start;
my $LATE = 500;                         # ms, each way

my $OWN = 'local_prefix=limit:,session:,cache:,tag:,lock:,uses:,here:';

my $http = <<'CONF';
keyspace_var $flag   main get flag:$arg_f default=none;
keyspace_var $list   main lrange list 0 -1 default=none;
keyspace_var $mine   main get here:$arg_f default=none;
keyspace_limit_rule r zone=main key=$arg_k rate=3r/d;
CONF

my $proxy_pass = "proxy_pass http://127.0.0.1:$origin->{port}; proxy_http_version 1.1;";

my $locations = <<"CONF";
location / { keyspace_rest main; }
location = /metrics { keyspace_metrics; }
location /console/ { keyspace_console main; }
location /var { return 200 "\$flag \$list \$mine"; }
location /log {
    keyspace_run main incr log:hits;
    keyspace_run main publish news \$uri;
    keyspace_run main eval "return redis.call('rpush', KEYS[1], ARGV[1])" 1 log:uris \$uri;
    keyspace_run main incr list;
    empty_gif;
}
location /access { keyspace_run main incr access:hits phase=access; empty_gif; }
location /here { keyspace_run main incr here:hits; empty_gif; }
location /limit { keyspace_limit r; empty_gif; }
location /cache { keyspace_cache main key=\$uri ttl=60s; $proxy_pass }
location /session {
    keyspace_session main secure=off;
    add_header X-Status \$keyspace_session_status always;
    $proxy_pass
}
location /channel { keyspace_events main channel=news; }
CONF


sub edge_of {
    my ($mode, $proxy, %with) = @_;
    my $writes = $with{writes} // 'forward';
    my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
        http => $http . ($with{http} // ''), locations => $locations . ($with{locations} // ''),
        zone => 'eviction allkeys-lru; upstream '
                . "redis://127.0.0.1:$proxy->{port} mode=$mode writes=$writes timeout=3s $OWN;");

    $ngx->allow(qr/upstream ".*" of keyspace zone|keyspace zone "main": /);
    wait_for(60, sub { (eval { $ngx->resp->run('EXISTS', 'there') } // 0) == 1 });

    return $ngx;
}


# A request without a token: its status and body, and how long it took, in ms.
sub get {
    my ($ngx, $path, @more) = @_;
    my $since = time;
    my $r = $ngx->client(token => undef)->request('GET', $path, @more);

    return (@$r{qw(status body)}, 1000 * (time - $since), $r);
}


sub body { (get(@_))[1] }

# until a request says so
sub soon {
    my ($ngx, $path, $want, $name) = @_;
    my $is;

    ok(wait_for(30, sub { ($is = body($ngx, $path)) eq $want }), $name) or diag("it is: $is");
}


# Until the store has such a value.
sub there {
    my ($key, $want, $name) = @_;
    my $is;

    ok(wait_for(30, sub { ($is = $store->run('GET', $key) // 'none') eq $want }), $name)
        or diag("it is: $is");
}


# What a listener hears, of what the store is told until it does.
sub comes {
    my ($ngx, $path, $what, $command) = @_;
    my $s = KS::Stream->open($ngx, $path, token => undef,
                             headers => ['Accept: text/event-stream']);

    return wait_for(30, sub {
        $store->run(@$command);
        $s->fill(0.1);
        return $s->{in} =~ $what;
    });
}


for my $mode (qw(replica near)) {
    my $proxy = proxy($redis->port);

    $store->run('FLUSHALL');
    $store->run('SET', 'there', 1);
    $store->run('SET', 'flag:a', 'on');
    $store->run('RPUSH', 'list', 1, 2);

    my $ngx = edge_of($mode, $proxy, locations => $mode eq 'replica'
        ? 'location /stream { keyspace_events main stream=s from=start; }' : '');
    my $r = $ngx->resp;


    # --- variables ---

    soon($ngx, '/var?f=a', 'on ["1","2"] none', "$mode: variables");
    is(body($ngx, '/var?f=none'), 'none ["1","2"] none', "$mode: a key that is none");
    $r->run('SET', 'here:a', 'local');
    is(body($ngx, '/var?f=a'), 'on ["1","2"] local', "$mode: a local one beside them");
    $store->run('SET', 'flag:a', 'off');
    soon($ngx, '/var?f=a', 'off ["1","2"] local', "$mode: a change");

    # --- nothing waits for the way to the store ---

    does($proxy, "late $LATE");

    my $before = info($r, 'keyspace_run_errors', 'stats');
    my ($status, undef, $ms) = get($ngx, '/log/a');
    is($status, 200, "$mode: a request that runs commands of the log");
    cmp_ok($ms, '<', 2 * $LATE, "$mode: does not wait for them");
    is((get($ngx, '/access'))[0], 200, "$mode: one that runs them before the content");
    there('log:hits', 1, "$mode: they are run by the store");
    there('access:hits', 1, "$mode: both of them");
    ok(wait_for(30, sub { $store->run('LLEN', 'log:uris') == 1 }), "$mode: a script is");
    is($store->run('LINDEX', 'log:uris', 0), '/log/a', "$mode: with its arguments");
    ok(wait_for(30, sub { info($r, 'keyspace_run_errors', 'stats') == $before + 1 }),
       "$mode: what the store refuses is counted");
    like($ngx->log, qr/"incr" in keyspace zone "main", which was handed to its upstream, failed: WRONGTYPE/,
         "$mode: and logged");
    like(body($ngx, '/metrics'), qr/^keyspace_run_errors_total\{zone="main"\} [1-9]/m, "$mode: as a metric");

    get($ngx, '/here') for 1, 2;
    ok(wait_for(30, sub { ($r->run('GET', 'here:hits') // 0) == 2 }),
       "$mode: a local key is written here, behind the response");
    is($store->run('EXISTS', 'here:hits'), 0, "$mode: and not there");

    my @limited = map { (get($ngx, '/limit?k=x'))[0] } 1 .. 5;
    is("@limited", '200 200 200 429 429', "$mode: a limit is this edge's own");
    is($store->run('EXISTS', 'limit:r:x'), 0, "$mode: and not the store's");

    $origin->plan('/cache/a', { headers => [['Cache-Control', 'max-age=600']] });
    get($ngx, '/cache/a');
    like((get($ngx, '/cache/a'))[3]{headers}{'cache-status'}, qr/hit/, "$mode: a response is stored");
    is(scalar @{$origin->seen('/cache/a')}, 1, "$mode: here");

    my ($cookie) = ((get($ngx, '/session/in'))[3]{headers}{'set-cookie'} // '') =~ /^(sid=[^;]+)/;
    ok($cookie, "$mode: a session begins");
    is((get($ngx, '/session/in', headers => ["Cookie: $cookie"]))[3]{headers}{'x-status'}, 'active',
       "$mode: and is there for the next request");
    is(scalar @{$store->run('KEYS', 'session:*')}, 0, "$mode: here alone");

    like((get($ngx, '/console/'))[1], qr/<html/i, "$mode: the console's page");
    does($proxy, 'pass');


    # --- events ---

    ok(comes($ngx, '/channel', qr/hello/, ['PUBLISH', 'news', 'hello']), "$mode: messages of the store are events");
    ok(comes($ngx, '/stream', qr/first/, ['XADD', 's', '*', 'n', 'first']), "$mode: so are entries of its streams")
        if $mode eq 'replica';


    # --- no way to the store ---

    does($proxy, 'cut');
    ok(wait_for(30, sub { (eval { $r->error('INCR', 'x') } // '') =~ /^(?:UPSTREAM|UNCERTAIN)/ }),
       "$mode: the store is cut off");

    $before = info($r, 'keyspace_run_errors', 'stats');
    is((get($ngx, '/access'))[0], 200, "$mode: requests are served");
    ok(wait_for(30, sub { info($r, 'keyspace_run_errors', 'stats') > $before }),
       "$mode: what they cannot run is counted");
    is((get($ngx, '/limit?k=y'))[0], 200, "$mode: limits go on");
    is((get($ngx, '/limit?k=x'))[0], 429, "$mode: as they were");
    like((get($ngx, '/cache/a'))[3]{headers}{'cache-status'}, qr/hit/, "$mode: so does the cache");
    is(body($ngx, '/var?f=a'), $mode eq 'replica' ? 'off ["1","2"] local' : 'none none local',
       "$mode: variables have what can be read");

    does($proxy, 'pass');
    soon($ngx, '/var?f=a', 'off ["1","2"] local', "$mode: and all of it with the store again");

    $ngx->allow(qr/in keyspace zone "main"/);
    $ngx->stop("$mode: the log holds no fault");
}


# --- mode=near: a request that waits for a value ---

{
    my $proxy = proxy($redis->port);

    $store->run('FLUSHALL');
    $store->run('SET', 'there', 1);
    $store->run('SADD', 'blocked', 'eve');
    $store->run('SET', 'large', 'x' x 100);

    my $ngx = edge_of('near', $proxy,
        http => 'keyspace_var $blocked main sismember blocked $arg_user wait=20s;'
                . 'keyspace_var $brief main get brief:$arg_user default=late wait=100ms;',
        locations => 'location /blocked { if ($blocked) { return 403; } return 200 "$blocked"; }'
                     . 'location /brief { return 200 "$brief"; }');

    does($proxy, "late $LATE");
    is((get($ngx, '/blocked?user=eve'))[0], 403, 'wait: the first request has the value');
    is((get($ngx, '/blocked?user=bob'))[1], '0', 'wait: and others have theirs');
    cmp_ok((get($ngx, '/blocked?user=ann'))[2], '<', 2 * $LATE, 'wait: not a way to the store later');

    $store->run('SADD', 'blocked', 'bob');
    ok(wait_for(30, sub { (get($ngx, '/blocked?user=bob'))[0] == 403 }), 'wait: a change');

    # after it nothing else is ever seen

    is(join(' ', map { (get($ngx, '/blocked?user=bob'))[0] } 1 .. 20), join(' ', (403) x 20), 'wait: stays');

    $store->run('SET', 'brief:zoe', 'here');
    is(body($ngx, '/brief?user=zoe'), 'late', 'wait: no longer than that');
    like($ngx->log, qr/\$brief has not come from the upstream of zone "main" within 100 ms/,
         'wait: which is logged');
    ok(wait_for(30, sub { body($ngx, '/brief?user=zoe') eq 'here' }), 'wait: it comes for the next one');

    # a client that goes away, workers that are killed and a reload while it waits

    does($proxy, 'mute');
    $store->run('SADD', 'blocked', 'dan');
    my @gone = map { KS::RESP->new(port => $ngx->port) } 1 .. 5;
    $_->send("GET /brief?user=gone$$ HTTP/1.1\r\nHost: a\r\n\r\n") for @gone;
    sleep 0.05;
    $_->close for @gone;
    kill 'KILL', ($ngx->workers)[0];
    $ngx->allow(qr/exited on signal 9/);
    does($proxy, 'pass');
    ok(wait_for(30, sub { (eval { (get($ngx, '/blocked?user=dan'))[0] } // 0) == 403 }),
       'wait: others are served after all that');
    ok($ngx->reload, 'wait: a reload');
    ok(wait_for(30, sub { (get($ngx, '/blocked?user=dan'))[0] == 403 }), '... and again');

    $ngx->allow(qr/in keyspace zone "main"/);
    $ngx->stop('wait: the log holds no fault');
}


# --- sessions of the store, which this edge can use and no more ---

{
    my $proxy = proxy($redis->port);

    $store->run('SET', 'there', 1);

    my $ngx = KS::Nginx->start(size => '32m', resp => '', locations => $locations =~ s/keyspace_limit r;//r,
        http => $http =~ s/keyspace_limit_rule.*//r,
        zone => "upstream redis://127.0.0.1:$proxy->{port} mode=replica;");

    wait_for(60, sub { (eval { $ngx->resp->run('EXISTS', 'there') } // 0) == 1 });

    my (undef, undef, undef, $r) = get($ngx, '/session/none');
    is($r->{status}, 200, 'without a session a request is served');
    ok(!exists $r->{headers}{'set-cookie'}, '... and none begins');
    like($ngx->log, qr/a session does not begin: its keys are those of the upstream of keyspace zone "main"/,
         '... as the log says');
    $ngx->stop('the log holds no fault');
}


# --- what cannot work is no configuration ---

sub says {
    my ($upstream, $conf, $where) = @_;

    return KS::Nginx->check(size => '16m', zone => "upstream redis://127.0.0.1:1 $upstream;",
        http => '', locations => '', $where // 'http' => $conf);
}

sub refused {
    my ($upstream, $conf, $why, $where) = @_;
    my ($code, $said) = says($upstream, $conf, $where);

    ok($code != 0 && $said =~ /\[emerg\].*$why.*nginx\.conf:\d+/, "$upstream: $conf is refused") or diag($said);
}

sub taken {
    my ($upstream, $conf, $where, $warns) = @_;
    my ($code, $said) = says($upstream, $conf, $where);

    ok($code == 0 && ($warns ? $said =~ /\[warn\].*$warns/ : $said !~ /\[warn\].*keyspace/),
       "$upstream: $conf is taken" . ($warns ? ', with a warning' : '')) or diag($said);
}

my $rule = 'keyspace_limit_rule r zone=main key=$remote_addr rate=1r/s;';
my $other = 'keyspace_limit_rule r zone=main key=$remote_addr rate=1r/s prefix=own:;';
my $session = 'location /s { keyspace_session main; }';
my $cache = 'location /c { keyspace_cache main; proxy_pass http://127.0.0.1:1; }';
my $count = 'location /r { keyspace_run main incr hits; }';
my $varied = 'location /r { keyspace_run main incr $uri; }';
my $news = 'location /r { keyspace_run main publish news x; }';
my $stream = 'location /e { keyspace_events main stream=s; }';

for my $mode (qw(mode=replica mode=near)) {
    refused($mode, $rule, 'limits are this edge\'s own, .*local_prefix');
    refused("$mode local_prefix=lim:", $rule, 'local_prefix');
    taken("$mode local_prefix=limit:", $rule);
    taken("$mode local_prefix=own:", $other);
    refused("$mode local_prefix=limit:", $other, 'local_prefix');

    taken("$mode local_prefix=session:", $session, 'locations');
    taken("$mode local_prefix=cache:", $cache, 'locations');

    taken($mode, $count, 'locations');
    refused("$mode writes=refuse", $count, 'is refused each time', 'locations');
    refused("$mode writes=refuse", $news, 'is refused each time', 'locations');
    refused("$mode writes=refuse", $varied, 'is refused each time', 'locations');
    taken("$mode writes=refuse local_prefix=hits", $count, 'locations');
    taken("$mode writes=refuse local_prefix=here:", $varied, 'locations');
    refused("$mode writes=refuse local_prefix=here:", 'location /r { keyspace_run main incr h$uri; keyspace_run main incr x$uri; }',
            'keys "x\$uri"', 'locations');

    taken($mode, 'keyspace_var $v main get $arg_k wait=1s;');
    refused($mode, 'keyspace_var $v main get $remote_addr wait=1s;', 'text and what a request begins with');
    refused($mode, 'keyspace_var $v main get k wait=0;', 'invalid time');
}

taken('mode=replica', $session, 'locations', 'none begins, changes or lasts longer');
refused('mode=near', $session, 'sessions are this edge\'s own', 'locations');
taken('mode=replica', $cache, 'locations');
taken('mode=near', $cache, 'locations', 'deleted when the link is lost');
taken('mode=replica', $stream, 'locations');
refused('mode=near', $stream, 'streams are followed with "mode=replica"', 'locations');
taken('mode=near local_prefix=s', $stream, 'locations');
taken('mode=replica', 'keyspace_var $v main dbsize;');
refused('mode=near', 'keyspace_var $v main dbsize;', 'a variable cannot wait');
refused('mode=near', 'keyspace_var $v main eval_ro "return 1" 0;', 'a variable cannot wait');
taken('mode=near local_prefix=here:', 'keyspace_var $v main eval_ro "return 1" 1 here:k;');

$store->close;
$_->stop for $redis, $origin;
done_testing;
