# RESP over TCP: the listener, from one byte at a time to more than fits into
# memory, and what becomes of connections.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Open3 ();
use POSIX ();
use Test::More;

use KS::Nginx;
use KS::Proc qw(capture installed slurp spew tempdir
                wait_for);
use KS::Redis;
use KS::RESP;

my $TOKEN = $KS::Nginx::TOKEN;
my $READONLY = $KS::Nginx::READONLY;

my $ngx = KS::Nginx->start(
    size        => '160m',
    workers     => 2,
    resp        => 'keyspace_resp_output_limit 256k; keyspace_resp_output_total 256k;',
    resp_listen => 'reuseport',
);


# memory of its own, in kB, that a process has
sub private_memory {
    my ($kb) = slurp("/proc/$_[0]/status") =~ /^RssAnon:\s+(\d+)/m;

    return $kb;
}


subtest 'types of both protocols' => sub {
    my $c = $ngx->resp;

    is($c->command('PING'), "+PONG\r\n", 'a status');
    is($c->command('PING', 'hello'), "\$5\r\nhello\r\n", 'a string');
    is($c->command('GET', 'none'), "\$-1\r\n", 'a null of RESP2');
    is($c->command('INCR', 'counter'), ":1\r\n", 'an integer');
    is($c->command('MGET', 'counter', 'none'), "*2\r\n\$1\r\n1\r\n\$-1\r\n",
       'an array');
    is($c->command('NOSUCH', 'x'), "-ERR unknown command 'NOSUCH', with args "
       . "beginning with: 'x' \r\n", 'an error');
    is($c->command('CONFIG', 'GET', 'save'), "*2\r\n\$4\r\nsave\r\n\$0\r\n\r\n",
       'what is a map later');

    like($c->command('HELLO', 3), qr/^%\d+\r\n\$6\r\nserver\r\n/, 'HELLO 3');
    is($c->command('GET', 'none'), "_\r\n", 'a null of RESP3');
    is($c->command('CONFIG', 'GET', 'save'), "%1\r\n\$4\r\nsave\r\n\$0\r\n\r\n",
       'a map');
    like($c->command('INFO', 'server'), qr/^=\d+\r\ntxt:/, 'verbatim text');
    like($c->command('HELLO', 2), qr/^\*\d+\r\n/, 'HELLO 2');
    is($c->command('GET', 'none'), "\$-1\r\n", 'back again');

    is($c->command('HELLO', 4), "-NOPROTO unsupported protocol version\r\n",
       'HELLO 4');
    is($c->command('SET', "bin\0\r\n", "\0\xff\r\n"), "+OK\r\n", 'any bytes');
    is($c->run('GET', "bin\0\r\n"), "\0\xff\r\n", '... and back');
    is($ngx->client->run('GET', 'counter'), '1', 'REST has the same keyspace');

    $c->close;
};


subtest 'passwords' => sub {
    my $guest = $ngx->resp(token => undef);

    is($guest->error('GET', 'k'), 'NOAUTH Authentication required.', 'none');
    is($guest->error('PING'), 'NOAUTH Authentication required.', '... PING');
    is($guest->error('AUTH', 'other'),
       'WRONGPASS invalid username-password pair or user is disabled.',
       'a wrong one');
    is($guest->error('AUTH', 'admin', $TOKEN),
       'WRONGPASS invalid username-password pair or user is disabled.',
       'another user');
    is($guest->error('GET', 'k'), 'NOAUTH Authentication required.',
       'still none');
    is($guest->error('HELLO', 3),
       'NOAUTH HELLO must be called with the client already authenticated, '
       . 'otherwise the HELLO <proto> AUTH <user> <pass> option can be used '
       . 'to authenticate the client and select the RESP protocol version at '
       . 'the same time', 'HELLO without one');
    is($guest->run('AUTH', 'default', $TOKEN), 'OK', 'AUTH default');
    is($guest->run('SET', 'k', 'v'), 'OK', 'and in');

    my $hello = $ngx->resp(token => undef);
    like($hello->command('HELLO', 3, 'AUTH', 'default', $TOKEN, 'SETNAME', 'n'),
         qr/^%/, 'HELLO AUTH SETNAME');
    is($hello->run('CLIENT', 'GETNAME'), 'n', '... has the name');

    my $reader = $ngx->resp(token => $READONLY);
    is($reader->run('GET', 'k'), 'v', 'a read-only token reads');
    like($reader->error('SET', 'k', 'w'),
         qr/^NOPERM .* permissions to run the 'set' command/, '... and no more');
    like($reader->error('KEYS', '*'), qr/^NOPERM /, '... nor what is powerful');

    # the password and what follows it come in one piece
    my $c = $ngx->resp(token => undef);
    my @r = $c->replies(['GET', 'k'], ['AUTH', $TOKEN], ['GET', 'k']);
    is(join('', @r[1, 2]), "+OK\r\n\$1\r\nv\r\n", 'in a pipeline');

    unlike($ngx->log, qr/\Q$TOKEN\E|\Q$READONLY\E/, 'no password is logged');
    $_->close for $guest, $hello, $reader, $c;
};


subtest 'a byte at a time' => sub {
    my $c = $ngx->resp;
    my @parts = (
        KS::RESP::encode('SET', "k\r\n", "v\0*1\r\n\$3"), "+OK\r\n",
        "*0\r\n",                                         '',
        "PING\r\n",                                       "+PONG\r\n",
        "\r\n",                                           '',
        KS::RESP::encode('GET', "k\r\n"),   "\$8\r\nv\0*1\r\n\$3\r\n",
        qq(SET i "a\\x41 'b"\r\n),                        "+OK\r\n",
        "GET i\n",                                        "\$5\r\naA 'b\r\n",
        "*-1\r\n",                                        '',
        KS::RESP::encode('ECHO', ''),                     "\$0\r\n\r\n",
        KS::RESP::encode('ECHO', 'end'),                  "\$3\r\nend\r\n",
    );
    my ($in, $want) = ('', '');

    for (my $i = 0; $i < @parts; $i += 2) {
        $in .= $parts[$i];
        $want .= $parts[$i + 1];
    }

    for my $byte (split //, $in) {
        $c->send($byte);
        select undef, undef, undef, 0.001;
    }

    $c->fill while length $c->{in} < length $want && !$c->{why};
    is($c->{in}, $want, 'one by one');

    # every split in two
    my @bad;

    for my $at (1 .. length($in) - 1) {
        $c->{in} = '';
        $c->send(substr $in, 0, $at);
        select undef, undef, undef, 0.001;
        $c->send(substr $in, $at);
        $c->fill while length $c->{in} < length $want && !$c->{why};
        push @bad, $at if $c->{in} ne $want;
    }

    is("@bad", '', 'every split in two');
    $c->close;
};


subtest 'deep pipelines' => sub {
    my $c = $ngx->resp;
    my $n = 100_000;

    # it writes all, and only then reads
    ok($c->send(join('', map { KS::RESP::encode('INCR', 'deep') } 1 .. $n), 1),
       "$n commands are written");
    my @r = $c->take_replies($n);
    is(scalar @r, $n, 'as many replies');
    is($r[-1], ":$n\r\n", '... in order');
    is(scalar(grep { $r[$_] ne ':' . ($_ + 1) . "\r\n" } 0 .. $#r), 0,
       '... each');

    # reads and writes at the same time, with replies of every size
    my @size = (0, 10, 1000, 20_000, 70_000, 300_000);
    $c->run('SET', "size$_", chr(65 + $_ % 26) x $_) for @size;

    my @ask = map { $size[($_ * $_) % @size] } 1 .. 1500;
    @r = $c->replies(map { ['GET', "size$_"] } @ask);
    my @bad = grep {
        ($r[$_] // '') ne "\$$ask[$_]\r\n" . chr(65 + $ask[$_] % 26) x $ask[$_]
                          . "\r\n"
    } 0 .. $#ask;
    is("@bad", '', 'replies of all sizes are what they should be');

    # many arguments, which do not fit into one read
    my @pairs = map { ("many$_", 'x' x 50) } 1 .. 20_000;
    is($c->run('MSET', @pairs), 'OK', '40,000 arguments');
    my $got = $c->run('MGET', map { "many$_" } 1 .. 20_000);
    is(scalar(grep { $_ eq 'x' x 50 } @$got), 20_000, '... are there');
    is($c->run('DEL', map { "many$_" } 1 .. 20_000), 20_000, '... and gone');

    $c->run('DEL', map { "size$_" } @size);
    $c->close;
};


# short commands that want the same shard follow each other under its lock
subtest 'pipelines on one key' => sub {
    my ($a, $b) = $ngx->two_workers;
    my $n = 20_000;

    # both at once: each number is given out once, and to each in order
    $_->send(join('', map { KS::RESP::encode('INCR', 'one') } 1 .. $n), 1)
        for $a, $b;
    my @of = map { [map { /^:(\d+)/ ? $1 : 0 } $_->take_replies($n)] } $a, $b;
    my %seen = map { $_ => 1 } map { @$_ } @of;
    is(scalar(grep { $seen{$_} } 1 .. 2 * $n), 2 * $n, 'no number twice');

    for my $got (@of) {
        is(scalar(grep { $got->[$_] <= $got->[$_ - 1] } 1 .. $#$got), 0,
           '... and all in order');
    }

    # what needs all shards, or none, or a turn of its own, in between
    my @mixed = ([qw(SET one 1)], [qw(INCR one)], [qw(INCR one)], ['DBSIZE'],
        [qw(INCR one)], ['MULTI'], [qw(INCR one)], [qw(INCR one)], ['EXEC'],
        [qw(INCR one)], [qw(KEYS one)], [qw(INCR one)], [qw(incr one)],
        [qw(INCR one two)], [qw(INCR one)], [qw(SCAN 0 MATCH one COUNT 1000)],
        [qw(INCR one)], [qw(NOSUCH one)], [qw(INCR one)],
        [qw(SADD one a)], [qw(INCR one)], ['EVAL', 'return redis.call("INCR", '
        . 'KEYS[1])', 1, 'one'], [qw(INCR one)], ['PING'], [qw(DEL one)],
        ['FLUSHALL'], [qw(INCR one)], [qw(INCR two)], [qw(INCR one)]);
    my $redis = KS::Redis->start;
    my $r = KS::RESP->new(port => $redis->port);
    $_->run('FLUSHALL') for $a, $r;
    my @want = $r->replies(@mixed, @mixed);
    is_deeply([$a->replies(@mixed, @mixed)], \@want,
              'all kinds of commands, as Redis runs them');
    is($b->run('GET', 'one'), 2, '... and others get the key');

    $b->run('FLUSHALL');
    $_->close for $a, $b, $r;
};


subtest 'a large value' => sub {
    my ($c, $other) = ($ngx->resp, $ngx->resp);
    my $value = join '', map { chr(($_ * 7 + ($_ >> 8)) & 255) } 0 .. 65535;

    $value x= 1024;

    is($c->run('SET', 'large', $value, 'EX', 1000), 'OK', '64 MB are written');
    ok($c->run('GET', 'large') eq $value, '... and read');

    # in the midst of a pipeline
    my @r = $c->replies(['PING', 'a'], ['SET', 'large', $value],
                        ['STRLEN', 'large'], ['DEL', 'large'], ['PING', 'b']);
    is(join('', @r), "\$1\r\na\r\n+OK\r\n:67108864\r\n:1\r\n\$1\r\nb\r\n",
       '... in a pipeline');

    # half of one
    $c->send("*3\r\n\$3\r\nSET\r\n\$4\r\nhalf\r\n\$400000000\r\n" . 'x' x 1000);
    is($other->run('PING'), 'PONG', 'one that has only begun');
    $c->close;
    is($other->run('GET', 'half'), undef, '... and ends is not there');

    my ($most) = sort { $b <=> $a } map { private_memory($_) } $ngx->workers;
    ok(wait_for(20, sub {
        ($most) = sort { $b <=> $a } map { private_memory($_) } $ngx->workers;
        $most < 48 * 1024;
    }), 'no worker keeps the memory') or diag("$most kB");

    $other->close;
};


subtest 'a client that does not read' => sub {
    my ($slow, $other) = $ngx->two_workers;
    my $one = 'm' x 1_000_000;
    my $n = 400;

    $other->run('SET', 'mega', $one);

    my %before = map { $_ => private_memory($_) } $ngx->workers;

    # asks for 400 MB
    ok($slow->send(join('', map { KS::RESP::encode('GET', 'mega') } 1 .. $n),
                   1), "asks for $n MB");
    ok($slow->send(KS::RESP::encode('SET', 'behind', 1), 1), 'and one more');

    # two round trips on each worker: that is when something has happened
    for my $c ($other, $ngx->two_workers) {
        is($c->run('PING'), 'PONG', 'others are served') for 1 .. 2;
    }

    is($other->run('GET', 'behind'), undef, 'what is behind it waits');

    my ($grown) = sort { $b <=> $a }
        map { private_memory($_) - $before{$_} } keys %before;
    cmp_ok($grown, '<', 12_000, 'no worker has taken more than a few MB');

    my @r = $slow->take_replies($n + 1);
    is(scalar(grep { $_ eq "\$1000000\r\n$one\r\n" } @r), $n, 'all is sent');
    is($r[-1], "+OK\r\n", 'to the end');
    is($other->run('GET', 'behind'), 1, 'and done');

    # a line is decoded where it lies: once, no matter when its turn comes
    $slow->send(join('', map { KS::RESP::encode('GET', 'mega') } 1 .. 20)
                . qq(ECHO "\\" \\" "\r\n), 1);
    is($other->run('PING'), 'PONG', 'a line behind much that is not read');
    @r = $slow->take_replies(21);
    is($r[-1], qq(\$4\r\n" " \r\n), '... is what it was');

    # one who goes away instead
    $slow->send(join('', map { KS::RESP::encode('GET', 'mega') } 1 .. $n), 1);
    $slow->close;
    is($other->run('PING'), 'PONG', 'one that goes away is no harm');
    $other->run('DEL', 'mega');
    $other->close;
};


subtest 'what is no command' => sub {
    plan skip_all => 'there is no redis-server' unless KS::Redis::available();

    my $redis = KS::Redis->start('--requirepass', $TOKEN,
                                 '--enable-debug-command', 'no');
    my @bad = (
        "*1\r\n\$x\r\n", "*1\r\n\$-1\r\n", "*x\r\n", "*-5\r\nPING\r\n",
        "*99999999999\r\n", "*1048577\r\n", "*2147483647\r\n",
        "*1\r\n:5\r\n", "*1\r\nPING\r\n", "*1\r\n\$536870913\r\n",
        "*1\r\n\$4\r\nPINGPING\r\n", "SET a \"b\r\n", "SET a 'b\r\n",
        "SET a \"b\"c\r\n", 'x' x 70_000, '*' . '1' x 70_000,
        "*1\r\n\$" . '1' x 70_000, "*1\r\n\$4\r\nPING\r\n*1\r\n+",
        "* 1\r\n", "*+1\r\n", "*01\r\n\$4\r\nPING\r\n", "*\r\n",
        "*1\r\n\$ 4\r\nPING\r\n", "*1\r\n\$04\r\nPING\r\n",
        "*2\r\n\$4\r\nPING\r\n\$0\r\n\r\n",
    );

    my $ping = KS::RESP::encode('PING');

    for my $in (map { ($_, "PING\r\n$_", "$ping$_") } @bad) {
        my @said = map {
            my $c = KS::RESP->new(port => $_, token => $TOKEN);
            $c->send($in . "\r\nQUIT\r\n");
            my $rest = $c->rest;
            $c->close;
            $rest;
        } $redis->port, $ngx->resp_port;
        my $name = substr $in, 0, 40;

        $name =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
        is($said[1], $said[0], $name);
    }

    # before the password
    for my $in ("*11\r\n", "*1\r\n\$16385\r\n", "*10\r\n") {
        my @said = map {
            my $c = KS::RESP->new(port => $_);
            $c->send($in . "QUIT\r\nQUIT\r\n");
            $c->{timeout} = 5;
            my $rest = $c->rest;
            $c->close;
            $rest;
        } $redis->port, $ngx->resp_port;

        is($said[1], $said[0], "unknown client: " . $in =~ s/\r\n/ /gr);
    }

    $redis->stop;
};


subtest 'HTTP' => sub {
    for (["POST / HTTP/1.1\r\nHost: x\r\n\r\nSET http 1\r\n", ''],
         ["SET a 1\r\nGET a HTTP/1.1\r\nhOST: x\r\nSET http 1\r\n",
          "+OK\r\n-ERR wrong number of arguments for 'get' command\r\n"])
    {
        my ($in, $want) = @$_;
        my $c = $ngx->resp;

        $c->send($in);
        is($c->rest, $want, 'is not answered: ' . $in =~ s/\r\n.*//sr);
        is($ngx->resp->run('GET', 'http'), undef, '... nor carried out');
    }
};


subtest 'how it ends' => sub {
    my $c = $ngx->resp;
    $c->send("SET q 1\r\nQUIT\r\nSET q 2\r\n" . KS::RESP::encode('X', 'y' x 1e6));
    is($c->rest, "+OK\r\n+OK\r\n", 'QUIT');
    is($c->{why}, 'closed', '... and no reset');
    is($ngx->client->run('GET', 'q'), 1, '... and nothing behind it');

    $c = $ngx->resp;
    $c->run('CLIENT', 'SETNAME', 'somebody');
    $c->run('MULTI');
    is($c->run('RESET'), 'RESET', 'RESET');
    is($c->error('GET', 'q'), 'NOAUTH Authentication required.',
       '... logs out');
    is($c->run('AUTH', $TOKEN), 'OK', '... and one logs in again');
    is($c->run('CLIENT', 'GETNAME'), undef, '... without a name');
    is($c->error('EXEC'), 'ERR EXEC without MULTI', '... or a transaction');

    # the client has said all that it has to say
    $c->send(join '', map { KS::RESP::encode('INCR', 'half') } 1 .. 5000);
    shutdown $c->{socket}, 1;
    my @r = split /\r\n/, $c->rest;
    is(scalar @r, 5000, 'a half-closed connection gets its replies');
    is($r[-1], ':5000', '... all of them');
    $c->close;
};


subtest 'clients' => sub {
    my ($a, $b) = $ngx->two_workers;
    my $id = $a->run('CLIENT', 'ID');

    isnt($b->run('CLIENT', 'ID'), $id, 'ids are unique over workers');
    $a->run('CLIENT', 'SETNAME', 'me');

    my ($line) = grep { /^id=$id / } split /\n/, $a->run('CLIENT', 'LIST');
    my $port = $a->{socket}->sockport;
    like($line, qr/ addr=127\.0\.0\.1:$port laddr=127\.0\.0\.1:\d+ /,
         'CLIENT LIST knows addresses');
    like($line, qr/ name=me .* cmd=client\|list /, '... names and commands');
    is($a->run('CLIENT', 'KILL', 'ADDR', "127.0.0.1:1"), 0, 'kills nobody');

    # somebody of the same worker
    my @others;
    for (1 .. 200) {
        push @others, my $c = $ngx->resp;
        last if $c->run('CLIENT', 'LIST') =~ /^id=$id /m;
    }

    my $victim = $others[-1];
    my $his = $victim->run('CLIENT', 'ID');
    is($a->run('CLIENT', 'KILL', 'ID', $his), 1, 'kills one');
    is($victim->reply, undef, '... who is gone');
    unlike($a->run('CLIENT', 'LIST'), qr/^id=$his /m, '... for all to see');

    $a->send(KS::RESP::encode('CLIENT', 'KILL', 'ID', $id, 'SKIPME', 'no')
             . KS::RESP::encode('SET', 'killed', 1));
    is($a->rest, ":1\r\n", 'kills itself');
    is($b->run('GET', 'killed'), undef, '... and does nothing more');
    $_->close for $a, $b, @others;
};


subtest 'transactions, and two workers' => sub {
    my ($a, $b) = $ngx->two_workers;
    my $http = $ngx->client;

    is_deeply([$a->replies(['MULTI'], ['SET', 't', 1], ['INCR', 't'],
                           ['EXEC'])],
              ["+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n",
               "*2\r\n+OK\r\n:2\r\n"], 'MULTI and EXEC');
    is($b->run('GET', 't'), 2, '... for all');

    $a->run('MULTI');
    is($a->error('NOSUCH'), q(ERR unknown command 'NOSUCH', with args )
       . 'beginning with: ', 'an error among the commands');
    is($a->error('EXEC'), 'EXECABORT Transaction discarded because of '
       . 'previous errors.', '... ends it');

    for (['another worker', sub { $b->run('SET', 't', 3) }],
         ['REST', sub { $http->run('APPEND', 't', 4) }],
         ['itself', sub { $a->run('DEL', 't') }],
         ['a flush', sub { $a->run('SET', 't', 1); $a->run('WATCH', 't');
                           $http->run('FLUSHALL') }])
    {
        my ($name, $change) = @$_;

        $a->run('WATCH', 't', 'u');
        $change->();
        is(join('', $a->replies(['MULTI'], ['SET', 'u', 1], ['EXEC'])),
           "+OK\r\n+QUEUED\r\n*-1\r\n", "a watched key, changed by $name");
        is($b->run('GET', 'u'), undef, '... nothing is done');
    }

    $a->run('WATCH', 't');
    $b->run('SET', 'other', 1);
    is(join('', $a->replies(['MULTI'], ['SET', 'u', 1], ['EXEC'])),
       "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", 'another key is no matter');

    $a->run('WATCH', 't');
    $b->run('SET', 't', 1);
    $a->run('UNWATCH');
    is(join('', $a->replies(['MULTI'], ['DISCARD'], ['MULTI'], ['EXEC'])),
       "+OK\r\n+OK\r\n+OK\r\n*0\r\n", 'UNWATCH and DISCARD');

    $_->close for $a, $b;
};

is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;


# A client that counts: each reply must be the next number, over however many
# connections.  One may end between two commands, and in no other way: then
# what had no reply was not done.
sub count {
    my ($ngx, $key, $stop) = @_;
    my ($n, $cuts) = (0, 0);
    my $c = $ngx->resp;

    until (-e $stop) {
        my $depth = 1 + int rand 40;
        my $pad = 'x' x (rand() < 0.1 ? 100_000 : 10);
        my $sent = $c->send(join '', map {
            KS::RESP::encode('SET', "$key.pad", $pad)
            . KS::RESP::encode('INCR', $key)
        } 1 .. $depth);

        for my $i (1 .. 2 * $depth) {
            my $r = $c->reply // last;
            my $want = $i % 2 ? "+OK\r\n" : ':' . ++$n . "\r\n";
            return "$r is not $want" if $r ne $want;
        }

        next unless defined $c->{why};

        return "cut off amid a reply: $c->{in}" if length $c->{in};
        return "not closed: $c->{why}"
            if $c->{why} ne 'closed' && ($sent || $c->{why} !~ /^write/);

        $cuts++;
        $c->close;
        $c = $ngx->resp;
    }

    return "done: $n $cuts";
}


subtest 'reloads' => sub {
    my $ngx = KS::Nginx->start(size => '16m', workers => 2, resp => '',
                               resp_listen => 'reuseport');
    my $stop = $ngx->dir . '/stop';
    my @pids;

    for my $id (1 .. 4) {
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            srand $id;
            my $said = eval { count($ngx, "count$id", $stop) } // "died: $@";
            spew($ngx->dir . "/said$id", $said);
            POSIX::_exit(0);
        }

        push @pids, $pid;
    }

    my $idle = $ngx->resp;
    $idle->run('MULTI');
    my $n = grep { $ngx->reload } 1 .. 20;

    spew($stop, '');
    waitpid $_, 0 for @pids;

    is($n, 20, '20 of them, each brought new workers');
    is($idle->rest, '', 'the idle connection was closed');
    is($idle->{why}, 'closed', '... without a reset');

    my $cuts = 0;

    for my $id (1 .. 4) {
        my $said = slurp($ngx->dir . "/said$id");
        like($said, qr/^done: \d+ \d+$/, "client $id lost no reply");

        my ($count, $cut) = $said =~ /(\d+) (\d+)/ or next;
        is($ngx->resp->run('GET', "count$id"), $count,
           '... and each command was done once');
        $cuts += $cut;
    }

    cmp_ok($cuts, '>', 0, 'connections were closed meanwhile');
    $ngx->stop;
};


subtest 'limits, and who may come' => sub {
    my $ngx = KS::Nginx->start(
        size   => '8m',
        resp   => "keyspace_resp_max_clients 3;\nkeyspace_resp_timeout 4s;",
    );

    my @c = map { $ngx->resp } 1 .. 3;
    my $one = $ngx->resp(token => undef);
    is($one->rest, "-ERR max number of clients reached\r\n", 'one too many');
    is($one->{why}, 'closed', '... is closed');
    $c[0]->close;
    ok(wait_for(20, sub {
        my $c = $ngx->resp(token => undef);
        my $r = $c->command('AUTH', $TOKEN);
        $c->close;
        return $r eq "+OK\r\n";
    }), 'when one goes another may come');

    is($c[1]->rest, '', 'an idle one is closed');
    is($c[1]->{why}, 'closed', '... without a reset');

    $ngx->stop;
};


subtest 'what a phase before ours has read' => sub {
    my $preread = <<'CONF';
    server {
        listen 127.0.0.1:%RESP2%;
        ssl_preread on;
        keyspace_resp main;
    }
CONF
    my ($code, $said) = KS::Nginx->check(resp => '', stream => $preread);

    plan skip_all => 'this nginx has no ssl_preread'
        if $said =~ /unknown directive "ssl_preread"/;

    my $ngx = KS::Nginx->start(size => '8m', resp => '', stream => $preread);
    my $c = KS::RESP->new(port => $ngx->resp_port2);

    is(join('', $c->replies(['AUTH', $TOKEN], ['PING'])), "+OK\r\n+PONG\r\n",
       'counts already');
    $c->close;
    $ngx->stop;
};


subtest 'TLS' => sub {
    plan skip_all => 'there is no openssl' unless installed('openssl');

    my $dir = tempdir();
    my ($code, $out) = capture(60, {}, 'openssl', 'req', '-x509', '-newkey',
        'rsa:2048', '-nodes', '-days', 2, '-subj', '/CN=localhost',
        '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem");
    is($code, 0, 'a certificate') or diag($out);

    my $ngx = KS::Nginx->start(
        size        => '64m',
        resp_listen => 'ssl',
        resp        => "ssl_certificate $dir/cert.pem;\n"
                       . "ssl_certificate_key $dir/key.pem;\n"
                       . 'keyspace_resp_output_limit 256k;'
                       . 'keyspace_resp_output_total 256k;',
    );
    my @pids;
    open my $null, '>', '/dev/null' or die "/dev/null: $!";

    my $tls = sub {
        my $err = '>&' . fileno $null;
        push @pids, IPC::Open3::open3(my $out, my $in, $err, 'openssl',
            's_client', '-quiet', '-verify_quiet', '-CAfile', "$dir/cert.pem",
            '-connect', '127.0.0.1:' . $ngx->resp_port);
        return KS::RESP->new(socket => $in, out => $out, token => $TOKEN);
    };

    my $c = $tls->();
    my $value = 'secret' x 200_000;

    is($c->run('SET', 'k', $value), 'OK', 'SET');
    ok($c->run('GET', 'k') eq $value, 'GET');

    my @r = $c->replies(map { ['INCR', 'n'] } 1 .. 5000);
    is($r[-1], ":5000\r\n", 'a pipeline');
    @r = $c->replies(map { ['GET', 'k'] } 1 .. 30);
    is(scalar(grep { $_ eq "\$1200000\r\n$value\r\n" } @r), 30,
       'more than is sent at a time');

    $c->send("QUIT\r\n");
    is($c->rest, "+OK\r\n", 'QUIT');
    $c->close;

    $c = $tls->();
    ok($ngx->reload, 'a reload');
    is($c->rest, '', 'ends an idle one');
    $c->close;
    $c = $tls->();
    is($c->run('GET', 'n'), 5000, 'and another one comes');
    $c->send("QUIT\r\n");
    $c->close;
    waitpid $_, 0 for @pids;
    $ngx->stop;
};


subtest 'another build beside the one that runs' => sub {
    plan skip_all => 'the modules are built in' if $ENV{KS_STATIC};

    my $ngx = KS::Nginx->start(size => '8m', resp => '');
    my @workers = $ngx->workers;
    my $c = $ngx->resp;
    my $other = $ngx->dir . '/ngx_http_keyspace_module.so';

    $ngx->allow('is another build');
    $c->run('SET', 'k', 'v');

    spew($other, slurp(KS::Nginx::module()));
    spew($other =~ s/_http_/_stream_/r,
         slurp((KS::Nginx::stream_modules())[-1]));

    local $ENV{KS_MODULE} = $other;
    $ngx->write_config;
    kill 'HUP', $ngx->pid;

    ok(wait_for(20, sub {
        $ngx->log =~ /\[emerg\].* another build: install both and restart nginx/
    }), 'is refused by a reload');
    is_deeply([$ngx->workers], \@workers, '... the workers stay');
    is($c->run('GET', 'k'), 'v', '... and serve');
    $c->close;
    $ngx->stop;
};


subtest 'configurations that are refused' => sub {
    my %o = (size => '8m', resp => '');
    my $said = sub {
        my ($code, $out) = KS::Nginx->check(%o, @_);
        return "$code: $out";
    };

    like($said->(), qr/^0: /, 'this one is not');
    like($said->(stream => 'server { listen 127.0.0.1:%RESP2%; '
                           . 'keyspace_resp other; }'),
         qr/^1: .*unknown keyspace zone "other"/s, 'an unknown zone');
    like($said->(resp => 'keyspace_resp main;'),
         qr/^1: .*"keyspace_resp" directive is duplicate/s, 'twice');
    like($said->(resp => 'keyspace_resp_timeout soon;'),
         qr/^1: .*"keyspace_resp_timeout" directive invalid value/s, 'no time');
    like($said->(resp => 'keyspace_resp_max_clients many;'),
         qr/^1: .*invalid number/s, 'no number');
    like($said->(resp => 'proxy_pass 127.0.0.1:1;'),
         qr/^1: .*"keyspace_resp" stands beside another directive/s,
         'before proxy_pass');
    like($said->(stream => 'server { listen 127.0.0.1:%RESP2%; '
                           . 'proxy_pass 127.0.0.1:1; keyspace_resp main; }'),
         qr/^1: .*"keyspace_resp" directive stands beside another/s,
         'behind it');

    my $conf = "%STREAM%\nload_module %MODULE%;\nevents {}\n";
    like($said->(conf => $conf), qr/^1: .*undefined symbol/s,
         'a module before that whose engine it uses');
};


done_testing;
