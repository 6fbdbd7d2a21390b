# keyspace_cache where nginx changes its mind about a request: internal
# redirects, error pages, ranges that a response has not, and clients that are
# served while others go on with the same key.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Path qw(make_path);
use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Origin;
use KS::Proc qw(free_port spew wait_for);

my $origin = KS::Origin->start;
my $at = "http://127.0.0.1:$origin->{port}";
my $dead = free_port();

# a wait for a lock would take far longer than any machine
my $ngx = KS::Nginx->start(
    size => '64m', resp => '', access_log => 1,
    http => <<'CONF',
        keyspace_session main secure=off create=on_write;
        keyspace_cache main stale_error=60s;
        keyspace_cache_lock 1h;
        proxy_http_version 1.1;
CONF
    locations => <<"CONF",
location / { proxy_pass $at; }
location /files/ { keyspace_cache main ttl=60s; alias %DIR%/files/; }
location /soon/ { keyspace_cache main ttl=1s stale=1h; alias %DIR%/files/; }

location /inside/ { internal; proxy_pass $at; }
location /outside/ { internal; keyspace_cache off; proxy_pass $at; }

location /dead/ {
    error_page 502 /errors/502;
    proxy_pass http://127.0.0.1:$dead;
    if (\$arg_up) { proxy_pass $at; }
}
location /page/ {
    keyspace_cache main stale=1h stale_error=60s;
    proxy_intercept_errors on;
    error_page 503 /files/page;
    proxy_pass $at;
}
location /said/ {
    proxy_intercept_errors on;
    error_page 503 /errors/503;
    proxy_pass $at;
}
location /errors/ { return 200 "an error\\n"; }
location /backup/ {
    keyspace_cache main;
    proxy_intercept_errors on;
    error_page 503 = \@backup;
    proxy_pass $at;
}
location \@backup {
    keyspace_cache off;
    rewrite ^(.*)\$ /second\$1 break;
    proxy_pass $at;
}

location /denied/ {
    recursive_error_pages on;
    error_page 403 /inside/denied;
    if (\$arg_no) { return 403; }
    proxy_pass $at;
}
location /member/ {
    keyspace_session_require /login;
    if (\$arg_free) { return 200 free; }
    proxy_pass $at;
}
location /login { proxy_pass $at; }
location /wait { keyspace_cache main max_size=16m; proxy_pass $at; }
CONF
);

make_path($ngx->dir . '/files');
spew($ngx->dir . '/files/index.html', "index\n");
spew($ngx->dir . '/files/page', "a page\n");

my $http = $ngx->client(token => undef);
my $redis = $ngx->resp;
my @fresh = ['Cache-Control', 'max-age=60'];
my @short = (['Cache-Control', 'max-age=1'], ['ETag', '"e"']);


sub get { $http->ask(@_) }
sub cache { $_[0]{headers}{'cache-status'} // '' }
sub bodies { join ' ', map { $_->{body} =~ s/\n//r } @_ }
sub last_of { $origin->seen($_[0])->[-1] }


# --- another location, the same key ---

{
    is(get('/files/')->{body}, "index\n", 'an index waits for nobody')
        for 1 .. 2;
    like(cache(get('/files/')), qr/hit/, '... and is stored');

    $origin->plan('/accel', { headers => [['X-Accel-Redirect', '/inside/a'],
                                          @fresh], body => '' });
    $origin->plan('/inside/a', { headers => [@fresh], body => 'inside' });
    is(get('/accel')->{body}, 'inside', 'X-Accel-Redirect') for 1 .. 2;
    is(@{$origin->seen('/accel')}, 1, '... is stored where it leads to');
    is_deeply($redis->run('KEYS', 'lock:*'), [], '... and leaves no lock');

    $origin->plan('/off', { headers => [['X-Accel-Redirect', '/outside/a'],
                                        @fresh], body => '' });
    $origin->plan('/outside/a', { headers => [@fresh], body => 1_000_000 });
    my @c = map { $ngx->client(token => undef) } 1 .. 3;
    $_->connect, $_->send($_->build('GET', '/off')) for @c;
    is(length $_->response('GET')->{body}, 1_000_000,
       'nobody waits for what is not stored') for reverse @c;
}

{
    # the response to POST is nobody else's, and ends what is stored
    $origin->plan('/form', { headers => [@fresh], body => 'form' },
                  { headers => [['X-Accel-Redirect', '/inside/done']],
                    body => '' },
                  { headers => [@fresh], body => 'new form' });
    $origin->plan('/inside/done', { headers => [@fresh], body => 'done' });
    is(bodies(get('/form'), get('/form', method => 'POST'), get('/form')),
       'form done new form', 'POST that X-Accel-Redirect answers');
}

{
    # what the client has not asked for nobody is asked for
    $origin->plan('/turns', { headers => [@short], body => 'one' },
                  { headers => [['X-Accel-Redirect', '/outside/turns']],
                    body => '' });
    $origin->plan('/outside/turns', { headers => [['ETag', '"e"']],
                                      body => 'two' });
    $origin->plan('/backup/a', { headers => [@short], body => 'one' },
                  { status => 503 });
    $origin->plan('/second/backup/a', { headers => [['ETag', '"e"']],
                                        body => 'second' });
    get($_) for '/turns', '/backup/a';
    sleep 1.2;
    is(bodies(get('/turns')), 'two', 'X-Accel-Redirect of what was stored');
    is(last_of('/outside/turns')->{headers}{'if-none-match'}, undef,
       '... without its validators');
    is(get('/backup/a')->{status}, 200, 'the same with error_page');
}

{
    $origin->plan('/denied/a?no=', { headers => [@fresh], body => 'secret' });
    $origin->plan('/inside/denied', { headers => [@fresh], body => 'denied' });
    get('/denied/a?no=');
    is(bodies(get('/denied/a?no=1')), 'denied', 'a page of an error');
    is($redis->run('COPY', 'cache:http://localhost/denied/a?no=',
                   'cache:http://localhost/denied/a?no=1'), 1,
       '... of what is stored');
    is(bodies(get('/denied/a?no=1')), 'denied', '... not from the store');
}

{
    my $key = 'cache:http://localhost/member/a';

    $origin->plan('/member/a', { headers => [@fresh], body => 'secret' });
    $origin->plan('/login', { headers => [@fresh], body => 'log in' });
    is(bodies(get('/member/a')), 'log in', 'who has no session');
    is($redis->run('EXISTS', $key), 0,
       '... puts no page into the place of another');

    $origin->plan('/open', { headers => [@fresh], body => 'secret' });
    get('/open');
    is($redis->run('COPY', 'cache:http://localhost/open', $key),
       1, '... and of what is stored');
    is(bodies(get('/member/a')), 'log in', '... gets nothing');
}


# --- errors ---

{
    for my $path (qw(/page/a /said/a)) {
        $origin->plan($path, { headers => [@short], body => 'stored' },
                      { status => 503, body => 'error' });
        get($path);
    }

    $origin->plan('/dead/a?up=1', { headers => [@short], body => 'stored' });
    get('/dead/a?up=1');
    $redis->run('RENAME', 'cache:http://localhost/dead/a?up=1',
                'cache:http://localhost/dead/a');
    sleep 1.2;

    is(bodies(get('/said/a')), 'stored', 'error_page: stale_error');
    is(bodies(get('/dead/a')), 'stored', '... if there is no answer');
    is(get('/dead/b')->{body}, "an error\n", '... else the page');

    ok(wait_for(60, sub {
        my @log = grep { m{GET /dead/a } } split /\n/, $ngx->access_log;
        @log && $log[-1] =~ m{GET /dead/a HTTP/1.1" 200 };
    }), '... and the log says what was sent');

    # a connection of a client does not wait for what nobody gets
    is(bodies(get('/page/a')), 'stored', "error_page: stale, $_") for 1 .. 3;
    ok(@{$origin->seen('/page/a')} > 1, '... and it was asked for once more');
}

{
    is(get('/soon/')->{body}, "index\n", 'an index');
    sleep 1.2;
    spew($ngx->dir . '/files/index.html', "another\n");
    ok(wait_for(60, sub { get('/soon/')->{body} eq "another\n" }),
       '... that is fetched for nobody');
}


# --- ranges ---

{
    my %beyond = (Range => 'bytes=90000-');

    $origin->plan('/range/304', { headers => [@short], body => 100 });
    $origin->plan('/range/503', { headers => [@short], body => 100 },
                  { status => 503, body => 1000 });
    get("/range/$_") for 304, 503;
    sleep 1.2;

    for my $code (304, 503) {
        my $r = get("/range/$code", %beyond);
        is("$r->{status} " . length $r->{body}, '200 100',
           "a range beyond the end, and a $code");
        is(get("/range/$code")->{status}, 200, '... the next request');
    }

    # a page that is as long as that of the error
    my $n = length get('/files/page', %beyond)->{body};
    spew($ngx->dir . '/files/long', 'y' x $n);
    is(get('/files/long', %beyond)->{status}, 416, 'a range of a file');
    is(get('/files/long')->{body}, 'y' x $n, '... does not become the file');
}


# --- Vary ---

{
    $origin->plan('/vary', { headers => [@short], body => 'any' },
                  { status => 304, headers => [@fresh, ['Vary', 'X-A'],
                                               ['ETag', '"e"']] },
                  { headers => [@fresh, ['Vary', 'X-A']], body => 'b' });
    get('/vary', 'X-A' => 'a');
    sleep 1.2;
    is(bodies(get('/vary', 'X-A' => 'a')), 'any', 'a 304 with another Vary');
    is(bodies(get('/vary', 'X-A' => 'b')), 'b', '... is for this one alone');
}


# --- one that has waited is being served ---

{
    my $path = '/wait';
    my $key = "cache:http://localhost$path";

    $origin->plan($path, { headers => [@fresh], body => 12_000_000, delay => 1 },
                  { headers => [['Cache-Control', 'no-store']], delay => 1 });
    my @c = map { $ngx->client(token => undef) } 1 .. 2;
    $_->connect, $_->send($_->build('GET', $path)) for @c;

    IO::Select->new($_->{socket})->can_read(60) for @c;
    is(length $c[0]->response('GET')->{body}, 12_000_000, 'the first');
    $redis->run('DEL', $key);
    get($path) for 1 .. 2;
    is(length $c[1]->response('GET')->{body}, 12_000_000,
       'a slow client that has waited gets all');
    is(get('/vary', 'X-A' => 'b')->{status}, 200, '... and nobody hangs');
}

$http->close;
$redis->close;
$ngx->stop;
$origin->stop;
done_testing;
