# Consumer groups beyond what t/referee_group.t and t/referee_block.t compare:
# the end of a key for which a consumer waits, over RESP and REST, and scripts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP;

my $ngx = KS::Nginx->start(size => '32m', workers => 4, resp => '',
                           resp_listen => 'reuseport',
                           zone => 'eviction volatile-ttl;');
my $r = $ngx->resp;
my $NOGROUP = "NOGROUP No such key 's' or consumer group 'g' in XREADGROUP "
              . 'with GROUP option';

sub words { return split ' ', $_[0] }
sub waiting { return ($r->run('INFO', 'clients') =~ /blocked_clients:(\d+)/)[0] }

# so many consumers, with the group anew
sub consumers {
    my ($n) = @_;

    $r->run('DEL', 's');
    $r->run(words('XGROUP CREATE s g $ MKSTREAM'));

    my @all = map { $ngx->resp } 1 .. $n;

    for my $i (0 .. $#all) {
        $all[$i]->send(KS::RESP::encode(words("XREADGROUP GROUP g c$i BLOCK 0 "
                                              . 'STREAMS s >')));
        wait_for(20, sub { waiting() == $i + 1 });
    }

    is(waiting(), $n, "$n wait");
    return @all;
}


for (
    ['DEL s', $NOGROUP], ['UNLINK s', $NOGROUP], ['RENAME s t', $NOGROUP],
    ['XGROUP DESTROY s g', $NOGROUP], ['FLUSHALL', $NOGROUP],
    ['PEXPIRE s 1', $NOGROUP], ['PEXPIREAT s 1', $NOGROUP],
    ['SET s x', 'WRONGTYPE Operation against a key holding the wrong kind of '
                . 'value'],
) {
    my ($command, $want) = @$_;
    my @all = consumers(9);

    subtest $command => sub {
        $r->run(words($command));
        is($_->reply, "-$want\r\n", 'an error') for @all;
        is(waiting(), 0, 'nobody waits');
    };
}


subtest 'a key that is evicted' => sub {
    my @all = consumers(3);

    $r->run(words('EXPIRE s 10'));

    # until there is nothing else to be evicted
    $r->replies(map { ['SET', "big$_", 'x' x 1_000_000] } 1 .. 40);

    is($_->reply, "-$NOGROUP\r\n", 'an error') for @all;
    $r->run('FLUSHALL');
};


subtest 'each is given one' => sub {
    my @all = consumers(9);

    $r->run('XADD', 's', '*', 'n', $_) for 0 .. 8;
    is(join(' ', map { $_->reply =~ /n\r\n\$1\r\n(\d)/ } @all),
       '0 1 2 3 4 5 6 7 8', 'in the order in which they came');
    is($r->run(words('XPENDING s g'))->[0], 9, 'all are pending');
};


subtest 'by REST' => sub {
    my @consumers = consumers(1);
    my $h = $ngx->client;

    is_deeply($h->run(words('XREADGROUP GROUP g web BLOCK 10 STREAMS s >')),
              undef, 'in vain');

    $h->send($h->build('POST', '/', body => KS::HTTP::array(
        words('XREADGROUP GROUP g web BLOCK 0 STREAMS s >'))));
    ok(wait_for(20, sub { waiting() == 2 }), 'it waits');
    $r->run(words('XADD s 5-1 a b'));
    like($consumers[0]->reply, qr/5-1/, 'the first is given an entry');
    $r->run(words('XADD s 5-2 a b'));
    is($h->response('POST')->{body}, '{"result":[["s",[["5-2",["a","b"]]]]]}',
       'and then it');

    $h->send($h->build('POST', '/', body => KS::HTTP::array(
        words('XREADGROUP GROUP g web BLOCK 0 STREAMS s >'))));
    ok(wait_for(20, sub { waiting() == 1 }), 'it waits again');
    $r->run('DEL', 's');
    is($h->response('POST')->{body}, qq({"error":"$NOGROUP"}), 'the key is gone');
};


subtest 'in scripts and transactions' => sub {
    $r->run('DEL', 's');
    is_deeply($r->run('EVAL', <<'LUA', 1, 's'),
redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '$', 'MKSTREAM')
local none = redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', KEYS[1], '>')
redis.call('XADD', KEYS[1], '5-*', 'a', 'b')
local got = redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', KEYS[1], '>')
local p = redis.call('XPENDING', KEYS[1], 'g')
local wait = redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', 0, 'STREAMS',
                        KEYS[1], '>')
return { tostring(none), got[1][2][1][1], p[1], p[4][1][1],
         redis.call('XACK', KEYS[1], 'g', '5-0'), tostring(wait) }
LUA
              ['false', '5-0', 1, 'c', 1, 'false'], 'replies');

    $r->run('MULTI');
    $r->run(words('XREADGROUP GROUP g c BLOCK 0 STREAMS s >'));
    is_deeply($r->run('EXEC'), [undef], 'nothing waits amid a transaction');
};


is(scalar(my @workers = $ngx->workers), 4, 'the workers live');
like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;
done_testing;
