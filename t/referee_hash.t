# Hashes, with real Redis as the referee; see KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::Hash;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my %rows = %KS::Random::Hash::COMMANDS;

KS::Play::only(\%rows, \%KS::Random::Hash::MAKE,
    qw(DEL UNLINK EXISTS TYPE EXPIRE PERSIST TTL RENAME RENAMENX COPY SET GET
       APPEND INCR OBJECT FLUSHDB KEYS SCAN));

my $play = KS::Play->new;

$play->rounds(60);

done_testing;
