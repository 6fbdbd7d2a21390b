# Where users may come from, behind the PROXY protocol and behind a proxy that says
# in a header whom it speaks for; IPv4 and IPv6.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use IO::Socket::INET;
use KS::Nginx;
use KS::Proc qw(free_port);
use KS::RESP;

my %port = map { $_ => free_port() } qw(http resp untrusted);

my $ngx = KS::Nginx->start(
    size => '16m',
    resp => '',
    zone => <<'CONF',
    user inside { token inside-token; rights ~* +@all;
                  allow 10.0.0.0/8; allow 2001:db8::/32; deny all; }
    user except { token except-token; rights ~* +@all; deny 10.1.0.0/16; }
CONF
    stream => <<"CONF",
    server {
        listen 127.0.0.1:$port{resp} proxy_protocol;
        set_real_ip_from 127.0.0.1;
        keyspace_resp main;
    }
    server {
        # who sends it is not trusted: the address stays that of the connection
        listen 127.0.0.1:$port{untrusted} proxy_protocol;
        set_real_ip_from 192.0.2.0/24;
        keyspace_resp main;
    }
CONF
    http => <<"CONF",
    server {
        listen 127.0.0.1:$port{http} proxy_protocol;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        location / { keyspace_rest main; }
    }
CONF
    server => 'set_real_ip_from 127.0.0.1; real_ip_header X-From;',
);


sub header {
    my ($from) = @_;
    my ($family, $to) = $from =~ /:/ ? ('TCP6', '::1') : ('TCP4', '127.0.0.1');

    return "PROXY $family $from $to 40000 6379\r\n";
}


# What AUTH says to a client from there, by the listener on that port.
sub resp {
    my ($from, $user, $port) = @_;
    my $c = KS::RESP->new(port => $port // $port{resp});

    $c->send(header($from) . KS::RESP::encode('AUTH', $user, "$user-token"));
    my $reply = $c->reply;
    $c->close;

    return $reply;
}


# The status of a request from there, behind the PROXY protocol.
sub rest {
    my ($from, $user) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port{http}", Timeout => 10)
        or die "connect: $!";

    print $s header($from), "GET /get/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
             "Authorization: Bearer $user-token\r\n\r\n";
    my ($status) = (join '', <$s>) =~ m{^HTTP/1\.1 (\d+)};

    return $status;
}


# The same behind a header of a proxy.
sub real {
    my ($from, $user) = @_;

    return $ngx->client(token => "$user-token")
               ->request('GET', '/get/k', headers => ["X-From: $from"])->{status};
}


my $denied = qr/^-NOPERM User (inside|except) may not come/;

for my $case (
    ['10.2.3.4',    'inside', 1], ['192.0.2.1',   'inside', 0],
    ['2001:db8::5', 'inside', 1], ['2001:db9::5', 'inside', 0],
    ['10.1.2.3',    'except', 0], ['10.2.2.3',    'except', 1],
    ['2001:db8::5', 'except', 1],
) {
    my ($from, $user, $may) = @$case;
    my $name = "$user from $from";

    like(resp($from, $user), $may ? qr/^\+OK/ : $denied, "$name, RESP");
    is(rest($from, $user), $may ? 200 : 403, "$name, REST behind PROXY");
    is(real($from, $user), $may ? 200 : 403, "$name, REST with a header");
}

like(resp('10.2.3.4', 'inside', $port{untrusted}), $denied,
     'a PROXY header of somebody who is not trusted says nothing');
like(resp('10.1.2.3', 'except', $port{untrusted}), qr/^\+OK/,
     '... of either kind');
like(($ngx->resp(token => undef)->replies(['AUTH', 'inside', 'inside-token']))[0],
     $denied, 'a listener without it');

$ngx->stop;
done_testing;
