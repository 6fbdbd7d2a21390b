# Keys that expire: nobody sees them after their time, and their memory comes
# back without anybody asking for them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Clock;
use KS::Info;
use KS::Nginx;
use KS::Proc qw(wait_for);

plan skip_all => 'there is no cc' unless KS::Clock::available();

my $clock = KS::Clock->new;
my $ngx = KS::Nginx->start(env => $clock->env, size => '32m', workers => 2,
                           http => 'client_max_body_size 8m;');
my $http = $ngx->client;


subtest 'a key that has expired is not there' => sub {
    my @reads = (
        ['GET', undef], ['EXISTS', 0], ['STRLEN', 0], ['TTL', -2],
        ['PTTL', -2], ['EXPIRETIME', -2], ['TYPE', 'none'], ['DEL', 0],
        ['PERSIST', 0], ['GETDEL', undef], ['TOUCH', 0],
    );

    for (@reads) {
        my ($command, $result) = @$_;

        $http->run('SET', 'k', 'v', 'PX', 1);
        sleep 0.005;
        is($http->run($command, 'k'), $result, $command);
    }

    $http->run('SET', 'k', '5', 'PX', 1);
    sleep 0.005;
    is($http->run('INCR', 'k'), 1, 'INCR starts over');
    is($http->run('TTL', 'k'), -1, '... without a TTL');

    $http->run('SET', 'k', '5', 'PX', 1);
    sleep 0.005;
    is($http->run('SETNX', 'k', 'new'), 1, 'SETNX sets');
    is($http->run('GET', 'k'), 'new', '... its own value');

    $http->run('DEL', 'k');
};


subtest 'its memory comes back' => sub {
    my $n = 3000;
    my $before = KS::Info::used($http);

    # each batch's values of another size, of less and of more than a page
    for my $size (10, 900, 5000) {
        $http->pipeline(map {
            ['SET', "e$size:$_", 'x' x $size, 'PX', 1 + int rand 300]
        } 1 .. $n / 3);
    }

    $http->run('SET', 'stays', 'here', 'EX', 1000);
    $http->close;

    my $end = wait_for(20, sub {
        my $c = $ngx->client;
        return $c->run('DBSIZE') == 1;
    }, 0.2);

    ok($end, "$n keys are gone without an access");

    # each shard keeps a few pages that are in use in part
    my $kept = 32768 * KS::Info::field($http, 'keyspace_shards');
    my $freed = wait_for(10, sub {
        KS::Info::used($http) <= $before + $kept
    }, 0.1);

    ok($freed, 'and so is what they took')
        or diag("before: $before, now: " . KS::Info::used($http));

    is($http->run('GET', 'stays'), 'here', 'another key stays');
    cmp_ok(KS::Info::field($http, 'expired_keys'), '>=', $n,
           'INFO counts them');
};


subtest 'a later change of the time counts' => sub {
    $clock->hold;
    $http->run('SET', 'sooner', 'v', 'EX', 1000);
    $http->run('PEXPIRE', 'sooner', 50);
    $http->run('SET', 'later', 'v', 'PX', 300);
    $http->run('EXPIRE', 'later', 1000);
    $http->run('SET', 'never', 'v', 'PX', 300);
    $http->run('PERSIST', 'never');
    $http->run('SET', 'renamed', 'v', 'PX', 50);
    $http->run('RENAME', 'renamed', 'other');
    $http->run('SET', 'copied', 'v', 'PX', 50);
    $http->run('COPY', 'copied', 'copy');
    $http->run('PERSIST', 'copied');
    $clock->set(10);

    my $gone = wait_for(20, sub {
        # stays, later, never, copied
        return $http->run('DBSIZE') == 4;
    }, 0.1);

    ok($gone, 'what must go has gone')
        or diag(join ' ', @{$http->run('KEYS', '*')});
    is_deeply([sort @{$http->run('KEYS', '*')}],
              [qw(copied later never stays)], 'and the others stay');
};


like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

$http->close;
$ngx->stop;
done_testing;
