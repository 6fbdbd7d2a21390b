# Several zones behind one keyspace_resp: databases.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use KS::Nginx;
use KS::Proc qw(wait_for);

my $ngx = KS::Nginx->start(size => '8m', workers => 2, resp => '',
                           resp_listen => 'reuseport', databases => 3,
                           zone => 'notify_keyspace_events KEA;');
my ($a, $b) = $ngx->two_workers;

# --- SELECT

$a->run('SET', 'k', 'zero');
is($a->run('SELECT', 1), 'OK', 'SELECT');
is($a->run('GET', 'k'), undef, 'another zone');
$a->run('SET', 'k', 'one');
$a->run('SET', 'more', 'one');
is($a->run('DBSIZE'), 2, 'DBSIZE of the one');
is($b->run('GET', 'k'), 'zero', 'others are where they were');
is($b->run('DBSIZE'), 1, 'DBSIZE of the other');
is($a->error('SELECT', 3), 'ERR DB index is out of range', 'no such zone');
is($a->error('SELECT', -1), 'ERR DB index is out of range', 'a negative one');
is($a->error('SELECT', 'x'), 'ERR value is not an integer or out of range',
   'no number');
is($a->run('GET', 'k'), 'one', 'a SELECT that failed changes nothing');

my @bytes = $a->replies(map { (['SELECT', $_], ['SET', 'p', $_], ['GET', 'p'],
                               ['GET', 'p']) } 0 .. 2, 1, 0);
is(join('', @bytes), join('', map { "+OK\r\n+OK\r\n" . "\$1\r\n$_\r\n" x 2 }
                              0 .. 2, 1, 0), 'SELECT amid a pipeline');
is($a->run('GET', 'k'), 'zero', 'and where it ended');

like($a->run('INFO', 'keyspace'),
     qr/^# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0\r\ndb1:keys=3,expires=0,avg_ttl=0\r\ndb2:keys=1,expires=0,avg_ttl=0\r\n$/,
     'INFO keyspace');

# how long keys have, of each by itself
$a->run('SELECT', 1);
$a->run('SET', "far $_", 1, 'PX', 4_000_000) for 1 .. 50;
$a->run('SELECT', 2);
$a->run('SET', 'near', 1, 'PX', 1_000_000);
my ($near, $far) = map { $a->run('INFO', 'keyspace') =~ /^db$_:.*,avg_ttl=(\d+)\r$/m ? $1 : '' } 2, 1;
ok($near > 500_000 && $near <= 1_000_000, 'avg_ttl') or diag($near);
ok($far > 3_500_000 && $far <= 4_000_000, 'avg_ttl of another one') or diag($far);
$a->run('MULTI');
$a->run('GET', 'near');
$a->run('INFO', 'keyspace');
like($a->run('EXEC')->[1], qr/^db1:keys=53,expires=50,avg_ttl=0\r\ndb2:keys=2,expires=1,avg_ttl=[1-9]\d+\r$/m,
     'in a transaction: of its own zone');
$a->run('DEL', 'near');
$a->run('SELECT', 1);
$a->run('DEL', map { "far $_" } 1 .. 50);
$a->run('SELECT', 0);

is_deeply($a->run('CONFIG', 'GET', 'databases'), ['databases', 3],
          'CONFIG GET databases');

# --- clients

$a->run('SELECT', 2);
my $id = $a->run('CLIENT', 'ID');
is($b->run('CLIENT', 'LIST', 'ID', $id) =~ / db=(\d+) / && $1, 2,
   'CLIENT LIST of another database has it');
like($b->run('CLIENT', 'LIST', 'ID', $b->run('CLIENT', 'ID')), qr/ db=0 /,
     'db=0');
my %ids = map { $_->run('CLIENT', 'ID') => 1 } $a, $b, map { $ngx->resp } 1 .. 9;
is(keys %ids, 11, 'numbers of clients');

$a->run('RESET');
$a->run('AUTH', $KS::Nginx::TOKEN);
is($a->run('GET', 'k'), 'zero', 'RESET goes back to the first');

# --- waiting

$a->run('SELECT', 1);
my $waits = $ngx->resp;
$waits->run('SELECT', 2);
$waits->send(KS::RESP::encode('BLPOP', 'list', 0));
wait_for(10, sub { $b->run('CLIENT', 'LIST') =~ / flags=b .* cmd=blpop/ });
$_->run('RPUSH', 'list', 'no') for $a, $b;
$b->run('SELECT', 2);
$b->run('RPUSH', 'list', 'yes');
is($waits->reply, "*2\r\n\$4\r\nlist\r\n\$3\r\nyes\r\n", 'BLPOP of a database');

$waits->send(KS::RESP::encode('BLPOP', 'list', 0));
my $wid;
wait_for(10, sub { ($wid) = $b->run('CLIENT', 'LIST')
                            =~ /id=(\d+) .*flags=b /; $wid });
is($b->run('CLIENT', 'UNBLOCK', $wid), 1, 'CLIENT UNBLOCK');
is($waits->reply, "*-1\r\n", 'and it is');

# --- MULTI, WATCH

$b->run('SELECT', 0);
$a->run('SELECT', 1);
$a->run('MULTI');
like($a->error('SELECT', 2), qr/^ERR a transaction or a script stays in its/,
     'SELECT of another one in MULTI');
like($a->error('EXEC'), qr/^EXECABORT/, 'spoils it');
$a->run('MULTI');
is($a->run('SELECT', 1), 'QUEUED', 'SELECT of the same');
$a->run('SET', 'm', 1);
is_deeply($a->run('EXEC'), ['OK', 'OK'], 'is none');
is($b->run('EXISTS', 'm'), 0, 'in its database');

like($a->error('EVAL', "return redis.call('SELECT', 2)", 0),
     qr/a transaction or a script stays in its database/, 'and a script');
is($a->run('EVAL', "redis.call('SELECT', 1) return redis.call('GET', 'k')", 0),
   'one', 'which may name its own');

for my $touch (0, 1, 2, undef) {
    $a->run('SELECT', $_), $a->run('WATCH', 'w') for 0 .. 2;
    $a->run('SELECT', 1);
    $b->run('SELECT', $touch), $b->run('SET', 'w', rand) if defined $touch;
    $a->run('MULTI');
    $a->run('SET', 'done', $touch // 'all');
    is_deeply($a->run('EXEC'), defined $touch ? undef : ['OK'],
              'WATCH over SELECT, changed in ' . ($touch // 'none'));
}

is($a->run('GET', 'done'), 'all', 'it was run');

# --- publish/subscribe

my $sub = $ngx->resp;
$sub->run('SELECT', 1);
$sub->send(KS::RESP::encode('SUBSCRIBE', 'ch'));
is($sub->reply, "*3\r\n\$9\r\nsubscribe\r\n\$2\r\nch\r\n:1\r\n", 'SUBSCRIBE');

for my $db (0 .. 2) {
    $b->run('SELECT', $db);
    is($b->run('PUBLISH', 'ch', "from $db"), 1, "PUBLISH in $db");
    is($sub->reply, "*3\r\n\$7\r\nmessage\r\n\$2\r\nch\r\n\$6\r\nfrom $db\r\n",
       'is heard');
}

$b->run('MULTI');
$b->run('PUBLISH', 'ch', 'from 2');
is_deeply($b->run('EXEC'), [1], 'PUBLISH in a transaction');
$sub->reply;
is_deeply($b->run('PUBSUB', 'NUMSUB', 'ch'), ['ch', 1], 'PUBSUB NUMSUB');
$sub->send(KS::RESP::encode('UNSUBSCRIBE'));
$sub->reply;
$b->run('SELECT', $_), is($b->run('PUBLISH', 'ch', 1), 0, "none left in $_")
    for 0 .. 2;

$sub->send(KS::RESP::encode('PSUBSCRIBE', '__key*__:*'));
$sub->reply;
$b->run('SELECT', $_), $b->run('SET', 'n', 1) for 2, 0, 1;
my %heard;
for (1 .. 6) {
    my ($ch) = $sub->reply =~ /(__key\w+\@\d__:\w+)\r\n\$\d+\r\n\w+\r\n$/;
    $heard{$ch}++;
}
is_deeply([sort keys %heard],
          [sort map { ("__keyevent\@${_}__:set", "__keyspace\@${_}__:n") } 0 .. 2],
          'notifications have the number of the database');
$sub->send(KS::RESP::encode('PUNSUBSCRIBE'));
$sub->reply;
$sub->send(KS::RESP::encode('SUBSCRIBE', '__keyspace@1__:n'));
$sub->reply;
$b->run('SELECT', $_), $b->run('SET', 'n', "v$_") for 2, 0, 1;
like($sub->reply, qr/__keyspace\@1__:n/, 'those of one');
$b->run('SET', 'n', 'again');
like($sub->reply, qr/__keyspace\@1__:n/, 'and no other');

# --- MONITOR

my $m = $ngx->resp;
is($m->run('MONITOR'), 'OK', 'MONITOR');
for my $db (2, 1, 0) {
    $b->run('SELECT', $db);
    $b->run('SET', 'seen', $db);
    my $line;
    do { $line = $m->reply } until $line =~ /"SET" "seen"/;
    like($line, qr/ \[$db 127.*\] "SET" "seen" "$db"/, "MONITOR of $db");
}
$m->close;

# --- tracking

my $t = $ngx->resp;
$t->run('HELLO', 3);
$t->run('SELECT', 1);
$t->run('CLIENT', 'TRACKING', 'ON');
$t->run('GET', 'k');
like($t->error('SELECT', 0), qr/^ERR a client that tracks keys stays/,
     'who tracks keys stays');
$b->run('SELECT', 0);
$b->run('SET', 'k', 'no');
$b->run('SELECT', 1);
$b->run('SET', 'k', 'yes');
is($t->reply, ">2\r\n\$10\r\ninvalidate\r\n*1\r\n\$1\r\nk\r\n", 'invalidation');
$t->run('CLIENT', 'TRACKING', 'OFF');
is($t->run('SELECT', 0), 'OK', 'and goes then');

# --- MOVE, COPY, SWAPDB

my %values = (
    string => [qw(SET %s v)],
    int    => [qw(SET %s 17)],
    long   => ['SET', '%s', 'x' x 300_000],
    list   => ['RPUSH', '%s', map { "e$_" } 1 .. 500],
    hash   => ['HSET', '%s', map { ("f$_", $_) } 1 .. 500],
    set    => ['SADD', '%s', map { "m$_" } 1 .. 500],
    zset   => ['ZADD', '%s', map { ($_, "m$_") } 1 .. 500],
    stream => ['XADD', '%s', '1-1', 'f', 'v'],
    json   => ['JSON.SET', '%s', '$', '{"a":[1,2,{"b":null}]}'],
);

# the order of a set is that of its zone
sub shape {
    my ($c, $key, $type) = @_;

    return $type eq 'set' ? join ' ', sort $c->run('SMEMBERS', $key)->@*
                          : $c->run('DUMP', $key);
}


$a->run('SELECT', 0);
$b->run('SELECT', 2);

for my $type (sort keys %values) {
    $a->run(map { $_ eq '%s' ? "mv:$type" : $_ } $values{$type}->@*);
    $a->run('PEXPIREAT', "mv:$type", 33333333333333) if $type ne 'int';
    my $dump = shape($a, "mv:$type", $type);
    my $at = $a->run('PEXPIRETIME', "mv:$type");

    is($a->run('COPY', "mv:$type", "cp:$type", 'DB', 2), 1, "COPY of a $type");
    is($a->run('MOVE', "mv:$type", 2), 1, 'MOVE');
    is($a->run('EXISTS', "mv:$type", "cp:$type"), 0, 'it is gone');

    for my $key ("mv:$type", "cp:$type") {
        ok(shape($b, $key, $type) eq $dump, "$key is as it was");
        is($b->run('PEXPIRETIME', $key), $at, 'and ends when it did');
    }
}

$a->run('HSET', 'ttl', 'f', 1, 'g', 2);
$a->run('HPEXPIREAT', 'ttl', 33333333333333, 'FIELDS', 1, 'g');
$a->run('MOVE', 'ttl', 2);
is_deeply($b->run('HPEXPIRETIME', 'ttl', 'FIELDS', 2, 'f', 'g'),
          [-1, 33333333333333], 'fields keep their times');

$a->run('SET', 'both', 'a');
$b->run('SET', 'both', 'b');
is($a->run('MOVE', 'both', 2), 0, 'MOVE to a key that is there');
is($a->run('COPY', 'both', 'both', 'DB', 2), 0, 'and COPY');
is($b->run('GET', 'both'), 'b', 'leave it');
is($a->run('COPY', 'both', 'both', 'DB', 2, 'REPLACE'), 1, 'COPY REPLACE');
is($b->run('GET', 'both'), 'a', 'does not');
is($a->run('MOVE', 'none', 2), 0, 'MOVE of no key');
is($a->run('COPY', 'none', 'n', 'DB', 2), 0, 'and COPY');
is($a->error('MOVE', 'both', 0),
   'ERR source and destination objects are the same', 'MOVE to the same');
is($a->error('MOVE', 'both', 3), 'ERR DB index is out of range',
   'MOVE out of range');
is($a->error('COPY', 'both', 'x', 'DB', 3), 'ERR DB index is out of range',
   'COPY out of range');

$a->run('MULTI');
$a->run('MOVE', 'both', 2);
$a->run('COPY', 'both', 'other', 'DB', 2);
$a->run('SET', 'both', 'stays');
like($a->command('EXEC'), qr/^\*3\r\n-ERR 'move' is for several.*-ERR 'copy' is for several.*\+OK/s,
     'MOVE and COPY in a transaction');
like($a->error('EVAL', "return redis.call('MOVE', 'both', 2)", 0),
     qr/'move' is for several databases/, 'and in a script');

$waits->run('SELECT', 2);
$waits->send(KS::RESP::encode('BLPOP', 'arrives', 0));
wait_for(10, sub { $b->run('CLIENT', 'LIST') =~ / flags=b / });
$a->run('RPUSH', 'arrives', 1, 2);
is($a->run('MOVE', 'arrives', 2), 1, 'a list that a client waits for');
is($waits->reply, "*2\r\n\$7\r\narrives\r\n\$1\r\n1\r\n", 'serves it');

is($a->error('SWAPDB', 'x', 0), 'ERR invalid first DB index', 'SWAPDB x 0');
is($a->error('SWAPDB', 0, 'x'), 'ERR invalid second DB index', 'SWAPDB 0 x');
is($a->error('SWAPDB', 0, 3), 'ERR DB index is out of range', 'SWAPDB 0 3');
like($a->error('SWAPDB', 0, 1), qr/^ERR databases are zones, each with/,
     'SWAPDB 0 1');
is($a->run('SWAPDB', 1, 1), 'OK', 'SWAPDB with itself');

# what is told of it, in the zone where it happens

my $told = $ngx->resp;

$told->send(KS::RESP::encode('PSUBSCRIBE', '__keyevent@*__:move_*'));
$told->reply;
$a->run('SELECT', 0);
$a->run('SET', 'told', 1);
is($a->run('MOVE', 'told', 2), 1, 'MOVE');
is_deeply([sort map { ($told->reply =~ /(__keyevent\S+)\r\n\$4\r\ntold/)[0] } 1, 2],
          ['__keyevent@0__:move_from', '__keyevent@2__:move_to'],
          'move_from and move_to');
$told->close;
$b->run('SELECT', 2);
$b->run('DEL', 'told');

# MOVE is a change in both zones, for those who watch a key in either

for my $db (0, 2) {
    $a->run('SELECT', 0);
    $a->run('SET', 'watched', 1);
    $b->run('SELECT', $db);
    $b->run('WATCH', 'watched');
    is($a->run('MOVE', 'watched', 2), 1, 'MOVE of a watched key');
    $b->run('MULTI');
    $b->run('PING');
    is($b->run('EXEC'), undef, "is seen by who watches it in $db");
    $b->run('SELECT', 2);
    $b->run('DEL', 'watched');
}

# and one that fails is none

$a->run('SET', 'watched', 1);
$b->run('SET', 'watched', 2);
$b->run('WATCH', 'watched');
is($a->run('MOVE', 'watched', 2), 0, 'MOVE that fails');
$b->run('MULTI');
$b->run('PING');
is_deeply($b->run('EXEC'), ['PONG'], 'is seen by nobody');
$b->run('DEL', 'watched');
$a->run('DEL', 'watched');

# two that move in opposite directions wait for nobody

$a->run('SELECT', 0);
$b->run('SELECT', 1);
$_->run('FLUSHDB') for $a, $b;
$a->run('SET', "k$_", $_) for 1 .. 200;
$b->run('SET', "l$_", $_) for 1 .. 200;
$a->send(join '', map { KS::RESP::encode('MOVE', "k$_", 1) } 1 .. 200);
$b->send(join '', map { KS::RESP::encode('MOVE', "l$_", 0) } 1 .. 200);
is(join('', map { $_->take_replies(200) } $a, $b), ":1\r\n" x 400,
   'MOVE in both directions');
is($_->run('DBSIZE'), 200, 'all have come') for $a, $b;

# --- FLUSHDB, FLUSHALL

$a->run('SELECT', 2);
$a->run('SET', 'k', 1);
$a->run('FLUSHDB');
is(join(' ', map { $a->run('SELECT', $_); $a->run('DBSIZE') } 0 .. 2),
   '200 200 0', 'FLUSHDB empties one');
$a->run('SET', 'k', 1);
$a->run('MULTI');
$a->run('FLUSHALL');
like($a->command('EXEC'), qr/^\*1\r\n-ERR 'flushall' is for several/,
     'FLUSHALL in a transaction');
$a->run('SELECT', 1);
is($a->run('FLUSHALL'), 'OK', 'FLUSHALL');
is(join(' ', map { $a->run('SELECT', $_); $a->run('DBSIZE') } 0 .. 2), '0 0 0',
   'empties all');

# --- killing

$a->run('SELECT', 2);
$b->run('SELECT', 1);
is($b->run('CLIENT', 'KILL', 'ID', $a->run('CLIENT', 'ID')), 1, 'CLIENT KILL');
ok(!defined $a->reply && $a->{why} eq 'closed', 'from another database');

$sub->close;
$ngx->stop;
done_testing;
