# Sessions of a subject: listed, limited, and ended all at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;

my $ngx = KS::Nginx->start(
    workers   => 2,
    server    => 'keyspace_session main secure=off create=on_write '
                 . 'subject=user limit=3 remember=30d;',
    locations => <<'CONF',
        location /rest/ { keyspace_session off; keyspace_rest main; }
        location = /login {
            add_header Keyspace-Session "renew, set user=$arg_u";
            empty_gif;
        }
        location = /stay {
            add_header Keyspace-Session "remember, set user=$arg_u";
            empty_gif;
        }
        location = /renew { add_header Keyspace-Session renew; empty_gif; }
        location = /cart {
            add_header Keyspace-Session "set cart=1";
            empty_gif;
        }
        location = /logout {
            add_header Keyspace-Session destroy;
            empty_gif;
        }
        location = /everywhere {
            add_header Keyspace-Session destroy-all;
            empty_gif;
        }
        location = /again {
            add_header Keyspace-Session "destroy-all, set user=$arg_u";
            empty_gif;
        }
        location = /who { return 200 "$keyspace_session_user"; }
        location = /id { return 200 "$keyspace_session_id"; }
CONF
);
my $rest = $ngx->client;
my $http = $ngx->client(token => undef);


sub run {
    return KS::HTTP::decode($rest->post(KS::HTTP::array(@_),
                                        uri => '/rest/'))->{result};
}


# A browser: it keeps the cookie.
sub browser { return { cookie => undef } }

sub get {
    my ($browser, $uri) = @_;
    my $cookie = $browser->{cookie};
    my $r = $http->request('GET', $uri,
                           headers => $cookie ? ["Cookie: sid=$cookie"] : []);
    my ($set) = ($r->{headers}{'set-cookie'} // '') =~ /sid=([^;]*)/;

    $browser->{cookie} = $set if defined $set;
    return $r->{body};
}

sub login {
    my ($user) = @_;
    my $browser = browser();

    get($browser, "/login?u=$user");
    return $browser;
}

sub who { join ' ', map { get($_, '/who') || '-' } @_ }


my @ann = map { login('ann') } 1 .. 2;
my $bob = login('bob');

is(who(@ann, $bob), 'ann ann bob', 'three sessions');
is_deeply([sort @{run('ZRANGE', 'session:of:ann', 0, -1)}],
          [sort map { get($_, '/id') } @ann], 'a user has a list');
is(run('ZCARD', 'session:of:bob'), 1, '... and another one another');

# A limit.

push @ann, login('ann');
is(run('ZCARD', 'session:of:ann'), 3, 'as many as may be');

my ($first) = @{run('ZRANGE', 'session:of:ann', 0, 0)};
my ($oldest) = grep { get($_, '/id') eq $first } @ann;
push @ann, login('ann');
is(run('ZCARD', 'session:of:ann'), 3, 'one more is not one more');
is(who($oldest), '-', 'the oldest has ended');
is(run('EXISTS', "session:$first"), 0, '... and its key is gone');
@ann = grep { $_ != $oldest } @ann;

# A renewal, another user, and an end.

get($ann[0], '/login?u=ann');
is(run('ZCARD', 'session:of:ann'), 3, 'a renewed one is the same');
get($ann[0], '/login?u=bob');
is(run('ZCARD', 'session:of:ann') . run('ZCARD', 'session:of:bob'), '22',
   'it can become that of another user');
get($ann[0], '/logout');
is(run('ZCARD', 'session:of:bob'), 1, 'and ends');
shift @ann;

# All of them.

get($ann[0], '/everywhere');
is(who(@ann, $bob), '- - bob', 'one request has ended all of a user');
is(run('EXISTS', 'session:of:ann'), 0, '... and the list');

@ann = map { login('ann') } 1 .. 2;
get($ann[0], '/again?u=ann');
is(who(@ann), 'ann -', 'with a new one for the browser that asked');
is(run('ZCARD', 'session:of:ann'), 1, 'which is in the list');

push @ann, login('ann');
run('DEL', 'session:of:ann');
is(who(@ann, $bob), '- - - bob', 'a command has ended all');

@ann = map { login('ann') } 1 .. 2;
run('ZREM', 'session:of:ann', get($ann[1], '/id'));
is(who(@ann), 'ann -', 'or one');

# Those that have ended by themselves do not count for the limit.

{
    my @max = map { login('max') } 1 .. 3;
    my @by_age = sort { $a->{at} <=> $b->{at} } map {
        { browser => $_,
          at => run('ZSCORE', 'session:of:max', get($_, '/id')) }
    } @max;

    run('DEL', 'session:' . get($by_age[$_]{browser}, '/id')) for 1, 2;
    push @max, login('max');
    is(who($by_age[0]{browser}, $max[3]), 'max max',
       'the oldest stays where others have ended');
    is(run('ZCARD', 'session:of:max'), 2, '... and these are listed no more');
    push @max, login('max'), login('max');
    is(who($by_age[0]{browser}, @max[3 .. 5]), '- max max max',
       '... until there are too many');
}

# A subject may be any bytes; what is none, or too long, is in no set.

for my $odd ('a%00b', '%FF%FE%0D%0A', 'a%20b', 'x' x 512, '%25', '*', 'of%3Abob') {
    my $in = login($odd);
    (my $name = $odd) =~ s/%(..)/chr hex $1/ge;
    my $id = get($in, '/id');

    isnt($id, '', 'a subject of odd bytes has a session');
    is(run('HGET', "session:$id", '_subject') // '', $name, '... it is kept')
        if $name =~ /^[ -~]*$/;
    get($in, '/everywhere');
    is(get($in, '/id'), '', '... which ends');
}

for my $none ('', 'y' x 513) {
    my $in = login($none);
    my $id = get($in, '/id');

    isnt($id, '', 'a session without a subject');
    is(run('HEXISTS', "session:$id", '_subject'), 0, '... is in no set');
}

is(who($bob), 'bob', 'and nobody else has been signed out');

# Two requests of one page with the same cookie, of which one renews.

{
    my $page = login('pat');
    my $old = { %$page };

    get($page, '/renew');
    isnt($page->{cookie}, $old->{cookie}, 'a renewal');
    is(who($old, $page), 'pat pat', '... and the old cookie goes on with it');
    is(get($old, '/id'), get($page, '/id'), '... as the same session');
    is(run('ZCARD', 'session:of:pat'), 1, '... which is one in the list');
    get($old, '/everywhere');
    is(who($page), '-', 'signing out by the old cookie ends the new one');

    # a renewed session whose user is signed out elsewhere meanwhile
    my @two = map { login('pat') } 1 .. 2;
    my $before = { %{$two[0]} };
    get($two[0], '/renew');
    get($two[1], '/everywhere');
    is(who($before, @two), '- - -', 'the old cookie leads to nothing then');
}

# What a command sets.

my $cart = browser();
get($cart, '/cart');
run('HSET', 'session:' . get($cart, '/id'), 'user', 'eve');
is(who($cart), 'eve', 'a session that a command has given a user');
is(run('ZCARD', 'session:of:eve'), 1, '... is listed when it is used');

# One that is remembered.

my $r = $http->request('GET', '/stay?u=dan');
my ($cookie, $age) =
    $r->{headers}{'set-cookie'} =~ /sid=([^;]+); Max-Age=(\d+);/;
my $dan = { cookie => $cookie };

ok($age > 29 * 86400 && $age <= 30 * 86400, 'its cookie outlives the browser');
is(who($dan), 'dan', 'it is a session');

my $ttl = run('PTTL', 'session:' . get($dan, '/id'));
ok($ttl > 29 * 86_400_000 && $ttl <= 30 * 86_400_000, '... that lasts as long');
is(run('HGET', 'session:' . get($dan, '/id'), '_remember'), 30 * 86_400_000,
   '... and says so');

$r = $http->request('GET', '/renew', headers => ["Cookie: sid=$cookie"]);
like($r->{headers}{'set-cookie'}, qr/; Max-Age=\d{7};/, 'a renewal keeps that');
unlike($http->request('GET', '/login?u=tim')->{headers}{'set-cookie'},
       qr/Max-Age/, 'others end with the browser');

$rest->close;
$http->close;
$ngx->stop;

# --- what is refused ---

for (['limit=3', qr/"limit" needs a "subject"/],
     ['subject=user limit=0', qr/"limit=0" .*: limit is a number/],
     ['subject=user limit=x', qr/"limit=x" .*: limit is a number/],
     ['subject=', qr/"subject=" .*: it is the name of a field/],
     ['subject=_x', qr/"subject=_x" .*: it is the name of a field/])
{
    my ($parameters, $why) = @$_;
    my ($code, $out) = KS::Nginx->check(
        server => "keyspace_session main $parameters;");

    ok($code != 0 && $out =~ $why, $parameters) or diag($out);
}

done_testing;
