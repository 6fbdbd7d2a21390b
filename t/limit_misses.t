# Rate limits of what keyspace_cache does not answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Origin;
use KS::Proc qw(wait_for);

my $origin = KS::Origin->start;
my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};"
          . ' proxy_http_version 1.1;';

my $ngx = KS::Nginx->start(
    workers => 2,
    http    => <<'CONF',
    keyspace_limit_rule fetch zone=main key=$arg_k rate=2r/366d misses=on;
    keyspace_limit_rule all zone=main key=$arg_k rate=9r/366d;
    keyspace_limit_rule busy zone=main key=$arg_k concurrent=1 misses=on;
    keyspace_limit_log_level warn;
CONF
    locations => <<"CONF",
        location / { keyspace_rest main; }
        location /c/ { keyspace_cache main key=\$uri;
                       keyspace_limit fetch all; $proxy }
        location /one/ { keyspace_cache main key=\$uri;
                         keyspace_limit busy; $proxy }
        location /plain/ { keyspace_limit fetch; $proxy }
CONF
);
my $http = $ngx->client;
my $anyone = $ngx->client(token => undef);

sub get {
    my ($uri, @headers) = @_;
    return $anyone->request('GET', $uri, headers => \@headers);
}

my @fresh = (headers => [['Cache-Control', 'max-age=600']]);
$origin->plan($_, { @fresh }) for map { "/c/$_?k=a" } qw(1 2 3);

my $r = get('/c/1?k=a');
is($r->{status}, 200, 'a miss');
like($r->{headers}{'ratelimit'}, qr/"fetch";r=1;.*"all";r=8|"all";r=8;.*"fetch";r=1/,
     '... which both rules have counted');
$r = get('/c/1?k=a');
like($r->{headers}{'cache-status'}, qr/hit/, 'a hit');
like($r->{headers}{'ratelimit'}, qr/^"all";r=7;t=\d+$/,
     '... which one rule has counted');
is(get('/c/1?k=a')->{status}, 200, 'another hit');
is(get('/c/2?k=a')->{status}, 200, 'another miss');

$r = get('/c/3?k=a');
is($r->{status}, 429, 'a miss too many');
is(get('/c/1?k=a')->{status}, 200, 'hits go on');
is($http->run('HGET', 'limit:fetch:a', 'current'), 2,
   'a miss that was rejected is not charged');
is(scalar @{ $origin->seen('/c/3?k=a') }, 0, '... and did not come through');

$http->run('DEL', 'limit:fetch:a');
$r = get('/c/3?k=a');
is($r->{status}, 200, 'it comes through when it may');
like($r->{headers}{'cache-status'}, qr/fwd=uri-miss; stored/,
     '... as the rejection was not stored');

is(get('/c/1?k=a', 'Cache-Control: no-cache')->{status}, 200,
   'what is fetched anew is a miss, too');
is(get('/c/1?k=a', 'Cache-Control: no-cache')->{status}, 429, '... each time');

# without a cache all are

is(join(' ', map { get('/plain/x?k=b')->{status} } 1 .. 3), '200 200 429',
   'where there is no cache');

# places are taken by those who fetch

$origin->plan('/one/slow?k=c', { @fresh, delay => 2 });
$origin->plan('/one/1?k=c', { @fresh });
$origin->plan('/one/2?k=c', { @fresh });
is(get('/one/1?k=c')->{status}, 200, 'one at a time');
wait_for(10, sub { !$http->run('EXISTS', 'limit:busy:c') });

my $slow = $ngx->client(token => undef);
$slow->send($slow->build('GET', '/one/slow?k=c'));
wait_for(10, sub { $http->run('EXISTS', 'limit:busy:c') });
is(get('/one/1?k=c')->{status}, 200, '... with hits beside it');
is(get('/one/2?k=c')->{status}, 429, '... and no other miss');
is($slow->response('GET')->{status}, 200, '... until it has ended');

$_->close for $http, $anyone, $slow;
$ngx->stop;
$origin->stop;

my ($code, $out) = KS::Nginx->check(http =>
    'keyspace_limit_rule x zone=main key=$uri rate=1r/s misses=yes;');
ok($code != 0 && $out =~ /it is "on" or "off"/, 'misses=yes');

done_testing;
