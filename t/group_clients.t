# Consumer groups, and what people have built on streams: @upstash/redis, ioredis,
# node-redis and redis-py; socket.io with its adapter of streams,
# @upstash/realtime, resumable-stream.  bullmq is in t/script_clients.t.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap want_npm want_python);
use KS::Nginx;
use KS::Proc qw(root);

my $TOKEN = $KS::Nginx::TOKEN;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(
    size        => '64m',
    workers     => 4,
    resp        => '',
    resp_listen => 'reuseport',
    http        => 'keyspace_rest_heartbeat 50ms;',
);

my ($web, $resp) = ($ngx->port, $ngx->resp_port);


for (
    ['@socket.io/redis-streams-adapter', 'socketio_streams.mjs', $resp],
    ['@upstash/realtime', 'realtime.mjs', "http://127.0.0.1:$web"],
    ['resumable-stream', 'resumable.mjs', $resp],
    ['ioredis', 'group_commands.mjs', $web, $resp],
) {
    my ($name, $program, @where) = @$_;

    subtest $name => sub {
        want_npm($name);
        run_tap('node', "$clients/$program", @where, $TOKEN);
    };
}


subtest 'redis-py' => sub {
    run_tap(want_python('redis'), "$clients/group_commands.py", $resp, $TOKEN);
};


is(scalar(my @workers = $ngx->workers), 4, 'the workers live');
like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;
done_testing;
