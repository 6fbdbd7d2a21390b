# keyspace_cache in front of applications that speak SCGI and uwsgi; FastCGI is in
# cache_edge.t.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use KS::Nginx;

# An application that answers each request with its number, in a process of its
# own, as a CGI does.

sub read_bytes {
    my ($conn, $n) = @_;
    my $got = '';

    while (length $got < $n) {
        sysread($conn, $got, $n - length $got, length $got) or return;
    }

    return $got;
}

sub answer_of {
    my ($n, $status) = @_;

    return ($status // 'Status:') . " 200 OK\r\nCache-Control: max-age=60\r\n"
           . "Content-Type: text/plain\r\nETag: \"$n\"\r\n\r\nanswer $n";
}

my %protocol = (
    scgi => sub {
        my ($conn, $n) = @_;
        my $len = '';

        while ($len !~ /:$/) {
            my $c = read_bytes($conn, 1) // return;
            $len .= $c;
        }

        read_bytes($conn, $len =~ /(\d+)/ ? $1 + 1 : 0) // return;
        syswrite($conn, answer_of($n));
    },
    uwsgi => sub {
        my ($conn, $n) = @_;
        my (undef, $size) = unpack 'CvC', read_bytes($conn, 4) // return;

        read_bytes($conn, $size) // return;
        syswrite($conn, answer_of($n, 'HTTP/1.1'));
    },
);

my (%port, @pids);

for my $name (sort keys %protocol) {
    my $listen = IO::Socket::INET->new(Listen => 16,
                                       LocalAddr => '127.0.0.1')
        or die "listen: $!";

    $port{$name} = $listen->sockport;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        alarm 120;

        for my $n (1 .. 1000) {
            my $conn = $listen->accept or last;
            $protocol{$name}->($conn, $n);
            close $conn;
        }

        require POSIX;
        POSIX::_exit(0);
    }

    push @pids, $pid;
}

my $params = join ' ', map { "XX_param $_;" }
    'REQUEST_METHOD $request_method', 'REQUEST_URI $request_uri',
    'SERVER_PROTOCOL $server_protocol';

my $locations = join "\n", map {
    my $p = $params =~ s/XX/$_/gr;
    "location /$_/ { keyspace_cache main key=\$uri; $p"
    . " ${_}_pass 127.0.0.1:$port{$_}; }"
} sort keys %protocol;

my $ngx = KS::Nginx->start(locations => <<"CONF");
$locations
location / { keyspace_rest main; }
CONF

my $http = $ngx->client;
my $anyone = $ngx->client(token => undef);

sub get { $anyone->ask(@_) }

for my $name (sort keys %protocol) {
    my $r = get("/$name/a");
    is($r->{body}, 'answer 1', "$name: an answer of the application");
    like($r->{headers}{'cache-status'}, qr/fwd=uri-miss; stored/, '... stored');

    $r = get("/$name/a");
    is($r->{body}, 'answer 1', '... and of the store');
    like($r->{headers}{'cache-status'}, qr/hit/, '... as is said');
    is($r->{headers}{'content-type'}, 'text/plain', '... with its fields');
    ok(!exists $r->{headers}{status}, '... of which Status is none');

    is(get("/$name/a", Range => 'bytes=0-1')->{body}, 'an', 'a part of it');
    is(get("/$name/a", method => 'HEAD')->{headers}{'content-length'}, 8,
       'HEAD');
    is(get("/$name/a", 'If-None-Match' => '"1"')->{status}, 304,
       'a condition');

    is(get("/$name/b")->{body}, 'answer 2', 'another key');
    is($http->run('EXISTS', "cache:/$name/a"), 1, 'they are keys');
    is($http->run('DEL', "cache:/$name/a"), 1, '... that can be purged');
    is(get("/$name/a")->{body}, 'answer 3', '... and are fetched then');

    get("/$name/a", method => 'POST');
    is(get("/$name/a")->{body}, 'answer 5', 'POST ends the entry');
}

$_->close for $http, $anyone;
$ngx->stop;
kill 'TERM', @pids;
waitpid $_, 0 for @pids;
done_testing;
