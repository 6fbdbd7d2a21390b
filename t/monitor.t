# MONITOR: the commands of all workers and protocols, in the order in which they
# were carried out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP;

my $ngx = KS::Nginx->start(size => '32m', workers => 3, resp => '',
                           resp_listen => 'reuseport');
my ($a, $b) = $ngx->two_workers;
my $http = $ngx->client;
my $m = $ngx->resp;

# The lines up to one that has the word, which nothing else has.
sub lines {
    my ($word) = @_;
    my @lines;

    for ( ;; ) {
        my $line = $m->reply // die 'no line';

        last if $line =~ /\Q$word\E/;
        $line =~ s/\r\n\z//;
        push @lines, $line;
    }

    return @lines;
}


# without the times, and with the addresses by name
sub plain {
    my %names = ($a->{socket}->sockport => 'a', $b->{socket}->sockport => 'b');

    return map { s/^\+\d+\.\d{6} //r
                 =~ s/127\.0\.0\.1:(\d+)/$names{$1} || 'http'/er } @_;
}


$a->run('SET', 'before', 1);
is($m->run('MONITOR'), 'OK', 'MONITOR');

# one key, so that each command of one worker waits for that of the other

$a->run('RPUSH', 'l', "a\x00\x80\n\"\\");
$b->run('RPUSH', 'l', 'b');
$http->run('RPUSH', 'l', 'h');
$a->error('INCR', 'l');
$a->error('INCR');
$a->error('NOSUCH');
$a->run('PING');
$a->run('CONFIG', 'GET', 'maxmemory');
$a->error('AUTH', 'wrong-secret');
$a->run('MULTI');
$a->run('RPUSH', 'l', 'm');
$a->run('EXEC');
$b->run('EVAL', 'redis.call("DEL", KEYS[1]) return 1', 1, 'l');
$http->pipeline(['SET', 'p', 1], ['GET', 'p']);
$a->run('ECHO', 'end-of-it');

my @lines = lines('end-of-it');

is_deeply([plain(@lines)], [
    '[0 a] "RPUSH" "l" "a\x00\x80\n\"\\\\"',
    '[0 b] "RPUSH" "l" "b"',
    '[0 http] "RPUSH" "l" "h"',
    '[0 a] "INCR" "l"',
    '[0 a] "PING"',
    '[0 a] "AUTH" "(redacted)"',
    '[0 a] "MULTI"',
    '[0 a] "RPUSH" "l" "m"',
    '[0 a] "EXEC"',
    '[0 b] "EVAL" "redis.call(\"DEL\", KEYS[1]) return 1" "1" "l"',
    '[0 lua] "DEL" "l"',
    '[0 http] "SET" "p" "1"',
    '[0 http] "GET" "p"',
], 'all commands, and in their order');

# what is long is cut, and says by how much

$a->run('SET', 'long', 'x' x 1_000_000);
$a->run('ECHO', 'end-of-it');
my ($long) = lines('end-of-it');

cmp_ok(length $long, '<', 16384, 'a long line is bounded');
like($long, qr/"x{4000}x*\.\.\. \((\d+) more bytes\)"$/, 'and says so');
my ($more) = $long =~ /\((\d+) more/;
my $shown = ($long =~ tr/x//);
is($shown + $more, 1_000_000, 'to the byte');

$a->run('MSET', map { ("k$_", 'v' x 100) } 1 .. 1000);
$a->run('ECHO', 'end-of-it');
like((lines('end-of-it'))[0], qr/"\.\.\. \(\d+ more arguments\)"$/,
     'and so are many arguments');

# two workers at a time: the order of the lines is that of the effects

my $n = 300;

$_->send(join '', map { KS::RESP::encode('INCR', 'n') } 1 .. $n) for $a, $b;

my (@got, %next);
for my $c ($a, $b) {
    push @{$next{$c == $a ? 'a' : 'b'}}, map { KS::RESP::value($c->reply)->{text} }
                                         1 .. $n;
}

$a->run('ECHO', 'end-of-it');
my @order = map { /^\[0 ([ab])\]/ } plain(lines('end-of-it'));

is(scalar @order, 2 * $n, 'each command once');
my @expected;
for my $who (qw(a b)) {
    $expected[$_ - 1] = $who for @{$next{$who}};
}
is_deeply(\@order, \@expected, 'in the order of their effects');

# a subscription of a transaction, of which a monitor hears right behind it

my $s = $ngx->resp;
$s->run('MULTI');
$s->run('SUBSCRIBE', 'watched');
like($s->command('EXEC'), qr/subscribe\r\n\$7\r\nwatched\r\n:1/,
     'EXEC with SUBSCRIBE while somebody monitors');
is($a->run('PUBLISH', 'watched', 'm'), 1, 'it holds');
like($s->reply, qr/message\r\n\$7\r\nwatched\r\n\$1\r\nm/, '... and hears');
$s->close;
ok(wait_for(10, sub { $a->run('PUBSUB', 'NUMSUB', 'watched')->[1] == 0 }),
   '... and ends with its client');
$a->run('PING', 'of-the-subscription');
lines('of-the-subscription');

# what a monitor may do

like($m->error('GET', 'n'), qr/^ERR Replica can't interact with the keyspace/,
     'it is cut off from the keys');
is($m->run('RESET'), 'RESET', 'until it is reset');
$a->run('SET', 'n', 7);

my $c = $ngx->resp;
is($c->run('GET', 'n'), 7, 'and hears nothing more');

$ngx->stop;
done_testing;
