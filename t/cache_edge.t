# keyspace_cache in company: other content handlers, HTTP/2, slow clients,
# error pages, redirects inside, reload, and what the configuration may not say.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
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
location /grpc/ {
    keyspace_cache main key=\$uri;
    rewrite ^/grpc/(.*)\$ /back/\$1 break;
    grpc_pass grpc://127.0.0.1:%PORT2%;
}
location /back/ { $proxy }
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
location /parts/ {
    ssi on; ssi_types text/plain;
    keyspace_cache main subrequests=on;
    $proxy
}
location /whole/ { keyspace_cache main key=\$uri ranges=whole; $proxy }
location /ssi/ { ssi on; ssi_types text/plain; keyspace_cache main key=\$uri; $proxy }
CONF
);
my $ngx = KS::Nginx->start(@options);
my $http = $ngx->client(token => undef);
my $redis = $ngx->resp;
my @fresh = ['Cache-Control', 'max-age=60'];
my @short = (['Cache-Control', 'max-age=1'], ['ETag', '"e"']);


sub get { $http->ask(@_) }
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

    # its first bytes are on their way
    IO::Select->new($slow->{socket})->can_read(60);
    $redis->run('DEL', 'cache:/slow');
    $origin->plan('/slow', { headers => [@fresh], body => 'other' });
    get('/slow');
    $redis->run('FLUSHALL');
    is($slow->response('GET')->{body}, 'x' x 1_000_000,
       'a slow client gets the response that it was promised');

    # what was asked for before a change is not stored behind it
    $origin->plan('/late', { headers => [@fresh], body => 'old', delay => 1 },
                  { body => 'done' }, { headers => [@fresh], body => 'new' });
    my $late = $ngx->client(token => undef);
    $late->connect;
    $late->send($late->build('GET', '/late'));
    wait_for(60, sub { @{$origin->seen('/late')} });
    is(get('/late', method => 'POST')->{body}, 'done', 'an unsafe method');
    is($late->response('GET')->{body}, 'old', '... amid a GET');
    is(get('/late')->{body}, 'new', '... which is not stored');

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

    $origin->plan('/back/g', { headers => [@fresh, ['ETag', '"g"']],
                               body => 100_000 });
    for my $want (qr/uri-miss; stored/, qr/hit/) {
        $r = get('/grpc/g');
        like(cache($r), $want, 'grpc');
        is(length $r->{body}, 100_000, '... the body');
    }
    is(get('/grpc/g', 'If-None-Match' => '"g"')->{status}, 304,
       '... a condition');

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


# --- ranges of what is not stored ---

{
    my %r = (headers => [@fresh, ['ETag', '"r"']], body => '0123456789');
    my $last = sub { $origin->seen($_[0])->[-1]{headers} };

    $origin->plan("/whole/$_", { %r }) for 'a', 'b', 'c';
    my $r = get('/whole/a', Range => 'bytes=2-4');
    is("$r->{status} $r->{body}", '206 234', 'a range of what is not stored');
    is($r->{headers}{'content-range'}, 'bytes 2-4/10', '... as it is said');
    like(cache($r), qr/fwd=uri-miss; stored/, '... is fetched and stored');
    ok(!defined $last->('/whole/a')->{range}, '... whole');
    $r = get('/whole/a');
    is("$r->{status} $r->{body}", '200 0123456789', 'all of it is there');
    $r = get('/whole/a', Range => 'bytes=-1');
    is("$r->{status} $r->{body}", '206 9', '... and any range');
    is(scalar @{$origin->seen('/whole/a')}, 1, '... by one request');

    $r = get('/whole/b', Range => 'bytes=2-4', 'If-Range' => '"old"');
    is("$r->{status} $r->{body}", '200 0123456789', 'If-Range of another one');
    $r = get('/whole/c', Range => 'bytes=2-4', 'If-Range' => '"r"');
    is("$r->{status} $r->{body}", '206 234', 'If-Range of that one');
    is(get('/whole/c', Range => 'bytes=10-')->{status}, 416, 'beyond its end');

    # an application that goes on to a new one while a range is asked for
    $origin->plan('/renewed', { headers => [@short], body => 'old' },
                  { headers => [@fresh, ['ETag', '"n"']], body => 'newer' });
    get('/renewed');
    sleep 1.2;
    $r = get('/renewed', Range => 'bytes=0-0');
    is("$r->{status} $r->{body}", '206 n', 'a range of what has changed');
    is(get('/renewed')->{body}, 'newer', '... which is stored');

    $origin->plan('/ranged', { headers => [@fresh, ['Content-Range',
                                                    'bytes 0-1/10']],
                               status => 206, body => '01' });
    $r = get('/ranged', Range => 'bytes=0-1') for 1, 2;
    is($last->('/ranged')->{range}, 'bytes=0-1', 'by default a range goes on');
    is(scalar @{$origin->seen('/ranged')}, 2, '... and is not stored');
}


# --- parts of pages ---

{
    my @text = (['Content-Type', 'text/plain'], ['ETag', '"t"']);
    my @include = map { qq(<!--# include virtual="/parts/$_" -->) }
                      'a?x=1', 'a?x=2', 'b';

    $origin->plan('/parts/page', { headers => [@fresh, @text],
                                   body => join '+', @include });
    $origin->plan("/parts/a?x=$_", { headers => [@fresh, @text],
                                     body => "a$_" }) for 1, 2;
    $origin->plan('/parts/b', { headers => [@fresh, @text], body => 'b1' });

    my $key = 'cache:http://localhost/parts';
    is(get('/parts/page')->{body}, 'a1+a2+b1', 'a page of cached parts');
    is(get('/parts/page')->{body}, 'a1+a2+b1', '... once more');
    is_deeply([map { scalar @{$origin->seen("/parts/$_")} }
                   'page', 'a?x=1', 'a?x=2', 'b'], [1, 1, 1, 1],
              '... which were fetched once');
    is($redis->run('HGET', "$key/a?x=2", 'body:'), 'a2', '... as keys');
    $redis->run('DEL', "$key/a?x=1");
    is(get('/parts/page')->{body}, 'a1+a2+b1', 'one is purged');
    is(scalar @{$origin->seen('/parts/a?x=1')}, 2, '... and fetched');
    is(get('/parts/b')->{body}, 'b1', 'a part is a resource, too');
    is(scalar @{$origin->seen('/parts/b')}, 1, '... and the same one');

    # conditions of the client and of the page are not for the parts
    $redis->run('DEL', "$key/a?x=1", "$key/a?x=2");
    my $r = get('/parts/page', 'If-None-Match' => '"other"',
                Range => 'bytes=0-1',
                'If-Modified-Since' => 'Sun, 06 Nov 2044 08:49:37 GMT');
    my $asked = $origin->seen('/parts/a?x=2')->[-1]{headers};
    is($r->{body}, 'a1+a2+b1', 'conditions are about the page');
    is(join(',', grep { /^(if-|range)/ } sort keys %$asked), '',
       '... and its parts are fetched without them');

    $origin->plan('/parts/b',
                  { headers => [['Cache-Control', 'max-age=1'], @text],
                    body => 'b1' }, { headers => [@fresh, @text],
                                      body => 'b2', status => 304 });
    $redis->run('DEL', "$key/b");
    get('/parts/page');
    sleep 1.2;
    $r = get('/parts/page');
    is($r->{body}, 'a1+a2+b1', 'a part is validated');
    is($origin->seen('/parts/b')->[-1]{headers}{'if-none-match'}, '"t"',
       '... with its ETag');
    is(get('/parts/page', 'Cache-Control' => 'no-cache')->{body}, 'a1+a2+b1',
       'all are');
    is($origin->seen('/parts/page')->[-1]{headers}{'if-none-match'}, '"t"',
       '... the page, too');
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
     ['keyspace_cache main ttl=x;', 'it is a time'],
     ['keyspace_cache main max_size=65m;', 'is no size of up to 64m'],
     ['keyspace_cache main methods=POST;', 'is neither "GET" nor'],
     ['keyspace_cache main set_cookie=x;', 'it is "on" or "off"'],
     ['keyspace_cache main subrequests=x;', 'it is "on" or "off"'],
     ['keyspace_cache main ranges=x;', 'it is "whole" or "pass"'],
     ['keyspace_cache main key=$request_uri subrequests=on;',
      'is the same for all "subrequests"'],
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
