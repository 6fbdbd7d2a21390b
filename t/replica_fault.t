# What goes wrong around a zone that follows a Redis: a wrong password, a primary
# that is gone, starts empty, a zone that is too small; and
# the servers of Debian 13 as primaries.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Random;
use KS::Random::Mixed;
use KS::Redis;
use KS::Replica qw(proxy does differs info same_place);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $FAULTS = qr/keyspace zone "main": |upstream ".*" of keyspace zone/;


sub edge_of {
    my ($port, $upstream, %with) = @_;
    my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2, %with,
        zone => "upstream redis://127.0.0.1:$port mode=replica writes=refuse $upstream;");

    $ngx->allow($FAULTS);

    return $ngx;
}


sub client { return KS::RESP->new(port => $_[0]->port, @_[1 .. $#_]) }
sub up { return (info($_[0], 'master_link_status') // '') eq 'up' }


# --- a password ---

{
    my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0);
    my $r = client($redis);

    $r->run('SET', 'a', 1);
    $r->run('CONFIG', 'SET', 'requirepass', 'secret');

    my $ngx = edge_of($redis->port, 'password=wrong');
    my $edge = $ngx->resp;

    ok(wait_for(10, sub { $ngx->log =~ /refuses the connection: WRONGPASS/ }),
       'a wrong password is told in the log');
    like($edge->error('GET', 'a'), qr/^MASTERDOWN Link with MASTER is down/,
         'a zone that never had anything is not read');
    is($edge->error('SET', 'a', 1),
       "READONLY You can't write against a read only replica.",
       'nor written');

    like($ngx->client->error('GET', 'a'), qr/^MASTERDOWN/,
         'over REST as well');

    $r->run('CONFIG', 'SET', 'requirepass', 'wrong');
    ok(wait_for(20, sub { up($edge) }), 'with the right one it comes up');
    is($edge->run('GET', 'a'), 1, 'and has all');

    $ngx->stop;
    $redis->stop;
}


# --- stale, a primary that starts empty, silence ---

{
    my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0,
                                 '--repl-ping-replica-period', 1);
    my $proxy = proxy($redis->port);
    my $r = client($redis);

    $r->run('SET', 'a', 1);

    my $ngx = edge_of($proxy->{port}, 'stale=1s');
    my $edge = $ngx->resp;

    ok(wait_for(20, sub { up($edge) }), 'it is up');
    is($edge->run('GET', 'a'), 1, 'a key');

    does($proxy, 'cut');
    ok(wait_for(10, sub { !up($edge) }), 'the link is down');
    ok(wait_for(10, sub { ($edge->command('GET', 'a')) =~ /^-MASTERDOWN/ }),
       'after a second nobody reads');
    like($edge->error('DBSIZE'), qr/^MASTERDOWN/, 'nor asks for its size');
    like($edge->run('INFO', 'replication'),
         qr/^master_link_down_since_seconds:\d/m, 'INFO says since when');

    does($proxy, 'pass');
    ok(wait_for(10, sub { up($edge) }), 'it is up again');
    is($edge->run('GET', 'a'), 1, 'and is read');

    # another primary at the same place, which knows nothing of that history

    my $other = KS::Redis->start('--repl-diskless-sync-delay', 0);

    does($proxy, 'cut');
    ok(wait_for(10, sub { !up($edge) }), 'the primary is gone');
    does($proxy, 'to ' . $other->port);
    ok(wait_for(20, sub { up($edge) && $edge->run('DBSIZE') == 0 }),
       'and starts empty: so is the zone');

    client($other)->run('SET', 'b', 2);
    ok(wait_for(10, sub { ($edge->run('GET', 'b') // '') eq '2' }),
       'it follows that one');

    $_->stop for $ngx, $redis, $other;
}


# --- a zone that is too small ---

{
    my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0);
    my $r = client($redis);

    $r->run('SET', 'a', 1);

    my $ngx = edge_of($redis->port, '', size => '4m',
                      eviction => 'allkeys-lru');
    my $edge = $ngx->resp;

    ok(wait_for(20, sub { up($edge) }), 'a small zone');
    $r->replies(map { ['SET', "k$_", 'x' x 1000] } 1 .. 8000);

    ok(wait_for(20, sub {
        $ngx->log =~ /is full, and has no room for the upstream's keys/ }),
       'has no room for more, says the log');
    is($edge->run('EXISTS', 'k1'), 1, 'and evicts nothing');

    $r->run('FLUSHALL');
    $r->run('SET', 'b', 2);
    ok(wait_for(30, sub { up($edge)
                          && ($edge->command('GET', 'b') =~ /2/) }),
       'when there is less it goes on by itself');
    is_deeply([differs($r, $edge)], [], 'and is the same');

    $ngx->stop;
    $redis->stop;
}


# --- and whose primary still has what it lacks ---

{
    my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0,
                                 '--repl-backlog-size', '100mb');
    my $r = client($redis);

    $r->run('SET', 'a', 1);

    my $ngx = edge_of($redis->port, '', size => '4m');
    my $edge = $ngx->resp;

    ok(wait_for(20, sub { up($edge) }), 'another one');
    $r->replies(map { ['SET', "k$_", 'x' x 1000] } 1 .. 8000);
    ok(wait_for(20, sub {
        $ngx->log =~ /is full, and has no room for the upstream's keys/ }),
       'is too small');

    # it comes no further, so it tries ever less often, at first after 250 ms
    my $tries = sub {
        info($edge, 'keyspace_upstream_partial_syncs', 'stats') };
    my $before = $tries->();
    my $since = time;

    ok(wait_for(60, sub { $tries->() >= $before + 5 }), 'it tries again');
    cmp_ok(time - $since, '>', 3, 'but not at once each time');
    my @lines = $ngx->log =~ /is full, and has no room|stream goes on at/g;
    is(scalar @lines, 1, 'and the log says so once');
    is($edge->run('GET', 'a'), 1, 'reads go on');

    $ngx->stop;
    $redis->stop;
}


# --- newer primaries ---

for my $name (qw(redis-server valkey-server)) {
  SKIP: {
    skip "no $name of Debian 13", 1 unless KS::Redis::of_trixie($name);

    my $redis = KS::Redis->start_of($name, '--repl-diskless-sync-delay', 0,
                                    '--enable-debug-command', 'local');
    my $r = client($redis);
    my $batch = sub {
        my @out = grep { $_->[0] !~ /^(?:select|swapdb|config|debug|client|reset
            |quit|monitor|wait|auth|hello|multi|exec|discard|watch|unwatch
            |b[lrz].*|xread.*)$/xi }
            map { (KS::Random::Mixed::command())[0] } 1 .. 2000;

        $redis->replies(@out);
    };

    KS::Random::Mixed::seed(7);
    KS::Random::Mixed::dumps($redis);
    $batch->();

    my $ngx = edge_of($redis->port, '');
    my $edge = $ngx->resp;

    is_deeply([differs($r, $edge)], [], "all keys of $name");
    $batch->();
    is_deeply([differs($r, $edge)], [], 'and what follows');

    $ngx->stop;
    $redis->stop;
  }
}

done_testing;
