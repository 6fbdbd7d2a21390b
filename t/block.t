#!/usr/bin/perl
#
# Commands that wait, over RESP, with several workers: who is served, and what
# becomes of those who wait when their time is over, when they go, on a reload,
# and when workers are killed.  Over REST: block_rest.t.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP qw(encode value);

my $KILLS = $ENV{KS_KILLS} // 120;

my $ngx = KS::Nginx->start(size => '16m', workers => 4, resp => '',
                           stream => 'server {
                               listen 127.0.0.1:%RESP2%;
                               keyspace_resp main;
                               keyspace_resp_timeout 1s;
                           }');
my $r = $ngx->resp;

sub plain { KS::RESP::plain(value($_[0]->reply // return 'no reply')) }

sub waiting {
    my $c = $ngx->resp;
    my ($n) = $c->run('INFO', 'clients') =~ /blocked_clients:(\d+)/;
    $c->close;
    return $n;
}

# A client that waits, once it does.
sub waits {
    my ($c, @command) = @_;
    my $before = waiting();

    $c->send(encode(@command));
    wait_for(10, sub { waiting() == $before + 1 }) or die "@command: no wait";

    return $c;
}

sub run { my $c = $ngx->resp; my $v = $c->run(@_); $c->close; return $v }


# --- order, whichever worker a client is of ---

my @pop = map { $ngx->resp } 1 .. 8;

waits($_, 'BLPOP', 'q', 0) for @pop;

is(run('RPUSH', 'q', 1 .. 9), 9, 'a push says how many there were');
is_deeply(run('LRANGE', 'q', 0, -1), [9], '... and one is left');
is_deeply(plain($pop[$_]), ['q', $_ + 1], "client $_ is served in its turn")
    for 0 .. 7;
is(waiting(), 0, 'nobody waits any more');
run('DEL', 'q');


# --- what follows the command ---

my $p = $ngx->resp;
$p->send(encode('PING') . encode('BLPOP', 'q', 0) . encode('SET', 'after', 1)
         . encode('GET', 'after') . encode('PI'));
is(plain($p), 'PONG', 'a reply before the command that waits is sent');
wait_for(10, sub { waiting() == 1 });
is(run('GET', 'after'), undef, 'nothing behind it is run');
like(run('CLIENT', 'INFO'), qr/ flags=N /, 'the others have no flag');
is_deeply([$r->replies(['RPUSH', 'q', 'a'], ['LLEN', 'q'])],
          [":1\r\n", ":0\r\n"], 'nobody sees the element in between');
is_deeply(plain($p), ['q', 'a'], 'the reply');
is(plain($p), 'OK', '... and what comes behind it');
is(plain($p), '1', '... in its order');
like(value($p->reply)->{text}, qr/unknown command/, '... to the last');
$p->close;


# --- time ---

my $start = time;
is($ngx->resp->run('BLPOP', 'q', 0.2), undef, 'a time-out');
cmp_ok(time - $start, '>=', 0.2, '... is not over before its time');
is($ngx->resp->command('BLMOVE', 'q', 'q2', 'LEFT', 'LEFT', 0.01), "*-1\r\n",
   'BLMOVE replies with a null array then');
is($ngx->resp->run('WAIT', 1, 20), 0, 'WAIT waits for nothing');
is_deeply($ngx->resp->run('WAITAOF', 0, 1, 20), [0, 0], '... and WAITAOF');

my $long = waits(KS::RESP->new(port => $ngx->resp_port2,
                               token => $KS::Nginx::TOKEN), 'BLPOP', 'q', 0);
select undef, undef, undef, 1.5;
is(waiting(), 1, 'keyspace_resp_timeout does not end who waits');
run('RPUSH', 'q', 1);
is_deeply(plain($long), ['q', 1], '... and is served after it');


# --- a client that is gone takes nothing ---

waits($ngx->resp, 'BLPOP', 'q', 0)->close;
ok(wait_for(10, sub { waiting() == 0 }), 'one that closes waits no more');

my $rest = $ngx->resp;
waits($rest, 'BLPOP', 'q', 0);
$rest->send(encode('PING'));
$rest->close;
ok(wait_for(10, sub { waiting() == 0 }),
   '... nor one that had sent more before');
is(run('RPUSH', 'q', 1), 1, 'a push');
is(run('LPOP', 'q'), 1, '... is not taken by them');


# --- CLIENT UNBLOCK, of any worker ---

my $u = $ngx->resp;
my $id = $u->run('CLIENT', 'ID');

waits($u, 'BZPOPMIN', 'z', 0);
is(run('CLIENT', 'UNBLOCK', $id), 1, 'CLIENT UNBLOCK');
is(plain($u), undef, '... is as the end of the time');
is(run('CLIENT', 'UNBLOCK', $id), 0, '... of who waits');
waits($u, 'BZPOPMIN', 'z', 0);
is(run('CLIENT', 'UNBLOCK', $id, 'ERROR'), 1, '... with ERROR');
like(plain($u), qr/^UNBLOCKED client unblocked/, '... an error');
is($u->run('ECHO', 'x'), 'x', '... and the connection goes on');


# --- transactions and scripts ---

my $m = $ngx->resp;
is_deeply([map { value($_) } $m->replies(['MULTI'], ['BLPOP', 'q', 0],
                                         ['BZPOPMAX', 'q', 0], ['EXEC'])]->[3],
          [undef, undef], 'in a transaction nothing waits');
is($m->run('EVAL', 'return redis.call("BLMOVE", "q", "p", "LEFT", "LEFT", 0)',
           0), undef, '... nor in a script');

my $t = waits($ngx->resp, 'BLPOP', 'q', 0);
$m->replies(['MULTI'], ['RPUSH', 'q', 1], ['DEL', 'q'], ['RPUSH', 'q', 2, 3],
            ['LLEN', 'q'], ['EXEC']);
is_deeply(plain($t), ['q', 2], 'a transaction serves as a whole');
is($m->run('LPOP', 'q'), 3, '... and leaves the rest');

$t = waits($ngx->resp, 'BRPOP', 'q', 0);
is($m->run('EVAL', 'redis.call("RPUSH", "q", 1); return redis.call("LLEN", '
           . '"q")', 1, 'q'), 1, 'a script sees what it pushed');
is_deeply(plain($t), ['q', 1], '... and who waits gets it behind it');


# --- a reload: old workers go on to serve who waits ---

my @old = map { waits($ngx->resp, 'BLPOP', 'q', 0) } 1 .. 4;
my %before = map { $_ => 1 } $ngx->workers;
kill 'HUP', $ngx->pid;
ok(wait_for(30, sub { grep { !$before{$_} } $ngx->workers }), 'a reload');
is(waiting(), 4, 'those who wait are kept');
wait_for(10, sub { eval { run('PING') } });
run('RPUSH', 'q', 1 .. 4);
is_deeply(plain($old[$_]), ['q', $_ + 1], '... and served in their order')
    for 0 .. 3;
$_->close for @old;
ok(wait_for(30, sub { !grep { $before{$_} } $ngx->workers }),
   'then the old workers go');


# --- kills: each element is popped once or still there ---

SKIP: {
    my ($pushed, %got, @consumers) = (0);
    my $lost = 0;

    local $SIG{PIPE} = 'IGNORE';
    $ngx->allow('exited on signal 9');

    my $again = sub {
        my $c = eval { $ngx->resp } or return;
        $c->{timeout} = 0;
        $c->send(encode('BLPOP', 'jobs', 'more', 0));
        return $c;
    };

    @consumers = map { $again->() } 1 .. 12;

    # what has come so far; a consumer that was cut off may have taken one
    my $gather = sub {
        for my $c (@consumers) {
            while (defined(my $bytes = $c && $c->reply)) {
                my $v = KS::RESP::plain(value($bytes));
                $got{$v->[1]}++ if ref $v;
                $c->send(encode('BLPOP', 'jobs', 'more', 0));
            }
            if (!$c || $c->{why} !~ /^timeout/) {
                $lost++ if $c;
                $c->close if $c;
                $c = $again->();
            }
        }
    };

    for my $kill (1 .. $KILLS) {
        for (1 .. 4) {
            my $n = eval { run('RPUSH', $pushed % 2 ? 'jobs' : 'more',
                               $pushed + 1) };
            $pushed++ if defined $n;
            $got{$pushed + 1} += 0, $pushed++ if !defined $n;
        }
        my @w = $ngx->workers;
        kill 'KILL', $w[rand @w] if @w;
        $gather->();
    }

    wait_for(20, sub { my @w = $ngx->workers; @w == 4 && eval { run('PING') } });

    my @left;
    wait_for(30, sub {
        $gather->();
        @left = map { @{run('LRANGE', $_, 0, -1)} } qw(jobs more);
        return !@left;
    });

    # what was popped is on its way until nobody has anything to say
    wait_for(30, sub {
        $gather->();
        return waiting() == @consumers;
    });
    $gather->();

    my @twice = grep { $got{$_} > 1 } keys %got;

    is_deeply(\@twice, [], 'no element was popped twice');
    is_deeply(\@left, [], 'nobody sleeps while there is one');

    my $missing = grep { !$got{$_} } 1 .. $pushed;
    cmp_ok($missing, '<=', $lost + $KILLS,
           'what is missing was on its way to a client of a killed worker');
    cmp_ok(scalar(grep { $got{$_} } 1 .. $pushed), '>', $pushed / 2,
           '... and most has come');
    note("$pushed pushed, $missing on their way, $lost clients cut off");

    $_ && $_->close for @consumers;
    ok(wait_for(30, sub { waiting() == 0 }), 'and nothing is left of them');
    like(run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is in order');
}

$ngx->stop;
done_testing;
