# Sets, with real Redis as the referee; see KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::Set;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my %rows = %KS::Random::Set::COMMANDS;

KS::Play::only(\%rows, \%KS::Random::Set::MAKE,
    DEL => 0.5, UNLINK => 0.5, EXISTS => 1, TYPE => 1, EXPIRE => 2,
    PERSIST => 1, TTL => 1, RENAME => 2, RENAMENX => 1, COPY => 2, SET => 1.5,
    GET => 1, APPEND => 0.5, OBJECT => 4, FLUSHDB => 0.1, KEYS => 0.5);

my $play = KS::Play->new(singles => 200);

$play->rare(<DATA>);
$play->rounds(40);

done_testing;

__DATA__
SADD s "" a b
SSCAN s 0 MATCH *
SSCAN s 0 MATCH **
SSCAN s 0 MATCH a COUNT 100
SSCAN s 0 COUNT
SSCAN s 0 COUNT 0
SSCAN s 0 TYPE set
