# A primary that becomes a replica, as sentinels make it one, before and amid what
# its clients have sent together: what it has refused was not run, and is run by the
# new one, in its order and once, with the reads behind it; what it has run is not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;

use KS::FakeSentinel;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Proxy;
use KS::RESP;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

my ($a, $b) = map { KS::Redis->start('--repl-diskless-sync-delay', 0) } 1 .. 2;
my $proxy = KS::Proxy->start(to => $a->port);
my $epoch = 1;
my $s = KS::FakeSentinel->start(port => $proxy->port, epoch => $epoch);


sub said { my ($r, @commands) = @_; return join ' ', map { s/\r\n/ /gr =~ s/ $//r } $r->replies(@commands) }


# $a is the primary, by the proxy, and $b its replica.
sub begin {
    $a->run('REPLICAOF', 'NO', 'ONE');
    $b->run('REPLICAOF', '127.0.0.1', $a->port);
    $s->says(port => $proxy->port, epoch => ++$epoch);
    $a->run('FLUSHALL');
    ok(same(), '... a primary and its replica');
}


sub same {
    return wait_for(30, sub {
        my $n = join ' ', map { $_->run('INFO', 'replication') =~ /^(?:master|slave)_repl_offset:(\d+)/m ? $1 : '' } $a, $b;
        return $b->run('INFO', 'replication') =~ /link_status:up/ && $n =~ /^(\d+) \1$/;
    });
}


# It is the other way round.  The sentinels say so when the edge has ended its
# connection to the one that refuses writes, or do not.
sub switch_over {
    my (%with) = @_;

    same();
    $s->says(later => 1) unless $with{unknown};
    $b->run('REPLICAOF', 'NO', 'ONE');
    $a->run('REPLICAOF', '127.0.0.1', $b->port);
    return if $with{unknown};

    my $pid = fork() // die "fork: $!";

    if (!$pid) {
        my $r = KS::RESP->new(port => $a->port);
        wait_for(60, sub { $r->run('CLIENT', 'LIST') !~ /name=keyspace-forward/ });
        $s->says(port => $b->port, epoch => $epoch + 1, later => 0);
        POSIX::_exit(0);
    }

    return $pid;
}


# Once that is over.
sub over {
    my ($pid) = @_;

    waitpid $pid, 0;
    $s->says(port => $b->port, epoch => ++$epoch, later => 0);
}


# The edge has found the primary: a write amid that may be of unknown fate.
sub zero {
    my ($r, $what) = @_;

    ok(wait_for(60, sub { (eval { $r->run('SET', 'n', 0) } // '') eq 'OK' && $a->run('GET', 'n') eq '0' }), $what);
}


# Commands of which the primary has those before the key "stop:here" when it
# becomes a replica; ready() says that it has run them.
sub amid {
    my ($r, $ready, @commands) = @_;

    $proxy->tell('until', 'stop:here');
    $r->send(join '', map { KS::RESP::encode(@$_) } @commands);
    ok(wait_for(30, $ready), '... what comes before the switch is run');
    my $pid = switch_over();
    $proxy->tell('go');
    my $said = join ' ', map { s/\r\n/ /gr =~ s/ $//r } map { $r->reply // '' } @commands;
    over($pid);

    return $said;
}


for my $mode ('near', 'replica') {
    my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 1,
                               zone => 'upstream sentinel:store@127.0.0.1:' . $s->port
                                       . " mode=$mode local_prefix=here: timeout=60s connect_timeout=30s;");
    $ngx->allow(qr/upstream ".*" of keyspace zone|keyspace zone "main": /);

    my ($r, $pid);

    # everything is refused

    begin();
    ok(wait_for(30, sub { $r = $ngx->resp(timeout => 60); (eval { $r->run('SET', 'k', 0) } // '') eq 'OK' }), "$mode: an edge");
    is($r->run('INCR', 'n'), 1, '... writes');
    $pid = switch_over();
    is(said($r, (map { ['INCR', 'n'] } 1 .. 100)), join(' ', map { ":$_" } 2 .. 101), "$mode: a pipeline is run by the new one");
    over($pid);
    is($b->run('GET', 'n'), 101, '... once');

    begin();
    zero($r, "$mode: again");
    $pid = switch_over();
    is(said($r, ['INCR', 'n'], ['GET', 'n'], ['MULTI'], ['INCR', 'n'], ['GET', 'n'], ['EXEC'], ['PING'], ['LPUSH', 'n', 1],
            ['GETDEL', 'n'], ['EXISTS', 'n'], ['SET', 'here:n', 'x'], ['SET', 'n', 5]),
       ':1 $1 1 +OK +QUEUED +QUEUED *2 :2 $1 2 +PONG -WRONGTYPE Operation against a key holding the wrong kind of value'
       . ' $1 2 :0 +OK +OK', '... a mixed one, in its order');
    over($pid);

    begin();
    zero($r, "$mode: over REST");
    $pid = switch_over();
    is($ngx->client->post('[["INCR","n"],["GET","n"],["INCR","n"],["NONSENSE"],["INCR","n"]]', uri => '/pipeline')->{body}
       =~ s/"error":"[^"]*"/"error"/gr,
       '[{"result":1},{"result":"1"},{"result":2},{"error"},{"result":3}]', '... a pipeline');
    over($pid);
    begin();
    zero($r, "$mode: over REST");
    $pid = switch_over();
    is($ngx->client->post('[["INCR","n"],["GET","n"],["INCR","n"]]', uri => '/multi-exec')->{body},
       '[{"result":1},{"result":"1"},{"result":2}]', '... a transaction');
    over($pid);

    # amid a pipeline

    begin();
    zero($r, "$mode: a switch amid a pipeline");
    is(amid($r, sub { $a->run('GET', 'n') eq '3' }, (map { ['INCR', 'n'] } 1 .. 3), ['GET', 'n'], ['SET', 'stop:here', 1],
            ['GET', 'stop:here'], ['INCR', 'n'], ['GET', 'n']),
       ':1 :2 :3 $1 3 +OK $1 1 :4 $1 4', '... what was run is not run again');
    is(join(' ', map { $b->run('GET', $_) } 'n', 'stop:here'), '4 1', '... and all of it is there');

    begin();
    zero($r, "$mode: a switch amid a transaction");
    is(amid($r, sub { $a->run('GET', 'n') eq '1' }, ['INCR', 'n'], ['MULTI'], ['INCR', 'n'], ['SET', 'stop:here', 1],
            ['INCR', 'n'], ['EXEC'], ['INCR', 'n']),
       ':1 +OK +QUEUED +QUEUED +QUEUED *3 :2 +OK :3 :4', '... nothing of that was run');

    # what may have been run stays as it is, and what comes before it as well

    begin();
    zero($r, "$mode: a switch amid a pipeline with a script");
    like(amid($r, sub { $a->run('GET', 'n') eq '1' }, ['INCR', 'n'], ['SET', 'stop:here', 1],
              ['EVAL', 'return redis.pcall("INCR", KEYS[1]).err or "run"', 1, 'n'], ['INCR', 'n'], ['GET', 'n']),
         qr/^:1 -READONLY [^:\$]* \$\d+ READONLY [^:]* :2 \$1 2$/, '... it is not run again, nor is what comes before it');

    # the sentinels know of no other one

    begin();
    zero($r, "$mode: no other primary");
    switch_over(unknown => 1);
    like(said($r, ['INCR', 'n'], ['INCR', 'n']),
         qr/^-UPSTREAM nothing was run: it is not a primary -UPSTREAM nothing was run: it is not a primary$/, '... is said of each');

    is($b->run('GET', 'n'), 0, '... and nothing was run');
    $ngx->stop;
}

$_->stop for $proxy, $a, $b;

done_testing;
