# A reload loses nothing: a hundred of them under load, with no failed request
# and no lost key; and what a reload changes is changed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Load;
use KS::Nginx;

my $reloads = $ENV{KS_RELOADS} // 100;
my $TOKEN = $KS::Nginx::TOKEN;


subtest "$reloads reloads under load" => sub {
    my $ngx = KS::Nginx->start(size => '16m', workers => 2,
                               http => 'keepalive_requests 1000000;');
    my $http = $ngx->client;

    $http->pipeline(map { ['SET', "old$_", "value$_"] } 1 .. 2000);
    $http->pipeline(map { ['SET', "ttl$_", "value$_", 'EX', 5000] } 1 .. 200);
    $http->close;

    my $load = KS::Load->new($ngx, clients => 4, retry => 'unread');
    my $late = 0;

    for (1 .. $reloads) {
        $late++ unless $ngx->reload;
    }

    my $sum = $load->stop;

    is($late, 0, 'each brought new workers');
    is_deeply($sum->{faults}, [], "$sum->{done} requests, none failed");

    my @bad = $load->verify;
    is_deeply(\@bad, [], 'each was done once');

    my $got = $http->run('MGET', map { "old$_" } 1 .. 2000);
    is_deeply($got, [map { "value$_" } 1 .. 2000], 'no key is lost');
    cmp_ok($http->run('TTL', 'ttl7'), '>', 0, 'nor its TTL');
    like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

    $http->close;
    $ngx->stop;
};


subtest 'a pipeline that is under way' => sub {
    my $ngx = KS::Nginx->start(size => '8m', workers => 1,
                               http => 'client_max_body_size 8m;');
    my $http = $ngx->client;
    my $n = 12000;

    $http->run('SET', 'bits', "\x01" x 500_000);

    my @commands = (['SET', 'begun', 1], map { ['BITCOUNT', 'bits'] } 1 .. $n);
    my $body = '[' . join(',', map { KS::HTTP::array(@$_) } @commands) . ']';

    my $long = $ngx->client;
    $long->send($long->build('POST', '/pipeline', body => $body));

    ok(KS::Proc::wait_for(20, sub { $http->run('GET', 'begun') }),
       'others are served meanwhile');
    $http->close;

    ok($ngx->reload, 'a reload');

    my $res = $long->response('POST');
    is($res->{status}, 200, 'the pipeline goes on to its end');

    my $got = $res->{status} ? KS::HTTP::decode($res) : [];
    is(scalar @$got, $n + 1, '... with all replies');
    is_deeply($got->[-1], {result => 500_000}, '... the last one too');

    $long->close;
    $ngx->stop;
};


subtest 'what a reload changes' => sub {
    my $ngx = KS::Nginx->start(size => '8m', tokens => 'token first-token;');
    my $status = sub {
        return $ngx->client->post('["GET","k"]', token => $_[0])->{status};
    };

    $ngx->client(token => 'first-token')->run('SET', 'k', 'v');

    is($status->('first-token') . ' ' . $status->('second-token'), '200 401',
       'a token');
    $ngx->reload(tokens => 'token first-token; token second-token;');
    is($status->('first-token') . ' ' . $status->('second-token'), '200 200',
       'two of them, while clients change');
    $ngx->reload(tokens => 'token second-token;');
    is($status->('first-token') . ' ' . $status->('second-token'), '401 200',
       'the other one');

    my $policy = sub {
        return $ngx->client(token => 'second-token')
                   ->run('CONFIG', 'GET', 'maxmemory-policy')->[1];
    };

    is($policy->(), 'noeviction', 'a policy');
    $ngx->reload(eviction => 'allkeys-lfu');
    is($policy->(), 'allkeys-lfu', 'another one');

    # another size would take another zone: the keys stay, the reload fails
    my @workers = $ngx->workers;
    my $before = length $ngx->log;
    $ngx->{options}{size} = '12m';
    $ngx->write_config;
    kill 'HUP', $ngx->pid;
    ok(KS::Proc::wait_for(20, sub { substr($ngx->log, $before) =~ /emerg/ }),
       'another size is refused');

    like(substr($ngx->log, $before),
         qr/"main" has 8388608 bytes and cannot have 12582912 after a reload/,
         '... with both sizes');
    is_deeply([$ngx->workers], \@workers, '... and the workers stay');

    my $client = $ngx->client(token => 'second-token');
    is($client->run('GET', 'k'), 'v', '... and the keys');
    is($client->run('SET', 'k2', 'v'), 'OK', 'the zone serves');
    like($client->run('MEMORY', 'DOCTOR'), qr/^ok/, '... and is whole');
    $client->close;

    $ngx->{options}{size} = '8m';
    ok($ngx->reload, 'the old size is accepted');

    # a configuration that is refused changes nothing
    @workers = $ngx->workers;
    $before = length $ngx->log;
    $ngx->{options}{eviction} = 'nonsense';
    $ngx->write_config;
    kill 'HUP', $ngx->pid;
    ok(KS::Proc::wait_for(20, sub {
        substr($ngx->log, $before) =~ /nonsense/
    }), 'a reload with an error says so');
    is_deeply([$ngx->workers], \@workers, '... and keeps the workers');
    is($ngx->client(token => 'second-token')->run('GET', 'k2'), 'v',
       '... and the data');

    $ngx->allow('nonsense', 'after a reload');
    $ngx->stop;
};


done_testing;
