# Sorted sets, with real Redis as the referee; see KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::Zset;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my $play = KS::Play->new(command => \&KS::Random::Zset::command);

my @rare = map { [map { s/^"(.*)"$/$1/r }
                  split / (?=(?:[^"]*"[^"]*")*[^"]*$)/] }
           map { chomp; $_ } <DATA>;

for my $door (@{$play->{doors}}) {
    subtest "$door: what is rarely asked for" => sub {
        my $r = $play->{referee};

        $r->enter($door);
        $r->reset;

        for my $argv (@rare) {
            my $d = $r->compare($argv);

            ok(!$d, KS::Referee::show($argv))
                or diag(KS::Referee::show_bytes($d->{want}), "\n",
                        KS::Referee::show_bytes($d->{got}));
        }
    };
}

$play->rounds(50);

done_testing;

__DATA__
ZADD z nan m
ZADD z 0x10 m
ZADD z "" m
ZADD z " 1" m
ZADD z 1e400 m
ZADD z 1e-400 m
ZADD z infinity m
ZADD z -0 zero
ZSCORE z zero
ZRANGE z 0 -1 WITHSCORES
ZADD z INCR -0 new
ZADD z 1 a 2 b 3 c
ZADD z CH 1 a 3 b 4 d
ZADD z XX CH 7 d 8 e
ZADD z NX CH 7 d 8 e
ZADD z GT CH 6 d 9 e 1 f
ZADD z LT CH 6 d 9 e 1 g
ZADD z XX GT INCR -1 d
ZADD z NX INCR 1 d
ZADD z NX GT 1 d
ZADD z LT GT 1 d
ZADD z NX XX 1 d
ZADD z INCR 1 d 2 e
ZADD z NX
ZADD z NX XX
ZADD z 1 a 2
ZADD z inf top
ZINCRBY z -inf top
ZINCRBY z nx m
ZINCRBY z xx m
ZINCRBY z x m
ZCOUNT z "" (
ZCOUNT z " -5" 5
ZCOUNT z "5 " 6
ZCOUNT z nan 1
ZCOUNT z 1e400 1e500
ZCOUNT z 0x1 0x20
ZCOUNT z (-inf (+inf
ZRANGE z 0 1 LIMIT 0 1
ZRANGE z 0 1 LIMIT 0 -1
ZRANGE z 0 1 LIMIT 0
ZRANGE z 0 1 REV REV
ZRANGE z - + BYLEX WITHSCORES
ZRANGE z 1 5 BYSCORE BYLEX
ZRANGE z a a BYSCORE WITHSCORES
ZRANGE z 5 1 BYSCORE REV LIMIT -1 5
ZRANGE z 5 1 BYSCORE REV LIMIT 1 -5 WITHSCORES
ZREVRANGE z 0 1 REV
ZRANGEBYSCORE z 0 1 BYSCORE
ZRANGESTORE z2 z 0 0 WITHSCORES
ZRANGESTORE z2 z 0 2
ZRANGESTORE z z 1 3
ZRANGE z 0 -1 WITHSCORES
ZRANGESTORE z2 nokey 0 2
EXISTS z2
SET s v
ZPOPMIN s 0
ZPOPMIN z 0
ZPOPMIN z -1
ZPOPMIN z x
ZPOPMIN z 1 2
ZPOPMAX nokey
ZPOPMAX nokey 5
ZMPOP 9223372036854775807 z MIN
ZMPOP 0 z MIN
ZMPOP x z MIN
ZMPOP 1 nokey MIN
ZMPOP 1 z MIN COUNT
ZMPOP 1 z MIN COUNT 0
ZMPOP 1 z MIN COUNT 1 COUNT 1
ZMPOP 2 nokey s MIN
ZMPOP 2 nokey z MAX COUNT 2
ZRANDMEMBER z -9223372036854775808
ZRANDMEMBER z 9223372036854775807 WITHSCORES
ZRANDMEMBER z 1 2 3
ZRANDMEMBER z x WITHSCORES
ZRANDMEMBER nokey
ZRANDMEMBER nokey 3
ZADD z 1 a 2 b 3 c
SADD set a b x
ZUNION 2 z set WITHSCORES
ZUNION 2 z set WEIGHTS -1 0 WITHSCORES
ZINTER 2 z set AGGREGATE MAX WITHSCORES
ZINTER 2 z z WEIGHTS 2 3 WITHSCORES
ZDIFF 2 z set WITHSCORES
ZDIFF 2 set z WITHSCORES
ZDIFF 2 z z
ZDIFF 1 z WEIGHTS 1
ZADD i1 inf a -inf b 0 c
ZADD i2 -inf a inf b 5 c
ZUNION 2 i1 i2 WITHSCORES
ZINTER 2 i1 i2 WEIGHTS 0 0 WITHSCORES
ZINTER 2 i1 i2 WEIGHTS 0 1 AGGREGATE MIN WITHSCORES
ZINTER 2 i1 i2 WEIGHTS 1 0 AGGREGATE MIN WITHSCORES
ZUNION 2 i1 i2 WEIGHTS 1 0 AGGREGATE MAX WITHSCORES
ZUNION 2 i1 i2 WEIGHTS 1
ZUNION 2 i1 i2 WEIGHTS 1 x
ZUNION 2 i1 i2 AGGREGATE
ZUNION 2 i1 i2 AGGREGATE avg
ZUNION 0 z
ZUNION 2 z
ZUNION 1 z LIMIT 1
ZUNION 1 s badarg
ZUNIONSTORE d x z
ZUNIONSTORE d 0 z
ZUNIONSTORE d 1 z WITHSCORES
ZUNIONSTORE z 3 z z set
ZRANGE z 0 -1 WITHSCORES
ZINTERSTORE d 2 z nokey
ZDIFFSTORE set 2 set z
TYPE set
ZRANGE set 0 -1 WITHSCORES
ZINTERCARD 2 z set
ZINTERCARD 1 z LIMIT 2
ZINTERCARD 1 z LIMIT 0
ZINTERCARD 1 z LIMIT -1
ZINTERCARD 1 z LIMIT x
ZINTERCARD 0 z
ZSCAN z x
ZSCAN nokey 0 COUNT 0
ZSCAN z 0 COUNT 0
ZSCAN z 0 TYPE zset
ZSCAN z 0 MATCH
ZADD e 0 ""
ZSCAN e 0 MATCH *
ZSCAN e 0 MATCH **
ZRANK z a WITHSCORE
ZRANK z a WITHSCORES
ZRANK z nosuch WITHSCORE
ZRANK nokey a WITHSCORE
ZREVRANK z a WITHSCORE
ZREVRANK z a WITHSCORE x
ZREMRANGEBYRANK z a b
ZREMRANGEBYSCORE z a b
ZREMRANGEBYLEX z a b
ZLEXCOUNT z - +
ZLEXCOUNT z + -
ZLEXCOUNT z - -
ZLEXCOUNT z [a (a
COMMAND GETKEYS ZUNIONSTORE d 2 a b
COMMAND GETKEYS ZMPOP 2 a b
COMMAND GETKEYS ZUNION 3 a b
COMMAND GETKEYS ZRANGESTORE d s 0 1
