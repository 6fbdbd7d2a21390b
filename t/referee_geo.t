# Places, with real Redis as the referee; see KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::Geo;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my %rows = %KS::Random::Geo::COMMANDS;

KS::Play::only(\%rows, \%KS::Random::Geo::MAKE,
    DEL => 0.5, TYPE => 0.5, EXPIRE => 1, PERSIST => 1, TTL => 1,
    RENAME => 0.5, COPY => 1, SET => 1, OBJECT => 1, FLUSHDB => 0.1);

my $play = KS::Play->new;

subtest 'the keys' => sub {
    my $r = $play->{referee};

    for ([qw(GEORADIUS g1 0 0 1 km)], [qw(GEORADIUS g1 0 0 1 km STORE g2)],
         [qw(GEORADIUS g1 0 0 1 km storedist g2 COUNT 1 STORE g3)],
         [qw(GEORADIUS g1 0 0 1 km STORE STORE)],
         [qw(GEORADIUS g1 0 0 1 km STORE)],
         [qw(GEORADIUSBYMEMBER g1 m 1 km STORE g2)],
         [qw(GEORADIUSBYMEMBER g1 m 1 km ASC STOREDIST g2)],
         [qw(GEORADIUS_RO g1 0 0 1 km STORE g2)],
         [qw(GEOSEARCHSTORE g1 g2 FROMMEMBER m BYRADIUS 1 km)])
    {
        my @argv = ('COMMAND', 'GETKEYS', @$_);

        # of two that are named 8.0 takes the first one, too
        next if "@$_" =~ /storedist.*STORE/ && $r->{newer};

        is($r->single(\@argv), ($r->{redis}->replies(\@argv))[0], "@$_");
    }
};

$play->rounds(50);

done_testing;
