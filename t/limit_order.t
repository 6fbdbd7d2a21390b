# Rate limits among nginx's own modules: they are asked after real_ip has said
# in a location what the address is, and after limit_req and limit_conn.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);

my $x = 'root %DIR%; try_files /x =404;';
my $real = 'set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;';

my $ngx = KS::Nginx->start(
    resp       => '',
    log_format => '$remote_addr|$request_uri|$status|$keyspace_limit_status',
    http       => <<"CONF",
    map \$request_method \$poster { POST \$remote_addr; }

    limit_req_zone \$remote_addr zone=req:1m rate=1r/m;

    keyspace_limit_rule addr zone=main key=\$remote_addr rate=2r/366d;
    keyspace_limit_rule binary zone=main key=\$binary_remote_addr
                        rate=2r/366d;
    keyspace_limit_rule text zone=main key=a:\$remote_addr rate=2r/366d;
    keyspace_limit_rule mapped zone=main key=\$poster rate=2r/366d;
    keyspace_limit_rule net zone=main key=\$keyspace_limit_network
                        rate=2r/366d;
    keyspace_limit_rule after zone=main key=\$remote_addr rate=9r/366d
                        algorithm=fixed_window;
CONF
    locations  => <<"CONF",
        location / { keyspace_rest main; }
        location /addr { $real keyspace_limit addr; $x }
        location /binary { $real keyspace_limit binary; $x }
        location /text { $real keyspace_limit text; $x }
        location /mapped { $real keyspace_limit mapped; error_page 405 =200 /x; $x }
        location = /x { root %DIR%; }
        location /req { $real limit_req zone=req; keyspace_limit after; $x }
        location /net { $real keyspace_limit net; $x }
        location /client { $real return 200 "\$keyspace_client_net"; }
        location /not { keyspace_limit addr; $x }
CONF
);

KS::Proc::spew($ngx->dir . '/x', 'x');

my $http = $ngx->client;
my $redis = $ngx->resp;

sub asked {
    my ($n, $path, $address, $method) = @_;

    return join ' ', map {
        $http->request($method // 'GET', $path, headers =>
                       ["X-Forwarded-For: $address"])->{status}
    } 1 .. $n;
}


subtest 'real_ip in a location' => sub {
    for my $path (qw(/addr /binary /text)) {
        is(asked(3, $path, '192.0.2.1'), '200 200 429', "$path: a client");
        is(asked(3, $path, '192.0.2.2'), '200 200 429', '... and another');
        is(asked(1, $path, '2001:db8::1'), '200', '... and one of IPv6');
    }

    is(asked(3, '/mapped', '192.0.2.1', 'POST'), '200 200 429',
       'an address by way of a map');
    is(asked(2, '/mapped', '192.0.2.2', 'POST'), '200 200', '... and another');

    is_deeply([sort @{$redis->run('KEYS', 'limit:addr:*')}],
              ['limit:addr:192.0.2.1', 'limit:addr:192.0.2.2',
               'limit:addr:2001:db8::1'], 'each has a key of its own');

    is(asked(1, '/not', '192.0.2.1'), '200', 'without real_ip it is the peer');
    is($redis->run('EXISTS', 'limit:addr:127.0.0.1'), 1, '... that is charged');

    ok(wait_for(20, sub { $ngx->access_log =~ m{/not\|} }), 'the access log');
    like($ngx->access_log, qr{^192\.0\.2\.2\|/addr\|429\|REJECTED$}m,
         '... has the same address');
    like($ngx->log, qr/limiting requests by keyspace limit rule "addr", client: 192\.0\.2\.1/,
         'and so has the error log');
};


subtest 'the network of an address' => sub {
    my @same = ('2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff',
                '2001:DB8:1:2:0:5::9');

    is(join(' ', map { asked(1, '/net', $_) } @same), '200 200 429',
       'addresses of a /64 share a quota');
    is(asked(1, '/net', '2001:db8:1:3::1'), '200', 'another /64');
    is(asked(1, '/net', '192.0.2.1'), '200', 'IPv4');
    is(asked(2, '/net', '::ffff:192.0.2.1'), '200 429',
       '... the same, mapped into IPv6');
    is(asked(1, '/net', '192.0.2.2'), '200', '... another');
    is(asked(1, '/net', '::1'), '200', 'short ones');

    is($http->request('GET', '/client')->{body}, '127.0.0.1',
       'the same for other uses');

    is_deeply([sort @{$redis->run('KEYS', 'limit:net:*')}],
              [map { "limit:net:$_" } '192.0.2.1', '192.0.2.2',
               '2001:db8:1:2::/64', '2001:db8:1:3::/64', '::/64'],
              'what the keys are');
};


subtest 'limit_req comes first' => sub {
    is(asked(3, '/req', '192.0.2.7'), '200 503 503', 'it rejects');
    is($redis->run('GET', 'limit:after:192.0.2.7'), 1,
       '... and what it rejects is not charged');
};

$redis->close;
$ngx->stop;

done_testing;
