# A zone that obeys REPLICAOF: it becomes a replica and a primary again, goes on with
# what it has, and so do the replicas of its primary; over kills of workers, reloads and
# the death of all processes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(slurp tempdir wait_for);
use KS::RESP;
use KS::Redis;
use KS::Replica qw(differs info same_place);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $dir = tempdir();
chmod 0777, $dir;
my $file = tempdir() . "/zone.ks";

my $token = $KS::Nginx::TOKEN;
my @redis = ('--requirepass', $token, '--masterauth', $token, '--repl-diskless-sync-delay', 0,
             '--repl-ping-replica-period', 3600);

sub redis {
    my $redis = KS::Redis->start(@redis, @_);

    return ($redis, KS::RESP->new(port => $redis->port, token => $token));
}

sub follows {
    my ($primary, $replica, $name) = @_;

    is_deeply([differs($primary, $replica, 60)], [], $name);
}

# REPLICAOF is refused while keys are loaded in the place of those that there are.
sub told {
    my ($r, @to) = @_;

    wait_for(30, sub { eval { $r->run('REPLICAOF', @to); 1 } or $@ !~ /^LOADING/ && die $@ });
}

sub counts { return info($_[0], $_[1], 'stats') }


my ($p, $pr) = redis();
my ($q, $qr) = redis();
my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2, level => 'notice',
    locations => 'location = /ready { keyspace_ready main; }',
    zone => "replicas $dir/replicas; replicaof none password=$token priority=7;"
            . " file $file; user app { token app-token; rights '~* +\@all -\@dangerous'; }");
my $r = $ngx->resp;
my $port = $ngx->resp_port;

$pr->run('SET', "p:$_", $_) for 1 .. 200;
$pr->run('HSET', 'h', 'f', 1);
$r->run('SET', 'mine', 'is replaced');


# --- a primary becomes a replica ---

is(info($r, 'role'), 'master', 'it begins as a primary');
is_deeply($r->run('CONFIG', 'GET', 'replica-priority'), ['replica-priority', 7], 'CONFIG GET replica-priority');

my $waits = $ngx->resp;
$waits->send(KS::RESP::encode('BLPOP', 'queue', 0));
wait_for(20, sub { info($r, 'blocked_clients', 'clients') == 1 });

is($r->run('REPLICAOF', '127.0.0.1', $p->port), 'OK', 'REPLICAOF');
is($r->run('REPLICAOF', '127.0.0.1', $p->port), 'OK Already connected to specified master',
   '... once more');
like($waits->reply // '', qr/^-UNBLOCKED force unblock from blocking/,
     '... a client that waits is let go');
like($r->error('SET', 'a', 1), qr/^READONLY/, '... and nothing is written');
follows($pr, $r, 'it has the keys of its primary');
is($r->run('EXISTS', 'mine'), 0, '... and none else');
is(info($r, 'role'), 'slave', 'INFO: the role');
is(info($r, 'master_host') . ':' . info($r, 'master_port'), '127.0.0.1:' . $p->port, '... the primary');
is(info($r, 'slave_priority'), 7, '... the priority');
is($r->run('ROLE')->[3], 'connected', 'ROLE');
$_->run('SET', 'later', 1) for $pr;
follows($pr, $r, 'it follows');


# --- what was said stays ---

$ngx->allow(qr/exited on signal 9/);
kill 'KILL', $ngx->workers;
wait_for(20, sub { eval { $r = $ngx->resp; $r->run('PING') } });
$pr->run('SET', 'after', 'kill');
follows($pr, $r, 'all workers die: it follows');

ok($ngx->reload, 'a reload');
$r = $ngx->resp;
$pr->run('SET', 'after', 'reload');
follows($pr, $r, '... it follows');

my $full = counts($r, 'sync_full');
$ngx->crash;
$ngx->launch;
$r = $ngx->resp;
$pr->run('SET', 'after', 'all');
follows($pr, $r, 'all processes die: it follows');


# --- a replica becomes a primary: whoever has as much goes on ---

is($qr->run('REPLICAOF', '127.0.0.1', $p->port), 'OK', 'a redis-server follows the same primary');
follows($pr, $qr, '... too');
follows($pr, $r, '... and the zone');
$p->stop;

is($r->run('MULTI'), 'OK', 'in a transaction, as Sentinel says it');
$r->run(@$_) for ['REPLICAOF', 'NO', 'ONE'], ['CONFIG', 'REWRITE'], ['CLIENT', 'KILL', 'TYPE', 'pubsub'];
my $said = $r->run('EXEC');
is($said->[0], 'OK', '... REPLICAOF NO ONE') or diag(explain($said));
is(info($r, 'role'), 'master', '... it is a primary');
is($r->run('SET', 'written', 'here'), 'OK', '... and is written to');
ok(wait_for(20, sub { $ngx->log =~ /follows no store any more, as REPLICAOF says/ }), '... which is in the log');

my $before = counts($r, 'sync_partial_ok');
is($qr->run('REPLICAOF', '127.0.0.1', $port), 'OK', 'the redis-server follows the zone');
follows($r, $qr, '... has what it has');
is(counts($r, 'sync_partial_ok'), $before + 1, '... and went on with what it had');
is($r->run('WAIT', 1, 20_000), 1, 'WAIT counts it');
is(info($r, 'master_repl_offset'), info($qr, 'slave_repl_offset'), 'both say the same offset')
    if wait_for(20, sub { same_place($r, $qr) });
like(info($r, 'slave0'), qr/state=online/, 'INFO has it');

$qr->run('CLIENT', 'KILL', 'TYPE', 'master');
$r->run('SET', 'behind', 'a cut');
follows($r, $qr, 'after a cut it follows');
is(counts($r, 'sync_partial_ok'), $before + 2, '... with what it had');


# --- the same in the other direction ---

my $partial = counts($qr, 'sync_partial_ok');
is($r->run('WAIT', 1, 20_000), 1, 'the redis-server has all');
is($qr->run('REPLICAOF', 'NO', 'ONE'), 'OK', '... and becomes a primary');
is($qr->run('SET', 'written', 'there'), 'OK', '... that is written to');
is($r->run('SLAVEOF', '127.0.0.1', $q->port), 'OK', 'the zone follows it');
follows($qr, $r, '... has what it has');
is(counts($qr, 'sync_partial_ok'), $partial + 1, '... and went on with what it had');

# what was written meanwhile to the one that is none any more is gone
$r->run('REPLICAOF', 'NO', 'ONE');
$r->run('SET', 'only', 'here');
$qr->run('SET', 'only', 'there');
$full = counts($qr, 'sync_full');
$r->run('REPLICAOF', '127.0.0.1', $q->port);
follows($qr, $r, 'a primary with other writes becomes a replica: it has those of its primary');
is(counts($qr, 'sync_full'), $full + 1, '... which has sent everything');


# --- REPLICAOF again and again, while the upstream is written to ---

my ($s, $sr) = redis();
my $n = 0;

for my $turn (1 .. 12) {
    $qr->replies(map { ['INCR', 'n'] } 1 .. 300);
    told($r, @{$turn % 3 == 0 ? ['NO', 'ONE'] : ['127.0.0.1', $turn % 3 == 1 ? $s->port : $q->port]});
    kill 'KILL', ($ngx->workers)[0] if $turn % 4 == 0;
    wait_for(20, sub { eval { $r = $ngx->resp; $r->run('PING') } });
}

told($r, '127.0.0.1', $q->port);
follows($qr, $r, 'after many turns it has what its primary has');
is($r->run('GET', 'n'), 3600, '... each once');


# --- what is refused ---

my $app = KS::RESP->new(port => $port);
$app->run('AUTH', 'app', 'app-token');
like($app->error('REPLICAOF', 'NO', 'ONE'), qr/^NOPERM/, 'a user without the right');
like($r->error('REPLICAOF', '127.0.0.1', 'x'), qr/^ERR value is not an integer/, 'a port that is none');
like($r->error('REPLICAOF', '127.0.0.1', 70_000), qr/^ERR Invalid master port/, '... and one that cannot be');
like($r->error('REPLICAOF', 'x' x 200, 1), qr/^ERR the name of the host is too long/, 'a host that is too long');
like($r->error('EVAL', 'return redis.call("REPLICAOF", "NO", "ONE")', 0), qr/not allowed from script/, 'a script');
is(info($r, 'master_port'), $q->port, '... and nothing has changed');


# --- whether it is ready ---

sub ready { return $ngx->client(token => undef)->request('GET', '/ready')->{status} }

ok(wait_for(30, sub { ready() == 200 }), 'a replica with a link is ready');
told($r, '127.0.0.1', 1);
ok(wait_for(30, sub { ready() == 503 }), '... and one without it is not');


# --- a line that says something else holds again ---

$r->run('REPLICAOF', 'NO', 'ONE');
ok(wait_for(30, sub { ready() == 200 }), 'a primary is ready');
$ngx->{options}{zone} =~ s/replicaof none/replicaof redis:\/\/127.0.0.1:@{[$s->port]}/;
$ngx->write_config;
ok($ngx->reload, 'a reload with an address');
$r = $ngx->resp;
$sr->run('SET', 'of', 's');
follows($sr, $r, '... which it follows');

$ngx->{options}{zone} =~ s/replicaof [^;]*;//;
$ngx->write_config;
ok($ngx->reload, 'a reload without the line');
$r = $ngx->resp;
is(info($r, 'role'), 'master', '... it stands by itself');
is($r->run('GET', 'of'), 's', '... with what it has');
like($r->error('REPLICAOF', '127.0.0.1', $q->port),
     qr/^ERR REPLICAOF not allowed: .* a zone that obeys REPLICAOF has a line "replicaof"/, '... and REPLICAOF is refused');
like($ngx->log, qr/is told to follow 127\.0\.0\.1:\d+, and does not: its block has no line "replicaof"/,
     '... which is in the log');

$ngx->stop;
$_->stop for $q, $s;


# --- configurations that are refused ---

for (['upstream redis://127.0.0.1:1 mode=replica; replicaof none;', qr/both "upstream" and "replicaof"/],
     ['replicaof host:1;', qr/"replicaof" in keyspace_zone begins with "none" or with an address/],
     ['replicaof none priority=x;', qr/it is a number up to 1000/],
     ['replicaof none user=u;', qr/"replicaof" in keyspace_zone names a user without a password/],
     ['replicaof none mode=near;', qr/mode/],
     ['replicaof none redis://127.0.0.1:1;', qr/unknown parameter "redis:\/\/127\.0\.0\.1:1" of "replicaof"/],
     ['replicaof none tls_ca=x;', qr/has parameters of TLS, but not "tls=on"/])
{
    my ($zone, $want) = @$_;
    my ($code, $out) = KS::Nginx->check(size => "4m", zone => $zone);

    ok($code != 0 && $out =~ $want, "refused: $zone") or diag($out);
}

done_testing;
