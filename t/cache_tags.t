# keyspace_cache: tags are sets of keys, whose end is that of their entries.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Origin;
use KS::Proc qw(wait_for);

my $origin = KS::Origin->start;
my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};";

my $ngx = KS::Nginx->start(
    size => '16m', eviction => 'allkeys-lru', resp => '', workers => 2,
    http => 'proxy_buffer_size 16k; proxy_buffers 8 16k;',
    locations => <<"CONF",
location / {
    keyspace_cache main key=\$uri "tags=\$upstream_http_x_tags page";
    proxy_hide_header Surrogate-Key;
    proxy_hide_header X-Tags;
    $proxy
}
location /stale/ { keyspace_cache main key=\$uri stale=60s; $proxy }
CONF
);

my $redis = $ngx->resp;
my @fresh = ['Cache-Control', 'max-age=600'];


sub get {
    my ($path) = @_;

    return $ngx->client(token => undef)->request('GET', $path);
}


sub members { [sort @{$redis->run('SMEMBERS', "tag:$_[0]")}] }

$origin->plan('/a', { headers => [@fresh, ['Surrogate-Key', 'red  green'],
                                  ['Cache-Tag', 'blue,red, x'],
                                  ['X-Tags', 'hidden']] });
$origin->plan('/b', { headers => [@fresh, ['Cache-Tag', 'blue']] });
$origin->plan('/c', { headers => [@fresh] });
my $r = get('/a');
get($_) for qw(/b /c);

ok(!defined $r->{headers}{'surrogate-key'}, 'a field may be hidden');
is_deeply(members('red'), ['cache:/a'], 'a tag is a set');
is_deeply(members('blue'), ['cache:/a', 'cache:/b'], '... of keys');
is_deeply(members('page'), ['cache:/a', 'cache:/b', 'cache:/c'], 'tags=');
is_deeply(members('hidden'), ['cache:/a'], '... with variables');
is(get($_)->{body}, 1, "a hit of $_") for qw(/a /b /c);

is($redis->run('DEL', 'tag:red', 'tag:none'), 1, 'DEL purges tags');
is(get('/a')->{body}, 2, 'its entries are fetched');
is(get('/a')->{body}, 2, '... and stored once more');
is(get('/b')->{body}, 1, 'others are not');
is($redis->run('UNLINK', 'tag:page'), 1, 'a tag of all');
is(get('/a')->{body}, 3, 'the first');
is(get('/c')->{body}, 2, 'the last');
is_deeply(members('page'), ['cache:/a', 'cache:/c'], 'the set of the new');

# soft
$origin->plan('/stale/s', { headers => [@fresh, ['Cache-Tag', 'soft'],
                                        ['ETag', '"s"']] },
                          { headers => [@fresh, ['ETag', '"s"']] });
get('/stale/s');
$redis->run('RENAME', 'tag:soft', 'stale:tag:soft');
$r = get('/stale/s');
like($r->{headers}{'cache-status'}, qr/hit; ttl=0/, 'stale, but used');
ok(wait_for(20, sub { @{members('soft')} == 1 }), 'it is validated');
is($origin->seen('/stale/s')->[1]{headers}{'if-none-match'}, '"s"',
   '... with its ETag');
ok(get('/stale/s')->{headers}{'cache-status'} =~ /hit; ttl=(5\d\d|600)/,
   '... and fresh');
is(@{$origin->seen('/stale/s')}, 2, '... with one request');

# what is on its way when it is purged is not stored
sub late {
    my ($name, $path, $first, $then, $purge) = @_;
    my $slow = $ngx->client(token => undef);

    $origin->plan($path, { %$first }, { %$then, body => 'late', delay => 1.5 },
                  { %$then, body => 'new' });
    get($path);
    $slow->connect;
    $slow->send($slow->build('GET', $path,
                             headers => ['Cache-Control: no-cache']));
    wait_for(20, sub { @{$origin->seen($path)} == 2 });
    $purge->();

    my $r = $slow->response('GET');
    is($r->{body}, 'late', "$name: the response on its way");
    is(get($path)->{body}, 'new', '... is not stored');
    is(get($path)->{body}, 'new', '... but the next one is');
}

{
    my $tagged = { headers => [@fresh, ['Cache-Tag', 'way']] };
    my $plain = { headers => [@fresh] };

    late('DEL of a key', '/late1', $plain, $plain,
         sub { $redis->run('DEL', 'cache:/late1') });
    late('UNLINK of a tag', '/late2', $tagged, $tagged,
         sub { $redis->run('UNLINK', 'tag:way') });
    late('RENAME of a tag', '/late3', $tagged, $tagged,
         sub { $redis->run('RENAME', 'tag:way', 'stale:tag:way') });
    get('/b');
    late('a tag of what was not stored', '/late4',
         { headers => [['Cache-Control', 'no-store']] },
         { headers => [@fresh, ['Cache-Tag', 'blue']] },
         sub { $redis->run('DEL', 'tag:blue') });
    late('FLUSHALL', '/late5', $plain, $plain,
         sub { $redis->run('FLUSHALL') });
    late('POST', '/late6', $plain, $plain, sub {
        # it is the third request for that path, and the next one the fourth
        $origin->plan('/late6', { body => 'posted' },
                      { %$plain, body => 'new' });
        $ngx->client(token => undef)->request('POST', '/late6', body => 'x');
    });
}

# what could not be purged by each of its tags is not stored
{
    my @many = map { "t$_" . 'x' x 200 } 1 .. 30;
    my %tags = (longer => 'x' x 257, more => "@many");

    for my $kind (sort keys %tags) {
        $origin->plan("/$kind", { headers => [@fresh, ['Surrogate-Key',
                                                       "tea $tags{$kind}"]] });
        get("/$kind") for 1 .. 2;
        is(get("/$kind")->{status}, 200, "$kind names than there is room for");
        is(@{$origin->seen("/$kind")}, 3, '... are fetched each time');
    }

    my @half = ("@many[0 .. 14]", "@many[15 .. 29]");
    my @vary = (@fresh, ['Vary', 'X-A']);
    $origin->plan('/both',
                  map { { headers => [@vary, ['Surrogate-Key', $_]] } } @half);
    my $both = $ngx->client(token => undef);
    my $ask = sub { $both->request('GET', '/both', headers => ["X-A: $_[0]"]) };
    is($ask->($_)->{body}, $_, "variant $_") for 1, 2, 2;
    $redis->run('DEL', "tag:$many[29]");
    is($ask->(2)->{body}, 3, '... is purged by its last tag');
}

# many
for my $i (1 .. 300) {
    $origin->plan("/many$i", { headers => [@fresh, ['Cache-Tag', 'many']] });
    get("/many$i");
}

is($redis->run('SCARD', 'tag:many'), 300, 'a large tag');
is($redis->run('DEL', 'tag:many'), 1, 'is purged at once');
is(scalar(grep { get("/many$_")->{body} == 1 } 1 .. 300), 0,
   'no entry of it is used, by any worker');

# a set that is evicted purges its entries as well: they are kept by reading
# them, and nobody reads the set
my @few = map { "/many$_" } 1 .. 20;
my $fills = 0;

while ($redis->run('EXISTS', 'tag:many') && $fills < 2000) {
    $redis->run('SET', 'fill:' . $fills++, 'x' x 100_000);
    $redis->run('HGET', "cache:$_", 'vary') for @few;
}

ok(!$redis->run('EXISTS', 'tag:many'), 'a set is evicted')
    or diag "after $fills fills";
my @kept = grep { $redis->run('EXISTS', "cache:$_") } @few;
cmp_ok(scalar @kept, '>', 0, '... before its entries');
my %before = map { $_ => scalar @{$origin->seen($_)} } @kept;
get($_) for @kept;
is(scalar(grep { @{$origin->seen($_)} == $before{$_} } @kept), 0,
   '... of which none is used any more');

$redis->close;
$ngx->stop;
$origin->stop;
done_testing;
