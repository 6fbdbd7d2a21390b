# Rate limits: how many requests are served at once, over all workers, which may
# be killed meanwhile.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);

# an application that answers when it is told to

my $app = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my $port = $app->sockport;

my $ngx = KS::Nginx->start(
    workers => 2,
    http    => <<'CONF',
    keyspace_limit_rule busy zone=main key=$arg_k concurrent=2;
    keyspace_limit_rule wide zone=main key=$arg_k concurrent=4 cost=$arg_n;
    keyspace_limit_rule plan zone=main key=$arg_k concurrent=$arg_plan
                        on_error=reject;
    keyspace_limit_rule calm zone=main key=$arg_k rate=1r/366d;

    keyspace_limit_log_level warn;
CONF
    locations => <<"CONF",
        location / { keyspace_rest main; }
        location = /slow { keyspace_limit busy;
                           proxy_read_timeout 300s;
                           proxy_pass http://127.0.0.1:$port; }
        location = /wide { keyspace_limit wide;
                           proxy_pass http://127.0.0.1:$port; }
        location = /quick { keyspace_limit busy; empty_gif; }
        location = /plan { keyspace_limit plan; empty_gif; }
        location = /both { keyspace_limit calm busy; empty_gif; }
        location = /log  { keyspace_limit busy;
                           return 404; }
CONF
);
my $http = $ngx->client;

sub get { $http->request('GET', $_[0]) }

# a request that is held by the application: its client, and what to answer by

sub hold {
    my ($uri) = @_;

    my $client = $ngx->client;
    $client->send($client->build('GET', $uri));

    my $conn = $app->accept or die "accept: $!";
    my $request = '';

    while ($request !~ /\r\n\r\n/) {
        sysread($conn, $request, 4096, length $request) or die 'no request';
    }

    return [$client, $conn];
}

sub answer {
    my ($held) = @_;

    syswrite($held->[1], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                         . "Connection: close\r\n\r\nok");
    close $held->[1];

    my $response = $held->[0]->response('GET');
    $held->[0]->close;

    return $response;
}

sub places {
    my ($key) = @_;
    my $sum = 0;
    $sum += $_ for @{ $http->run('HVALS', $key) };
    return $sum;
}

# --- two at once ---

my @held = map { hold('/slow?k=a') } 1 .. 2;

is(places('limit:busy:a'), 2, 'two requests have places');

my $r = get('/slow?k=a');
is($r->{status}, 429, 'a third one has to stay outside');
is($r->{headers}{'ratelimit-policy'}, '"busy";q=2', 'it is told how many');
is($r->{headers}{'ratelimit'}, '"busy";r=0', '... and that none is free');
is($r->{headers}{'x-ratelimit-remaining'}, 0, '... for the older ones, too');
ok(!exists $r->{headers}{'x-ratelimit-reset'}
   && !exists $r->{headers}{'retry-after'}, 'but nobody knows until when');

is(get('/quick?k=b')->{status}, 200, 'other keys have places of their own');
is(get('/quick?k=a')->{status}, 429, 'a rule is one in all locations');

$r = answer($held[0]);
is($r->{status}, 200, 'one of the two has ended');
is($r->{headers}{'ratelimit'}, '"busy";r=1', '... the first of them');

wait_for(10, sub { places('limit:busy:a') == 1 });
is(get('/quick?k=a')->{status}, 200, 'its place is free');
wait_for(10, sub { places('limit:busy:a') == 1 });
is(get('/quick?k=a')->{status}, 200, '... each time');

# a client that goes away

$held[1][0]->close;
wait_for(10, sub { !$http->run('EXISTS', 'limit:busy:a') });
pass('a client that goes away leaves its place, and the last one the key');

# --- costs, plans, several rules ---

my $wide = hold('/wide?k=a&n=3');
is(get('/wide?k=a&n=2')->{status}, 429, 'a request may take several places');
is(places('limit:wide:a'), 3, '... which are counted');
answer($wide);
wait_for(10, sub { !$http->run('EXISTS', 'limit:wide:a') });
pass('and given back together');

is(get('/plan?k=a&plan=1')->{status}, 200, 'the number may have variables');
is(get('/plan?k=a')->{status}, 200, 'an empty one is no limit');
is(get('/plan?k=a&plan=x')->{status}, 503, 'what is no number is an error');
like($ngx->log, qr/"plan" cannot be asked: invalid rate "x"/, '... in the log');

is(get('/both?k=c')->{status}, 200, 'two rules');
wait_for(10, sub { !$http->run('EXISTS', 'limit:busy:c') });
is(get('/both?k=c')->{status}, 429, 'of which one rejects');
is($http->run('EXISTS', 'limit:busy:c'), 0, '... and the other takes no place');

$http->run('SET', 'limit:busy:d', 'x');
is(get('/quick?k=d')->{status}, 200, 'a key of another type limits nothing');
like($ngx->log, qr/"busy" cannot be asked: the key holds another type/,
     '... and is logged');

# --- a worker is killed ---

my $before = join ' ', sort $ngx->workers;

@held = map { hold('/slow?k=e') } 1 .. 2;
is(get('/quick?k=e')->{status}, 429, 'all places are taken');

$http->close;
$ngx->allow(qr/exited on signal 9/);
kill 'KILL', $ngx->workers;

wait_for(10, sub {
    my @now = $ngx->workers;
    @now == 2 && join(' ', sort @now) ne $before;
});
$http = $ngx->client;
wait_for(10, sub { get('/quick?k=e')->{status} == 200 });
pass('workers that were killed have given them back');
wait_for(10, sub { !$http->run('EXISTS', 'limit:busy:e') });
pass('... and nothing is left of them');
close $_->[1] for @held;

# --- a reload: the old worker's requests have their places still ---

@held = (hold('/slow?k=f'), hold('/slow?k=f'));
$ngx->reload;
$http->close;
$http = $ngx->client;
is(get('/quick?k=f')->{status}, 429, 'places last over a reload');
is(answer($_)->{status}, 200, 'what was under way ends') for @held;
wait_for(10, sub { !$http->run('EXISTS', 'limit:busy:f') });
is(get('/quick?k=f')->{status}, 200, '... and makes room');

$http->close;
$ngx->stop;

# --- what is refused ---

for (['concurrent=0', qr/concurrent is a number above 0/],
     ['concurrent=2r', qr/concurrent is a number above 0/],
     ['concurrent=x', qr/concurrent is a number above 0/],
     ['concurrent=2 rate=1r/s', qr/there is a "concurrent" already/],
     ['rate=1r/s concurrent=2', qr/there is a "rate" already/],
     ['concurrent=2 algorithm=gcra', qr/no "algorithm" with "concurrent"/],
     ['concurrent=2 burst=1', qr/no "burst" with the algorithm "concurrent"/],
     ['concurrent=2 delay=1', qr/no "delay" with the algorithm "concurrent"/],
     ['rate=1r/s algorithm=concurrent', qr/the algorithm is one of/])
{
    my ($parameters, $why) = @$_;
    my ($code, $out) = KS::Nginx->check(http =>
        "keyspace_limit_rule x zone=main key=\$uri $parameters;");

    ok($code != 0 && $out =~ $why, $parameters) or diag($out);
}

done_testing;
