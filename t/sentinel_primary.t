# A zone as the primary that sentinels watch, with a stock replica: they find it and
# its replica; it is never made a replica, and says so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(slurp tempdir wait_for);
use KS::RESP;
use KS::Redis;
use KS::Sentinel;

plan skip_all => 'no redis-server' unless KS::Redis::available();

{
    package Port;
    sub port { $_[0]{port} }
}

my $dir = tempdir();
chmod 0777, $dir;

my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2, zone => "replicas $dir;");
my $port = $ngx->resp_port;
my $replica = KS::Redis->start('--replicaof', "127.0.0.1 $port", '--masterauth', $KS::Nginx::TOKEN,
                               '--replica-priority', 0);
my $group = KS::Sentinel->start(primary => bless({ port => $port }, 'Port'), sentinels => 3,
                                conf => "sentinel auth-pass store $KS::Nginx::TOKEN\n");
my $s = $group->{sentinels}[0];

sub sees { my %is = $group->sees($s); return $is{$_[0]} // '' }

is(sees('flags'), 'master', 'sentinels find a primary');
is(sees('role-reported'), 'master', 'which says that it is one');
is(sees('num-other-sentinels'), 2, 'they find each other by messages through it');
ok(wait_for(60, sub { sees('num-slaves') eq 1 }), 'and its replica');

like(eval { $group->talk($s)->run('SENTINEL', 'FAILOVER', 'store') } // $@, qr/^NOGOODSLAVE/,
     'a replica of priority 0 is not made a primary');
is(sees('port'), $port, 'the zone stays the primary');
like($ngx->resp->error('REPLICAOF', '127.0.0.1', $replica->port),
     qr/^ERR REPLICAOF not allowed: of what a zone is a replica is said by "upstream" in nginx\.conf/,
     'and is made no replica');

$ngx->stop;
$_->stop for $group, $replica;

done_testing;
