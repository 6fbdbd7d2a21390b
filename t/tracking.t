# CLIENT TRACKING: clients of several workers are told of changes by any worker
# and protocol.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use Test::More;
use KS::Clock;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP;

plan skip_all => 'there is no cc' unless KS::Clock::available();

my $clock = KS::Clock->new;
my $ngx = KS::Nginx->start(env => $clock->env, size => '32m', workers => 3,
                           resp => '', resp_listen => 'reuseport');
my ($a, $b) = $ngx->two_workers;
my $http = $ngx->client;


# The next push, as its texts: "invalidate", and the keys.
sub push_of {
    my ($c) = @_;
    my $bytes = $c->reply // die 'closed';

    return join ' ', $bytes =~ /^>/ ? () : ("not a push: $bytes"),
                     KS::RESP::texts($bytes);
}


# Nothing is pushed that was told before this: a command behind it shows.
sub silent {
    my ($c, $name) = @_;

    is(join('', $c->replies(['PING', 'quiet'])), "\$5\r\nquiet\r\n", $name);
}


$a->replies(['HELLO', 3], ['CLIENT', 'TRACKING', 'on']);
$a->replies(['MGET', 'k1', 'k2', 'k3', 'k4', 'k5']);

$b->run('SET', 'k1', 1);
is(push_of($a), 'invalidate k1', 'a change by another worker');

$http->run('SET', 'k2', 1);
is(push_of($a), 'invalidate k2', 'over REST');

$b->run('EVAL', 'redis.call("RPUSH", "k3", 1)', 0);
is(push_of($a), 'invalidate k3', 'by a script');

is(join('', $a->replies(['SET', 'k4', 1])), "+OK\r\n", 'by itself: the reply');
is(push_of($a), 'invalidate k4', 'and then the push');

$b->run('SET', 'k1', 2);
silent($a, 'it is told once, until it reads again');

$a->replies(['GET', 'k1']);
$b->run('FLUSHALL');
is(push_of($a), 'invalidate', 'a flush is told as all');

# expiry: nobody has to look

$clock->hold;
$b->run('SET', 'e', 1, 'PX', 50);
$a->replies(['GET', 'e']);
$clock->set(1);
is(push_of($a), 'invalidate e', 'a key that expires is told');

$clock->hold;
$b->run('HSET', 'h', 'f', 1, 'g', 2);
$b->run('HPEXPIRE', 'h', 50, 'FIELDS', 1, 'f');
$a->replies(['HGETALL', 'h']);
$clock->set(1);
is(push_of($a), 'invalidate h', 'and a field that does');

# a redirection to a client of another worker, in RESP2

my $far = $b;
my $id = $far->run('CLIENT', 'ID');
my $t = $ngx->resp;

$far->run('SUBSCRIBE', '__redis__:invalidate');
$a->replies(['CLIENT', 'TRACKING', 'off'],
            ['CLIENT', 'TRACKING', 'on', 'REDIRECT', $id], ['GET', 'r']);
$t->run('SET', 'r', 1);

is(join(' ', KS::RESP::texts($far->reply)), 'message __redis__:invalidate r',
   'another connection is told');
silent($a, 'and not the one that tracks');

like(join('', $a->replies(['CLIENT', 'TRACKING', 'on', 'REDIRECT', 99999999])),
     qr/^-ERR The client ID you want redirect to does not exist/,
     'a client that no worker has');

$a->replies(['GET', 'r']);
$far->close;
ok(wait_for(10, sub { $t->run('CLIENT', 'LIST', 'ID', $id) eq '' }),
   'the other one has gone');
$t->run('SET', 'r', 2);
is(push_of($a), "tracking-redir-broken $id", 'which is told');

# broadcasts

$a->replies(['CLIENT', 'TRACKING', 'off'],
            ['CLIENT', 'TRACKING', 'on', 'BCAST', 'PREFIX', 'u:', 'NOLOOP']);
$t->run('MSET', 'u:2', 1, 'x', 1, 'u:1', 1);
is(push_of($a), 'invalidate u:1 u:2', 'keys of a prefix, in one push');
$a->replies(['SET', 'u:1', 3]);
silent($a, 'but not its own');

# many keys: the table is bounded, and what leaves it is told

$t->run('CONFIG', 'SET', 'tracking-table-max-keys', 100);
$a->replies(['CLIENT', 'TRACKING', 'off'], ['CLIENT', 'TRACKING', 'on']);

my %cached;

for my $i (1 .. 1000) {
    my @replies = $a->replies(['GET', "many:$i"]);

    $cached{"many:$i"} = 1;

    while (grep { /^>/ } @replies) {
        delete $cached{(KS::RESP::texts($_))[1]} for grep { /^>/ } @replies;
        @replies = grep { !/^>/ } @replies;
        push @replies, $a->reply if !@replies;
    }
}

# what is behind the last reply

$a->send(KS::RESP::encode('PING', 'last'));
while ((my $r = $a->reply) !~ /last/) {
    delete $cached{(KS::RESP::texts($r))[1]};
}

cmp_ok(scalar keys %cached, '<=', 110, 'it is told what to forget');

$ngx->stop;


subtest 'INFO, of all workers' => sub {
    my $ngx = KS::Nginx->start(size => '16m', workers => 3, resp => '',
                               resp_listen => 'reuseport');
    my ($a, $b) = $ngx->two_workers;
    my $http = $ngx->client;

    # clients, keys, items, prefixes
    my $says = sub {
        my ($want, $name) = @_;
        my $got;

        wait_for(20, sub {
            $got = join ' ', $http->run('INFO')
                =~ /^tracking_(?:clients|total_\w+):(\d+)/mg;
            return $got eq $want;
        });
        is($got, $want, $name);
    };

    $says->('0 0 0 0', 'nobody tracks');

    $_->replies(['HELLO', 3]) for $a, $b;
    $a->replies(['CLIENT', 'TRACKING', 'on'], ['MGET', 'k1', 'k2']);
    $b->replies(['CLIENT', 'TRACKING', 'on', 'BCAST', 'PREFIX', 'x:', 'PREFIX',
                 'y:']);
    $says->('2 2 2 2', 'two do, of two workers');

    $http->run('SET', 'k1', 1);
    $says->('2 1 1 2', 'a key is known no more');

    my ($pid) = $b->run('INFO', 'server') =~ /process_id:(\d+)/;
    kill 'KILL', $pid;
    $http->close;
    ok(wait_for(20, sub { eval { $http = $ngx->client; $http->run('PING') } }),
       'one worker dies');
    $says->('1 1 1 0', '... with its client');

    $a->close;
    $says->('0 0 0 0', 'and the other goes');
    $ngx->allow('exited on signal 9');
    $ngx->stop;
};

done_testing;
