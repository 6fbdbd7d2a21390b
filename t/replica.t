# A zone that holds all of a Redis and follows it: through random commands of all
# kinds, cuts and kills both are the same when they are at rest.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use KS::Crowd qw(launch);
use KS::Nginx;
use KS::Proc qw(wait_for tempdir slurp stop_pid);
use KS::Random;
use KS::Random::Mixed;
use KS::Redis;
use KS::Replica qw(proxy does differs info same_place);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $seed = $ENV{KS_SEED} // 20240501;
my $kills = $ENV{KS_KILLS} // 8;

note("KS_SEED=$seed");


# a client of the primary beside others, with run() that dies of errors
sub client {
    my ($redis) = @_;

    return KS::RESP->new(port => $redis->port);
}


sub edge_of {
    my ($port, %with) = @_;

    return KS::Nginx->start(size => '64m', resp => '', workers => 2, %with,
        zone => join "\n", $with{zone} // '',
        "upstream redis://127.0.0.1:$port mode=replica writes=refuse "
        . 'local_prefix=limit:;');
}


# n random commands of all kinds, some as transactions and scripts
sub play {
    my ($redis, $n) = @_;
    my @out;

    for (1 .. $n) {
        my ($argv) = KS::Random::Mixed::command();

        next if $argv->[0] =~ /^(?:select|swapdb|config|debug|client|reset|quit
                                   |monitor|wait|auth|hello|multi|exec|discard
                                   |watch|unwatch|b[lrz].*|xread.*)$/xi;
        push @out, KS::Random::chance(10) ? (['MULTI'], $argv, ['INCR', 'n'],
                                             ['EXEC'])
                 : KS::Random::chance(5) ? ['EVAL', 'redis.call("INCR", "n") '
                       . 'return redis.call("LPUSH", "script", ARGV[1])', 0, $_]
                 : $argv;
    }

    $redis->replies(@out);
}


# --- the link comes up, and commands follow ---

my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0,
                             '--enable-debug-command', 'local');
my $r = client($redis);
my $proxy = proxy($redis->port);

KS::Random::Mixed::seed($seed);
KS::Random::Mixed::dumps($redis);
play($redis, 3000);
$r->run('SET', 'early', 'bird', 'PX', 10_000_000);

my $ngx = edge_of($proxy->{port});
$ngx->allow(qr/exited on signal 9/);
$ngx->allow(qr/keyspace zone "main": (?:the link to its upstream has ended
              |\d+\ commands\ of)|upstream ".*" of keyspace zone/x);
my $edge = $ngx->resp;

is_deeply([differs($r, $edge)], [], 'all that was there has come');
is($edge->run('GET', 'early'), 'bird', 'a key');
is($ngx->client->run('GET', 'early'), 'bird', 'and over REST');
is(info($edge, 'role'), 'slave', 'it says that it is a replica');
is(info($edge, 'master_host'), '127.0.0.1', 'of whom');
is(info($edge, 'master_port'), $proxy->{port}, 'at which port');
is(info($edge, 'slave_read_only'), 1, 'which is only read');
like($r->run('INFO', 'replication'), qr/slave0:ip=127.0.0.1,.*state=online/,
     'the primary has it as one');

is($edge->error('SET', 'a', 1),
   "READONLY You can't write against a read only replica.", 'no writes');
is($edge->error('EVAL', 'return redis.call("SET", "a", 1)', 0)
       =~ s/ script: .*//r,
   "READONLY You can't write against a read only replica.", 'not by scripts');
is($edge->run('SET', 'limit:a', 1), 'OK', 'but of keys that are its own');
is($edge->run('EVAL', 'return redis.call("INCR", KEYS[1])', 1, 'limit:a'), 2,
   'also by scripts');
like($edge->error('EVAL', 'return redis.call("SET", "a", KEYS[1])', 1,
                  'limit:a'), qr/READONLY You can't write/,
     'which may not name others');
is($edge->run('DEL', 'limit:a'), 1, 'and they may go');

play($redis, 3000);
is_deeply([differs($r, $edge)], [], 'what follows comes, too');

is($r->run('WAIT', 1, 10_000), 1, 'the primary is told of it at once');


# --- subscribers hear what is published there ---

my $sub = $ngx->resp;

$sub->run('SUBSCRIBE', 'news');
$r->run('PUBLISH', 'news', 'of the day');
is_deeply(KS::RESP::plain(KS::RESP::value($sub->reply)),
          ['message', 'news', 'of the day'], 'a message');
$sub->close;


# --- keys that are due ---

$r->run('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
$r->run('SET', 'due', 'x', 'PX', 50);
ok(wait_for(10, sub { same_place($r, $edge) }), 'a key that is soon due');
sleep 0.1;
is($edge->run('GET', 'due'), undef, 'is hidden');
is($edge->run('TTL', 'due'), -2, 'and has no time');
is($edge->run('DBSIZE'), $r->run('DBSIZE'), 'but is there');
$r->run('DEBUG', 'SET-ACTIVE-EXPIRE', 1);


# --- cuts ---

my $partial = info($edge, 'keyspace_upstream_partial_syncs', 'stats');

for my $round (1 .. 6) {
    does($proxy, $round % 2 ? 'cut 20000' : 'late 30');
    play($redis, 300);
    does($proxy, 'cut') if $round % 3 == 0;
    play($redis, 50);
    does($proxy, 'pass');
    is_deeply([differs($r, $edge)], [], "cut and late, round $round");
}

cmp_ok(info($edge, 'keyspace_upstream_partial_syncs', 'stats'), '>',
       $partial, 'it went on where it was cut');
is(info($edge, 'keyspace_upstream_full_syncs', 'stats'), 1,
   'and all keys came once');


# --- workers are killed: counters are exact ---

{
    my $dir = tempdir();
    my $stop = "$dir/stop";
    my @pids = map { launch($dir, "w$_", sub {
        my ($name, $out) = @_;
        my $c = client($redis);
        my $n = 0;

        until (-e $stop) {
            $c->replies(map { (['INCR', "count:$name"],
                               ['RPUSH', "list:$name", ++$n],
                               ['MULTI'], ['INCR', 'both:1'],
                               ['INCR', 'both:2'], ['EXEC']) } 1 .. 20);
        }

        print $out "$n\n";
    }) } 1 .. 2;

    # readers: no number goes back on one connection, both are the same
    push @pids, map { launch($dir, "r$_", sub {
        my ($name, $out) = @_;
        my ($c, $last, $split, $back, $reads) = (undef, 0, 0, 0, 0);

        until (-e $stop && $reads > 100) {
            if (!$c) {
                $c = KS::Crowd::connection($ngx) or next;
                $last = 0;
            }

            my ($bytes) = $c->replies(['MGET', 'both:1', 'both:2']);

            if (!defined $bytes) {
                undef $c;
                next;
            }

            my $v = KS::RESP::plain(KS::RESP::value($bytes));

            next unless ref $v;
            $reads++;
            $split++ if ($v->[0] // 0) != ($v->[1] // 0);
            $back++ if ($v->[0] // 0) < $last;
            $last = $v->[0] // 0;
        }

        print $out "$reads $split $back\n";
    }) } 1 .. 2;

    for (1 .. $kills) {
        sleep 0.2 + rand 0.3;
        my @w = $ngx->workers;
        kill 'KILL', $w[rand @w];
    }

    sleep 0.5;
    open my $fh, '>', $stop;
    close $fh;
    waitpid $_, 0 for @pids;

    $edge = $ngx->resp;
    is_deeply([differs($r, $edge)], [], "$kills workers were killed");

    for my $w (qw(w1 w2)) {
        my ($n) = slurp("$dir/$w") =~ /(\d+)/;

        is($edge->run('GET', "count:$w"), $n, "$w has counted once each");
        is($edge->run('LLEN', "list:$w"), $n, 'and pushed');
    }

    for my $reader (qw(r1 r2)) {
        my ($reads, $split, $back) = split ' ', slurp("$dir/$reader");

        cmp_ok($reads, '>', 100, "$reader has read");
        is($split, 0, 'never a half of a transaction');
        is($back, 0, 'and never went back');
    }

    is(info($edge, 'keyspace_upstream_full_syncs', 'stats'), 1,
       'all keys came once');
}


# --- a reload ---

play($redis, 200);
$ngx->reload;
play($redis, 200);
$edge = $ngx->resp;
is_deeply([differs($r, $edge)], [], 'a reload');
is(info($edge, 'keyspace_upstream_full_syncs', 'stats'), 1, 'is no new sync');


# --- overtaken: all keys come anew, on disk as well, and readers see old or new ---

$edge->run('SET', 'limit:kept', 'x');

$r->run('CONFIG', 'SET', 'repl-diskless-sync', 'no');
does($proxy, 'cut');
$r->run('CONFIG', 'SET', 'repl-backlog-size', '16384');
play($redis, 2000);
$r->run('SET', "fill:$_", 'x' x 1000) for 1 .. 100;
does($proxy, 'pass');
is_deeply([differs($r, $edge)], [], 'overtaken by what came meanwhile');
is(info($edge, 'keyspace_upstream_full_syncs', 'stats'), 2, 'all keys anew');
is($edge->run('GET', 'limit:kept'), 'x', 'but its own');
unlike($ngx->log, qr/take the place of those that are there/, 'beside the old');


# --- the primary is gone ---

$r->run('SET', 'last', 'word');
ok(wait_for(10, sub { same_place($r, $edge) }), 'a last word');
$redis->stop;
ok(wait_for(10, sub { info($edge, 'master_link_status') eq 'down' }),
   'the primary is gone');
is($edge->run('GET', 'last'), 'word', 'reads go on');

$ngx->stop;
done_testing;
