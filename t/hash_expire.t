# Fields that expire: the commands of Redis 7.4 and 8, which are newer than the
# server that referees the others, against a table of what they reply; and that
# fields whose time has come are gone, their memory too, without being asked
# for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use KS::Clock;
use KS::HTTP;
use KS::Info;
use KS::Nginx;
use KS::Proc qw(wait_for);

plan skip_all => 'there is no cc' unless KS::Clock::available();

my $clock = KS::Clock->new;
my $ngx = KS::Nginx->start(env => $clock->env, size => '32m', workers => 2,
                           http => 'client_max_body_size 8m;');
my $http = $ngx->client;

my $FIELDS = 'ERR Mandatory argument FIELDS is missing or not at the right '
             . 'position';
my $NUMBER = 'ERR Number of fields must be a positive integer';
my $MATCH = 'ERR The `numfields` parameter must match the number of arguments';
my $INTEGER = 'ERR value is not an integer or out of range';
my $ONE = 'ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be '
          . 'specified';


# Lines of a command and its reply as JSON, or the text of an error; each
# subtest begins with no keys.
sub table {
    my ($title, @rows) = @_;

    subtest $title => sub {
        $http->run('FLUSHALL');

        while (my ($command, $want) = splice @rows, 0, 2) {
            my $r = $http->command(map { $_ eq '""' ? '' : $_ }
                                   split / /, $command);

            $want = $want =~ /^[A-Z]+ / ? '{"error":' . KS::HTTP::quote($want)
                  . '}' : "{\"result\":$want}";
            is($r->{body}, $want, $command);
        }
    };
}


table('HEXPIRE and its like' =>
    'HEXPIRE k 100 FIELDS 2 a b'            => '[-2,-2]',
    'EXISTS k'                              => '0',
    'HSET k a 1 b 2 c 3'                    => '3',
    'HEXPIRE k 1000 FIELDS 2 a nothing'     => '[1,-2]',
    'hexpire k 1000 fields 1 a'             => '[1]',
    'HPEXPIRE k 2000000 FIELDS 1 b'         => '[1]',
    'HEXPIREAT k 4000000000 FIELDS 1 a'     => '[1]',
    'HEXPIRETIME k FIELDS 3 a c nothing'    => '[4000000000,-1,-2]',
    'HPEXPIRETIME k FIELDS 1 a'             => '[4000000000000]',
    'HPEXPIREAT k 4000000000001 FIELDS 1 a' => '[1]',
    'HPEXPIRETIME k FIELDS 1 a'             => '[4000000000001]',
    'HEXPIRETIME k FIELDS 1 a'              => '[4000000001]',
    'HPERSIST k FIELDS 3 a c nothing'       => '[1,-1,-2]',
    'HPERSIST k FIELDS 1 a'                 => '[-1]',
    'HTTL k FIELDS 2 a a'                   => '[-1,-1]',
    'HPTTL k FIELDS 1 a'                    => '[-1]',
    'HTTL nokey FIELDS 2 a b'               => '[-2,-2]',
    'HPTTL nokey FIELDS 1 a'                => '[-2]',
    'HEXPIRETIME nokey FIELDS 1 a'          => '[-2]',
    'HPEXPIRETIME nokey FIELDS 1 a'         => '[-2]',
    'HPERSIST nokey FIELDS 2 a b'           => '[-2,-2]',
    'HGETALL k'                             => '["a","1","b","2","c","3"]',
    'TTL k'                                 => '-1',
    'OBJECT ENCODING k'                     => '"listpackex"',
);

table('conditions' =>
    'HSET k a 1 b 2'                            => '2',
    'HPEXPIREAT k 4000000000000 XX FIELDS 1 a'  => '[0]',
    'HPEXPIREAT k 4000000000000 GT FIELDS 1 a'  => '[0]',
    'HPEXPIRETIME k FIELDS 1 a'                 => '[-1]',
    'HPEXPIREAT k 4000000000000 NX FIELDS 2 a nothing' => '[1,-2]',
    'HPEXPIREAT k 4000000000000 LT FIELDS 2 a b' => '[0,1]',
    'HPEXPIREAT k 4000000000005 NX FIELDS 1 a'  => '[0]',
    'HPEXPIREAT k 4000000000000 GT FIELDS 1 a'  => '[0]',
    'HPEXPIREAT k 4000000000001 GT FIELDS 1 a'  => '[1]',
    'HPEXPIREAT k 4000000000001 LT FIELDS 1 a'  => '[0]',
    'HPEXPIREAT k 3999999999999 lt FIELDS 1 a'  => '[1]',
    'HPEXPIREAT k 4000000000007 xx FIELDS 1 a'  => '[1]',
    'HPEXPIRETIME k FIELDS 2 a b'
        => '[4000000000007,4000000000000]',
    'HEXPIREAT k 1 GT FIELDS 1 a'               => '[0]',
    'HEXPIREAT k 1 NX FIELDS 1 a'               => '[0]',
    'HEXISTS k a'                               => '1',
    'HEXPIREAT k 1 LT FIELDS 1 a'               => '[2]',
    'HEXISTS k a'                               => '0',
);

table('times that are over' =>
    'HSET k a 1 b 2 c 3 d 4'                    => '4',
    'HEXPIRE k 0 FIELDS 2 a a'                  => '[2,-2]',
    'HPEXPIRE k 0 FIELDS 1 b'                   => '[2]',
    'HLEN k'                                    => '2',
    'HEXPIREAT k 1000 FIELDS 1 c'               => '[2]',
    'HPEXPIREAT k 1000 FIELDS 1 d'              => '[2]',
    'EXISTS k'                                  => '0',
    'HSETEX k EXAT 1 FIELDS 2 a 1 b 2'          => '1',
    'EXISTS k'                                  => '0',
    'HSET k a 1 b 2'                            => '2',
    'HSETEX k PX 0 FIELDS 2 a 7 x 8'            => '1',
    'HGETALL k'                                 => '["b","2"]',
    'HGETEX k PXAT 1 FIELDS 2 b b'              => '["2",null]',
    'EXISTS k'                                  => '0',
);

table('what a change of the field does to its time' =>
    'HSET k a 1 b 2'                            => '2',
    'HPEXPIREAT k 4000000000000 FIELDS 2 a b'   => '[1,1]',
    'HSET k a 3'                                => '0',
    'HINCRBY k b 5'                             => '7',
    'HPEXPIRETIME k FIELDS 2 a b'               => '[-1,4000000000000]',
    'HINCRBYFLOAT k b 0.5'                      => '"7.5"',
    'HPEXPIRETIME k FIELDS 1 b'                 => '[4000000000000]',
    'HSETNX k b 1'                              => '0',
    'HPEXPIRETIME k FIELDS 1 b'                 => '[4000000000000]',
    'HMSET k b 1'                               => '"OK"',
    'HPEXPIRETIME k FIELDS 1 b'                 => '[-1]',
    'HPEXPIREAT k 4000000000000 FIELDS 1 b'     => '[1]',
    'HDEL k b'                                  => '1',
    'HSET k b 1'                                => '1',
    'HPEXPIRETIME k FIELDS 1 b'                 => '[-1]',
    'HPEXPIREAT k 4000000000000 FIELDS 1 b'     => '[1]',
    'RENAME k n'                                => '"OK"',
    'COPY n c'                                  => '1',
    'HPEXPIRETIME n FIELDS 2 a b'               => '[-1,4000000000000]',
    'HPEXPIRETIME c FIELDS 2 a b'               => '[-1,4000000000000]',
    'HPERSIST c FIELDS 1 b'                     => '[1]',
    'HPEXPIRETIME n FIELDS 1 b'                 => '[4000000000000]',
);

table('HGETEX' =>
    'HGETEX k FIELDS 2 a b'                     => '[null,null]',
    'HGETEX k PERSIST FIELDS 1 a'               => '[null]',
    'HGETEX k EX 10 FIELDS 1 a'                 => '[null]',
    'HSET k a 1 b 2'                            => '2',
    'HGETEX k FIELDS 3 a x b'                   => '["1",null,"2"]',
    'HPTTL k FIELDS 2 a b'                      => '[-1,-1]',
    'HGETEX k PXAT 4000000000000 FIELDS 2 a x'  => '["1",null]',
    'HGETEX k exat 4000000001 fields 1 b'       => '["2"]',
    'HPEXPIRETIME k FIELDS 3 a b x' => '[4000000000000,4000000001000,-2]',
    'HGETEX k FIELDS 1 a'                       => '["1"]',
    'HPEXPIRETIME k FIELDS 1 a'                 => '[4000000000000]',
    'HGETEX k PERSIST FIELDS 2 a b'             => '["1","2"]',
    'HPTTL k FIELDS 2 a b'                      => '[-1,-1]',
    'HGETEX k EX 0 FIELDS 1 a'                  => '["1"]',
    'HGETALL k'                                 => '["b","2"]',
);

table('HGETDEL' =>
    'HGETDEL k FIELDS 2 a b'                    => '[null,null]',
    'HSET k a 1 b 2 c 3'                        => '3',
    'HGETDEL k FIELDS 3 a x a'                  => '["1",null,null]',
    'HGETALL k'                                 => '["b","2","c","3"]',
    'hgetdel k fields 2 c b'                    => '["3","2"]',
    'EXISTS k'                                  => '0',
);

table('HSETEX' =>
    'HSETEX k FIELDS 2 a 1 b 2'                 => '1',
    'HSETEX k FIELDS 1 a 3'                     => '1',
    'HGETALL k'                                 => '["a","3","b","2"]',
    'HSETEX k PXAT 4000000000000 FIELDS 2 a 4 c 5' => '1',
    'HPEXPIRETIME k FIELDS 3 a b c' => '[4000000000000,-1,4000000000000]',
    'HSETEX k KEEPTTL FIELDS 2 a 6 b 7'         => '1',
    'HPEXPIRETIME k FIELDS 3 a b c' => '[4000000000000,-1,4000000000000]',
    'HSETEX k FIELDS 1 a 8'                     => '1',
    'HPEXPIRETIME k FIELDS 1 a'                 => '[-1]',
    'HSETEX k FNX FIELDS 2 a 9 z 9'             => '0',
    'HSETEX k FXX FIELDS 2 a 9 z 9'             => '0',
    'HMGET k a z'                               => '["8",null]',
    'HSETEX k FNX EXAT 4000000000 FIELDS 1 z 9' => '1',
    'HSETEX k exat 4000000001 fxx fields 2 a 9 z 10' => '1',
    'HGETALL k'         => '["a","9","b","7","c","5","z","10"]',
    'HEXPIRETIME k FIELDS 2 a z'                => '[4000000001,4000000001]',
    'HSETEX none FXX FIELDS 1 a 1'              => '0',
    'EXISTS none'                               => '0',
    'HSETEX none FNX FIELDS 2 a 1 a 2'          => '1',
    'HGETALL none'                              => '["a","2"]',
);

table('the wrong type, and when it is seen' =>
    'SET s v'                                   => '"OK"',
    (map { $_ => 'WRONGTYPE Operation against a key holding the wrong kind '
                 . 'of value' }
        'HEXPIRE s x FIELDS 1 a', 'HPEXPIREAT s 1 NOT FIELDS 1 a',
        'HTTL s FIELDS x a', 'HPEXPIRETIME s FIELDS 1 a',
        'HPERSIST s NOT 1 a', 'HGETEX s EX x FIELDS 1 a',
        'HGETDEL s FIELDS 0 a', 'HSETEX s FIELDS 1 a 1'),
    'HSETEX s NOT FIELDS 1 a'   => 'ERR unknown argument: NOT',
);

table('arguments' =>
    'HSET k a 1'                                => '1',
    'HEXPIRE k 10 FIELDS 1'
        => "ERR wrong number of arguments for 'hexpire' command",
    'HTTL k FIELDS 1'
        => "ERR wrong number of arguments for 'httl' command",
    'HGETDEL k FIELDS 1'
        => "ERR wrong number of arguments for 'hgetdel' command",
    'HSETEX k FIELDS 1 a'
        => "ERR wrong number of arguments for 'hsetex' command",
    'HEXPIRE k x FIELDS 1 a'                    => $INTEGER,
    'HEXPIRE k -1 FIELDS 1 a'   => 'ERR invalid expire time, must be >= 0',
    'HEXPIRE k 70368744178 FIELDS 1 a'
        => "ERR invalid expire time in 'hexpire' command",
    'HEXPIRE k 70368744177 FIELDS 1 a'
        => "ERR invalid expire time in 'hexpire' command",
    'HPEXPIRE k 70368744177663 FIELDS 1 a'
        => "ERR invalid expire time in 'hpexpire' command",
    'HEXPIREAT k 9223372036854775807 FIELDS 1 a'
        => "ERR invalid expire time in 'hexpireat' command",
    'HPEXPIREAT k 70368744177664 FIELDS 1 a'
        => "ERR invalid expire time in 'hpexpireat' command",
    'HPEXPIREAT k 70368744177663 FIELDS 1 a'    => '[1]',
    'HPEXPIRETIME k FIELDS 1 a'                 => '[70368744177663]',
    'HEXPIREAT k 70368744177 FIELDS 1 a'        => '[1]',
    'HEXPIRE k 10 NX XX FIELDS 1 a'             => $FIELDS,
    'HEXPIRE k 10 FIELD 1 a'                    => $FIELDS,
    'HEXPIRE k 10 YY FIELDS 1 a'                => $FIELDS,
    'HEXPIRE k 10 FIELDS x a'
        => 'ERR Parameter `numFields` should be greater than 0',
    'HEXPIRE k 10 FIELDS 0 a'
        => 'ERR Parameter `numFields` should be greater than 0',
    'HEXPIRE k 10 FIELDS 2 a'                   => $MATCH,
    'HEXPIRE k 10 FIELDS 1 a b'                 => $MATCH,
    'HEXPIRE k 10 NX FIELDS 1'                  => $MATCH,
    'HEXPIRE k 10 FIELDS 9223372036854775807 a' => $MATCH,
    (map {
        ("$_ k FIELD 1 a"   => $FIELDS,
         "$_ k FIELDS x a"  => $NUMBER,
         "$_ k FIELDS -1 a" => $NUMBER,
         "$_ k FIELDS 2 a"  => $MATCH,
         "$_ k FIELDS 1 a b" => $MATCH)
    } qw(HTTL HPTTL HEXPIRETIME HPEXPIRETIME HPERSIST HGETDEL HGETEX)),
    'HGETEX k EX x FIELDS 1 a'                  => $INTEGER,
    'HGETEX k PX -5 FIELDS 1 a' => 'ERR invalid expire time, must be >= 0',
    'HGETEX k EX 70368744178 FIELDS 1 a'
        => "ERR invalid expire time in 'hgetex' command",
    'HGETEX k EX 10 PERSIST FIELDS 1 a'         => $FIELDS,
    'HGETEX k EX 10 FIELDS'
        => "ERR wrong number of arguments for 'hgetex' command",
    'HGETEX k PERSIST FIELDS 1'                 => $MATCH,
    'HSETEX k FNX FXX FIELDS 1 a 1'
        => 'ERR Only one of FXX or FNX arguments can be specified',
    'HSETEX k EX 10 PX 10 FIELDS 1 a 1'         => $ONE,
    'HSETEX k KEEPTTL EX 10 FIELDS 1 a 1'       => $ONE,
    'HSETEX k KEEPTTL KEEPTTL FIELDS 1 a 1'     => $ONE,
    'HSETEX k EX x FIELDS 1 a 1'                => $INTEGER,
    'HSETEX k EXAT -1 FIELDS 1 a 1'
        => 'ERR invalid expire time, must be >= 0',
    'HSETEX k PXAT 70368744177664 FIELDS 1 a 1'
        => "ERR invalid expire time in 'hsetex' command",
    'HSETEX k FNX EX 10 PXAT'                   => $ONE,
    'HSETEX k FNX EX 10 EX 5 FIELDS 1 a 1'      => $ONE,
    'HSETEX k KEEPTTL FNX FIELDS 1'
        => "ERR wrong number of arguments for 'hsetex' command",
    'HSETEX k FNX a b EX'                       => 'ERR unknown argument: a',
    'HSETEX k FIELDS x a 1'             => 'ERR invalid number of fields',
    'HSETEX k FIELDS 0 a 1'             => 'ERR invalid number of fields',
    'HSETEX k FIELDS 2147483648 a 1'    => 'ERR invalid number of fields',
    'HSETEX k FIELDS 2 a 1'
        => "ERR wrong number of arguments for 'hsetex' command",
    'HSETEX k FIELDS 1 a 1 b'
        => "ERR wrong number of arguments for 'hsetex' command",
    'HSETEX k FIELDS 1 a 1 b 2'
        => "ERR wrong number of arguments for 'hsetex' command",
    'HGETALL k'                                 => '["a","1"]',
    'HEXPIRETIME k FIELDS 1 a'                  => '[70368744177]',
);

table('HSCAN NOVALUES' =>
    'HSET k a 1 b 2'                            => '2',
    'HSCAN k 0 NOVALUES'                        => '["0",["a","b"]]',
    'HSCAN k 0 MATCH a novalues COUNT 5'        => '["0",["a"]]',
    'HSCAN k 0 NOVALUES x'                      => 'ERR syntax error',
);


subtest 'what is left of a time' => sub {
    $http->run('FLUSHALL');
    $http->run('HSET', 'k', 'a', 1, 'b', 2);
    $http->run('HEXPIRE', 'k', 1000, 'FIELDS', 1, 'a');
    $http->run('HPEXPIRE', 'k', 2_000_000, 'FIELDS', 1, 'b');

    my $before = time;
    my $ttl = $http->run('HTTL', 'k', 'FIELDS', 2, 'a', 'b');
    my $pttl = $http->run('HPTTL', 'k', 'FIELDS', 2, 'a', 'b');
    my $at = $http->run('HPEXPIRETIME', 'k', 'FIELDS', 1, 'a');

    ok($ttl->[0] > 900 && $ttl->[0] <= 1000, 'HTTL of seconds');
    ok($ttl->[1] > 1900 && $ttl->[1] <= 2000, '... of milliseconds');
    ok($pttl->[0] > 900_000 && $pttl->[0] <= 1_000_000, 'HPTTL of seconds');
    ok($pttl->[1] > 1_900_000 && $pttl->[1] <= 2_000_000,
       '... of milliseconds');
    ok(abs($at->[0] / 1000 - $before - 1000) < 100, 'HPEXPIRETIME');
};


my %arity = (
    (map { $_ => [-6, '@fast @hash @write', 'RW update', 'denyoom fast write'] }
        qw(hexpire hpexpire hexpireat hpexpireat hsetex)),
    (map { $_ => [-5, '@fast @hash @read', 'RO access', 'fast readonly'] }
        qw(httl hpttl hexpiretime hpexpiretime)),
    hpersist => [-5, '@fast @hash @write', 'RW update', 'fast write'],
    hgetex   => [-5, '@fast @hash @write', 'RW access update', 'fast write'],
    hgetdel  => [-5, '@fast @hash @write', 'RW access delete', 'fast write'],
);

subtest 'the attributes of each command' => sub {
    for my $name (sort keys %arity) {
        my $v = $http->run('COMMAND', 'INFO', $name)->[0];
        my %spec = @{$v->[8][0]};

        is(join(' | ', $v->[1], join(' ', sort @{$v->[6]}),
                join(' ', @{$spec{flags}}), join(' ', sort @{$v->[2]}),
                @$v[3 .. 5]),
           join(' | ', @{$arity{$name}}, 1, 1, 1), $name);
    }
};


# --- by themselves ---

subtest 'fields go, and the key with the last one' => sub {
    my $n = 3000;

    $http->run('FLUSHALL');
    my $before = KS::Info::used($http);

    # of small hashes all fields, of a large one all but three, some big ones
    $http->pipeline(map { ['HSET', "s$_", 'a', $_, 'b', 'x' x 50] } 1 .. 500);
    $http->pipeline(map {
        ['HPEXPIRE', "s$_", 1 + int rand 300, 'FIELDS', 2, 'a', 'b']
    } 1 .. 500);

    $http->run('HSET', 'big', map { ("f$_", 'v' x 100) } 1 .. $n);
    $http->run('HSET', 'big', "x$_", 'y' x 100_000) for 1 .. 5;
    $http->run('HPEXPIRE', 'big', 1 + $_ * 50, 'FIELDS', $n / 5,
               map { "f$_" } ($_ - 1) * $n / 5 + 1 .. $_ * $n / 5)
        for 1 .. 5;
    $http->run('HPEXPIRE', 'big', 100, 'FIELDS', 5, map { "x$_" } 1 .. 5);
    $http->run('HSET', 'big', 'stays', 'here', 'and', 'here', 'too', 'late');
    $http->run('HEXPIRE', 'big', 1000, 'FIELDS', 1, 'too');
    $http->close;

    my $gone = wait_for(20, sub {
        my $c = $ngx->client;
        return $c->run('DBSIZE') == 1;
    }, 0.2);

    ok($gone, 'keys are gone without an access');

    # each shard keeps a few pages that are in use in part
    my $kept = 65536 * KS::Info::field($http, 'keyspace_shards');
    my $freed = wait_for(20, sub {
        KS::Info::used($http) <= $before + $kept
    }, 0.1);

    ok($freed, 'and so is what their fields took')
        or diag("before: $before, now: " . KS::Info::used($http));

    is($http->run('HLEN', 'big'), 3, 'other fields stay');
    is_deeply({ @{$http->run('HGETALL', 'big')} },
              { stays => 'here', and => 'here', too => 'late' },
              '... and are the right ones');
    like($http->run('HTTL', 'big', 'FIELDS', 1, 'too')->[0], qr/^9\d\d|1000$/,
         '... with their own time');
};


subtest 'a later change of the time counts' => sub {
    $clock->hold;
    $http->run('FLUSHALL');
    $http->run('HSET', 'k', map { ($_, 1) } qw(sooner later never set stays));
    $http->run('HEXPIRE', 'k', 1000, 'FIELDS', 1, 'sooner');
    $http->run('HPEXPIRE', 'k', 50, 'FIELDS', 1, 'sooner');
    $http->run('HPEXPIRE', 'k', 200, 'FIELDS', 3, 'later', 'never', 'set');
    $http->run('HEXPIRE', 'k', 1000, 'FIELDS', 1, 'later');
    $http->run('HPERSIST', 'k', 'FIELDS', 1, 'never');
    $http->run('HSET', 'k', 'set', 2);
    $http->run('HSETEX', 'other', 'PX', 100, 'FIELDS', 1, 'a', 1);
    $http->run('HSETEX', 'other', 'KEEPTTL', 'FIELDS', 1, 'a', 2);
    $clock->set(10);

    ok(wait_for(20, sub { $http->run('DBSIZE') == 1 }, 0.1),
       'what must go has gone');
    is_deeply([sort @{$http->run('HKEYS', 'k')}], [qw(later never set stays)],
              'and the others stay');
};


subtest 'a hash as a whole has a time as well' => sub {
    $clock->hold;
    $http->run('FLUSHALL');
    $http->run('HSET', $_, 'a', 1, 'b', 2) for 'k', 'l', 'm';
    $http->run('HEXPIRE', 'k', 1000, 'FIELDS', 1, 'a');
    $http->run('PEXPIRE', 'k', 50);
    $http->run('EXPIRE', 'l', 1000);
    $http->run('HPEXPIRE', 'l', 50, 'FIELDS', 1, 'a');
    $http->run('PEXPIRE', 'm', 100);
    $http->run('HPEXPIRE', 'm', 200, 'FIELDS', 1, 'a');
    $http->run('PERSIST', 'm');
    $clock->set(10);

    ok(wait_for(20, sub {
        $http->run('DBSIZE') == 2 && $http->run('HLEN', 'l') == 1
            && $http->run('HLEN', 'm') == 1
    }, 0.1), 'both come to their end');

    my $ttl = $http->run('TTL', 'l');
    ok($ttl > 900 && $ttl <= 1000, 'and do not meddle');
    is($http->run('TTL', 'm'), -1, '... with each other');
};


like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

$http->close;
$ngx->stop;
done_testing;
