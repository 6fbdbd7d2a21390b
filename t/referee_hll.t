# HyperLogLogs, with real Redis as the referee; see KS::Play.  GET shows that
# every byte of them is the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::HLL;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my %rows = %KS::Random::HLL::COMMANDS;

KS::Play::only(
    { %rows, GET => [8, sub { (KS::Random::chance(70) ? KS::Random::key()
                                   : KS::Random::HLL::stranger()) }] },
    \%KS::Random::HLL::MAKE,
    DEL => 0.5, EXISTS => 1, TYPE => 1, EXPIRE => 2, PERSIST => 1, TTL => 1,
    RENAME => 1, COPY => 2, SET => 1, STRLEN => 3, OBJECT => 2,
    FLUSHDB => 0.1);

my $play = KS::Play->new(batched => 300);

$play->rounds(25);

done_testing;
