# A full zone: each policy evicts what it says, a write that fits is never
# refused whatever was stored before, and without a policy nothing is lost.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Info;
use KS::Nginx;

my $BATCH = 200;


sub start {
    my ($eviction, $size) = @_;

    return KS::Nginx->start(size => $size // '4m', eviction => $eviction,
        http => 'client_max_body_size 16m; keepalive_requests 1000000;');
}


# Commands in pipelines: the replies that are not OK, each once.
sub not_ok {
    my ($http, @commands) = @_;
    my %bad;

    while (my @batch = splice @commands, 0, $BATCH) {
        for my $r (@{$http->pipeline(@batch)}) {
            $bad{$r->{error} // $r->{result} // 'null'}++
                unless ($r->{result} // '') eq 'OK';
        }
    }

    return join '; ', map { "$bad{$_} times $_" } sort keys %bad;
}


sub whole {
    my ($http) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
}


sub existing {
    my ($http, @keys) = @_;
    my $r = $http->pipeline(map { ['EXISTS', $_] } @keys);

    return scalar grep { $_->{result} } @$r;
}


for my $policy (qw(allkeys-lru allkeys-lfu allkeys-random)) {
    subtest "$policy: sizes shift" => sub {
        my $ngx = start($policy);
        my $http = $ngx->client;
        my $id = 0;

        # two times the zone of each size, to and fro
        for my $size (100, 10_000, 1_000_000, 10_000, 100, 1_000_000, 100,
                      3_000_000, 1, 60_000)
        {
            my $n = int(8_000_000 / ($size + 100));
            $n = 30_000 if $n > 30_000;

            my $bad = '';
            while ($n > 0 && $bad eq '') {
                my $some = $size > 5000 ? 1 + int(400_000 / $size) : $BATCH;
                $some = $n if $some > $n;
                $bad = not_ok($http, map { ['SET', 'k' . $id++,
                    substr(sprintf('%08d', $id) x (1 + $size / 8), 0, $size)]
                } 1 .. $some);
                $n -= $some;
            }

            is($bad, '', "every value of $size bytes is stored");
            is($http->run('STRLEN', 'k' . ($id - 1)), $size,
               '... and the last one is there');
        }

        # all sizes at once, with growth in place and multi-key writes
        my @mixed = map {
            my $size = (1, 50, 700, 4096, 9000, 70_000)[rand 6];
            my $v = 'y' x $size;
            my $kind = int rand 3;
            $kind == 0 ? ['SET', "m$_", $v]
            : $kind == 1 ? ['MSET', "m$_", $v, "n$_", $v]
            : ['SETEX', "m$_", 1000, $v]
        } 1 .. 1500;
        is(not_ok($http, @mixed), '', 'every mixed write is done');

        my $r = $http->pipeline(map { ['APPEND', 'grows', 'z' x 1000] }
                                1 .. 1000);
        is((grep { exists $_->{error} } @$r), 0,
           'a value may grow in a full zone');
        is($r->[-1]{result}, 1_000_000, '... and is in use, so it stays')
            if $policy ne 'allkeys-random';

        cmp_ok(KS::Info::field($http, 'evicted_keys'), '>', 0,
               'keys were evicted');
        whole($http);
        $http->close;
        $ngx->stop;
    };
}


subtest 'allkeys-lru keeps what is used' => sub {
    my $ngx = start('allkeys-lru');
    my $http = $ngx->client;
    my @hot = map { "hot$_" } 1 .. 20;

    is(not_ok($http, map { ['SET', $_, 'v' x 100] } @hot), '', 'hot keys');

    for my $round (1 .. 200) {
        $http->pipeline(map({ ['GET', $_] } @hot),
                        map { ['SET', "cold$round:$_", 'v' x 100] } 1 .. 400);
    }

    cmp_ok(existing($http, @hot), '>=', 18, 'stay in a stream of others');
    cmp_ok(existing($http, map { "cold1:$_" } 1 .. 400), '<', 40,
           'which go when they are old');
    whole($http);
    $http->close;
    $ngx->stop;
};


subtest 'allkeys-lfu keeps what is used often' => sub {
    my $ngx = start('allkeys-lfu');
    my $http = $ngx->client;
    my @hot = map { "hot$_" } 1 .. 20;

    is(not_ok($http, map { ['SET', $_, 'v' x 100] } @hot), '', 'hot keys');
    $http->pipeline(map { ['GET', $hot[$_ % 20]] } 1 .. 4000) for 1 .. 3;

    cmp_ok($http->run('OBJECT', 'FREQ', 'hot1'), '>', 5, 'OBJECT FREQ');

    for my $round (1 .. 150) {
        $http->pipeline(map { ['SET', "cold$round:$_", 'v' x 100] } 1 .. 400);
    }

    cmp_ok(existing($http, @hot), '>=', 18, 'stay in a stream of others');
    whole($http);
    $http->close;
    $ngx->stop;
};


for my $policy (qw(volatile-lru volatile-lfu volatile-random volatile-ttl)) {
    subtest "$policy spares what has no TTL" => sub {
        my $ngx = start($policy);
        my $http = $ngx->client;
        my @keep = map { "keep$_" } 1 .. 500;

        is(not_ok($http, map { ['SET', $_, 'v' x 200] } @keep), '',
           'keys without a TTL');
        is(not_ok($http, map { ['SET', "t$_", 'v' x 200, 'EX',
                                1000 + $_] } 1 .. 40_000), '',
           'then many with one: each is stored');
        is(existing($http, @keep), 500, 'nothing without a TTL is gone');
        cmp_ok($http->run('DBSIZE'), '<', 40_000, 'others are');

        if ($policy eq 'volatile-ttl') {
            # the sooner they end, the sooner they go
            $http->run('FLUSHALL');
            is(not_ok($http, map { ['SET', "long$_", 'v' x 200, 'EX',
                                    1_000_000] } 1 .. 1000), '', 'long TTLs');
            is(not_ok($http, map { ['SET', "short$_", 'v' x 200, 'EX',
                                    1000 + $_ % 100] } 1 .. 40_000), '',
               'short TTLs');
            cmp_ok(existing($http, map { "long$_" } 1 .. 1000), '>=', 950,
                   'the long ones stay');
        }

        # when nothing may be evicted there is no room
        $http->run('FLUSHALL');
        my $error;
        for (1 .. 500) {
            my $r = $http->pipeline(map { ['SET', "p$_." . int rand 1e9,
                                           'v' x 200] } 1 .. 200);
            ($error) = map { $_->{error} // () } @$r;
            last if $error;
        }
        like($error // '', qr/^OOM command not allowed when used memory > /,
             'with nothing to evict: the OOM error');
        whole($http);
        $http->close;
        $ngx->stop;
    };
}


subtest 'noeviction' => sub {
    my $ngx = start(undef);
    my $http = $ngx->client;
    my $oom = "OOM command not allowed when used memory > 'maxmemory'.";
    my ($n, $error) = (0);

    while (!$error && $n < 1_000_000) {
        my $r = $http->pipeline(map { ['SET', "k" . ($n + $_),
                                       "value-" . ($n + $_) . 'x' x 100] }
                                1 .. 200);
        for (@$r) {
            $error = $_->{error};
            last if $error;
            $n++;
        }
    }

    is($error, $oom, "after $n keys: OOM");
    cmp_ok($n, '>', 15_000, 'not before the zone is full');

    my %refused = (
        'SET'      => ['SET', 'other', 'v' x 200_000],
        'APPEND'   => ['APPEND', 'k1', 'v' x 200_000],
        'SETRANGE' => ['SETRANGE', 'k1', 200_000, 'x'],
        'MSET'     => ['MSET', 'k2', 'changed', 'other', 'v' x 200_000],
        'SETBIT'   => ['SETBIT', 'k1', 2_000_000, 1],
    );

    for my $name (sort keys %refused) {
        my $r = $http->command(@{$refused{$name}});
        is($r->{status}, 400, "$name is refused");
        is(KS::HTTP::decode($r)->{error}, $oom, '... with OOM');
    }

    is($http->run('GET', 'k1'), 'value-1' . 'x' x 100, 'nothing half-written');
    is($http->run('GET', 'k2'), 'value-2' . 'x' x 100, '... by MSET either');
    is($http->run('EXISTS', 'other'), 0, '... nor made');

    my $lost = 0;
    for (my $i = 1; $i <= $n; $i += 500) {
        my @keys = map { "k$_" } grep { $_ <= $n } $i .. $i + 499;
        my $values = $http->run('MGET', @keys);
        for my $j (0 .. $#keys) {
            my ($id) = $keys[$j] =~ /(\d+)/;
            $lost++ if ($values->[$j] // '') ne "value-$id" . 'x' x 100;
        }
    }
    is($lost, 0, 'all old data stays');

    is($http->command('DEL', map { "k$_" } $_ * 200 .. $_ * 200 + 199)
           ->{body}, '{"result":200}', 'DEL needs no room') for 5 .. 14;
    is($http->run('SET', 'other', 'v' x 20_000), 'OK', '... and makes room');
    is($http->run('STRLEN', 'other'), 20_000, '... for another value');

    $http->run('FLUSHALL');
    is($http->run('SET', 'large', 'v' x 3_000_000), 'OK',
       'a value of three quarters of an emptied zone');
    whole($http);
    $http->close;
    $ngx->stop;
};


subtest 'what can never fit' => sub {
    my $ngx = start('allkeys-lru');
    my $http = $ngx->client;

    $http->run('SET', 'k', 'v');
    like($http->error('SET', 'huge', 'v' x 5_000_000), qr/^OOM /,
         'is refused with a policy too');
    is($http->run('EXISTS', 'huge'), 0, 'and not there');
    is($http->run('SET', 'k', 'v2'), 'OK', 'the zone goes on');
    whole($http);
    $http->close;
    $ngx->stop;
};


subtest 'a zone of 1 MB' => sub {
    my $ngx = start('allkeys-lru', '1m');
    my $http = $ngx->client;

    is(not_ok($http, map { ['SET', "k$_", 'v' x 100] } 1 .. 20_000), '',
       'takes 20,000 keys, one after another');
    is(not_ok($http, ['SET', 'large', 'v' x 500_000]), '',
       'and half of it as one value');
    whole($http);
    $http->close;
    $ngx->stop;
};


done_testing;
