# What MEMORY DOCTOR says beside whether the zone is whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;

my $ngx = KS::Nginx->start(size => '2m', resp => '');
my $r = $ngx->resp;

sub doctor { $r->run('MEMORY', 'DOCTOR') }

is(doctor(), 'ok: no faults in the zone', 'nothing to say');

$r->run('SET', 'k', 'v');
$r->run('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
like(doctor(), qr/^ok: .*\n\* Only keys with a time to live are evicted, and none has one\.\z/,
     'a policy without keys for it');

$r->run('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
my $n = 0;
$n++ while ($r->replies(['SET', "key:$n", 'x' x 4000]))[0] =~ /^\+/ && $n < 1000;
like(doctor(), qr/^ok: .*\n\* 9\d % of the zone are in use, and nothing is evicted: /,
     'a zone that is full');

$r->run('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
$r->run('SET', "more:$_", 'x' x 4000) for 1 .. 1000;
like(doctor(), qr/^ok: .*\n\* The zone is full, and more keys were evicted \(\d+\) than/,
     'and one that is too small');

is_deeply($r->run('CONFIG', 'GET', 'cluster-enabled'), ['cluster-enabled', 'no'],
          'a constant');
like($r->error('CONFIG', 'SET', 'cluster-enabled', 'yes'), qr/can't set|immutable|Unsupported/i,
     'that cannot be set');

$ngx->stop;
done_testing;
