# What is said to a command that is wrong, with real Redis as the referee: kinds of
# mistakes, and lines with one of their arguments left out, doubled, or replaced.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Redis;
use KS::Referee;
use KS::RESP;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my $SEED = $ENV{KS_SEED} // time;
my $redis = KS::Redis->start;
my $ngx = KS::Nginx->start(size => '8m', resp => '', zone => 'metrics on;');
my $theirs = KS::RESP->new(port => $redis->port);
my $ours = $ngx->resp;

srand $SEED;


my @keys = map { [split / /] } (
    'FLUSHALL', 'SET s abc', 'SET n 10', 'SET f 1.5', 'SET most 9223372036854775807', 'RPUSH l a b c',
    'HSET h f 1 g x most 9223372036854775807', 'SADD S a b', 'ZADD z 1 a 2 b', 'XADD x 1-1 f v',
    'XGROUP CREATE x g 0', 'PFADD p a', 'GEOADD G 13.36 38.11 P 15.08 37.50 C');

my @values = ('', qw(abc -1 0 1 9223372036854775807 9223372036854775808 -9223372036854775809 nan inf -inf 1e400 1.5 +1
                     0x10 \(1 \( [a [ - + $ * ~ = 1- 1-1-1 18446744073709551616-0 s l h S z x none), ' 1', '1 ', "a\r\nb");
s/^\\// for @values;


# An error is the same, byte for byte; whether there is one, too.
sub same {
    my ($what, @argv) = @_;
    my ($want) = ($theirs->replies(@keys, \@argv))[-1];
    my ($got) = ($ours->replies(@keys, \@argv))[-1];

    return 1 if $want eq $got || ($want !~ /^-/ && $got !~ /^-/);

    # 7.0 does not see that milliseconds are out of range
    return 1 if "$want$got" eq "-ERR timeout is negative\r\n-ERR timeout is out of range\r\n";

    my $line = join ' ', map { "'" . KS::Referee::show_bytes($_) . "'" } @argv;
    fail("$what: $line");
    diag('Redis: ' . KS::Referee::show_bytes($want), "\n", 'here:  ' . KS::Referee::show_bytes($got));
    return 0;
}


my (@mistakes, @lines);
my $to = \@mistakes;

while (my $line = <DATA>) {
    chomp $line;
    $to = \@lines, next if $line eq '--';
    push @$to, [map { $_ eq '""' ? '' : $_ } split / /, $line];
}

is(scalar(grep { !same('a mistake', @$_) } @mistakes), 0, scalar(@mistakes) . ' mistakes');

my ($n, $wrong) = (0, 0);

for my $line (@lines) {
    last if $wrong > 10;

    for my $i (1 .. $#$line) {
        my @rest = (@$line[0 .. $i - 1], @$line[$i + 1 .. $#$line]);

        for my $new (\@rest, [@$line[0 .. $i - 1]], [@$line, $line->[$i]],
                     map { my @l = @$line; $l[$i] = $values[rand @values]; \@l } 1 .. 4) {
            $n++;
            $wrong += !same("seed $SEED", @$new);
        }
    }
}

is($wrong, 0, "$n lines with a part that is wrong");

$ngx->stop;
$redis->stop;
done_testing;

__DATA__
LOLWUT VERSION x
LOLWUT VERSION 5 x
LOLWUT VERSION 5 1 2 x
LOLWUT VERSION 6 1 x
LOLWUT VERSION 6 1 2 x
LOLWUT VERSION 7 x
LOLWUT VERSION
LOLWUT x
LOLWUT 1 x
EXEC x
BLMPOP x 0 l LEFT
BLMPOP x 1 l junk
BLMPOP x 1 l LEFT
BLMPOP -1 1 l LEFT COUNT 0
BZMPOP x 0 z MIN
BZMPOP x 1 z junk
BZMPOP x 1 z MIN
CLIENT UNBLOCK 1 ERROR x
client unblock 1 error x
CLIENT PAUSE 1 WRITE x
client Pause 1 write x
SLOWLOG GET 1 x
slowlog get x
SLOWLOG GET -2
ACL CAT read x
ACL GENPASS 1 x
acl genpass 1 x
ACL LOG 1 x
PUBSUB CHANNELS a b
pubsub channels a b
XGROUP CREATE x
xgroup create x
xinfo stream x y
XINFO STREAM x FULL COUNT
FUNCTION FLUSH ASYNC x
function flush x
FUNCTION RESTORE a b c
EVALSHA x y
EVALSHA x 0
EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db y
EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db -1
EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1
EVAL return y
SWAPDB x y
SWAPDB 0 x
SWAPDB 3000000000 0
SWAPDB 0 -9223372036854775808
SWAPDB 9 x
SWAPDB 0 9
CLUSTER
CLUSTER INFO
cluster slots
ASKING
ASKING x
READONLY
READONLY x
READWRITE
SELECT x
--
APPEND s x
BITFIELD s GET u8 0 SET i8 #1 5 OVERFLOW SAT INCRBY u4 0 3
BITOP AND d s n
BLMOVE l d LEFT RIGHT 0.01
COPY s d DB 0 REPLACE
DECRBY n 1
EXPIRE s 10 NX
EXPIREAT s 9999999999 GT
GEOADD G NX CH 1 2 m
GEODIST G P C km
GEORADIUS G 15 37 200 km WITHDIST COUNT 1 ANY ASC STORE d
GEOSEARCH G FROMMEMBER P BYRADIUS 200 km ASC COUNT 2 ANY WITHCOORD
GEOSEARCHSTORE d G FROMLONLAT 15 37 BYBOX 200 200 km ASC STOREDIST
GETEX s EX 10
GETRANGE s 0 1
HINCRBY h most 1
HINCRBYFLOAT h f 1.5
HRANDFIELD h 2 WITHVALUES
HSCAN h 0 MATCH * COUNT 10
HSET h a b
INCRBY most 1
INCRBYFLOAT f 1.5
LCS s n LEN IDX MINMATCHLEN 1 WITHMATCHLEN
LINSERT l BEFORE a x
LMPOP 1 l LEFT COUNT 1
LPOP l 1
LPOS l a RANK 1 COUNT 1 MAXLEN 10
LSET l 0 x
MSETNX a b c d
OBJECT ENCODING s
RESTORE d 0 x REPLACE ABSTTL IDLETIME 1 FREQ 1
SCAN 0 MATCH * COUNT 10 TYPE string
SET s x EX 10 NX GET
SET s x PXAT 99999999999999 XX
SETBIT s 1 1
SETRANGE s 1 x
SINTERCARD 2 S S LIMIT 1
SORT l BY x* LIMIT 0 1 GET # ASC ALPHA STORE d
SPOP S 1
SRANDMEMBER S 1
XADD x NOMKSTREAM MAXLEN ~ 10 LIMIT 5 3-* f v
XADD x MINID = 1-1 * f v
XAUTOCLAIM x g c 0 0-0 COUNT 1 JUSTID
XCLAIM x g c 0 1-1 IDLE 1 TIME 1 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1
XGROUP CREATE x g2 $ MKSTREAM ENTRIESREAD 1
XINFO STREAM x FULL COUNT 1
XPENDING x g IDLE 0 - + 10 c
XRANGE x - + COUNT 1
XSETID x 5-0 ENTRIESADDED 5 MAXDELETEDID 1-0
XTRIM x MAXLEN ~ 1 LIMIT 10
ZADD z NX CH INCR 1 a
ZCOUNT z 0 1
ZINCRBY z 1 a
ZINTER 2 z z WEIGHTS 1 2 AGGREGATE SUM WITHSCORES
ZLEXCOUNT z - +
ZMPOP 1 z MIN COUNT 1
ZRANDMEMBER z 1 WITHSCORES
ZRANGE z 0 1 BYSCORE REV LIMIT 0 1 WITHSCORES
ZRANGEBYLEX z - + LIMIT 0 1
ZRANGESTORE d z 0 1 BYSCORE REV LIMIT 0 1
ZREVRANGEBYSCORE z 1 0 WITHSCORES LIMIT 0 1
