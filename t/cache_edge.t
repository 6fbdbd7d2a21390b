# keyspace_cache in company: other content handlers, HTTP/2, slow clients,
# error pages, redirects inside, reload, and what the configuration may not say.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use KS::App;
use KS::Nginx;
use KS::Origin;
use KS::Proc qw(capture installed slurp wait_for);

my $origin = KS::Origin->start;
my $app = KS::App->start;
my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};"
          . ' proxy_http_version 1.1;';
my @options = (
    size => '16m', eviction => 'allkeys-lru', resp => '',
    server => 'listen 127.0.0.1:%PORT2% http2;',
    locations => <<"CONF",
location / {
    keyspace_cache main key=\$uri stale_error=60s;
    $proxy
}
location /unbuffered/ {
    keyspace_cache main key=\$uri stale_error=60s;
    proxy_buffering off;
    $proxy
}
location /fastcgi/ {
    keyspace_cache main key=\$uri ttl=60s;
    fastcgi_param REQUEST_URI \$request_uri;
    fastcgi_param REQUEST_METHOD \$request_method;
    fastcgi_pass 127.0.0.1:$app->{fastcgi};
}
location /huge/ {
    keyspace_cache main key=\$uri ttl=60s;
    alias %DIR%/huge/;
}
location /page/ {
    keyspace_cache main key=\$uri;
    proxy_intercept_errors on;
    error_page 404 /errors/404;
    $proxy
}
location /errors/ { keyspace_cache main key=\$uri; return 200 "page\n"; }
location /run/ {
    keyspace_run main incr seen phase=access;
    keyspace_run main incr done;
    keyspace_cache main key=\$uri;
    $proxy
}
location /try/ {
    try_files /nothing \@try;
}
location \@try { keyspace_cache main key=\$uri; $proxy }
location /accel/ { keyspace_cache main key=\$uri; $proxy }
location /inside/ { internal; $proxy }
location /ssi/ { ssi on; ssi_types text/plain; keyspace_cache main key=\$uri; $proxy }
CONF
);
my $ngx = KS::Nginx->start(@options);
my $http = $ngx->client(token => undef);
my $redis = $ngx->resp;
my @fresh = ['Cache-Control', 'max-age=60'];
my @short = (['Cache-Control', 'max-age=1'], ['ETag', '"e"']);


sub get {
    my ($path, %o) = @_;
    my $method = delete $o{method} // 'GET';

    return $http->request($method, $path,
                          headers => [map { "$_: $o{$_}" } sort keys %o]);
}


sub cache { $_[0]{headers}{'cache-status'} // '' }


# --- what takes the place of a response that comes ---

for my $at ('', '/unbuffered') {
    $origin->plan("$at/large", { headers => [@short], body => 400_000 });
    $origin->plan("$at/error", { headers => [@short], body => 300_000 },
                  { status => 503, body => 500_000, chunked => JSON::PP::true });
    $origin->plan("$at/cut", { headers => [@short], body => 300_000 },
                  { status => 503, body => 500_000, cut => JSON::PP::true });
    $origin->plan("$at/head", { headers => [@short], body => 1000 });
    get("$at/$_") for qw(large error cut head);
}

sleep 1.2;

for my $at ('', '/unbuffered') {
    my $r = get("$at/large");
    is(length $r->{body}, 400_000, "$at: a large body after a 304");
    like(cache($r), qr/fwd-status=304/, '... which came');

    $r = get("$at/head", method => 'HEAD');
    is("$r->{status} $r->{headers}{'content-length'}", '200 1000',
       "$at: HEAD after a 304");
    is(get("$at/head")->{body}, 'x' x 1000, '... and GET');

    $r = get("$at/error");
    is("$r->{status} " . length $r->{body}, '200 300000',
       "$at: in the place of a large error");
    $r = get("$at/cut");
    is("$r->{status} " . length $r->{body}, '200 300000',
       "$at: ... that breaks off");
    $http->close;
}


# --- a gigabyte through a zone of 16 MB ---

{
    my $size = 1 << 30;
    my $rss = sub {
        my $sum = 0;
        $sum += slurp("/proc/$_/status") =~ /^RssAnon:\s+(\d+)/m ? $1 : 0
            for $ngx->workers;
        return $sum;
    };

    mkdir $ngx->dir . '/huge';
    open my $file, '>', $ngx->dir . '/huge/file' or die $!;
    truncate $file, $size or die $!;
    close $file;
    chmod 0755, $ngx->dir, $ngx->dir . '/huge';

    my $before = $rss->();
    my $huge = $ngx->client(token => undef);
    my ($got, $data) = 0;

    $huge->send($huge->build('GET', '/huge/file',
                             headers => ['Connection: close']));
    while (sysread $huge->{socket}, $data, 1 << 20) {
        $got += length $data;
    }

    cmp_ok($got, '>', $size, 'a gigabyte comes through');
    cmp_ok($got, '<', $size + 1000, '... and nothing more');
    cmp_ok($rss->() - $before, '<', 16 * 1024, '... in pieces');
    is($redis->run('EXISTS', 'cache:/huge/file'), 0, 'it is not stored');
    is(get('/huge/file', Range => 'bytes=-1')->{status}, 206,
       'parts of it come, too');
    unlink $ngx->dir . '/huge/file';
}


# --- a slow client, and an entry that is replaced and evicted meanwhile ---

{
    $origin->plan('/slow', { headers => [@fresh], body => 1_000_000 });
    get('/slow');
    my $slow = $ngx->client(token => undef);
    $slow->connect;
    $slow->send($slow->build('GET', '/slow'));
    sleep 0.3;
    $redis->run('DEL', 'cache:/slow');
    $origin->plan('/slow', { headers => [@fresh], body => 'other' });
    get('/slow');
    $redis->run('FLUSHALL');
    is($slow->response('GET')->{body}, 'x' x 1_000_000,
       'a slow client gets the response that it was promised');

    # its first request, which is stored although it goes
    $origin->plan('/gone', { headers => [@fresh], body => 900_000,
                             slow => 0.3 });
    my $gone = $ngx->client(token => undef);
    $gone->connect;
    $gone->send($gone->build('GET', '/gone'));
    wait_for(10, sub { @{$origin->seen('/gone')} });
    $gone->close;
    is(length get('/gone')->{body}, 900_000, 'a client that goes');
}


# --- other handlers ---

{
    my $q = KS::App::query('Cache-Control: max-age=60', 'X-A: b');
    my $first = get("/fastcgi/a?$q");
    my $r = get("/fastcgi/a?$q");
    like(cache($r), qr/hit/, 'fastcgi');
    is($r->{body}, $first->{body}, '... the body');
    is($r->{headers}{'x-a'}, 'b', '... a field');

    $origin->plan('/page/a', { status => 404, headers => [@fresh] });
    is(get('/page/a')->{status}, 404, 'an error page') for 1 .. 2;
    is(get('/page/a')->{body}, "page\n", '... is what is sent');
    is($redis->run('EXISTS', 'cache:/errors/404'), 0, '... and not stored');

    $origin->plan('/run/a', { headers => [@fresh] });
    get('/run/a') for 1 .. 3;
    is(@{$origin->seen('/run/a')}, 1, 'commands of requests: a hit');
    is($redis->run('GET', 'seen'), 3, '... they are run before it');
    ok(wait_for(10, sub { $redis->run('GET', 'done') == 3 }),
       '... and behind it');

    $origin->plan('/try/a', { headers => [@fresh] });
    like(cache(get('/try/a')), $_, 'try_files') for qr/miss/, qr/hit/;

    $origin->plan('/accel/a', { headers => [['X-Accel-Redirect', '/inside/a'],
                                            @fresh], body => '' });
    $origin->plan('/inside/a', { headers => [@fresh], body => 'inside' });
    is(get('/accel/a')->{body}, 'inside', 'X-Accel-Redirect') for 1 .. 2;

    $origin->plan('/ssi/a', { headers => [@fresh, ['Content-Type',
                                                   'text/plain']],
                  body => '[<!--# include virtual="/ssi/b" -->]' });
    $origin->plan('/ssi/b', { headers => [@fresh], body => 'part' });
    is(get('/ssi/a')->{body}, '[part]', 'a page of parts') for 1 .. 2;
    like($redis->run('HGET', 'cache:/ssi/a', 'body:'), qr/include/,
         '... is stored as it came');
}


# --- HTTP/2 ---

SKIP: {
    skip 'no curl', 2 if !installed('curl');

    $origin->plan('/h2', { headers => [@fresh], body => 200_000 });
    my $url = 'http://127.0.0.1:' . $ngx->port2 . '/h2';

    for my $want (qr/uri-miss/, qr/hit/) {
        my ($code, $out) = capture(30, {}, 'curl', '-s', '-D', '-', '-o',
                                   $ngx->dir . '/h2.out',
                                   '--http2-prior-knowledge', $url);
        ok($out =~ $want && -s $ngx->dir . '/h2.out' == 200_000, 'HTTP/2')
            or diag $out;
    }
}


# --- a reload ---

{
    $origin->plan('/reload', { headers => [@fresh], body => 'before' });
    get('/reload');
    ok($ngx->reload, 'a reload');
    $http->close;
    is(get('/reload')->{body}, 'before', '... keeps what is stored');
    like(cache(get('/reload')), qr/hit/, '... as it says');
}


# --- configuration ---

for (['keyspace_cache;', 'invalid number of arguments'],
     ['keyspace_cache nowhere;', 'unknown'],
     ['keyspace_cache main; keyspace_cache main;', 'is duplicate'],
     ['keyspace_cache main key=;', 'is empty'],
     ['keyspace_cache main ttl=x;', 'is no time'],
     ['keyspace_cache main max_size=65m;', 'is no size of up to 64m'],
     ['keyspace_cache main methods=POST;', 'is neither "GET" nor'],
     ['keyspace_cache main set_cookie=x;', 'is neither on nor off'],
     ['keyspace_cache main foo=1;', 'unknown parameter'],
     ['keyspace_cache_valid 99 1m;', 'invalid status "99"'],
     ['keyspace_cache_valid 200 x;', 'invalid time "x"'],
     ['keyspace_cache_status a,b;', 'no token'])
{
    my ($line, $says) = @$_;
    my ($code, $out) = KS::Nginx->check(locations => "location / { $line }");

    ok($code != 0 && index($out, $says) >= 0, $line) or diag $out;
}

$redis->close;
$ngx->allow('upstream prematurely closed');
$ngx->stop;
$_->stop for $origin, $app;
done_testing;
