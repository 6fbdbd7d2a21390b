# keyspace_cache and RFC 9111, rule by rule: which responses are stored, which
# are used for which requests, and what is asked of the origin.
#
# All cases go side by side, so that those that need time wait for it together.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep);

use KS::Nginx;
use KS::Origin;

my $origin = KS::Origin->start;

my $ngx = KS::Nginx->start(
    size => '32m', resp => '', server => 'underscores_in_headers on;',
    locations => <<"CONF",
location / {
    keyspace_cache main;
    proxy_pass http://127.0.0.1:$origin->{port};
    proxy_http_version 1.1;
    proxy_pass_header Server;
}
location /cookies/ {
    keyspace_cache main set_cookie=on;
    proxy_pass http://127.0.0.1:$origin->{port};
}
CONF
);

my $http = $ngx->client(token => undef);
my @cases;


# A case is a name and steps.  A step has what the origin answers (res: lines,
# or numbers for dates; status, body), the request (req: lines; method; path),
# and what is wanted: cached, fetched, etag (asked with If-None-Match), lm (with
# If-Modified-Since); status, has ("Name: value"), lacks.  wait: seconds later.

sub case {
    my ($name, @steps) = @_;

    push @cases, { name => $name, steps => \@steps };
}


# the usual two: a response, and the same request once more
sub two {
    my ($name, $want, $res, %o) = @_;
    my %first = map { $_ => $o{$_} } grep { exists $o{$_} } qw(status body path);

    case($name, { res => $res, %first, $o{first} ? %{$o{first}} : () },
                { res => [], %first, want => $want, req => $o{req} // [],
                  wait => $o{wait} // 0, $o{then} ? %{$o{then}} : () });
}

my @hour = ('Cache-Control: max-age=3600');
my $minute = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time - 60));
my $old = 'Sun, 06 Nov 1994 08:49:37 GMT';


# --- freshness ---

two('nothing says how long', 'fetched', []);
two('max-age', 'cached', [@hour], wait => 2);
two('max-age=0', 'fetched', ['Cache-Control: max-age=0']);
two('max-age is over', 'fetched', ['Cache-Control: max-age=1'], wait => 2);
two('max-age, large', 'cached', ['Cache-Control: max-age=2147483648']);
two('max-age, larger', 'cached', ['Cache-Control: max-age=99999999999']);
two('max-age, any case', 'cached', ['Cache-Control: MaX-aGe=3600']);
two('max-age, an extension', 'cached', ['Cache-Control: foobar, max-age=3600']);
two('max-age, quoted', 'cached', ['Cache-Control: max-age="3600"']);
two('max-age, zeros in front', 'cached', ['Cache-Control: max-age=003600']);
two('max-age in a quoted string', 'fetched',
    ['Cache-Control: extension="max-age=3600", max-age=1'], wait => 2);
two('max-age before a quoted string', 'fetched',
    ['Cache-Control: max-age=1, extension="max-age=3600"'], wait => 2);
two("max-age, garbled: $_", 'fetched', ["Cache-Control: max-age$_"])
    for "='3600'", '=-3600', '=a3600', '=3600a', ' =3600', '= 3600', '',
        '=3600.5', '=3600 x';
two('max-age twice: the first', 'cached',
    ['Cache-Control: max-age=1800, max-age=1'], wait => 2);
two('max-age twice, in two lines', 'cached',
    ['Cache-Control: max-age=1800', 'Cache-Control: max-age=1'], wait => 2);
two('max-age before Expires', 'cached', [@hour, ['Expires', -10000]]);
two('max-age=0 before Expires', 'fetched',
    ['Cache-Control: max-age=0', ['Expires', 10000]]);
two('max-age, an Expires that is none', 'cached', [@hour, 'Expires: 0']);
two('s-maxage', 'cached', ['Cache-Control: s-maxage=3600'], wait => 2);
two('s-maxage before max-age', 'fetched',
    ['Cache-Control: max-age=3600, s-maxage=1'], wait => 2);
two('s-maxage before max-age, first', 'fetched',
    ['Cache-Control: s-maxage=1, max-age=3600'], wait => 2);
two('s-maxage in another line', 'fetched',
    ['Cache-Control: max-age=3600', 'Cache-Control: s-maxage=1'], wait => 2);
two('a longer s-maxage', 'cached',
    ['Cache-Control: max-age=1, s-maxage=3600'], wait => 2);
two('Expires', 'cached', [['Expires', 3600]]);
two('Expires in the past', 'fetched', [['Expires', -3600]]);
two('Expires now', 'fetched', [['Expires', 0]]);
two('Expires before Date', 'fetched', [['Expires', 300], ['Date', 400]]);
two('Expires, the Date is none', 'cached', [['Expires', 10], 'Date: foo']);
two('Expires without Date', 'cached', [['Expires', 60], 'Date: -']);
two("Expires: $_", 'fetched', ["Expires: $_"])
    for '0', 'Thu, 18 Aug 2050 02:01:18 UTC', 'Thu, 18 Aug 50 02:01:18 GMT',
        'Thu 18 Aug 2050 02:01:18 GMT', 'Thu, 18  Aug  2050 02:01:18 GMT',
        'Thu, 18-Aug-2050 02:01:18 GMT', 'Thu, 18 Aug 2050 02.01.18 GMT',
        'Thu, 18 Aug 2050 2:01:18 GMT';
two("Expires: $_", 'cached', ["Expires: $_"])
    for 'Thu, 18 Aug 2050 02:01:18 GMT', 'THU, 18 Aug 2050 02:01:18 GMT',
        'Thu, 18 AUG 2050 02:01:18 GMT', 'Thu, 18 Aug 2050 02:01:18 gMT',
        'Thursday, 18-Aug-50 02:01:18 GMT', 'Thu Aug 18 02:01:18 2050';
two('Age beyond max-age', 'fetched', [@hour, 'Age: 7200']);
two('Age within max-age', 'cached', [@hour, 'Age: 1800']);
two('Age beyond Expires, the clock is slow', 'fetched',
    [['Date', -10], ['Expires', 10], 'Age: 25']);
two('Age beyond Expires, the clock is fast', 'fetched',
    [['Date', 10], ['Expires', 20], 'Age: 15']);
two('an old Date', 'fetched', [@hour, ['Date', -7200]]);
two("Age: $_", 'cached', [@hour, "Age: $_"])
    for 'abc', '-7200', '7200.0', '0, 7200', '0, 0', '7200x', ';7200',
        '7200 ;a';
two("Age: $_", 'fetched', [@hour, "Age: $_"]) for '7200, 0', '7200, 7200';
two('Age in two lines', 'fetched', [@hour, 'Age: 7200', 'Age: 0']);
two('Age in two lines, the first counts', 'cached',
    [@hour, 'Age: 0', 'Age: 7200']);
two("Age: $_", 'fetched', [@hour, "Age: $_"])
    for '7200;foo=bar', '7200;a;b=1', '99999999999';


# --- without being told ---

for my $status (200, 203, 204, 404, 405, 410, 414, 501) {
    two("$status is stored by default", 'cached', [['Last-Modified', -86400]],
        status => $status);
}

for my $status (201, 202, 403, 502, 503, 504, 599) {
    two("$status is not", 'fetched', [['Last-Modified', -86400]],
        status => $status);
}

two('but if it is public', 'cached',
    [['Last-Modified', -86400], 'Cache-Control: public'], status => 599);
two('a tenth of the time since the change', 'fetched', [['Last-Modified', -15]],
    wait => 2);
two('an older one', 'cached', [['Last-Modified', -600]], wait => 2);


# --- with it ---

for my $status (200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410,
                499, 500, 502, 503, 504, 599)
{
    two("a fresh $status", 'cached', [@hour], status => $status);
    two("a stale $status", 'fetched', [['Expires', -5000],
                                       ['Last-Modified', -100000]],
        status => $status);
}

# what is about one request and not about its URL
two("a fresh $_ is not", 'fetched', [@hour], status => $_)
    for 408, 412, 417, 421, 425, 428, 429, 431, 511;
two("also with must-understand, $_", 'fetched',
    ['Cache-Control: must-understand, max-age=60'], status => $_)
    for 428, 429, 431, 511;
case('a 416 does not take the place of a page',
     { res => [@hour], req => ['Range: bytes=9999-'], status => 416 },
     { res => [@hour], want => 'fetched', status_is => 200, body => 'page',
       body_is => 'page' });
case('a 412 does not either',
     { res => [@hour], req => ['If-Match: "none"'], status => 412 },
     { res => [@hour], want => 'fetched', status_is => 200 });


# --- directives of responses ---

two('private', 'fetched', ['Cache-Control: private, max-age=3600']);
two('no-store', 'fetched', ['Cache-Control: no-store']);
two('no-store, any case', 'fetched', ['Cache-Control: No-StOrE, max-age=9']);
two("a quote that nothing closes hides nothing: $_", 'fetched',
    ["Cache-Control: max-age=3600, $_"])
    for 'a="b, no-store', 'a=", no-store', 'private="b, no-store';
two('an escaped quote closes nothing', 'cached',
    ['Cache-Control: max-age=3600, a="b\\", no-store"']);
two('no-store with max-age', 'fetched',
    ['Cache-Control: max-age=10000, no-store', ['Expires', 10000]]);
two('no-cache', 'fetched', ['Cache-Control: max-age=10000, no-cache']);
two('no-cache, any case', 'fetched', ['Cache-Control: max-age=9, No-CaChE']);
two('no-cache is validated', 'etag', ['Cache-Control: no-cache', 'ETag: "a"'],
    then => { res => ['Cache-Control: no-cache', 'ETag: "a"'] });
two('also with max-age', 'etag',
    ['Cache-Control: max-age=10000, no-cache', 'ETag: "a"']);
two('no-cache of a field', 'cached',
    ['Cache-Control: no-cache="a"', 'a: 1', 'b: 2', @hour],
    then => { has => ['b: 2'], lacks => ['a'] });
two('no-cache of fields', 'cached',
    ['Cache-Control: no-cache="a, B"', 'a: 1', 'b: 2', 'c: 3', @hour],
    then => { has => ['c: 3'], lacks => ['a', 'b'] });
two('private of a field', 'cached',
    ['Cache-Control: private="a", max-age=60', 'a: 1', 'b: 2'],
    then => { has => ['b: 2'], lacks => ['a'] });
two('must-revalidate, fresh', 'cached',
    ['Cache-Control: max-age=10000, must-revalidate', 'ETag: "a"']);
two('must-revalidate, stale', 'etag',
    ['Cache-Control: max-age=1, must-revalidate', 'ETag: "a"'], wait => 2);
two('must-understand', 'cached',
    ['Cache-Control: must-understand, no-store, max-age=60']);
two('must-understand, unknown', 'fetched',
    ['Cache-Control: must-understand, max-age=60'], status => 299);
two('must-understand, of no registry', 'fetched',
    ['Cache-Control: must-understand, max-age=60'], status => 599);
two('must-understand, an error', 'cached',
    ['Cache-Control: must-understand, max-age=60'], status => 503);
two('Pragma in a response', 'cached', [@hour, 'Pragma: no-cache']);
case('an older response stays when a newer one is not to be stored',
     { res => [@hour, 'a: 1'] },
     { res => ['Cache-Control: no-store', 'a: 2'], want => 'fetched',
       req => ['Cache-Control: no-cache'] },
     { want => 'cached', has => ['a: 1'] });


# --- of requests ---

two('max-age=0', 'fetched', [@hour], req => ['Cache-Control: max-age=0'],
    wait => 2);
two('max-age=1', 'fetched', [@hour], req => ['Cache-Control: max-age=1'],
    wait => 2);
two('max-age below Age', 'fetched', [@hour, 'Age: 1800'],
    req => ['Cache-Control: max-age=600']);
two('max-age above Age', 'cached', [@hour, 'Age: 1800'],
    req => ['Cache-Control: max-age=2000']);
two('max-stale', 'cached', ['Cache-Control: max-age=1'],
    req => ['Cache-Control: max-stale=1000'], wait => 2);
two('any max-stale', 'cached', ['Cache-Control: max-age=1'],
    req => ['Cache-Control: max-stale'], wait => 2);
two('max-stale and Age', 'cached', ['Cache-Control: max-age=1500', 'Age: 2000'],
    req => ['Cache-Control: max-stale=1000']);
two('max-stale is too short', 'fetched',
    ['Cache-Control: max-age=1500', 'Age: 2000'],
    req => ['Cache-Control: max-stale=100']);
two('max-stale and must-revalidate', 'fetched',
    ['Cache-Control: max-age=1, must-revalidate'],
    req => ['Cache-Control: max-stale'], wait => 2);
two('min-fresh', 'fetched', ['Cache-Control: max-age=1500'],
    req => ['Cache-Control: min-fresh=2000']);
two('min-fresh and Age', 'fetched', ['Cache-Control: max-age=1500', 'Age: 1000'],
    req => ['Cache-Control: min-fresh=1000']);
two('min-fresh is met', 'cached', ['Cache-Control: max-age=1500'],
    req => ['Cache-Control: min-fresh=1000']);
two('no-cache', 'fetched', [@hour], req => ['Cache-Control: no-cache']);
two('no-cache, Last-Modified', 'lm', [@hour, ['Last-Modified', -10000]],
    req => ['Cache-Control: no-cache']);
two('no-cache, ETag', 'etag', [@hour, 'ETag: "abc"'],
    req => ['Cache-Control: no-cache']);
two('no-store', 'fetched', [@hour], req => ['Cache-Control: no-store']);
case('no-store stores nothing',
     { res => [@hour], req => ['Cache-Control: no-store'] },
     { want => 'fetched' });
two('only-if-cached', 'cached', [@hour],
    req => ['Cache-Control: only-if-cached']);
case('only-if-cached, nothing is',
     { req => ['Cache-Control: only-if-cached'], want => 'cached',
       status_is => 504 });
two('Pragma in a request', 'cached', [@hour], req => ['Pragma: no-cache']);
two('Cookie in a request', 'cached', [@hour], req => ['Cookie: a=b']);


# --- Authorization, cookies ---

my @auth = (first => { req => ['Authorization: FOO'] });
two('Authorization', 'fetched', [['Expires', 86400]], @auth);
two('Authorization, max-age', 'fetched', [@hour], @auth);
two("Authorization, $_", 'cached', ["Cache-Control: max-age=60, $_"], @auth)
    for 'public', 'must-revalidate', 's-maxage=60';
two('Authorization and what was stored without', 'cached', [@hour],
    req => ['Authorization: FOO']);
two('Set-Cookie', 'fetched', [@hour, 'Set-Cookie: a=b']);
two('Set-Cookie, public', 'cached',
    ['Cache-Control: public, max-age=60', 'Set-Cookie: a=b']);
two('set_cookie=on', 'cached', [@hour, 'Set-Cookie: a=b'],
    path => '/cookies/a', then => { has => ['Set-Cookie: a=b'] });


# --- Vary ---

my @vary = (@hour, 'Vary: Foo');
two('Vary, the same', 'cached', \@vary, first => { req => ['Foo: 1'] },
    req => ['Foo: 1']);
two('Vary, another one', 'fetched', \@vary, first => { req => ['Foo: 1'] },
    req => ['Foo: 2']);
two('Vary, none', 'fetched', \@vary, first => { req => ['Foo: 1'] });
two('Vary, none both times', 'cached', \@vary);
two('Vary, other fields', 'cached', \@vary,
    first => { req => ['Foo: 1', 'Other: 2'] }, req => ['Foo: 1', 'Other: 3']);
two('Vary of two', 'cached', [@hour, 'Vary: Foo, Bar'],
    first => { req => ['Foo: 1', 'Bar: abc'] }, req => ['Bar: abc', 'Foo: 1']);
two('Vary of two, one differs', 'fetched', [@hour, 'Vary: Foo', 'Vary: Bar'],
    first => { req => ['Foo: 1', 'Bar: abc'] }, req => ['Foo: 1', 'Bar: abcd']);
two('Vary, not by how fields lie', 'fetched', [@hour, 'Vary: Foo, Bar'],
    first => { req => ['Foo: 1'] }, req => ['Bar: 1']);
two('Vary, blanks', 'cached', \@vary, first => { req => ['Foo: 1,2'] },
    req => ['Foo:  1, 2 ']);
two('Vary, lines', 'cached', \@vary, first => { req => ['Foo: 1, 2'] },
    req => ['Foo: 1', 'Foo: 2']);
two("Vary: $_", 'fetched', [@hour, "Vary: $_"])
    for '*', '*, *', ', *', '*, Foo', 'Foo, *';
two('Vary: * in a second line', 'fetched', [@hour, 'Vary: Foo', 'Vary: *']);
two('Vary, none and an empty one', 'fetched', \@vary, req => ['Foo:']);
two('Vary, an empty one both times', 'cached', \@vary,
    first => { req => ['Foo:'] }, req => ['Foo: ']);
two("Vary, $_->[0]: $_->[1] and $_->[2]", $_->[3],
    [@hour, "Vary: $_->[0]"], first => { req => ["$_->[0]: $_->[1]"] },
    req => ["$_->[0]: $_->[2]"])
    for ['Accept-Encoding', 'gzip, br', 'br,GZIP;q=1.0', 'cached'],
        ['Accept-Encoding', 'gzip, br', 'gzip', 'fetched'],
        ['Accept-Language', 'en, de;q=0.5', 'EN,de ; q=0.5', 'cached'],
        ['Accept-Language', 'en, de', 'de, en', 'fetched'],
        ['Accept-Language', 'fr;q=0.5, de', 'de;q=1.0, fr;q=0.50', 'cached'],
        ['Accept-Language', 'fr;q=0.5, de', 'fr, de;q=0.5', 'fetched'],
        ['Accept', 'a/b;q=0.2, c/d, e/f', 'c/d, e/f, a/b;q=0.20', 'cached'],
        ['Foo', 'a', 'A', 'fetched'];
case('variants stay', { res => \@vary, req => ['Foo: 1'], body => 'one' },
     { res => \@vary, req => ['Foo: 2'], want => 'fetched', body => 'two' },
     { req => ['Foo: 1'], want => 'cached', body_is => 'one' },
     { req => ['Foo: 2'], want => 'cached', body_is => 'two' });
case('another variant is not validated',
     { res => [@vary, 'ETag: "x"'], req => ['Foo: 1'] },
     { req => ['Foo: 2'], want => 'fetched', unasked => 'if-none-match' });


# --- validation ---

my @short = ('Cache-Control: max-age=1');
two('a stale ETag', 'etag', [@short, 'ETag: "abcdef"'], wait => 2,
    then => { asked => 'If-None-Match: "abcdef"' });
two('a stale weak ETag', 'etag', [@short, 'ETag: W/"abcdef"'], wait => 2,
    then => { asked => 'If-None-Match: W/"abcdef"' });
two('a stale Last-Modified', 'lm', [@short, ['Last-Modified', -3000]],
    wait => 2);
two('Vary in what is asked', 'etag', [@short, 'ETag: "a"', 'Vary: Abc'],
    first => { req => ['Abc: 123'] }, req => ['Abc: 123'], wait => 2,
    then => { asked => 'Abc: 123' });
two('the client\'s own condition afterwards', 'lm',
    [@short, "Last-Modified: $old"], wait => 2,
    req => ["If-Modified-Since: $old"],
    then => { res => ["Last-Modified: $old"], status_is => 304 });
two('a range of what is validated', 'etag', [@short, 'ETag: "a"'], wait => 2,
    body => '0123456789', req => ['Range: bytes=1-2'],
    then => { res => ['ETag: "a"'], status_is => 206, body_is => '12' });
case('a condition of the client, nothing is stored',
     { req => ['If-None-Match: "abcdef"'], want => 'fetched',
       asked => 'If-None-Match: "abcdef"' });

for my $by ('ETag: "v"', "Last-Modified: $old") {
    my $kind = $by =~ /ETag/ ? 'etag' : 'lm';

    for my $f (['Test-Header', 'A', 'B'], ['Content-Foo', 'A', 'B'],
               ['Content-Type', 'text/plain', 'text/plain; charset=utf-8'],
               ['Content-Location', '/foo', '/bar'],
               ['X-Frame-Options', 'deny', 'sameorigin'],
               ['Content-Security-Policy', "default-src 'self'",
                                           "default-src 'none'"],
               ['Expires', 'Fri, 01 Jan 2038 01:01:01 GMT',
                           'Mon, 11 Jan 2038 11:11:11 GMT'])
    {
        my ($name, $a, $b) = @$f;

        case("a 304 by $kind updates $name",
             { res => [@short, $by, "$name: $a"] },
             { res => [@hour, $by, "$name: $b"], wait => 2, want => $kind,
               has => ["$name: $b"], status_is => 200 },
             { want => 'cached', has => ["$name: $b"] });
    }

    case("a 304 by $kind lets be what it does not say",
         { res => [@short, $by, 'Test-Header: A'], body => 'whole' },
         { res => [@hour, $by], wait => 2, want => $kind,
           has => ['Test-Header: A'], body_is => 'whole' },
         { want => 'cached', has => ['Test-Header: A'], body_is => 'whole' });
}

for my $f (['ETag', '"v"', '"w"'],
           ['Content-MD5', 'rL0Y20zC+Fzt72VPzMSk2A==',
                           'N7UdGUp1E+RbVvZSTy1R8g=='],
           ['Repr-Digest', 'sha-256=:YQ==:', 'sha-256=:Yg==:'])
{
    my ($name, $a, $b) = @$f;
    my @by = ($name eq 'ETag' ? () : 'ETag: "v"');

    case("a 304 does not update $name",
         { res => [@short, @by, "$name: $a"], body => 'whole' },
         { res => [@hour, @by, "$name: $b"], status => 304, wait => 2,
           want => 'etag', has => ["$name: $a"], body_is => 'whole' },
         { want => 'cached', has => ["$name: $a"], body_is => 'whole' });
    case("a 304 may bring $name",
         { res => [@short, "Last-Modified: $old"] },
         { res => [@hour, "Last-Modified: $old", "$name: $b"], wait => 2,
           want => 'lm', has => ["$name: $b"] },
         { want => 'cached', has => ["$name: $b"] });
}

case('a 304 does not update what is the body\'s',
     { res => [@short, 'ETag: "v"'], body => '12345' },
     { res => [@hour, 'ETag: "v"', 'Content-Encoding: x'], wait => 2,
       want => 'etag', lacks => ['Content-Encoding'], body_is => '12345' },
     { want => 'cached', lacks => ['Content-Encoding'], body_is => '12345' });
case('a new response instead of a 304',
     { res => [@short, 'ETag: "v"'], body => 'old' },
     { res => [@hour, 'ETag: "w"'], body => 'new', wait => 2, want => 'etag',
       body_is => 'new' },
     { want => 'cached', body_is => 'new' });


# --- conditions of clients ---

for (['"a"', '"a"', 304], ['"a"', '"b"', 200], ['"a"', 'W/"a"', 304],
     ['W/"a"', '"a"', 304], ['"a"', '"x", "a","y"', 304], ['"a"', '*', 304],
     ['"a,b"', '"x", "a,b"', 304], ['"a,b"', '"a,b"', 304],
     ['"b"', '"a,b,c"', 200], ['"a"', 'a', 304], ['a', '"a"', 304],
     ['a', 'x, a , y', 304], ['"a"', '"a', 304], ['"a"', '"', 200],
     ['"a"', 'W/', 200], ['""', '""', 304], ['""', '"a"', 200])
{
    my ($tag, $asks, $status) = @$_;

    two("ETag $tag, If-None-Match $asks", 'cached', [@hour, "ETag: $tag"],
        req => ["If-None-Match: $asks"], then => { status_is => $status });
}


# --- fields ---

case("$_ is stored", { res => [@hour, "$_: v"] },
     { want => 'cached', has => ["$_: v"] })
    for qw(Test-Header X-Test-Header X-XSS-Protection Clear-Site-Data
           Strict-Transport-Security Public-Key-Pins Content-Language Server);
case("$_ is not", { res => [@hour, "$_: v"] },
     { want => 'cached', lacks => [$_] })
    for qw(Proxy-Authenticate Proxy-Authentication-Info Proxy-Connection TE
           Upgrade);
case('what Connection names is not',
     { res => [@hour, 'Connection: a, b', 'a: 1', 'b: 2', 'c: 3'] },
     { want => 'cached', has => ['c: 3'], lacks => ['a', 'b'] });
case('nor what a second Connection names',
     { res => [@hour, 'Connection: a', 'Connection: b', 'a: 1', 'b: 2', 'c: 3'] },
     { want => 'cached', has => ['c: 3'], lacks => ['a', 'b'] });
case('Date is the origin\'s', { res => [@hour, "Date: $old", 'Expires: 0'] },
     { want => 'fetched' });
case('Date stays', { res => [['Expires', 86400], "Date: $minute"] },
     { want => 'cached', wait => 2, has => ["Date: $minute"] });
case('Age grows', { res => [@hour, 'Age: 30'] },
     { want => 'cached', wait => 2, age => 32 });
case('Age begins', { res => [['Expires', 86400]] },
     { want => 'cached', wait => 2, age => 2 });
case('a query is a part of the key', { res => [@hour], query => '?a=1' },
     { res => [@hour], want => 'fetched', query => '?a=2' });


# --- methods ---

for my $method (qw(POST PUT DELETE M-SEARCH)) {
    case("$method ends what is stored", { res => [@hour] },
         { method => $method, body_sent => 'abc' }, { want => 'fetched' });
    case("$method that fails does not", { res => [@hour] },
         { method => $method, body_sent => 'abc', status => 500 },
         { want => 'cached' });

    for my $name ('Location', 'Content-Location') {
        case("$method ends what $name says",
             { res => [@hour], at => '/target' },
             { method => $method, body_sent => 'abc', at => '/source',
               res => ["$name: target"] },
             { want => 'fetched', at => '/target' });
        case("$method ends what $name says, with a path",
             { res => [@hour], at => '/target' },
             { method => $method, body_sent => 'abc', at => '/source',
               res => ["$name: %PATH%/target"] },
             { want => 'fetched', at => '/target' });
    }

    case("$method ends nothing of another host",
         { res => [@hour], at => '/target' },
         { method => $method, body_sent => 'abc', at => '/source',
           res => ['Content-Location: http://other%PATH%/target'] },
         { want => 'cached', at => '/target' });
}


# what Location says has a URL in its arguments, or arguments alone

my %reference = ('%PATH%/target?u=http://a/b' => '/target?u=http://a/b',
                 'target?u=x:/b' => '/target?u=x:/b',
                 '?b=2' => '/source?b=2',
                 'http://localhost%PATH%/target#end' => '/target',
                 '//localhost:80%PATH%/target' => '/target',
                 'HTTP://LOCALHOST%PATH%/target' => '/target');

for my $to (sort keys %reference) {
    case("Location: $to",
         { res => [@hour], at => $reference{$to} },
         { method => 'POST', body_sent => 'abc', at => '/source',
           res => ["Location: $to"] },
         { want => 'fetched', at => $reference{$to} });
}

case("Location: $_ is elsewhere",
     { res => [@hour], at => '/target' },
     { method => 'POST', body_sent => 'abc', at => '/source',
       res => ["Location: $_"] },
     { want => 'cached', at => '/target' })
    for '//other%PATH%/target', 'http://localhost.other%PATH%/target',
        'mailto:target', 'http://localhos%PATH%/target';

# a POST whose response is what GET gets from then on

my @post = (method => 'POST', body_sent => 'abc', body => 'new');

for my $self ('%PATH%', 'http://localhost%PATH%', '') {
    case("POST with Content-Location: '$self'",
         { res => [@hour], body => 'old' },
         { @post, res => [@hour, "Content-Location: $self"] },
         { want => 'cached', body_is => 'new' });
}

case("POST is not stored: $_->[0]",
     { @post, res => $_->[1], status => $_->[2] // 200, req => $_->[3] // [] },
     { want => 'fetched' })
    for ['without Content-Location', [@hour]],
        ['of another URL', [@hour, 'Content-Location: %PATH%/a']],
        ['without a time', [['Last-Modified', -86400],
                            'Content-Location: %PATH%']],
        ['no-store', ['Cache-Control: no-store, max-age=60',
                      'Content-Location: %PATH%']],
        ['a 201', [@hour, 'Content-Location: %PATH%'], 201],
        ['the request says no-store', [@hour, 'Content-Location: %PATH%'], 200,
         ['Cache-Control: no-store']],
        ['Authorization', [@hour, 'Content-Location: %PATH%'], 200,
         ['Authorization: FOO']];

case('GET with a body is not stored',
     { method => 'GET', body_sent => 'abc', res => [@hour], body => 'odd' },
     { res => [@hour], body => 'good', want => 'fetched', body_is => 'good' },
     { method => 'GET', body_sent => 'abc', want => 'cached',
       body_is => 'good' });
case('PUT is not stored', { method => 'PUT', body_sent => 'abc',
                            res => [@hour, 'Content-Location: %PATH%'] },
     { want => 'fetched' });


# --- HEAD ---

case('HEAD of what is stale brings it up to date',
     { res => [@short, 'a: 1'] },
     { method => 'HEAD', wait => 2, res => [@hour, 'a: 2'], body => 'step0' },
     { want => 'cached', has => ['a: 2'], body_is => 'step0' });
case("HEAD with another $_->[0] ends it",
     { res => [@short, "$_->[0]: $_->[1]"], body => 'old' },
     { method => 'HEAD', wait => 2, res => [@hour, "$_->[0]: $_->[2]"],
       body => 'new' },
     { want => 'fetched' })
    for ['ETag', '"a"', '"b"'],
        ['Last-Modified', $old, 'Mon, 07 Nov 1994 08:49:37 GMT'];
case('HEAD of another length ends it', { res => [@short], body => 'old' },
     { method => 'HEAD', wait => 2, res => [@hour], body => 'longer' },
     { want => 'fetched' });


# --- CDN-Cache-Control ---

my $cdn = 'CDN-Cache-Control';
two("$cdn: max-age", 'cached', ["$cdn: max-age=3600"], wait => 2);
two("$cdn: a large max-age", 'cached', ["$cdn: max-age=99999999999"]);
two("$cdn: Age", 'fetched', ["$cdn: max-age=3600", 'Age: 7200']);
two("$cdn: max-age=0", 'fetched', ["$cdn: max-age=0", ['Expires', 10000]]);
two("$cdn: an extension", 'cached', ["$cdn: foobar, max-age=3600"]);
two("$cdn: before Expires", 'cached', ["$cdn: max-age=3600",
                                       ['Expires', -10000]]);
two("$cdn: before a shorter Cache-Control", 'cached',
    [@short, "$cdn: max-age=3600"], wait => 2);
two("$cdn: before a longer Cache-Control", 'fetched',
    [@hour, "$cdn: max-age=1"], wait => 2);
two("$cdn: before no-store", 'cached',
    ['Cache-Control: no-store', "$cdn: max-age=10000"]);
two("$cdn: $_", 'fetched', ["$cdn: $_", 'Cache-Control: max-age=10000'])
    for qw(private no-cache no-store);
two("$cdn that is garbled: $_", 'fetched',
    ["$cdn: $_", 'Cache-Control: no-store'])
    for 'max-age=10000, &&&&&', 'max-age="10000"', 'max-age =100',
        'max-age= 100', 'max-age=100,', 'MAX-AGE=100';
two("$cdn with parameters", 'cached', ["$cdn: max-age=60;a;b=\"c\", x=(1 2)"]);
case("$cdn is passed on", { res => [@hour, "$cdn: foo"], has => ["$cdn: foo"] });


two("$cdn twice: the last", 'fetched', ["$cdn: max-age=60, max-age=0", @hour]);
two("$cdn with a false one", 'cached', ["$cdn: max-age=60, no-store=?0"]);

my $surrogate = 'Surrogate-Control';
two("$surrogate: max-age", 'cached', ["$surrogate: MaX-aGe=60, foo"]);
two("$surrogate: before no-store", 'cached',
    ['Cache-Control: no-store', ['Expires', -1000], "$surrogate: max-age=60"]);
two("$surrogate: $_", 'fetched', [@hour, "$surrogate: $_"])
    for 'no-store', 'max-age=0', 'max-age=x';
two("$surrogate: $_ is for others", 'cached', [@hour, "$surrogate: $_"])
    for 'no-store;b', 'max-age=0;b', 'content="ESI/1.0"';
two("$surrogate behind $cdn", 'fetched',
    ["$surrogate: max-age=60", "$cdn: no-store"]);
case("$surrogate: so long stale",
     { res => ["$surrogate: max-age=1+60"], body => 'old' },
     { wait => 2, want => 'any', body_is => 'old' });


# --- stale ---

for my $cc ('must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=1') {
    case("$cc: nothing stale",
         { res => ["Cache-Control: max-age=1, $cc"] },
         { status => 503, wait => 2, want => 'fetched', status_is => 503 });
}

case('stale-if-error', { res => ['Cache-Control: max-age=1, stale-if-error=60'] },
     { status => 503, wait => 2, want => 'fetched', status_is => 200 });
case('stale-while-revalidate',
     { res => ['Cache-Control: max-age=1, stale-while-revalidate=60'],
       body => 'old' },
     { wait => 2, want => 'any', body_is => 'old' });


# --- they are run ---

my $n = 0;
$_->{path} = '/case' . ++$n for @cases;
$_->{at} = 0 for @cases;

my %problems;


sub run_step {
    my ($case, $i) = @_;
    my $s = $case->{steps}[$i];
    my $base = $s->{path} // $case->{path};
    my $path = $base . ($s->{at} // '') . ($s->{query} // '');
    my @res = map { ref $_ ? $_ : [split /: /, s/%PATH%/$base/r, 2] }
                  @{$s->{res} // []};

    # the body is the number of the step unless something else is said
    $origin->plan($path, {
        headers => \@res, body => $s->{body} // 'step' . $i,
        defined $s->{status} ? (status => $s->{status}) : (),
    });

    my $r = $http->request($s->{method} // 'GET', $path,
                           headers => $s->{req} // [],
                           defined $s->{body_sent} ? (body => $s->{body_sent})
                                                   : ());
    my @seen = @{$origin->seen($path)};
    my $asked = @seen ? $seen[-1]{headers} : {};
    my $want = $s->{want} // 'fetched';
    my @bad;

    if ($want eq 'cached') {
        push @bad, 'it was fetched' if @seen;
    } elsif ($want ne 'any') {
        push @bad, 'it was not fetched' if !@seen;
    }

    push @bad, 'without If-None-Match'
        if $want eq 'etag' && !defined $asked->{'if-none-match'};
    push @bad, 'without If-Modified-Since'
        if $want eq 'lm' && !defined $asked->{'if-modified-since'};
    push @bad, "status $r->{status}"
        if defined $s->{status_is} && $r->{status} != $s->{status_is};
    push @bad, "body $r->{body}"
        if defined $s->{body_is} && $r->{body} ne $s->{body_is};
    push @bad, 'asked with ' . $s->{unasked}
        if $s->{unasked} && defined $asked->{$s->{unasked}};
    push @bad, 'Age ' . ($r->{headers}{age} // 'none')
        if defined $s->{age} && ($r->{headers}{age} // -1) < $s->{age};
    if ($s->{asked}) {
        my ($name, $value) = split /: /, $s->{asked}, 2;
        push @bad, "asked with " . ($asked->{lc $name} // 'nothing')
            if ($asked->{lc $name} // '') ne $value;
    }

    for (@{$s->{has} // []}) {
        my ($name, $value) = split /: /, $_, 2;
        push @bad, "$name: " . ($r->{headers}{lc $name} // 'missing')
            if ($r->{headers}{lc $name} // '') ne $value;
    }

    push @bad, map { "$_ is there" }
               grep { defined $r->{headers}{lc $_} } @{$s->{lacks} // []};

    push @{$problems{$case->{path}}}, "step $i: " . join '; ', @bad if @bad;
}


# Steps that wait do so together.
while (grep { $_->{at} < @{$_->{steps}} } @cases) {

    for my $case (@cases) {
        while ($case->{at} < @{$case->{steps}}) {
            my $s = $case->{steps}[$case->{at}];
            last if $s->{wait} && !$case->{waited};
            delete $case->{waited};
            run_step($case, $case->{at}++);
        }
    }

    if (my @later = grep { $_->{at} < @{$_->{steps}} } @cases) {
        sleep 2.2;
        $_->{waited} = 1 for @later;
    }
}

for my $case (@cases) {
    ok(!$problems{$case->{path}}, $case->{name})
        or diag join "\n", @{$problems{$case->{path}}};
}

$ngx->stop;
$origin->stop;
done_testing;
