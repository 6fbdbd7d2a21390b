#!/usr/bin/perl
#
# Streams: what the referee cannot compare.  Ids that the server makes, trimming
# that is near, the options of Redis 8.2, replies as JSON, waiting for entries,
# and people's clients.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap want_npm);
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture root wait_for);

my $TOKEN = $KS::Nginx::TOKEN;
my $clients = root() . '/t/clients';

my $ngx = KS::Nginx->start(size => '64m', workers => 4, resp => '',
                           http => 'client_max_body_size 16m;');
my $r = $ngx->resp;
my $h = $ngx->client;

sub waiting {
    return ($r->run('INFO', 'clients') =~ /blocked_clients:(\d+)/)[0];
}

sub json { return $h->post(KS::HTTP::array(@_))->{body} }
sub words { return split ' ', $_[0] }

# the ids of an interval
sub ids { return map { $_->[0] } @{$r->run('XRANGE', $_[0], '-', '+')} }

# what XINFO STREAM says, by name
sub info { my %in = @{$r->run('XINFO', 'STREAM', $_[0])}; return \%in }


subtest 'ids that are made' => sub {
    my $before = $r->run('TIME');
    my @ids = map { $r->run('XADD', 'auto', '*', 'n', $_) } 1 .. 50;
    my $after = $r->run('TIME');
    my ($from, $to) = map { $_->[0] * 1000 + int $_->[1] / 1000 } $before,
                                                                  $after;
    my @split = map { [split /-/] } @ids;

    is(scalar(grep { !/^\d+-\d+$/ } @ids), 0, 'they are <ms>-<seq>');
    is_deeply([ids('auto')], \@ids, '... in their order');
    cmp_ok($split[0][0], '>=', $from, '... not before the time of the server');
    cmp_ok($split[-1][0], '<=', $to, '... nor behind it');

    # an entry from ahead of the clock: time goes back
    my $far = $split[-1][0] + 1_000_000_000;

    $r->run('XADD', 'auto', "$far-7", 'n', 'far');
    is($r->run('XADD', 'auto', '*', 'n', 1), "$far-8",
       'time that has gone back');
    is($r->run('XADD', 'auto', "$far-*", 'n', 1), "$far-9", '... <ms>-*');
    like($r->error('XADD', 'auto', $far - 1 . '-*', 'n', 1),
         qr/equal or smaller/, '... and no id from before');

    $r->run('XADD', 'end', '5-18446744073709551615', 'n', 1);
    $r->run('XSETID', 'end', "$far-18446744073709551615");
    is($r->run('XADD', 'end', '*', 'n', 1), $far + 1 . '-0',
       'behind the last seq of a ms');
};


subtest 'trimming that is near' => sub {
    my $long = 'v' x 50;

    $r->replies(map { ['XADD', 'near', "$_-1", 'field', $long] } 1 .. 2000);

    my $n = $r->run('XTRIM', 'near', 'MAXLEN', '~', 500);
    my @left = ids('near');

    cmp_ok($n, '>', 0, 'some go');
    is(scalar @left, 2000 - $n, '... as many as it says');
    cmp_ok(scalar @left, '>=', 500, '... and not too many');
    is($left[0], $n + 1 . '-1', '... from the front');
    is($r->run('XLEN', 'near'), scalar @left, '... as XLEN has it');

    is($r->run('XTRIM', 'near', 'MAXLEN', '~', 1, 'LIMIT', 1), 0,
       'a limit below what goes at once');
    $n = $r->run('XTRIM', 'near', 'MINID', '~', 1900);
    cmp_ok((split /-/, (ids('near'))[0])[0], '<=', 1900, 'by id');

    $r->run('XADD', 'near', 'MAXLEN', '~', 1, 'LIMIT', 0, '3000-1', 'a', 'b');
    cmp_ok($r->run('XLEN', 'near'), '<', 500, 'with XADD, without a limit');
    is((ids('near'))[-1], '3000-1', '... which stays itself');
};


subtest 'what Redis 8.2 has' => sub {
    # as its pages say, and its errors
    $r->run('XADD', 'x', "$_-0", 'a', $_) for 1 .. 6;

    is_deeply($r->run(words('XDELEX x IDS 2 1-0 9-9')), [1, -1],
              'XDELEX: one that is there, and one that is not');
    is_deeply($r->run(words('XDELEX none IDS 2 1-0 9-9')), [-1, -1],
              '... of no stream');
    is_deeply($r->run(words('XDELEX x IDS 1 2 KEEPREF')), [1],
              '... with the option behind');
    is_deeply($r->run(words('XDELEX x ACKED IDS 1 3-0')), [1],
              '... without groups nothing refers to an entry');
    is_deeply([ids('x')], [qw(4-0 5-0 6-0)], '... and the rest stays');

    my @wrong = (
        'IDS 0 1-1'        => 'Number of IDs must be a positive integer',
        'IDS abc 1-1'      => 'Number of IDs must be a positive integer',
        'IDS -5 1-1'       => 'Number of IDs must be a positive integer',
        'IDS 3 1-1 2-2'    => 'The `numids` parameter must match the number '
                              . 'of arguments',
        'IDS 1 1-1 2-2'    => 'syntax error',
        'X IDS 1 1-1'      => 'syntax error',
        'KEEPREF DELREF IDS 1 1-1' => 'syntax error',
        'DELREF ACKED IDS 1 1-1'   => 'syntax error',
        'KEEPREF ACKED'    => undef,
        'IDS 1 x'          => 'Invalid stream ID specified as stream command '
                              . 'argument',
    );

    while (my ($args, $text) = splice @wrong, 0, 2) {
        my $error = $r->error('XDELEX', 'x', words($args));
        is($error, 'ERR ' . ($text // "wrong number of arguments for 'xdelex' "
                                      . 'command'), "XDELEX x $args");
    }

    $r->run('SET', 'text', 1);
    like($r->error(words('XDELEX text IDS 1 1-1')), qr/^WRONGTYPE/,
         'another type');
    is($r->run(words('XADD x KEEPREF MAXLEN = 2 7-0 a b')), '7-0',
       'XADD KEEPREF');
    is_deeply([ids('x')], [qw(6-0 7-0)], '... trims');
    is($r->run(words('XTRIM x MAXLEN 1 ACKED')), 1,
       'XTRIM ACKED without groups');
    is($r->run(words('XTRIM x DELREF MINID 8')), 1, 'XTRIM DELREF');
    is($r->error(words('XTRIM x MAXLEN 1 ACKED DELREF')),
       'ERR syntax error', 'no two of them');
};


subtest 'references of groups' => sub {
    my $pending = sub { $r->run('XPENDING', 'g', $_[0])->[0] };
    my $again = sub {
        $r->run('DEL', 'g');
        $r->run('XADD', 'g', "$_-0", 'a', $_) for 1 .. 6;
        $r->run('XGROUP', 'CREATE', 'g', 'one', 0);
        $r->run('XGROUP', 'CREATE', 'g', 'two', 0);
        $r->run('XREADGROUP', 'GROUP', 'one', 'c', 'STREAMS', 'g', '>');
        $r->run('XREADGROUP', 'GROUP', 'two', 'c', 'COUNT', 4, 'STREAMS', 'g',
                '>');
    };

    $again->();
    is_deeply($r->run(words('XDELEX g IDS 1 1-0')), [1], 'XDELEX keeps them');
    is($pending->('one') . $pending->('two'), '64', '... all');
    is_deeply($r->run(words('XDELEX g DELREF IDS 3 1-0 2-0 9-0')), [-1, 1, -1],
              'DELREF ends them, also without an entry');
    is($pending->('one') . $pending->('two'), '42', '... of all groups');
    $r->run(words('XACK g one 3-0 4-0 5-0'));
    is_deeply($r->run(words('XDELEX g ACKED IDS 4 3-0 5-0 6-0 9-0')),
              [2, 2, 2, -1], 'ACKED leaves what any group has, or will have');
    $r->run(words('XACK g two 3-0'));
    is_deeply($r->run(words('XDELEX g ACKED IDS 2 3-0 4-0')), [1, 2],
              '... until it is acknowledged');
    is_deeply([ids('g')], [qw(4-0 5-0 6-0)], '... and the rest stays');
    $r->run(words('XGROUP DESTROY g two'));
    is_deeply($r->run(words('XDELEX g ACKED IDS 3 4-0 5-0 6-0')), [1, 1, 2],
              '... or the group ends');

    $again->();
    $r->run(words('XACK g one 1-0 2-0 4-0'));
    $r->run(words('XACK g two 2-0 3-0 4-0'));
    is($r->run(words('XTRIM g MAXLEN = 1 ACKED')), 2,
       'XTRIM with ACKED deletes what it may');
    is_deeply([ids('g')], [qw(1-0 3-0 5-0 6-0)], '... also behind what stays');
    is($r->run(words('XTRIM g MINID 4 DELREF')), 2, '... with DELREF all');
    is($pending->('one') . $pending->('two'), '20', '... and references');
    is($r->run(words('XTRIM g MAXLEN 0')), 2, '... else all as well');
    is($pending->('one'), 2, '... without references');

    $again->();
    $r->run(words('XADD g MAXLEN 2 ACKED 7-0 a 7'));
    is($r->run('XLEN', 'g'), 7, 'XADD with ACKED: all are referred to');
    $r->run(words('XACK g one 1-0 2-0 3-0 4-0 5-0 6-0'));
    $r->run(words('XACK g two 1-0 2-0 3-0 4-0'));
    $r->run(words('XADD g MAXLEN 2 ACKED 8-0 a 8'));
    is_deeply([ids('g')], [qw(5-0 6-0 7-0 8-0)], '... four are not any more');
    $r->run(words('XADD g MAXLEN 1 DELREF 9-0 a 9'));
    is_deeply([ids('g')], ['9-0'], 'XADD with DELREF');

    $again->();
    is($r->run(words('XTRIM g MAXLEN ~ 0 ACKED')), 0, 'a block that is kept');
    $r->run(words("XACK g $_ 1-0 2-0 3-0 4-0")) for 'one', 'two';
    is($r->run(words('XTRIM g MAXLEN ~ 0 ACKED')), 4, '... but for four');
};


subtest 'JSON' => sub {
    is(json(words('XADD j 1-1 name Ada age 36')), '{"result":"1-1"}', 'XADD');
    is(json('XADD', 'j', '2-0', 'q', 'a "b" \\ ü'), '{"result":"2-0"}',
       '... with what is to be escaped');
    is(json(words('XADD none NOMKSTREAM * a b')), '{"result":null}',
       '... of no stream');
    is(json(words('XRANGE j - + COUNT 1')),
       '{"result":[["1-1",["name","Ada","age","36"]]]}', 'XRANGE');
    is(json(words('XREVRANGE j + - COUNT 1')),
       '{"result":[["2-0",["q","a \"b\" \\\\ ü"]]]}', 'XREVRANGE');
    is(json(words('XRANGE none - +')), '{"result":[]}', '... of nothing');
    is(json(words('XREAD COUNT 1 STREAMS j none 0 0')),
       '{"result":[["j",[["1-1",["name","Ada","age","36"]]]]]}', 'XREAD');
    is(json(words('XREAD STREAMS j $')), '{"result":null}', '... of nothing');
    is(json(words('XLEN j')), '{"result":2}', 'XLEN');
    is(json(words('XDEL j 1-1 1-2')), '{"result":1}', 'XDEL');
    like(json(words('XINFO STREAM j')),
         qr/^\{"result":\["length",1,"radix-tree-keys",\d+,
            "radix-tree-nodes",\d+,"last-generated-id","2-0",
            "max-deleted-entry-id","1-1","entries-added",2,
            "recorded-first-entry-id","2-0","groups",0,
            "first-entry",\["2-0",\["q",".*"\]\],
            "last-entry",\["2-0",\["q",".*"\]\]\]\}$/x, 'XINFO STREAM');
    is($h->post('', uri => '/xadd/path/1-1/a/b')->{body}, '{"result":"1-1"}',
       'a path');
    is($h->post('', uri => '/xread/streams/path/0')->{body},
       '{"result":[["path",[["1-1",["a","b"]]]]]}', '... that reads');
    is($h->post('[["XADD","m","1-1","a","b"],["XLEN","m"]]',
                uri => '/multi-exec')->{body},
       '[{"result":"1-1"},{"result":1}]', 'a transaction');
};


subtest 'large ones' => sub {
    my $large = join '', map { chr(33 + $_ % 90) } 1 .. 3_000_000;

    is($r->run('XADD', 'big', '1-1', 'small', 's', 'large', $large, 'end', 'e'),
       '1-1', 'an entry of 3 MB');
    is_deeply($r->run('XRANGE', 'big', '-', '+'),
              [['1-1', ['small', 's', 'large', $large, 'end', 'e']]],
              '... over RESP');
    is(json(words('XRANGE big - +'))
       eq '{"result":[["1-1",["small","s","large",' . KS::HTTP::quote($large)
          . ',"end","e"]]]}', 1, '... and REST');
    is($r->run('XADD', 'big', '1-2', $large, $large, '', ''), '1-2',
       'fields of that size');
    is($r->run('XREAD', 'STREAMS', 'big', '1-1')->[0][1][0][1][0] eq $large, 1,
       '... are there');

    my @many = map { ("field $_", "value $_") } 1 .. 20_000;

    is($r->run('XADD', 'many', '1-1', @many), '1-1', '20,000 fields');
    is_deeply($r->run('XREVRANGE', 'many', '+', '-'), [['1-1', \@many]],
              '... are there');
    is($r->run('XDEL', 'big', '1-1', '1-2') + $r->run('XDEL', 'many', '1-1'), 3,
       '... and go');
};


subtest 'waiting' => sub {
    my @waiters = map { $ngx->resp } 1 .. 6;
    my $three = $ngx->resp;

    $three->command('HELLO', 3);
    $r->run('XADD', 'w', '1-1', 'a', 0);

    # all get an entry, whichever worker they are at; "$" is now
    $waiters[$_]->send(KS::RESP::encode('XREAD', 'BLOCK', 0, 'STREAMS',
                       $_ % 2 ? ('w', '$') : ('w', 'other', '$', '$')))
        for 0 .. 5;
    $three->send(KS::RESP::encode(words('XREAD BLOCK 0 STREAMS w 1-1')));

    my $rest = $ngx->client;

    $rest->send($rest->build('POST', '/', body =>
                             '["XREAD","BLOCK",0,"STREAMS","w","$"]'));
    ok(wait_for(10, sub { waiting() == 8 }), 'they wait');
    $r->run('XDEL', 'w', '1-1');
    $r->run('XSETID', 'w', '1-2');
    is(waiting(), 8, '... also when the stream changes');
    $r->run('DEL', 'w');
    $r->run('SET', 'w', 'text');
    is(waiting(), 8, '... when it goes, and is something else');
    $r->run('DEL', 'w');
    $r->run('XADD', 'w', '2-1', 'a', 1);

    is($_->reply, "*1\r\n*2\r\n\$1\r\nw\r\n*1\r\n*2\r\n\$3\r\n2-1\r\n*2\r\n"
                  . "\$1\r\na\r\n\$1\r\n1\r\n", 'an entry, to each')
        for @waiters;
    is($three->reply, "%1\r\n\$1\r\nw\r\n*1\r\n*2\r\n\$3\r\n2-1\r\n*2\r\n"
                      . "\$1\r\na\r\n\$1\r\n1\r\n", '... as RESP3 has it');
    is($rest->response('POST')->{body},
       '{"result":[["w",[["2-1",["a","1"]]]]]}', '... and over REST');
    is(waiting(), 0, 'none waits on');

    is($r->run(words('XREAD BLOCK 20 STREAMS w $')), undef,
       'the end of the time');
    is($r->run(words('XREAD BLOCK 0 STREAMS w 0'))->[0][1][0][0], '2-1',
       'what is there already');

    # one transaction with several entries
    $waiters[0]->send(KS::RESP::encode(
        words('XREAD BLOCK 0 STREAMS w w2 $ $')));
    ok(wait_for(10, sub { waiting() == 1 }), 'one waits');
    $r->replies(['MULTI'], [words('XADD w2 1-1 a 1')],
                [words('XADD w 3-1 a 1')], [words('XADD w 3-2 a 1')],
                ['EXEC']);
    is_deeply([KS::RESP::texts($waiters[0]->reply)],
              [qw(w 3-1 a 1 3-2 a 1 w2 1-1 a 1)],
              '... and gets all of a transaction');

    is_deeply([$r->replies(['MULTI'], [words('XREAD BLOCK 0 STREAMS w $')],
                           ['EXEC'])]->[2], "*1\r\n*-1\r\n",
              'nothing waits in a transaction');
    is($r->run('EVAL', "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', "
                       . "'w', '\$')", 0), undef, '... nor in a script');
};


subtest 'a read-only token' => sub {
    my $reader = $ngx->resp(token => $KS::Nginx::READONLY);

    like($reader->error(words('XADD ro 1-1 a b')), qr/^NOPERM/, 'XADD');
    is_deeply($reader->run(words('XRANGE ro - +')), [], 'XRANGE');
    $reader->send(KS::RESP::encode(words('XREAD BLOCK 0 STREAMS ro $')));
    ok(wait_for(10, sub { waiting() == 1 }), 'XREAD waits');
    $r->run(words('XADD ro 1-1 a b'));
    is(join(' ', KS::RESP::texts($reader->reply)), 'ro 1-1 a b',
       '... and is served');
};


# more than can be told at once: they fetch it themselves
subtest 'many who wait for a large one' => sub {
    my @waiters = map { $ngx->resp } 1 .. 150;

    for my $size (1000, 100_000, 3_000_000) {
        my @some = $size > 1_000_000 ? @waiters[0 .. 9] : @waiters;
        my $bytes = 'x' x $size;

        $_->send(KS::RESP::encode(words('XREAD BLOCK 0 STREAMS wide $')))
            for @some;
        ok(wait_for(20, sub { waiting() == @some }), scalar @some . ' wait');

        my $id = $r->run('XADD', 'wide', 'MAXLEN', 1, '*', 'f', $bytes);
        my $want = "*1\r\n*2\r\n\$4\r\nwide\r\n*1\r\n*2\r\n\$" . length($id)
                   . "\r\n$id\r\n*2\r\n\$1\r\nf\r\n\$$size\r\n$bytes\r\n";

        is(scalar(grep { $_->reply ne $want } @some), 0,
           "... and each has an entry of $size bytes");
    }
};


subtest 'in scripts' => sub {
    is_deeply($r->run('EVAL', <<'LUA', 1, 'lua'),
local id = redis.call('XADD', KEYS[1], '5-*', 'a', 'b')
local all = redis.call('XRANGE', KEYS[1], '-', '+')
local read = redis.call('XREAD', 'STREAMS', KEYS[1], '0')
redis.setresp(3)
local map = redis.call('XREAD', 'STREAMS', KEYS[1], '0').map
return { id, all[1][1], all[1][2][2], read[1][1], map[KEYS[1]][1][1],
         tostring(redis.call('XREAD', 'STREAMS', KEYS[1], '$')) }
LUA
              ['5-0', '5-0', 'b', 'lua', '5-0', 'nil'], 'replies');
};


subtest "npm's clients" => sub {
    want_npm('ioredis');
    run_tap('node', "$clients/stream_commands.mjs", $ngx->port, $ngx->resp_port,
            $TOKEN);
};


subtest 'redis-py' => sub {
    my ($python) = grep {
        -x && (capture(20, {}, $_, '-c', 'import redis'))[0] == 0
    } '/usr/bin/python3', '/usr/local/bin/python3';

    plan skip_all => 'there is no redis-py' unless $python;

    run_tap($python, "$clients/stream_commands.py", $ngx->resp_port, $TOKEN);
};


is(scalar(my @workers = $ngx->workers), 4, 'the workers live');
like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;
done_testing;
