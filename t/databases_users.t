# Databases with users, tokens and sizes of their own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use KS::Nginx;
use KS::RESP;

my $ngx = KS::Nginx->start(conf => <<'CONF');
load_module %MODULE%;
%STREAM%
worker_processes 1;
keyspace_zone first 8m {
    token the-token-0123456789;
    readonly_token the-reader-0123456789;
    user ann { token anns-token-0123456789; rights "~* &* +@all"; }
    user bob { token bobs-token-0123456789; rights "~* &* +@all"; }
    user cut { token cuts-token-0123456789; rights "~* &* +@all"; }
}
keyspace_zone second 2m {
    eviction allkeys-lru;
    token the-token-0123456789;
    readonly_token the-reader-0123456789;
    user ann { token anns-token-0123456789; rights "~in:* &in:* +@all"; }
    user bob { token bobs-other-0123456789; rights "~* &* +@all"; }
    user cut { token cuts-token-0123456789; rights "~* &* +@all -move -copy -flushall"; }
}
keyspace_zone open 2m { token off; }
events { }
http { access_log off; server { listen 127.0.0.1:%PORT%; location / { keyspace_rest first; } } }
stream {
    server { listen 127.0.0.1:%RESP%; keyspace_resp first second open; }
    server { listen 127.0.0.1:%RESP2%; keyspace_resp open first; }
}
CONF

sub user {
    my ($name, $token, $port) = @_;
    my $c = KS::RESP->new(port => $ngx->resp_port);

    $c->run('AUTH', $name, $token);

    return $c;
}

my $KNOWS = qr/^NOPERM database \d does not know user/;

# --- who is let in

my $guest = KS::RESP->new(port => $ngx->resp_port);
like($guest->error('SELECT', 1), qr/^NOAUTH/, 'who has not logged in');

my $own = user('default', 'the-token-0123456789');
is($own->run('SELECT', $_), 'OK', "the token opens $_") for 1, 2, 0;

my $reader = user('default', 'the-reader-0123456789');
$reader->run('SELECT', 1);
like($reader->error('SET', 'k', 1), qr/^NOPERM/, 'a token that only reads');

my $bob = user('bob', 'bobs-token-0123456789');
like($bob->error('SELECT', 1), $KNOWS, 'another token there');
is($bob->run('SET', 'bobs', 1), 'OK', 'he is where he was');
like($bob->error('MOVE', 'bobs', 1), $KNOWS, 'MOVE to there');
like($bob->error('COPY', 'bobs', 'k', 'DB', 1), $KNOWS, 'COPY');
like($bob->error('FLUSHALL'), $KNOWS, 'FLUSHALL');
is($bob->run('EXISTS', 'bobs'), 1, 'and nothing has happened');
like($bob->error('SELECT', 2), $KNOWS, 'a user that is not there');

my $ann = user('ann', 'anns-token-0123456789');
is($ann->run('SELECT', 1), 'OK', 'the same name and token');
like($ann->error('SET', 'out', 1), qr/^NOPERM/, 'with other rights');
is($ann->run('SET', 'in:k', 1), 'OK', 'those of the zone');
is($ann->run('ACL', 'WHOAMI'), 'ann', 'ACL WHOAMI');
$ann->run('SELECT', 0);
$ann->run('SET', 'out', 1);
like($ann->error('MOVE', 'out', 1), qr/^NOPERM/, 'MOVE to a key of others');
is($ann->run('EXISTS', 'out'), 1, 'which stays');
$ann->run('RENAME', 'out', 'in:out');
is($ann->run('MOVE', 'in:out', 1), 1, 'and to one of hers');

my $cut = user('cut', 'cuts-token-0123456789');
$cut->run('SET', 'k', 1);
like($cut->error('MOVE', 'k', 1), qr/^NOPERM/, 'no MOVE there');
like($cut->error('COPY', 'k', 'l', 'DB', 1), qr/^NOPERM/, 'no COPY');
like($cut->error('FLUSHALL'), qr/^NOPERM/, 'no FLUSHALL');

# --- AUTH in a database

$cut->run('SELECT', 1);
like($cut->error('AUTH', 'bob', 'bobs-other-0123456789'), qr/^WRONGPASS/,
     'the first zone has to know the user as well');
is($cut->run('ACL', 'WHOAMI'), 'cut', 'he is who he was');
is($cut->run('AUTH', 'ann', 'anns-token-0123456789'), 'OK', 'AUTH there');
is($cut->run('ACL', 'WHOAMI'), 'ann', 'as whom he is there');
$cut->run('SELECT', 0);
is($cut->run('ACL', 'WHOAMI'), 'ann', 'and elsewhere');

# --- what a user hears

$ann->send(KS::RESP::encode('SUBSCRIBE', 'in:ch', 'out'));
$ann->take_replies(2);
is($own->run('PUBLISH', 'in:ch', 'a'), 1, 'of the first');
is($own->run('PUBLISH', 'out', 'b'), 1, 'both channels');
$own->run('SELECT', 1);
is($own->run('PUBLISH', 'in:ch', 'c'), 0,
   'of the second none, as one of the two is not hers there');
$own->run('SELECT', 2);
is($own->run('PUBLISH', 'in:ch', 'd'), 0, 'nor of that which does not know her');

# --- users that go

my $gone = user('ann', 'anns-token-0123456789');
$gone->run('SELECT', 1);
$gone->run('SELECT', 0);
$own->run('SELECT', 1);
$own->run('ACL', 'DELUSER', 'ann');
ok(!defined $gone->reply && $gone->{why} eq 'closed',
   'a user that is deleted where it has entered');

$own->run('SELECT', 0);
$own->run('ACL', 'SETUSER', 'new', 'on', '>pw', '~*', '+@all');
my $new = user('new', 'pw');
like($new->error('SELECT', 1), $KNOWS, 'a user of the first');
$own->run('SELECT', 1);
$own->run('ACL', 'SETUSER', 'new', 'on', '>pw', '~*', '+@all');
is($new->run('SELECT', 1), 'OK', 'that has come to the other as well');

# --- a door whose first zone is open

my $open = KS::RESP->new(port => $ngx->resp_port2);
is($open->run('PING'), 'PONG', 'no token is asked for');
like($open->error('SELECT', 1), $KNOWS, 'but in the other one');
like($open->error('AUTH', 'the-token-0123456789'), qr/^ERR AUTH <password>/,
     'AUTH with a password alone');
is($open->run('AUTH', 'default', 'the-token-0123456789'), 'OK',
   'AUTH that the first one need not know');
is($open->run('SELECT', 1), 'OK', 'is one for the other');
$open->run('RESET');
like($open->error('SELECT', 1), $KNOWS, 'until RESET');

# --- sizes

$own->run('SELECT', 0);
$own->run('SET', 'large', 'x' x 3_000_000);
like($own->error('MOVE', 'large', 1), qr/^OOM /, 'MOVE of what is too large');
is($own->run('STRLEN', 'large'), 3_000_000, 'which stays');
like($own->error('COPY', 'large', 'l', 'DB', 1), qr/^OOM /, 'and COPY');

for my $n (1 .. 100) {
    $own->run('SET', "big$n", 'x' x 50_000);
    $own->run('MOVE', "big$n", 1) == 1 or fail "MOVE $n";
}

$own->run('SELECT', 1);
cmp_ok($own->run('DBSIZE'), '<', 60, 'a zone evicts by its own rule');
is($own->run('GET', 'big100'), 'x' x 50_000, 'and has what came last');

$_->close for $ann;
$ngx->stop;

# --- what a configuration may not say

for my $case (
    ['keyspace_resp one one;', qr/zone "one" is named twice/],
    ['keyspace_resp ' . join(' ', map { "z$_" } 1 .. 17) . ';',
     qr/no more than 16 zones/],
    ['keyspace_resp one other;', qr/"other"/],
    ['keyspace_resp;', qr/invalid number of arguments in "keyspace_resp"/],
) {
    my ($line, $error) = @$case;

    my ($code, $said) = KS::Nginx->check(conf => <<"CONF");
load_module %MODULE%;
%STREAM%
keyspace_zone one 2m { token off; }
events { }
stream { server { listen 127.0.0.1:%RESP%; $line } }
CONF

    like($said, $error, $line);
}

done_testing;
