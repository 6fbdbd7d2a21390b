# Rate limits: bars after a rejection, requests that are put off, and rules that
# only rehearse.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use KS::Clock;
use KS::Nginx;
use KS::Proc qw(wait_for);

plan skip_all => 'there is no cc' unless KS::Clock::available();

my $clock = KS::Clock->new;
$clock->hold;

my $ngx = KS::Nginx->start(
    env        => $clock->env,
    workers    => 2,
    log_format => '$request_uri|$status|$keyspace_limit_status',
    http       => <<'CONF',
    keyspace_limit_rule login zone=main key=$arg_k rate=2r/m block=10m;
    keyspace_limit_rule paced zone=main key=$arg_k rate=5r/s algorithm=gcra
                        burst=3 delay=1;
    keyspace_limit_rule dry zone=main key=$arg_k rate=1r/366d dry_run=on;
    keyspace_limit_rule real zone=main key=$arg_k rate=3r/366d;

    keyspace_var $plan main hget plans $arg_k default=2r/366d;
    keyspace_var $denied main sismember denied $arg_k;
    keyspace_limit_rule plan zone=main key=$arg_k rate=$plan;

    keyspace_limit_log_level warn;
CONF
    locations => <<'CONF',
        location / { keyspace_rest main; }
        location = /login { keyspace_limit login; empty_gif; }
        location = /paced { keyspace_limit paced; empty_gif; }
        location = /quick { keyspace_limit paced; keyspace_limit_dry_run on;
                            empty_gif; }
        location = /dry { keyspace_limit dry real; empty_gif; }
        location = /plan {
            if ($denied) { return 403; }
            keyspace_limit plan;
            empty_gif;
        }
CONF
);
my $http = $ngx->client;

sub get { $http->request('GET', $_[0]) }
sub statuses { join ' ', map { get($_[1])->{status} } 1 .. $_[0] }

# --- block ---

is(statuses(3, '/login?k=a'), '200 200 429', 'the third attempt is too much');
is(get('/login?k=a')->{headers}{'retry-after'}, 600,
   '... and costs ten minutes');
is($http->run('PTTL', 'limit:login!:a'), 600_000, 'a key says so');

$clock->move(300);
is(get('/login?k=a')->{headers}{'retry-after'}, 300,
   'which further attempts do not prolong');
is(statuses(1, '/login?k=b'), '200', 'others are free');

$http->run('DEL', 'limit:login!:a');
is(statuses(1, '/login?k=a'), '200', 'without the key the client is, too');

$http->run('SET', 'limit:login!:c', 'x', 'EX', 60);
is(statuses(1, '/login?k=c'), '429', 'anybody can set it');

# --- delay ---

my $before = time;
is(statuses(4, '/paced?k=a'), '200 200 200 200', 'a burst passes');
cmp_ok(time - $before, '>=', 0.59, '... a part of it later');
is(statuses(1, '/paced?k=a'), '429', 'what is beyond it does not');

$before = time;
is(statuses(3, '/quick?k=b'), '200 200 200', 'nothing waits in a dry run');

# a client that goes away while it waits

my $gone = $ngx->client;
get('/paced?k=d') for 1 .. 2;
$gone->send($gone->build('GET', '/paced?k=d'));
$gone->close;


# --- dry_run ---

is(statuses(4, '/dry?k=a'), '200 200 200 429',
   'a rehearsal rejects nothing, and hides no other rule');
is($http->run('HGET', 'limit:dry:a', 'current'), 1,
   'it is charged as if it did');

# --- what is set at run time ---

is(statuses(3, '/plan?k=a'), '200 200 429', 'a plan by default');
$http->run('HSET', 'plans', 'a', '5r/366d');
is(statuses(4, '/plan?k=a'), '200 200 200 429', 'another one at once');
$http->run('SADD', 'denied', 'a');
is(statuses(1, '/plan?k=a'), '403', 'a client of a list');

my %expected = ('/login' => 7, '/paced' => 8, '/quick' => 3, '/dry' => 4,
                '/plan' => 8);
my $count = 0;
$count += $_ for values %expected;

wait_for(30, sub { (() = $ngx->access_log =~ m{^/(?:login|paced|quick|dry|plan)}mg) >= $count });
my $log = $ngx->access_log;

is(join(' ', $log =~ m{^/paced\?k=a\|\d+\|(\w+)}mg),
   'PASSED PASSED DELAYED DELAYED REJECTED', 'the log has what was delayed');
is(join(' ', $log =~ m{^/dry\?k=a\|\d+\|(\w+)}mg),
   'PASSED REJECTED_DRY_RUN REJECTED_DRY_RUN REJECTED', '... and rehearsed');
like($ngx->log, qr/limiting requests, dry run, by keyspace limit rule "dry"/,
     'a rehearsal is logged');
like($ngx->log, qr/delaying request by keyspace limit rule "paced" for \d+ ms/,
     '... and a delay');

$http->close;
$ngx->stop;

# --- what is refused ---

for (['delay=1', qr/no "delay" with the algorithm "sliding_window"/],
     ['algorithm=gcra burst=1 delay=x', qr/"delay=x" .*: delay is a number/],
     ['block=0', qr/"block=0" .*: block is a time/],
     ['block=x', qr/"block=x" .*: block is a time/],
     ['block=367d', qr/"block=367d" .*: block is a time/],
     ['dry_run=yes', qr/"dry_run=yes" .*: it is "on" or "off"/])
{
    my ($parameter, $why) = @$_;
    my ($code, $out) = KS::Nginx->check(http =>
        "keyspace_limit_rule x zone=main key=\$uri rate=1r/s $parameter;");

    ok($code != 0 && $out =~ $why, $parameter) or diag($out);
}

done_testing;
