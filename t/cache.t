# keyspace_cache: responses as keys.  What is stored and used by which rule is
# cache_rules.t's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use JSON::PP ();

use KS::Nginx;
use KS::Origin;
use KS::Proc qw(wait_for);

my $origin = KS::Origin->start;
my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};"
          . ' proxy_http_version 1.1;';

my $ngx = KS::Nginx->start(
    size => '16m', eviction => 'allkeys-lru', resp => '',
    server => 'gzip on; gzip_min_length 10; gzip_types text/plain;'
            . ' root %DIR%/html;',
    locations => <<"CONF",
location / {
    keyspace_cache main key=\$uri;
    add_header X-Cache \$keyspace_cache_status;
    $proxy
}
location /small/ { keyspace_cache main key=\$uri max_size=1k; $proxy }
location /stale/ {
    keyspace_cache main key=\$uri stale=60s stale_error=60s;
    keyspace_cache_lock 0;
    $proxy
}
location /named/ {
    keyspace_cache main key=n\$arg_k prefix=c: ttl=30s;
    keyspace_cache_valid 404 10s;
    keyspace_cache_status edge;
    keyspace_cache_bypass \$arg_bypass;
    keyspace_cache_no_store \$arg_no;
    $proxy
}
location /quiet/ { keyspace_cache main; keyspace_cache_status off; $proxy }
location /seldom/ {
    keyspace_cache main key=\$uri;
    keyspace_cache_min_uses 3;
    $proxy
}
location /off/ { keyspace_cache off; $proxy }
location /file/ { keyspace_cache main key=\$uri ttl=1h; alias %DIR%/; }
location /unbuffered/ {
    keyspace_cache main key=\$uri;
    proxy_buffering off;
    $proxy
}
location /direct/ { internal; $proxy }
CONF
);

my $http = $ngx->client(token => undef);
my $redis = $ngx->resp;

my @fresh = (headers => [['Cache-Control', 'max-age=60'],
                         ['Content-Type', 'text/plain'],
                         ['ETag', '"one"']]);


sub get { $http->ask(@_) }
sub cache { $_[0]{headers}{'cache-status'} // '' }


sub counts {
    return $redis->run('INFO', 'stats') =~ /^keyspace_cache_(\w+):(\d+)/mg;
}


# --- an entry is a key ---

{
    $origin->plan('/a', { @fresh, body => 'hello' });

    my $r = get('/a');
    is($r->{body}, 'hello', 'a miss comes from the origin');
    like(cache($r), qr/^keyspace; fwd=uri-miss; stored$/, 'and says so');
    is($r->{headers}{'x-cache'}, 'MISS', 'the variable');

    $r = get('/a');
    is($r->{body}, 'hello', 'a hit');
    like(cache($r), qr/^keyspace; hit; ttl=(59|60)$/, 'and says so');
    is($r->{headers}{'x-cache'}, 'HIT', 'the variable');
    like($r->{headers}{age}, qr/^[01]$/, 'Age');
    is($r->{headers}{'content-type'}, 'text/plain', 'Content-Type');
    is($r->{headers}{etag}, '"one"', 'ETag');
    is($r->{headers}{'x-number'}, '1', 'other fields');
    is(@{$origin->seen('/a')}, 1, 'one request came to the origin');

    is($redis->run('TYPE', 'cache:/a'), 'hash', 'it is a hash');
    is($redis->run('HGET', 'cache:/a', 'body:'), 'hello', 'with the body');
    my $ttl = $redis->run('TTL', 'cache:/a');
    ok($ttl > 640 && $ttl <= 660, 'its TTL: a minute, and ten to be kept');
    is_deeply($redis->run('SCAN', 0, 'MATCH', 'cache:*', 'COUNT', 10000)->[1],
              ['cache:/a'], 'SCAN finds it');

    $redis->run('EXPIRE', 'cache:/a', 605);
    like(cache(get('/a')), qr/hit; ttl=[45]$/, 'TTL changes the freshness');
    $redis->run('EXPIRE', 'cache:/a', 4200);
    like(cache(get('/a')), qr/hit; ttl=(3599|3600)$/, 'and prolongs it');
    $redis->run('PERSIST', 'cache:/a');
    like(cache(get('/a')), qr/hit$/, 'without a TTL it is fresh for ever');
    $redis->run('EXPIRE', 'cache:/a', 300);
    like(cache(get('/a')), qr/fwd=stale; fwd-status=304; ttl=(59|60)$/,
         'stale by TTL: it is validated');

    is($redis->run('DEL', 'cache:/a'), 1, 'DEL purges it');
    like(cache(get('/a')), qr/fwd=uri-miss/, 'so it is fetched');

    $redis->run('DEL', 'cache:/a');
    $redis->run('SET', 'cache:/a', 'mine');
    is(get('/a')->{status}, 200, 'another type at the key: it passes');
    is($redis->run('GET', 'cache:/a'), 'mine', 'and the key stays');
    $redis->run('DEL', 'cache:/a');
    $redis->run('HSET', 'cache:/a', 'x', 1);
    is(get('/a')->{status}, 200, 'a foreign hash: it passes');
    is($redis->run('HGETALL', 'cache:/a')->[0], 'x', 'and stays');
    $redis->run('DEL', 'cache:/a');
    $redis->run('HSET', 'cache:/a', 'vary', '', 'meta:', 'junk', 'head:', 'j',
                'body:', 'b');
    is(get('/a')->{body}, 'hello', 'junk in the fields is no response');
    like(cache(get('/a')), qr/hit/, 'and is replaced');
}


# --- variants ---

{
    $origin->plan('/v', map { {
        headers => [['Cache-Control', 'max-age=60'], ['Vary', 'Foo, Bar'],
                    ['Vary', 'foo']],
    } } 1 .. 3);

    is(get('/v', Foo => 'a')->{body}, 1, 'a variant');
    is(get('/v', Foo => 'b')->{body}, 2, 'another one');
    is(get('/v', Foo => 'a')->{body}, 1, 'the first one is there');
    is(get('/v', Foo => 'b')->{body}, 2, 'and the second one');
    is($redis->run('HGET', 'cache:/v', 'vary'), 'bar,foo', 'the names');
    is($redis->run('HLEN', 'cache:/v'), 8, 'both are in one key');
    is($redis->run('DEL', 'cache:/v'), 1, 'DEL purges both');
    is(get('/v', Foo => 'a')->{body}, 3, 'so it is fetched');
    like(cache(get('/v', Foo => 'c')), qr/fwd=vary-miss/, 'a miss of a variant');

    $origin->plan('/v2', { headers => [['Cache-Control', 'max-age=60'],
                                       ['Vary', 'Foo']] },
                         { headers => [['Cache-Control', 'max-age=60'],
                                       ['Vary', 'Bar']] });
    get('/v2', Foo => 1);
    get('/v2', Foo => 2);
    is($redis->run('HGET', 'cache:/v2', 'vary'), 'bar', 'other names');
    is($redis->run('HLEN', 'cache:/v2'), 5, 'end the variants of the old');

    $origin->plan('/v3', { headers => [['Cache-Control', 'max-age=60'],
                                       ['Vary', 'Foo']] });
    get('/v3', Foo => $_) for 1 .. 70;
    ok($redis->run('HLEN', 'cache:/v3') <= 2 + 3 * 64,
       'there is a limit to variants');
}


# --- conditions, HEAD, ranges, gzip ---

{
    $origin->plan('/c', { headers => [['Cache-Control', 'max-age=60'],
                                      ['Content-Type', 'text/plain'],
                                      ['Last-Modified', -3600],
                                      ['ETag', 'W/"abc"']],
                          body => '0123456789' x 10 });
    my $r = get('/c');
    my $lm = $r->{headers}{'last-modified'};

    $r = get('/c', 'If-None-Match' => '"x", "abc"');
    is($r->{status}, 304, 'If-None-Match');
    is($r->{headers}{etag}, 'W/"abc"', 'with the ETag');
    like(cache($r), qr/hit/, 'from the store');
    is(get('/c', 'If-None-Match' => '"x"')->{status}, 200, 'another tag');
    is(get('/c', 'If-Modified-Since' => $lm)->{status}, 304,
       'If-Modified-Since');
    is(get('/c', 'If-Modified-Since' => 'Fri, 01 Jan 2038 01:01:01 GMT')
           ->{status}, 304, 'a later one');
    is(get('/c', 'If-Modified-Since' => 'Sun, 06 Nov 1994 08:49:37 GMT')
           ->{status}, 200, 'an earlier one');
    is(get('/c', 'If-None-Match' => '"x"', 'If-Modified-Since' => $lm)
           ->{status}, 200, 'If-None-Match has precedence');

    $r = get('/c', method => 'HEAD');
    is($r->{status}, 200, 'HEAD');
    is($r->{headers}{'content-length'}, 100, 'with the length');
    like(cache($r), qr/hit/, 'from the store');

    $r = get('/c', Range => 'bytes=2-4');
    is("$r->{status} $r->{body}", '206 234', 'a range');
    is($r->{headers}{'content-range'}, 'bytes 2-4/100', 'Content-Range');
    is(get('/c', Range => 'bytes=-1')->{body}, '9', 'the last byte');
    is(get('/c', Range => 'bytes=200-')->{status}, 416, 'beyond the end');
    is(get('/c', Range => 'bytes=0-0', 'If-Range' => '"other"')->{status},
       200, 'If-Range of another tag');

    $r = get('/c', 'Accept-Encoding' => 'gzip');
    is($r->{headers}{'content-encoding'}, 'gzip', 'gzip of what is stored');
    like(cache($r), qr/hit/, 'from the store');
    is(get('/c')->{body}, '0123456789' x 10, 'which is not compressed');
    is(@{$origin->seen('/c')}, 1, 'all of that with one request');

    $origin->plan('/h', { @fresh });
    get('/h', method => 'HEAD');
    like(cache(get('/h')), qr/fwd=uri-miss/, 'HEAD stores nothing');
    is($origin->seen('/h')->[0]{method}, 'HEAD', 'and is sent as it is');

    # without Last-Modified it has changed at its Date at the latest

    $origin->plan('/d', { headers => [['Cache-Control', 'max-age=60'],
                                      ['Date', 0]], body => 'x' });
    get('/d');
    is(get('/d', 'If-Modified-Since' => 'Fri, 01 Jan 2038 01:01:01 GMT')
           ->{status}, 304, 'If-Modified-Since and a Date');
    is(get('/d', 'If-Modified-Since' => 'Sun, 06 Nov 1994 08:49:37 GMT')
           ->{status}, 200, '... that is later');

    # what is said of a whole response is kept, and is no part's

    $origin->plan('/r', { headers => [['Cache-Control', 'max-age=60'],
                                      ['Content-Range', 'odd']],
                          body => '0123456789' });
    get('/r');
    is(get('/r')->{headers}{'content-range'}, 'odd', 'a strange field');
    is(get('/r', Range => 'bytes=1-2')->{headers}{'content-range'},
       'bytes 1-2/10', '... which a range replaces');

    $origin->plan('/p', { @fresh, status => 206,
                          headers => [['Cache-Control', 'max-age=60'],
                                      ['Content-Range', 'bytes 0-1/10']] });
    is(get('/p', Range => 'bytes=0-1')->{status}, 206, 'a 206 passes');
    is($redis->run('EXISTS', 'cache:/p'), 0, 'and is not stored');
}


# --- what HEAD tells of a stored GET ---

{
    my @old = (['Cache-Control', 'max-age=1'], ['ETag', '"1"'], ['a', 'x1']);
    my @new = (['Cache-Control', 'max-age=60'], ['a', 'x2']);

    for (['same tag', [@new, ['ETag', '"1"']], 'body', 'hit', 2],
         ['same length', [@new], 'ydob', 'hit', 2],
         ['other tag', [@new, ['ETag', '"2"']], 'body', 'fwd=uri-miss', 3],
         ['other date', [@new, ['ETag', '"1"'], ['Last-Modified', -9]],
          'body', 'fwd=uri-miss', 3],
         ['other length', [@new], 'longer', 'fwd=uri-miss', 3])
    {
        my ($name, $headers, $body, $want, $a) = @$_;
        my $path = '/head/' . $name =~ tr/ /-/r;

        $origin->plan($path, { headers => \@old, body => 'body' },
                      { headers => $headers, body => $body, status => 200 },
                      { headers => [@old[0, 1], ['a', 'x3']], body => 'news',
                        status => 200 });
        get($path);
        is(get($path, method => 'HEAD', 'Cache-Control' => 'no-cache')
               ->{status}, 200, "HEAD of the $name");

        my $r = get($path);
        like(cache($r), qr/$want/, '... and then GET');
        is($r->{headers}{a}, "x$a", '... with its fields');
        is($r->{body}, $a == 2 ? 'body' : 'news', '... and its body');
    }
}


# --- bodies ---

for my $size (0, 1, 511, 4096, 65536, 65537, 200_000, 1_048_576) {
    for my $how ('', 'chunked', 'close') {
        my $path = "/b$size$how";
        $origin->plan($path, { @fresh, body => $size,
                               $how eq 'chunked' ? (chunked => JSON::PP::true)
                               : $how ? (chunked => 'close') : () });
        my @r = map { get($path) } 1 .. 2;
        ok((!grep { $_->{body} ne 'x' x $size } @r)
           && cache($r[1]) =~ /hit/, "a body of $size bytes $how")
            or diag cache($r[1]) . ' ' . length $r[1]{body};
    }
}

{
    $origin->plan('/big', { @fresh, body => 1_048_577 });
    get('/big') for 1 .. 2;
    is(@{$origin->seen('/big')}, 2, 'a body that is too large is not stored');
    $origin->plan('/big', { @fresh, body => 1_048_577,
                            chunked => JSON::PP::true });
    is(length get('/big')->{body}, 1_048_577, 'it passes')for 1 .. 2;
    is(@{$origin->seen('/big')}, 2, 'nor if its length comes last');
    $origin->plan('/small/x', { @fresh, body => 1025 });
    is(length get('/small/x')->{body}, 1025, 'max_size') for 1 .. 2;
    is(@{$origin->seen('/small/x')}, 2, 'is what may be stored');

    $origin->plan('/unbuffered/x', { @fresh, body => 100_000, slow => 0.1 });
    is(length get('/unbuffered/x')->{body}, 100_000, 'without buffering')
        for 1 .. 2;
    is(@{$origin->seen('/unbuffered/x')}, 1, 'is stored as well');

    for my $cut ('early', JSON::PP::true) {
        for my $chunked (JSON::PP::false, JSON::PP::true) {
            my $path = "/cut-$cut-$chunked";
            $origin->plan($path, { @fresh, body => 5000, cut => $cut,
                                   chunked => $chunked }, { @fresh });
            get($path);
            $http->close;
            is($redis->run('EXISTS', "cache:$path"), 0,
               'what breaks off is not stored');
            is(get($path)->{body}, 2, 'the next one is');
        }
    }

    open my $f, '>', $ngx->dir . '/page.txt';
    print $f 'static ' x 1000;
    close $f;
    is(get('/file/page.txt')->{body}, 'static ' x 1000, 'a file') for 1 .. 2;
    like(cache(get('/file/page.txt')), qr/hit/, 'is stored as well');
}


# --- directives ---

{
    $origin->plan('/named/a?k=1', {});
    $origin->plan('/named/b?k=1', { body => 'other' });
    get('/named/a?k=1');
    my $r = get('/named/b?k=1');
    is($r->{body}, 1, 'key= says what is the same');
    like(cache($r), qr/^edge; hit; ttl=(29|30)$/, 'the name; ttl=');
    ok($redis->run('EXISTS', 'c:n1'), 'prefix=');

    $origin->plan('/named/x?k=2', { status => 404 });
    get('/named/x?k=2');
    like(cache(get('/named/x?k=2')), qr/hit; ttl=(9|10)$/,
         'keyspace_cache_valid');
    like(cache(get('/named/a?k=1&bypass=1')), qr/fwd=bypass; stored/,
         'keyspace_cache_bypass');
    like(cache(get('/named/a?k=3&no=1')), qr/fwd=uri-miss$/,
         'keyspace_cache_no_store');

    $origin->plan('/quiet/a', { @fresh });
    get('/quiet/a');
    is(cache(get('/quiet/a')), '', 'keyspace_cache_status off');
    is($redis->run('EXISTS', 'cache:http://localhost/quiet/a'), 1,
       'the key if none is said');
    $origin->plan('/seldom/a', { @fresh });
    get('/seldom/a') for 1 .. 4;
    is(@{$origin->seen('/seldom/a')}, 3, 'keyspace_cache_min_uses');
    is($redis->run('GET', 'uses:cache:/seldom/a'), 3, 'its count');
    $origin->plan('/off/a', { @fresh });
    get('/off/a') for 1 .. 2;
    is(@{$origin->seen('/off/a')}, 2, 'keyspace_cache off');
}


# --- stale ---

{
    $origin->plan('/stale/a',
                  { headers => [['Cache-Control', 'max-age=1'],
                                ['ETag', '"1"']], body => 'old' },
                  { headers => [['Cache-Control', 'max-age=60']],
                    body => 'new', delay => 0.5 });
    $origin->plan('/stale/e', { headers => [['Cache-Control', 'max-age=1']],
                                body => 'good' },
                              { status => 503, body => 'bad', headers => [] });
    $origin->plan('/stale/c', { headers => [['Cache-Control', 'max-age=1']],
                                body => 'good' }, { cut => 'early' });
    $origin->plan('/plain', { headers => [['Cache-Control',
                              'max-age=1, stale-if-error=60']],
                              body => 'good' }, { cut => 'early' });
    $origin->plan('/strict', { headers => [['Cache-Control',
                               'max-age=1, must-revalidate']],
                               body => 'good' }, { status => 503 });
    get($_) for qw(/stale/a /stale/e /stale/c /plain /strict);
    sleep 1.2;

    my $r = get('/stale/a');
    is($r->{body}, 'old', 'stale while it is revalidated');
    like(cache($r), qr/hit; ttl=-\d/, 'and says so');
    ok(wait_for(20, sub { get('/stale/a')->{body} eq 'new' }),
       'the new one comes by itself');
    is(@{$origin->seen('/stale/a')}, 2, 'with one request');
    is($origin->seen('/stale/a')->[1]{headers}{'if-none-match'}, '"1"',
       'which asked for what has changed');

    # stale= is asked first: what is fetched in the background fails
    is(get('/stale/e')->{body}, 'good', 'stale instead of an error');
    is(get('/stale/c')->{body}, 'good', 'stale if nobody answers');
    wait_for(10, sub { @{$origin->seen('/stale/e')} > 1 });
    is(get('/stale/e', 'Cache-Control' => 'no-cache')->{body}, 'good',
       'also if it was asked for');

    $r = get('/plain');
    is("$r->{status} $r->{body}", '200 good', 'stale-if-error of the response');
    like(cache($r), qr/fwd=stale; fwd-status=502/, 'and what had come');
    is(get('/strict')->{status}, 503, 'must-revalidate forbids it');
}


# --- what became of requests is counted ---

{
    my %before = counts();

    $origin->plan('/count', { headers => [['Cache-Control', 'max-age=60']] });
    get('/count');
    get('/count') for 1 .. 3;
    get('/count', 'Cache-Control' => 'no-cache');
    get('/named/x?k=count&bypass=1');

    $origin->plan('/again', { headers => [['Cache-Control', 'no-cache'],
                                          ['ETag', '"a"']] });
    get('/again') for 1 .. 2;

    my %now = counts();
    is(join(' ', map { "$_=" . ($now{$_} - $before{$_}) } sort keys %now),
       'bypasses=1 expired=1 hits=3 misses=2 revalidated=1 stale=0',
       'as $keyspace_cache_status says it');
    cmp_ok($now{stale}, '>', 0, 'stale ones have been counted before');
}


# --- full ---

{
    for (1 .. 120) {
        $origin->plan("/full$_", { @fresh, body => 300_000 });
        my $r = get("/full$_");
        length $r->{body} == 300_000 or fail('a response in a full zone');
    }
    pass('a zone that is full breaks no response');
    is(length get('/full120')->{body}, 300_000, 'and new ones are stored');
    is(@{$origin->seen('/full120')}, 1, 'in the place of others');
}

$redis->close;
$ngx->stop;
$origin->stop;
done_testing;
