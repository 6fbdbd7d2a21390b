# keyspace_session and keyspace_session_require: what is refused, and with
# which words; and what is inherited.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;


sub conf {
    my ($lines) = @_;

    return <<"CONF";
load_module %MODULE%;
keyspace_zone main 1m { token off; }
events { }
http {
    access_log off;
    server { listen 127.0.0.1:%PORT%; location / { $lines } }
}
CONF
}


my @refused = (
    ['keyspace_session;', qr/number of arguments in "keyspace_session"/],
    ['keyspace_session none;', qr/unknown keyspace zone "none"/],
    ['keyspace_session main x;', qr/unknown parameter "x"/],
    ['keyspace_session main =x;', qr/unknown parameter "=x"/],
    ['keyspace_session main ttl=1h ttl=2h;',
     qr/duplicate parameter "ttl=2h"/],
    ['keyspace_session main ttl;', qr/unknown parameter "ttl"/],
    ['keyspace_session main ttl=;', qr/"ttl=".*a time above 0/],
    ['keyspace_session main ttl=x;', qr/"ttl=x".*a time above 0/],
    ['keyspace_session main ttl=-1s;', qr/"ttl=-1s".*a time above 0/],
    ['keyspace_session main ttl=0;', qr/"ttl=0".*a time above 0/],
    ['keyspace_session main absolute=x;', qr/"absolute=x".*it is a time/],
    ['keyspace_session main ttl=2h absolute=1h;', qr/longer than "absolute"/],
    ['keyspace_session main grace=x;', qr/"grace=x".*it is a time/],
    ['keyspace_session main grace=61s;', qr/more than a minute/],
    ['keyspace_session main prefix=;', qr/"prefix=".*1 to 1024/],
    ['keyspace_session main prefix=' . 'x' x 1025 . ';', qr/invalid parameter "prefix=xxx/],
    ['keyspace_session main cookie=;', qr/"cookie=".*has a name/],
    ['keyspace_session main "cookie=a b";', qr/no such character/],
    ['keyspace_session main "cookie=a;b";', qr/no such character/],
    ["keyspace_session main 'cookie=a=b';", qr/no such character/],
    ["keyspace_session main cookie=s\xc3\xa4d;", qr/no such character/],
    ['keyspace_session main secure=yes;', qr/"secure=yes".*"on" or "off"/],
    ['keyspace_session main httponly=1;', qr/"httponly=1".*"on" or "off"/],
    ['keyspace_session main samesite=Lax;', qr/"samesite=Lax".*"lax"/],
    ['keyspace_session main samesite=none secure=off;', qr/needs "secure=on"/],
    ['keyspace_session main cookie=__Host-sid secure=off;', qr/"secure=on"/],
    ['keyspace_session main cookie=__Secure-a secure=off;', qr/"secure=on"/],
    ['keyspace_session main cookie=__Host-sid path=/a;', qr/only "path=\/"/],
    ['keyspace_session main cookie=__Host-sid domain=a.b;', qr/no "domain"/],
    ['keyspace_session main path=x;', qr/"path=x".*begin with/],
    ['keyspace_session main path=;', qr/"path=".*begin with/],
    ['keyspace_session main "path=/;x";', qr/no such character/],
    ["keyspace_session main \"path=/\nX: y\";", qr/no such character/],
    ['keyspace_session main domain=;', qr/"domain=".*not a domain/],
    ['keyspace_session main "domain=a;b";', qr/not a domain/],
    ['keyspace_session main create=never;', qr/"always" or "on_write"/],
    ['keyspace_session main; keyspace_session off;', qr/is duplicate/],
    ['keyspace_session off secure=off;', qr/unknown keyspace zone "off"/],
    ['keyspace_session_require;', qr/number of arguments/],
    ['keyspace_session_require on off;', qr/number of arguments/],
    ['keyspace_session_require yes;', qr/begins with/],
    ['keyspace_session_require /;', qr/begins with/],
    ['keyspace_session_require on; keyspace_session_require on;',
     qr/is duplicate/],
    ['keyspace_session_require /x$none_such;', qr/unknown "none_such"/],
);

for my $case (@refused) {
    my ($lines, $want) = @$case;
    my ($code, $said) = KS::Nginx->check(conf => conf($lines));

    isnt($code, 0, substr "refused: $lines", 0, 70);
    like($said, $want, '... and why');
}

my @accepted = (
    'keyspace_session main;',
    'keyspace_session off;',
    'keyspace_session main cookie=__Host-sid ttl=30m absolute=0 '
    . 'prefix=s: secure=on httponly=off samesite=strict path=/ create=on_write;',
    'keyspace_session main domain=.example.com path=/app samesite=off;',
    'keyspace_session main ttl=7d;',
    'keyspace_session main; keyspace_session_require /login?next=$request_uri;',
    'keyspace_session main; keyspace_session_require @login;',
    'keyspace_session_require on;',
);

for my $lines (@accepted) {
    my ($code, $said) = KS::Nginx->check(conf => conf($lines));

    is($code, 0, "accepted: $lines") or diag($said);
}


my @warned = (
    ['keyspace_session main; location /a { keyspace_session_require on; return 200; }', 1],
    ['location /a { return 204; keyspace_session_require /login; }', 1],
    ['keyspace_session_require on; return 200;', 1],
    ['keyspace_session_require on; location /a { return 200; }', 0],
    ['location /a { keyspace_session_require off; return 200; }', 0],
    ['location /a { keyspace_session_require on; if ($arg_x) { return 200; } }', 0],
    ['location /a { keyspace_session_require on; }', 0],
);

for my $case (@warned) {
    my ($lines, $warned) = @$case;
    my ($code, $said) = KS::Nginx->check(conf => conf($lines));

    is("$code " . ($said =~ /without effect in/ ? 1 : 0), "0 $warned",
       ($warned ? 'warned of: ' : 'no warning: ') . $lines) or diag($said);
}


subtest 'what is inherited' => sub {
    my $ngx = KS::Nginx->start(
        http   => 'keyspace_session main secure=off create=on_write;'
                  . 'keyspace_session_require on;',
        locations => <<'CONF',
            location / { alias %DIR%/; }
            location /open {
                keyspace_session_require off;
                return 200 $keyspace_session_status;
            }
            location /open/always {
                keyspace_session main secure=off;
                return 200 $keyspace_session_status;
            }
            location /off {
                keyspace_session off;
                keyspace_session_require off;
                if ($arg_x) { return 200 "<$keyspace_session_status>"; }
                return 200 "($keyspace_session_status)";
            }
CONF
    );
    my $http = $ngx->client(token => undef);
    my $body = sub { $http->request('GET', $_[0])->{body} };

    is($http->request('GET', '/')->{status}, 401, 'from http');
    is($body->('/open'), 'none', 'with another "require"');
    is($body->('/open/always'), 'new', 'with another session');
    is($body->('/off'), '()', 'none');
    is($body->('/off?x=1'), '<>', '... nor in "if"');

    $http->close;
    $ngx->stop;
};

done_testing;
