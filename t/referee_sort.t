# SORT, with real Redis as the referee; see KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::Sort;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my %rows = %KS::Random::Sort::COMMANDS;

KS::Play::only(\%rows, \%KS::Random::Sort::MAKE,
    DEL => 3, EXPIRE => 1, PERSIST => 1, RENAME => 1, COPY => 2, TYPE => 1);

my $play = KS::Play->new(singles => 300);

# COMMAND shows no keys of which nobody knows where they are
subtest 'the keys' => sub {
    my $r = $play->{referee};

    for (['SORT', 'k1'], ['SORT', 'k1', 'STORE', 'k2', 'STORE', 'k3'],
         ['SORT', 'k1', 'BY', 'store', 'STORE', 'k2', 'DESC'],
         ['SORT', 'k1', 'GET', 'STORE', 'LIMIT', 0, 'STORE', 'STORE'],
         ['SORT', 'k1', 'store', 'limit'], ['SORT_RO', 'k1', 'STORE', 'k2'])
    {
        my @argv = ('COMMAND', 'GETKEYS', @$_);

        is($r->single(\@argv), ($r->{redis}->replies(\@argv))[0], "@$_");
    }
};

$play->rounds(60);

done_testing;
