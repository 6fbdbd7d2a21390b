# Clients as people have them: curl, Python's requests and httpx, and npm's
# @upstash/redis, against the module.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;

use KS::Clients qw(run_tap want_npm);
use KS::Nginx;
use KS::Proc qw(capture spew root installed);

my $TOKEN = $KS::Nginx::TOKEN;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size      => '32m',
    workers   => 2,
    http      => 'client_max_body_size 8m;',
    locations => <<'CONF',
        location / { keyspace_rest main; }
        location /redis { keyspace_rest main; }
CONF
);

my $url = 'http://127.0.0.1:' . $ngx->port;


subtest 'curl' => sub {
    plan skip_all => 'there is no curl' unless installed('curl');

    my @curl = ('curl', '-sS', '--max-time', '20');
    my @auth = ('-H', "Authorization: Bearer $TOKEN");
    my $file = $ngx->dir . '/body';

    my @t = (
        [[@auth, '-d', '["SET","c","1"]', $url],    '{"result":"OK"}'],
        [[@auth, '-d', 'INCR c', $url],             '{"result":2}'],
        [[@auth, "$url/get/c"],                     '{"result":"2"}'],
        [["$url/get/c?_token=$TOKEN"],              '{"result":"2"}'],
        [[@auth, '-d', '[["GET","c"],["INCR","c"]]', "$url/pipeline"],
         '[{"result":"2"},{"result":3}]'],
        [[@auth, '-d', '[["GET","c"],["INCR","c"]]', "$url/multi-exec"],
         '[{"result":"3"},{"result":4}]'],
        [[@auth, '--data-binary', "\nDECR c\nGET c\n", $url],
         '[{"result":3},{"result":"3"}]'],
        [[@auth, '--data-binary', "\nEVAL\nif redis.call('GET', KEYS[1]) == "
          . "ARGV[1] then\n    return redis.call('DECR', KEYS[1])\nend\n"
          . "return 0\n1 c 3\nINCR c\n", $url],
         '[{"result":2},{"result":3}]'],
        [[@auth, '-X', 'POST', '-d', 'from a body', "$url/set/body?EX=60"],
         '{"result":"OK"}'],
        [[@auth, "$url/get/body"],      '{"result":"from a body"}'],
        [["$url/get/c"],
         '{"error":"WRONGPASS invalid or missing auth token"}'],
        [[@auth, '-d', '["GET","c"]', "$url/redis"],    '{"result":"3"}'],
        [[@auth, "$url/redis/get/c"],                   '{"result":"3"}'],
    );

    for (@t) {
        my ($args, $want) = @$_;
        my ($code, $out) = capture(30, {}, @curl, @$args);

        is($out, $want, join ' ', grep { !/^Authorization/ && $_ ne '-H' }
                                       @$args);
    }

    # a body above curl's limit for Expect: 100-continue
    spew($file, 'x' x 2_000_000);
    my ($code, $out) = capture(30, {}, @curl, @auth, '--data-binary',
                               "\@$file", "$url/set/large");
    is($out, '{"result":"OK"}', 'a body of 2 MB');

    ($code, $out) = capture(30, {}, @curl, @auth, '-T', $file,
                            "$url/set/put");
    is($out, '{"result":"OK"}', 'an upload with PUT');
};


subtest 'Python' => sub {
    # the system's own, which has Debian's packages
    my ($python) = grep { -x } '/usr/bin/python3', '/usr/local/bin/python3';

    plan skip_all => 'there is no python3' unless $python;

    run_tap($python, "$clients/python_clients.py", $url, $TOKEN);
};


subtest 'npm' => sub {
    want_npm('@upstash/redis');
    run_tap('node', "$clients/upstash.mjs", $url, $TOKEN);
};


subtest 'npm, below a prefix' => sub {
    want_npm('@upstash/redis');
    run_tap('node', "$clients/upstash.mjs", "$url/redis", $TOKEN);
};


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
$ngx->stop;
done_testing;
