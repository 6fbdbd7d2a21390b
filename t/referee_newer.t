# What the redis-server of this system may be too old for, with the servers of
# a Debian 13 as the referees: KS_TRIXIE names its tree.  See KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::Fields;

plan skip_all => 'KS_TRIXIE names no tree of Debian 13'
    unless KS::Redis::of_trixie('redis-server');

subtest 'fields that expire, beside Redis 8.0' => sub {
    my %rows = %KS::Random::Fields::COMMANDS;

    KS::Play::only(\%rows, \%KS::Random::Fields::MAKE,
        DEL => 1, TYPE => 1, EXPIRE => 1, PERSIST => 1, RENAME => 1, COPY => 2,
        SET => 1);

    KS::Play->new(program => 'redis-server',
                  command => \&KS::Random::Fields::command)->rounds(60);
};

subtest 'SET IFEQ, beside Valkey 8.1' => sub {
    my $play = KS::Play->new(program => 'valkey-server');

    $play->rare(<DATA>);
    $play->{ngx}->stop;
};

done_testing;

__DATA__
SET k hello
SET k a IFEQ other
SET k a ifeq hello
GET k
SET k b IFEQ a GET
SET k c IFEQ a GET
SET no v IFEQ x
SET no v IFEQ x GET
EXISTS no
SET k 5
SET k 6 IFEQ 5 EX 100
TTL k
SET k 7 IFEQ 6 KEEPTTL
TTL k
SET k 8 IFEQ
SET k 8 IFEQ 7 NX
SET k 8 XX IFEQ 7
SET k 8 IFEQ 7
GET k
RPUSH l a
SET l v IFEQ a
SET l v IFEQ a GET
