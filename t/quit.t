# Workers that are told to quit end in order, whatever their connections are amid of:
# none is left open when a worker goes, clients that wait have their replies, and a
# replica its whole file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Proc qw(alive free_port tempdir wait_for);
use KS::Proxy;
use KS::RESP;
use KS::Redis;

my $dir = tempdir();
chmod 0777, $dir;


sub begin {
    my ($zone, %options) = @_;
    my $ngx = KS::Nginx->start(size => '64m', resp => '', workers => 2, zone => $zone,
                               %options);

    $ngx->allow(qr/of keyspace zone "main", as /, qr/keyspace zone "main": the link/);

    return $ngx;
}

# All workers are told, and have heard it.
sub told {
    my ($ngx) = @_;
    kill 'QUIT', $ngx->pid;

    ok(wait_for(20, sub {
        (() = $ngx->log =~ /gracefully shutting down/g) >= 2
    }), '... workers are told to quit');
}

sub ends {
    my ($ngx, $name) = @_;

    ok(wait_for(30, sub { !alive($ngx->pid) }), "$name: all have ended");
    $ngx->stop("$name: and left nothing open");
}

# A connection that has sent these bytes, and reads nothing by itself.
sub raw {
    my ($port, $bytes) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "connect: $!";

    syswrite $s, $bytes;

    return $s;
}

# What comes until it is enough, or the other side has ended; at most 30 s.
sub read_until {
    my ($s, $in, $enough) = @_;
    my $select = IO::Select->new($s);
    my $until = time + 30;

    until ($enough->($$in)) {
        return 0 if time > $until;
        next unless $select->can_read(1);
        sysread $s, $$in, 1048576, length $$in or return 0;
    }

    return 1;
}


# --- links that never come up ---

# the kernel takes connections for a listener that does nothing
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64, ReuseAddr => 1) or die "listen: $!";
my $mute_port = $mute->sockport;

for my $line ("redis://127.0.0.1:$mute_port mode=replica",
              "redis://127.0.0.1:$mute_port mode=near",
              "sentinel:store\@127.0.0.1:$mute_port mode=replica",
              "cluster:127.0.0.1:$mute_port mode=near")
{
    my $ngx = begin("upstream $line connect_timeout=60s;");

    ok(wait_for(20, sub { IO::Select->new($mute)->can_read(0) }), "$line: it is connected to");
    told($ngx);
    ends($ngx, $line);

    my $s;
    close $s while IO::Select->new($mute)->can_read(0) && ($s = $mute->accept);
}


# --- a replica that gets its file ---

sub psync {
    return KS::RESP::encode('AUTH', $KS::Nginx::TOKEN)
           . KS::RESP::encode('REPLCONF', map { ('capa', $_) } @_)
           . KS::RESP::encode('PSYNC', '?', '-1');
}

for my $how (qw(quit reload)) {
    my $ngx = begin("replicas $dir/$how;");
    my $r = $ngx->resp;

    $r->run('SET', "more$_", join('', map { chr(33 + rand 90) } 1 .. 100_000)) for 1 .. 160;

    # one whose file has a mark, which may be sent while it is being made
    my $other = raw($ngx->resp_port, psync('eof', 'psync2'));
    my $s = raw($ngx->resp_port, psync('psync2'));
    my ($in, $rest) = ('', '');

    ok(read_until($s, \$in, sub { $_[0] =~ /FULLRESYNC \w+ \d+\r\n\n*\$\d+\r\n/ }), "$how: a file is on its way");
    my ($id, $offset, $size) = $in =~ /FULLRESYNC (\w+) (\d+)\r\n\n*\$(\d+)\r\n/;
    cmp_ok($size, '>', 5_000_000, '... of some size');

    if ($how eq 'quit') { told($ngx) } else { kill 'HUP', $ngx->pid }
    ok(wait_for(20, sub { $ngx->log =~ /gracefully shutting down/ }), '... and a worker is told to quit');

    my $head = index($in, "\$$size\r\n") + length("\$$size\r\n");
    ok(read_until($s, \$in, sub { length $_[0] >= $head + $size }), '... it comes to its end');
    is(substr($in, $head, 5), 'REDIS', '... from its beginning');

    my $end = time;
    ok(!read_until($s, \$in, sub { 0 }) && time - $end < 25, '... then the connection ends');
    $end = time;
    ok(!read_until($other, \$rest, sub { 0 }) && time - $end < 25, '... and so does that of the other one');
    close $_ for $s, $other;

    if ($how eq 'reload') {
        ok(wait_for(20, sub { eval { $r = $ngx->resp; $r->run('SET', 'after', 'reload') } }), '... a new worker serves');
        $s = raw($ngx->resp_port, KS::RESP::encode('AUTH', $KS::Nginx::TOKEN)
                 . KS::RESP::encode('PSYNC', $id, $offset + 1));
        $in = '';
        ok(read_until($s, \$in, sub { $_[0] =~ /\+CONTINUE.*after.*reload/s }), '... and goes on where the file ends');
        close $s;
        kill 'QUIT', $ngx->pid;
    }

    ends($ngx, "a file, $how");
}


# --- clients that wait for the store ---

SKIP: {
    skip 'no redis-server', 1 unless KS::Redis->available;

    my $redis = KS::Redis->start;
    my $proxy = KS::Proxy->start(to => $redis->port);
    my $port = $proxy->port;

    # a write is under way, at each step of a connection that comes up for it

    for my $mode (qw(near replica)) {
        for my $after ($mode eq 'near' ? (0.1, 0.3, 0.5, 0.7) : (0.2, 0.6)) {
            $proxy->tell('delay', 0);
            my $ngx = begin("upstream redis://127.0.0.1:$port mode=$mode timeout=20s;");
            my $r = $ngx->resp;
            my $http = $ngx->client;

            if ($mode eq 'replica') {
                ok(wait_for(20, sub { $r->run('INFO', 'replication') =~ /^master_link_status:up/m }), 'it follows');
            }

            $proxy->tell('delay', 0.1);
            $r->send(KS::RESP::encode('INCR', "$mode$after"));
            $http->connect;
            $http->send($http->build('GET', "/incr/$mode$after"));
            sleep $after;
            told($ngx);
            my @said = (KS::RESP::value($r->reply)->{text}, $http->response('GET')->{body} =~ /"result":(\d+)/);
            is("@{[sort @said]}", '1 2', "$mode, $after s: both writes have their replies");
            ends($ngx, $mode);
        }
    }

    # and whatever else takes its time

    $proxy->tell('delay', 0);
    my $ngx = begin("upstream redis://127.0.0.1:$port mode=near timeout=2s local_prefix=here:; migrate 127.0.0.1;");
    my $other = KS::Redis->start;
    my %c = map { $_ => $ngx->resp } qw(blocked local heard half multi swallowed token migrates guest);
    my $resp = $ngx->resp;
    $c{guest} = KS::RESP->new(port => $ngx->resp_port);

    ok(wait_for(20, sub { $redis->run('CLIENT', 'LIST') =~ /name=keyspace-news.* psub=1 /
                          && (() = $redis->run('CLIENT', 'LIST') =~ /name=keyspace-near/g) == 2 }), 'an edge');
    $resp->run('SET', 'here:k', 'v');
    $c{blocked}->send(KS::RESP::encode('BLPOP', 'list', 0));
    $c{local}->send(KS::RESP::encode('BLPOP', 'here:list', 0));
    $c{heard}->run('SUBSCRIBE', 'news');
    $c{half}->send("*2\r\n\$4\r\nPING\r\n");
    $c{multi}->run('MULTI');
    $c{swallowed}->run('SET', 'k', 'v');
    $c{migrates}->send(KS::RESP::encode('MIGRATE', '127.0.0.1', $mute_port, 'here:k', 0, 1500));
    ok(wait_for(20, sub { $redis->run('CLIENT', 'LIST') =~ /cmd=blpop/ }), 'all of them wait');
    my $feeder = $ngx->resp;
    $feeder->run('SUBSCRIBE', 'other');
    $proxy->tell('swallow');
    $c{swallowed}->send(KS::RESP::encode('SET', 'k', 'v'));
    $c{token}->send(KS::RESP::encode('KEYSPACE.SYNC', ('ab' x 20) . ':1', 1000));
    sleep 0.2;
    told($ngx);
    like($c{swallowed}->reply, qr/^-UNCERTAIN/, 'what has no reply says so');
    like($c{token}->reply, qr/^-BEHIND|^\$/, 'a token is waited for');
    like($c{migrates}->reply, qr/^-IOERR/, 'MIGRATE to what does not answer has its end');
    $proxy->tell('pass');
    is($c{multi}->reply, undef, 'who is idle is let go');
    $c{half}->send("\$1\r\nx\r\n");
    is($c{half}->reply, "\$1\r\nx\r\n", 'half a command is waited for');
    $redis->run('RPUSH', 'list', 'v');
    is($c{blocked}->reply // 'none', "*2\r\n\$4\r\nlist\r\n\$1\r\nv\r\n", 'who waits at the store is kept');
    ok(alive($ngx->pid), '... and so are others');
    close $c{$_}{socket} for qw(local heard);
    close $feeder->{socket};
    ends($ngx, 'all kinds of waiting');

    $_->stop for $other, $redis;
}


done_testing;
