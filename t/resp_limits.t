# What a Redis client may take of a worker: replies that it leaves unread,
# connections, and what is told of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::RESP;

my $TOKEN = $KS::Nginx::TOKEN;


# A connection that reads when it is told to, and not before.
sub plain {
    my ($ngx) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $ngx->resp_port)
        or die "connect: $!";

    syswrite $s, KS::RESP::encode('AUTH', $TOKEN);
    sysread $s, my $reply, 100;
    die "login: $reply" if $reply ne "+OK\r\n";

    return $s;
}


# the fields of INFO
sub info {
    my ($http) = @_;

    return { map { split /:/, $_, 2 } grep { /:/ }
             split /\r?\n/, $http->run('INFO') };
}


# Writes all of it; within the limit of time, 0: it could not.
sub write_whole {
    my ($s, $bytes) = @_;
    my $at = 0;

    local $SIG{ALRM} = sub { die "late\n" };
    alarm 120;

    my $done = eval {
        while ($at < length $bytes) {
            $at += syswrite($s, $bytes, 1 << 20, $at) // die "write: $!\n";
        }
        1;
    };

    alarm 0;
    diag($@) if !$done;

    return $done ? 1 : 0;
}


# So many bytes, or what there is until the end: how many, and the last ones.
sub read_whole {
    my ($s, $want) = @_;
    my ($n, $last) = (0, '');

    local $SIG{ALRM} = sub { die "late\n" };
    alarm 120;

    eval {
        while ($n < $want) {
            my $got = sysread $s, my $part, 1 << 20;
            last if !$got;
            $n += $got;
            $last = substr "$last$part", -100;
        }
    };

    alarm 0;

    return ($n, $last);
}


# a client that reads no more waits for its end while the rest goes on
my $forgotten = KS::Nginx->start(resp => 'keyspace_resp_output_limit 64k;'
                                         . 'keyspace_resp_output_total 64k;');
$forgotten->resp->run('SET', 'v', 'x' x 1000);
my $deaf = plain($forgotten);
ok(write_whole($deaf, KS::RESP::encode('GET', 'v') x 40_000),
   'replies for a client that does not read them');

my $half = plain($forgotten);
syswrite $half, "*2\r\n\$3\r\nGET\r\n\$5\r\nab";


subtest 'a pipeline that is written whole before its replies are read' => sub {
    my $ngx = KS::Nginx->start(resp => '');
    my $value = 'x' x 1000;
    my $n = 150_000;

    $ngx->resp->run('SET', 'v', $value);

    my $s = plain($ngx);
    ok(write_whole($s, KS::RESP::encode('GET', 'v') x $n
                       . KS::RESP::encode('PING', 'end')), 'it can be written');

    my $want = $n * length("\$1000\r\n$value\r\n") + length "\$3\r\nend\r\n";
    my ($got, $last) = read_whole($s, $want);

    is($got, $want, 'all replies are there');
    like($last, qr/\r\n\$3\r\nend\r\n\z/, 'the last one is the last');
    is($ngx->resp->run('PING'), 'PONG', 'others are served');
    $ngx->stop;
};


subtest 'replies that nobody reads, of all clients together' => sub {
    my $ngx = KS::Nginx->start(resp => 'keyspace_resp_output_limit 256k;'
                                       . 'keyspace_resp_output_total 4m;');
    my $n = 20_000;
    my $size = length "\$1000\r\n" . 'x' x 1000 . "\r\n";

    $ngx->resp->run('SET', 'v', 'x' x 1000);

    my @s = map { plain($ngx) } 1 .. 3;
    write_whole($_, KS::RESP::encode('GET', 'v') x $n) for @s;

    my $c = $ngx->resp;
    my $waiting = sub {
        my $sum = 0;
        $sum += $_ for $c->run('CLIENT', 'LIST') =~ / obl=(\d+)/g;
        return $sum;
    };
    my ($before, $same) = (-1, 0);

    # until they are all blocked
    ok(wait_for(60, sub {
        my $now = $waiting->();
        $same = $now == $before && $now > 0 ? $same + 1 : 0;
        $before = $now;
        return $same > 20;
    }), 'they come to a stand');

    cmp_ok($before, '>', 4 << 20, 'they have what they may have together');
    cmp_ok($before, '<', (4 << 20) + 3 * ((256 << 10) + (128 << 10)),
           'and no more than their own limits besides');

    my @got = map { (read_whole($_, $n * $size))[0] } @s;
    is_deeply(\@got, [($n * $size) x 3], 'each gets all when it reads');
    ok(wait_for(30, sub { $waiting->() == 0 }), 'nothing is left');
    $ngx->stop;
};


subtest 'connections that are kept for HTTP' => sub {
    my $ngx = KS::Nginx->new(resp => '');
    my $text = $ngx->config;

    $text =~ s/worker_connections 512/worker_connections 60/ or die;
    $ngx->{options}{conf} = $text;
    $ngx->write_config;
    $ngx->launch;

    my @c = map { KS::RESP->new(port => $ngx->resp_port) } 1 .. 60;
    my ($served, $refused) = (0, 0);

    for my $c (@c) {
        my $reply = eval { $c->command('AUTH', $TOKEN) } // '';
        $served++ if $reply eq "+OK\r\n";
        $refused++ if $reply =~ /^-ERR max number of clients reached/;
    }

    is($served, 45, 'three quarters serve Redis clients');
    cmp_ok($refused, '>', 0, 'others are told');
    is($ngx->client->run('PING'), 'PONG', 'HTTP has its share');
    like($ngx->log, qr/\[warn\].* 45 clients are connected over RESP: the rest of the 60 worker_connections is kept for HTTP/,
         'and the log says why');

    $_->close for @c;
    ok(wait_for(30, sub {
        my $c = KS::RESP->new(port => $ngx->resp_port);
        my $ok = (eval { $c->command('AUTH', $TOKEN) } // '') eq "+OK\r\n";
        $c->close;
        return $ok;
    }), 'when they go others may come');
    $ngx->stop;
};


subtest 'INFO tells of clients' => sub {
    my $ngx = KS::Nginx->start(resp => 'keyspace_resp_max_clients 4;',
                               workers => 2);
    my $http = $ngx->client;
    my $info = sub { info($http) };

    is($info->()->{connected_clients}, 0, 'none');

    # whichever worker has them
    my @c = grep { defined } map {
        my $c = KS::RESP->new(port => $ngx->resp_port);
        (eval { $c->command('AUTH', $TOKEN) } // '') eq "+OK\r\n" ? $c : undef
    } 1 .. 4;
    my $n = @c;

    is($info->()->{connected_clients}, $n, 'those that are connected');
    cmp_ok($info->()->{total_connections_received}, '>=', $n, 'and have been');
    is($info->()->{blocked_clients}, 0, 'none is blocked');

    for my $pid ($ngx->workers) {
        kill 'KILL', $pid;
    }

    $ngx->allow(qr/exited on signal 9/);
    ok(wait_for(30, sub {
        my $i = eval { info($ngx->client) };
        return $i && $i->{connected_clients} == 0;
    }), 'those of workers that were killed are gone');

    my @more = map { KS::RESP->new(port => $ngx->resp_port) } 1 .. 12;
    eval { $_->command('AUTH', $TOKEN) } for @more;
    ok(wait_for(30, sub {
        info($ngx->client)->{rejected_connections} > 0
    }), 'some that there is no room for');
    $ngx->stop;
};


ok(wait_for(120, sub { $forgotten->log =~ /client has not read on/ }),
   'who does not read is ended');
like($forgotten->log, qr/\[notice\].* client has not read on for 60 seconds, while \d+ bytes of replies wait for it, which is all that keyspace_resp_output_limit and keyspace_resp_output_total allow: it is ended/,
     'with the reason in the log');
ok(wait_for(120, sub { $forgotten->log =~ /has not completed its command/ }),
   'and so is who does not end a command');
like($forgotten->log, qr/\[notice\].* client has not completed its command for 60 seconds, of which 19 bytes have come/,
     'with the reason');
$forgotten->stop;

done_testing;
