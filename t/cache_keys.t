# keyspace_cache: that what came for one URL, or for one client, is not stored
# for others.

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
    size => '16m', resp => '',
    locations => <<"CONF",
location / { keyspace_cache main; proxy_set_header Host \$http_host; $proxy }
location /path/ { keyspace_cache main key=\$uri; $proxy }
location /parts/ { keyspace_cache main subrequests=on; $proxy }
location /bare/ { set \$args ''; keyspace_cache main key=\$uri; $proxy }
location /team/ {
    keyspace_cache main key=\$uri stale=1h;
    keyspace_cache_no_store \$http_x_team;
    keyspace_cache_lock 0;
    $proxy
}
CONF
);

my $http = $ngx->client(token => undef);
my $redis = $ngx->resp;

my @hour = (headers => [['Cache-Control', 'max-age=3600']]);
my %error = (headers => [['Cache-Control', 'max-age=3600']], status => 404);


sub get {
    my ($path, %o) = @_;

    return $http->request(delete $o{method} // 'GET', $path, %o);
}


sub cache { $_[0]{headers}{'cache-status'} // '' }


# --- the host ---

$origin->plan('/ports', { @hour });
is(get('/ports')->{body}, 1, 'a host without a port');
is(get('/ports', host => 'localhost:80')->{body}, 1, '... and with the usual one');
is(get('/ports', host => 'localhost:8080')->{body}, 2, 'another port');
is(get('/ports', host => 'localhost:8080')->{body}, 2, '... has a page of its own');
is(get('/ports', host => '[::1]:81')->{body}, 3, 'an address');
is(get('/ports', host => '[::1]')->{body}, 4, '... without a port');
is_deeply([sort grep { /^cache:/ } @{$redis->run('KEYS', '*ports')}],
          [map { "cache:http://$_/ports" }
               '[::1]', '[::1]:81', 'localhost', 'localhost:8080'],
          'the keys');

$origin->plan('/abs', { @hour });
like(cache(get('http://localhost/abs', host => 'evil')), qr/fwd=bypass$/,
     'a URL of one host and a field with another pass by');
is($origin->seen('/abs')->[0]{headers}{host}, 'evil', '... which is sent on');
is(get('/abs')->{body}, 2, '... and are not stored');
is(get('/abs')->{body}, 2, 'an ordinary request is');
like(cache(get('http://localhost/abs')), qr/hit/, 'a whole URL is the same');
like(cache(get('http://localhost/abs', host => $_)), qr/fwd=bypass$/,
     "a name that begins like the host: $_")
    for 'localhost.evil.example', 'localhost-evil.example', 'local';
like(cache(get('http://LOCALHOST./abs', host => 'localhost:80')), qr/hit/,
     'the same name, which the line has otherwise');

# the key has the name that nginx makes of it, and the origin the field

for my $host ('localhost.', 'localhost:', 'localhost.:', 'localhost.:80',
              'localhost:80:', 'localhost:8x', 'LocalHost', 'LOCALHOST:80')
{
    for my $line ('', 'http://localhost') {
        my $path = '/names/' . unpack('H*', $host) . ($line ? '/line' : '');
        my $what = ($line ? 'with a host in the line, ' : '') . "'$host'";

        $origin->plan($path, { %error, body => 'error' },
                      { @hour, body => 'page' });

        my $r = get("$line$path", host => $host);

        # another nginx may refuse what is no port
        if ($r->{status} == 400) {
            is_deeply($origin->seen($path), [], "$what is refused");
            next;
        }

        like(cache($r), qr/fwd=bypass$/, "$what passes by");
        is($origin->seen($path)->[0]{headers}{host}, $host, '... as it is');
        is(get($path)->{body}, 'page', '... and is not what others get');
        like(cache(get($path)), qr/hit/, '... who have a stored page');
        like(cache(get("$line$path", host => $host)), qr/fwd=bypass$/,
             '... that it does not get');
    }
}

like(cache(get('/abs', host => '[::1].')), qr/fwd=bypass$/,
     'a point behind an address passes by');

for my $line ('', 'http://localhost') {
    like(cache(get("$line/abs", version => '1.0')), qr/fwd=bypass$/,
         "no field at all passes by, $line");
}


# --- the path ---

for (['a%2Fb', 'a/b'], ['x/..%2Fc', 'c'], ['/d', 'd'], ['x/../e', 'e'],
     ['./f', 'f'], ['g%3Bh', 'g;h'], ['%2e/i', 'i'])
{
    my ($odd, $path) = map { "/path/$_" } @$_;

    $origin->plan($odd, { %error });
    $origin->plan($path, { @hour, body => 'page' });
    like(cache(get($odd)), qr/fwd=bypass/, "$odd passes by");
    is(get($path)->{body}, 'page', '... and is not what others get');
    like(cache(get($path)), qr/hit/, '... who have a stored page');
    is(get($odd)->{status}, 404, '... that it does not get');
}

for ('caf%c3%a9', 'a%20b', 'a%2Cb', 'a%25b', 'plus+') {
    $origin->plan("/path/$_", { @hour });
    get("/path/$_");
    like(cache(get("/path/$_")), qr/hit/, "/path/$_ is stored");
}

$origin->plan('/parts/a%3Fx=1', { %error });
$origin->plan('/parts/a?x=1', { @hour, body => 'page' });
is(get('/parts/a%3Fx=1')->{status}, 404, 'a question mark in the path');
is(get('/parts/a?x=1')->{body}, 'page', '... is not that of arguments');
like(cache(get('/parts/a?x=1')), qr/hit/, '... which is stored');

$origin->plan('/bare/a', { @hour, body => 'page' });
get('/bare/a?x=1');
like(cache(get('/bare/a?y=2')), qr/hit/, 'arguments that nobody is sent');


# --- the client ---

my @short = (['Cache-Control', 'max-age=1'], ['ETag', '"a"']);

$origin->plan('/team/a', { headers => \@short, body => 'old', status => 200 },
              { @hour, body => 'new', status => 200 });
$origin->plan('/team/h', { headers => \@short, body => 'old' },
              { headers => [@short, ['X-Secret', 'yes']], body => 'old',
                status => 200 });
get("/team/$_") for 'a', 'h';
ok(wait_for(30, sub { cache(get('/team/a', headers => ['X-Team: 1']))
                      =~ /hit; ttl=-/ }),
   'a stale page, for a client whose response is not to be stored');
ok(wait_for(30, sub { get('/team/a')->{body} eq 'new' }),
   '... is fetched for others');
is_deeply([grep { $_->{headers}{'x-team'} } @{$origin->seen('/team/a')}], [],
          '... without its fields');

ok(wait_for(30, sub {
    my $r = get('/team/h', method => 'HEAD',
                headers => ['X-Team: 1', 'Cache-Control: no-cache']);
    ($r->{headers}{'x-secret'} // '') eq 'yes'
}), 'a HEAD of such a client');
unlike($redis->run('HGET', 'cache:/team/h', 'head:'), qr/Secret/,
       '... changes nothing that is stored');

$redis->close;
$ngx->stop;
$origin->stop;
done_testing;
