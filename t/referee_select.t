# Databases, with real Redis as the referee: commands of several types with
# SELECT, MOVE and COPY between them; see KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::Hash;
use KS::Random::List;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

sub key { KS::Random::key() }
sub db  { KS::Random::pick(0, 0, 1, 1, 2, 2, KS::Random::pick(3, -1, 'x', '')) }

my %rows = (
    (map { $_ => $KS::Random::List::COMMANDS{$_} } qw(RPUSH LPOP LRANGE)),
    (map { $_ => $KS::Random::Hash::COMMANDS{$_} } qw(HSET HGETALL HDEL)),
    SELECT  => [8, sub { (db()) }],
    MOVE    => [12, sub { (key(), db()) }],
    COPY    => [8, sub { (key(), key(),
                          KS::Random::chance(80) ? ('DB', db()) : (),
                          KS::Random::chance(40) ? 'REPLACE' : (),
                          KS::Random::chance(3) ? 'X' : ()) }],
    PERSIST => [1, sub { (key()) }],
);

KS::Play::only(\%rows, {},
    SET => 6, GET => 6, APPEND => 2, INCRBY => 1, DEL => 1, EXISTS => 3,
    TYPE => 2, EXPIRE => 2, PEXPIREAT => 2, TTL => 2, RENAME => 1, MGET => 2,
    MSET => 2, DBSIZE => 4, KEYS => 1, SCAN => 1, FLUSHDB => 0.2,
    FLUSHALL => 0.1);

my $play = KS::Play->new(databases => 3, doors => [qw(RESP2 RESP3)]);

$play->rounds(40);

done_testing;
