# Streams of events with people's clients: the Subscriber of @upstash/redis, and
# Python's requests.  An EventSource is in t/examples.t.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap want_npm);
use KS::Nginx;
use KS::Proc qw(capture installed root);

my $TOKEN = $KS::Nginx::TOKEN;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size      => '32m',
    workers   => 4,
    http      => 'client_max_body_size 8m; keyspace_rest_heartbeat 50ms;',
    locations => <<'CONF',
        location / { keyspace_rest main; }
        location /redis/ { keyspace_rest main; }
CONF
);

my $url = 'http://127.0.0.1:' . $ngx->port;


subtest '@upstash/redis' => sub {
    want_npm('@upstash/redis');
    run_tap('node', "$clients/upstash_subscriber.mjs", $url, $TOKEN);
};


subtest '@upstash/redis, below a prefix' => sub {
    want_npm('@upstash/redis');
    run_tap('node', "$clients/upstash_subscriber.mjs", "$url/redis", $TOKEN);
};


subtest 'Python' => sub {
    # the system's own, which has Debian's packages
    my ($python) = grep { -x } '/usr/bin/python3', '/usr/local/bin/python3';

    plan skip_all => 'there is no python3 with requests'
        unless $python && !(capture(30, {}, $python, '-c',
                                    'import requests'))[0];

    run_tap($python, "$clients/streams.py", $url, $TOKEN);
};


is(scalar(my @workers = $ngx->workers), 4, 'the workers live');
$ngx->stop;
done_testing;
