# CONFIG SET and CONFIG GET: what redis-server says to the same, for all workers
# at once, and until the next reload.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Redis;
use KS::Referee;

my $ngx = KS::Nginx->start(size => '8m', resp => '', workers => 2,
                           zone => 'notify_keyspace_events Kx;');
my $http = $ngx->client;
my $resp = $ngx->resp;


sub setting { return $_[0]->run('CONFIG', 'GET', $_[1])->[1] }


subtest 'beside redis-server' => sub {
    plan skip_all => 'there is no redis-server' unless KS::Redis::available();

    my $redis = KS::Redis->start('--notify-keyspace-events', 'Kx');

    while (my $line = <DATA>) {
        chomp $line;

        my @argv = map { $_ eq '""' ? '' : $_ } split / /, $line;
        my ($want) = $redis->replies(\@argv);
        my ($got) = $resp->replies(\@argv);

        is(KS::Referee::show_bytes($got), KS::Referee::show_bytes($want), $line);
    }

    $redis->stop;
};


subtest 'of what is fixed' => sub {
    for my $name (qw(appendonly databases maxmemory proto-max-bulk-len save)) {
        is($resp->error('CONFIG', 'SET', $name, 'no'),
           'ERR CONFIG SET failed (possibly related to argument '
           . "'$name') - can't set immutable config", $name);
    }
};


subtest 'all workers, and until the next reload' => sub {
    my @two = $ngx->two_workers;

    is($two[0]->run('CONFIG', 'SET', 'notify-keyspace-events', 'KEA',
                    'maxmemory-policy', 'allkeys-lru',
                    'tracking-table-max-keys', 77), 'OK', 'three settings');

    for my $client (@two, $resp) {
        is(setting($client, 'notify-keyspace-events'), 'AKE', 'the first');
        is(setting($client, 'maxmemory-policy'), 'allkeys-lru', 'the second');
        is(setting($client, 'tracking-table-max-keys'), 77, 'the third');
    }

    ok($ngx->reload, 'a reload');
    $http = $ngx->client;

    is(setting($http, 'notify-keyspace-events'), 'xK',
       'the directive is in force');
    is(setting($http, 'maxmemory-policy'), 'noeviction', 'and the default');
    is(setting($http, 'tracking-table-max-keys'), 1_000_000, '... of each');
};


subtest 'not with a read-only token' => sub {
    my $reader = $ngx->client(token => $KS::Nginx::READONLY);

    like($reader->post('["CONFIG","SET","maxmemory-policy","allkeys-lru"]')
                ->{body}, qr/NOPERM/, 'it may not');
    is(setting($http, 'maxmemory-policy'), 'noeviction', '... and did not');
};

$ngx->stop;
done_testing;

__DATA__
CONFIG GET notify-keyspace-events
CONFIG SET notify-keyspace-events KEA
CONFIG GET notify-keyspace-events
CONFIG SET NOTIFY-keyspace-EVENTS mgK
CONFIG GET notify-KEYspace-events
CONFIG SET notify-keyspace-events KEAq
CONFIG GET notify-keyspace-events
CONFIG SET notify-keyspace-events ""
CONFIG GET notify-keyspace-events
CONFIG SET notify-keyspace-events
CONFIG SET a
CONFIG SET nosuch 1
CONFIG SET maxmemory-policy foo
CONFIG SET maxmemory-policy ALLKEYS-LRU
CONFIG GET maxmemory-policy
CONFIG SET maxmemory-policy volatile-ttl nosuch 1
CONFIG SET maxmemory-policy volatile-ttl databases 3
CONFIG SET databases 3 nosuch 1
CONFIG SET nosuch 1 databases 3
CONFIG SET maxmemory-policy volatile-ttl maxmemory-policy volatile-lru
CONFIG SET maxmemory-policy volatile-ttl nosuch
CONFIG SET maxmemory-policy volatile-ttl notify-keyspace-events Q
CONFIG SET maxmemory-policy foo notify-keyspace-events Q
CONFIG SET notify-keyspace-events Q maxmemory-policy foo
CONFIG GET maxmemory-policy
CONFIG SET maxmemory-policy volatile-lru notify-keyspace-events KE$
CONFIG GET maxmemory-policy
CONFIG GET notify-keyspace-events
CONFIG SET maxmemory-policy noeviction
CONFIG SET tracking-table-max-keys 12
CONFIG GET tracking-table-max-keys
CONFIG SET tracking-table-max-keys -1
CONFIG SET tracking-table-max-keys abc
CONFIG SET tracking-table-max-keys 9223372036854775808
CONFIG SET tracking-table-max-keys 9223372036854775807
CONFIG GET tracking-table-max-keys
CONFIG SET tracking-table-max-keys 1000000
CONFIG REWRITE
CONFIG REWRITE x
CONFIG GET nosuch
