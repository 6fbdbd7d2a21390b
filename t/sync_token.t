# Sync tokens: what one edge has told a client holds at another edge of the same
# store, at a near one, at the primary, and over chains; with a network in between
# that delays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Clients qw(run_tap want_npm);
use KS::Nginx;
use KS::Proc qw(root tempdir wait_for);
use KS::Proxy;
use KS::RESP;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my $dir = tempdir();
chmod 0777, $dir;

# An edge of a port, behind a proxy; [edge, proxy].
sub edge_of {
    my ($to, $delay, $line, %o) = @_;
    my $proxy = KS::Proxy->start(to => $to, delay => $delay);
    my $port = $proxy->port;
    my $secret = $o{password} ? " password=$o{password}" : '';
    my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
        zone => ($o{zone} // '')
                . "upstream redis://127.0.0.1:$port $line$secret;");

    $ngx->allow(qr/keyspace zone "main"|of keyspace zone "main"/);

    return ($ngx, $proxy);
}

sub follows {
    my ($ngx) = @_;
    return wait_for(60, sub {
        (eval { $ngx->resp->run('INFO', 'replication') } // '')
            =~ /^master_link_status:up/m
    });
}

# A request with a token: the result, and the token that came back.
sub ask {
    my ($ngx, $token, $command, $uri) = @_;
    my $http = $ngx->client;
    my $r = $http->post(JSON::PP->new->encode($command), uri => $uri // '/',
                        headers => $token ? ["upstash-sync-token: $token"]
                                          : []);
    my $body = eval { JSON::PP->new->allow_nonref->decode($r->{body}) };

    $http->close;

    return (ref $body eq 'HASH'
            ? exists $body->{error} ? "error: $body->{error}"
                                    : $body->{result}
            : [map { $_->{result} // $_->{error} } @{ $body // [] }],
            $r->{headers}{'upstash-sync-token'} // '', $r);
}

my $token_form = qr/^[0-9a-f]{40}:\d+$/;
my $n = 0;

# What is written at one is read at the others, each with the token of the one
# before; 1: all of it was seen.
sub handed_on {
    my ($name, $rounds, @edges) = @_;
    my ($bad, $form, $token) = (0, 0, '');

    for my $round (1 .. $rounds) {
        my $writer = shift @edges;
        push @edges, $writer;
        my $value = ++$n;
        my $how = $round % 3;
        my $got;

        (undef, $token) =
            $how == 0 ? ask($writer, $token, ['SET', 'k', $value])
            : $how == 1 ? ask($writer, $token, [['SET', 'k', $value],
                                                ['INCR', 'count']],
                              '/pipeline')
            : ask($writer, $token, [['SET', 'k', $value], ['INCR', 'count']],
                  '/multi-exec');

        for my $edge (@edges) {
            $form++ if $token !~ $token_form;
            ($got, $token) =
                $how == 0 ? ask($edge, $token, ['GET', 'k'])
                : $how == 1 ? ask($edge, $token, [['GET', 'k'], ['PING']],
                                  '/pipeline')
                : ask($edge, $token, [['EXISTS', 'k'], ['GET', 'k']],
                      '/multi-exec');
            $got = $how == 0 ? $got : $how == 1 ? $got->[0] : $got->[1];
            next if ($got // '') eq $value;
            $bad++;
            diag("$name, round $round: " . ($got // 'nothing')
                 . ", not $value");
        }
    }

    is($bad, 0, "$name: each reads what was written before");
    is($form, 0, "$name: tokens have their form");
}


my $redis = KS::Redis->start;
my $r = KS::RESP->new(port => $redis->port);


# --- two edges that hold all, one of them far away ---

my ($a, $proxy_a) = edge_of($redis->port, 0.005,
                            'mode=replica local_prefix=here:',
                            zone => "replicas $dir/a; ");
my ($b, $proxy_b) = edge_of($redis->port, 0.1,
                            'mode=replica sync_timeout=20s sync_late=refuse');

ok(follows($a) && follows($b), 'two edges follow');
handed_on('replica edges', 9, $a, $b);

# without a token it is not seen yet: the wait is for something

my ($value, $token, $response);
my $missed = 0;

$proxy_b->tell('delay', 0.4);

for (1 .. 3) {
    (undef, $token) = ask($a, '', ['SET', 'late', ++$n]);
    ($value) = ask($b, '', ['GET', 'late']);
    $missed++ if ($value // '') ne $n;
    is((ask($b, $token, ['GET', 'late']))[0], $n, 'with its token it is seen');
}

$proxy_b->tell('delay', 0.1);
cmp_ok($missed, '>', 0, 'without a token it comes later');

subtest '@upstash/redis' => sub {
    want_npm('@upstash/redis');
    run_tap('node', root() . '/t/clients/sync_tokens.mjs',
            map({ 'http://127.0.0.1:' . $_->port } $a, $b),
            $KS::Nginx::TOKEN);
};

# of RESP

my $ra = $a->resp;
my $rb = $b->resp;
is($ra->run('SET', 'resp', ++$n), 'OK', 'a write over RESP');
$token = $ra->run('KEYSPACE.SYNC');
like($token, $token_form, 'KEYSPACE.SYNC: a token');
like($rb->run('KEYSPACE.SYNC', $token, 20_000), $token_form,
     '... that the other edge waits for');
is($rb->run('GET', 'resp'), $n, '... and has then');
is($rb->error('KEYSPACE.SYNC', 'x'), 'ERR it is no sync token',
   'what is no token is refused there');
like($rb->error('KEYSPACE.SYNC', $token, 'x'), qr/^ERR .*integer/,
     '... and what is no time');

# what is no token is passed over

for my $odd ('1700000000000', 'x y', '0' x 40, ('0' x 40) . ':x',
             ('0' x 40) . ':-1', 'g' x 40 . ':1') {
    is((ask($b, $odd, ['GET', 'resp']))[0], $n, "'$odd' is passed over");
}

# a token of a history that nobody here knows: the primary is asked

my $before = $redis->run('INFO', 'commandstats') =~ /^cmdstat_role:calls=(\d+)/m
             ? $1 : 0;
$r->run('SET', 'direct', ++$n);
($value) = ask($b, ('ab' x 20) . ':17', ['GET', 'direct']);
is($value, $n, 'an unknown history: all that the primary had by then');
($value) = ask($b, ('ab' x 20) . ':17', ['GET', 'direct']) for 1 .. 20;
my $after = $redis->run('INFO', 'commandstats') =~ /^cmdstat_role:calls=(\d+)/m
            ? $1 : 0;
cmp_ok($after - $before, '<=', 4, '... which is asked once by each worker');

# a place that never comes

(my $never = (ask($b, '', ['GET', 'k']))[1]) =~ s/:\d+/:9000000000000/;
is($rb->error('KEYSPACE.SYNC', $never, 100),
   'BEHIND this edge has not come to what the sync token tells of within '
   . '100 ms', 'the wait has an end');
my $began = time;
is((ask($b, $never, ['SET', 'w', 1]))[0], 'OK', 'a write does not wait');
is((ask($b, $never, ['PING']))[0], 'PONG', 'nor what reads nothing');
$r->run('SET', 'asked', 'primary');
($value, $token, $response) = ask($a, $never, ['GET', 'asked']);
is($value, 'primary', 'sync_late=forward: the primary is asked');
is((ask($a, $never, ['GET', 'here:k']))[0], undef,
   'a local key is read at once');
cmp_ok(time - $began, '<', 15, '... and none of them has waited for long');

# MULTI, and a client that goes away

is_deeply((ask($a, $never, [['GET', 'asked'], ['STRLEN', 'asked']],
               '/multi-exec'))[0], ['primary', 7], 'a transaction is, too');
is_deeply((ask($a, $never, [['GET', 'asked'], ['STRLEN', 'asked']],
               '/pipeline'))[0], ['primary', 7], '... and a pipeline');

for (1 .. 5) {
    my $gone = $b->client;
    $gone->connect;
    $gone->send("GET /get/k HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                . "$KS::Nginx::TOKEN\r\nUpstash-Sync-Token: $never\r\n\r\n");
    $gone->close;
}
is((ask($b, '', ['PING']))[0], 'PONG', 'clients that go away meanwhile');


# --- chains ---

my ($c, $proxy_c) = edge_of($a->resp_port, 0.05, 'mode=replica',
                            password => $KS::Nginx::TOKEN);
ok(follows($c), 'an edge of an edge');
handed_on('a chain', 8, $a, $c, $b);

my $bad = 0;
for (1 .. 5) {
    (undef, $token) = ask($c, '', ['SET', 'deep', ++$n]);
    $bad++ if ((ask($c, '', ['GET', 'deep']))[0] // '') ne $n;
}
is($bad, 0, 'what is written two steps up is seen at once, by any worker');


# --- near ones ---

my ($d, $proxy_d) = edge_of($redis->port, 0.05, 'mode=near');
my ($e, $proxy_e) = edge_of($redis->port, 0.005, 'mode=near');

ok(wait_for(30, sub { (() = $redis->run('CLIENT', 'LIST')
                       =~ /name=keyspace-near/g) == 4 }), 'near edges');
handed_on('near edges', 9, $d, $e);
handed_on('all kinds', 6, $d, $a, $e, $c, $b);


$before = $redis->run('INFO', 'commandstats') =~ /^cmdstat_ping:calls=(\d+)/m
          ? $1 : 0;
(undef, $token) = ask($e, '', ['GET', 'k']);
ask($d, $token, ['GET', 'k']) for 1 .. 20;
$after = $redis->run('INFO', 'commandstats') =~ /^cmdstat_ping:calls=(\d+)/m
         ? $1 : 0;
cmp_ok($after - $before, '<=', 6, 'a token is waited for once by each worker');


# --- failover to another history ---

$r->run('DEBUG', 'CHANGE-REPL-ID') if eval { $r->run('DEBUG',
                                                     'CHANGE-REPL-ID'); 1 };
$proxy_a->tell('cut');
$proxy_b->tell('cut');
ok(follows($a) && follows($b), 'they follow after a change of its name');
handed_on('after that', 6, $a, $b);


# --- how old what is read is ---

($value, undef, $response) = ask($a, '', ['GET', 'k']);
is($response->{headers}{'keyspace-stale'}, undef, 'nothing is stale');
$proxy_a->tell('refuse');
$proxy_a->tell('cut');
ok(wait_for(30, sub {
    (undef, undef, $response) = ask($a, '', ['GET', 'k']);
    ($response->{headers}{'keyspace-stale'} // '') =~ /^\d+s$/
}), 'without a link a read says how old it may be');
sleep 1.1;
(undef, undef, $response) = ask($a, '', [['GET', 'k']], '/pipeline');
cmp_ok($response->{headers}{'keyspace-stale'} =~ /^(\d+)s$/ && $1, '>=', 2,
       '... which grows');
(undef, undef, $response) = ask($a, '', ['GET', 'here:k']);
is($response->{headers}{'keyspace-stale'}, undef, 'a local key is never old');
like($a->resp->run('INFO', 'replication'),
     qr/^master_link_down_since_seconds:\d+/m, 'INFO says it, too');
$proxy_a->tell('accept');
ok(wait_for(30, sub {
    (undef, undef, $response) = ask($a, '', ['GET', 'k']);
    !defined $response->{headers}{'keyspace-stale'}
}), 'with a link again it says so no more');

$_->stop for $c, $a, $b, $d, $e;
$redis->stop;


# --- the end of the wait, refused ---

{
    my ($code, $said) = KS::Nginx->check(zone =>
        'upstream redis://127.0.0.1:1 sync_late=never;');
    isnt($code, 0, 'sync_late=never');
    like($said, qr/it is "forward" or "refuse"/, '... is refused');
    ($code) = KS::Nginx->check(zone =>
        'upstream redis://127.0.0.1:1 sync_timeout=0;');
    isnt($code, 0, '... and so is no time at all');
}


# --- a keyspace as the primary ---

{
    my $top = KS::Nginx->start(size => '32m', resp => '', workers => 2,
                               zone => "replicas $dir/top;");
    my ($x) = edge_of($top->resp_port, 0.005, 'mode=replica'
                      . ' sync_late=refuse sync_timeout=5s',
                      password => $KS::Nginx::TOKEN);
    my ($y, $proxy) = edge_of($top->resp_port, 0.1, 'mode=replica',
                      password => $KS::Nginx::TOKEN);
    my ($z) = edge_of($top->resp_port, 0.02, 'mode=near',
                      password => $KS::Nginx::TOKEN);

    ok(follows($x) && follows($y), 'edges of a keyspace');
    like((ask($top, '', ['PING']))[1], $token_form, 'a primary has tokens');
    handed_on('of a keyspace', 8, $top, $x, $y, $z);

    (my $never = (ask($x, '', ['PING']))[1]) =~ s/:\d+/:9000000000000/;
    is((ask($x, $never, ['GET', 'k']))[0],
       'error: BEHIND this edge has not come to what the sync token tells of '
       . 'within 5000 ms', 'sync_late=refuse: a read fails');
    is((ask($x, $never, ['SET', 'k', 1]))[0], 'OK', '... and no write');

    $_->stop for $x, $y, $z, $top;
}

done_testing;
