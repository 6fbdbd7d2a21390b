# Keys that are too long, and patterns that are: the same answer everywhere, and
# soon; and DEBUG.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use KS::Nginx;
use KS::Redis;

my $ngx = KS::Nginx->start(size => '32m', resp => '', databases => 2);
my $http = $ngx->client;
my $resp = $ngx->resp;
my $most = 'k' x 65535;
my $long = 'k' x 65536;
my $error = 'ERR key is longer than 65535 bytes';

# --- keys

for my $c ($http, $resp) {
    is($c->run('SET', $most, 1), 'OK', 'the longest key');
    is($c->run('EXISTS', $most), 1, 'is there');

    for my $argv (['GET', $long], ['SET', $long, 1], ['EXISTS', 'k', $long],
                  ['MSET', 'k', 1, $long, 1], ['RENAME', $most, $long],
                  ['COPY', $most, $long], ['COPY', $most, $long, 'DB', 1],
                  ['MOVE', $long, 1], ['SORT', 'k', 'STORE', $long],
                  ['RPUSH', $long, 1], ['XADD', $long, '*', 'f', 'v'],
                  ['BITOP', 'AND', 'k', $long],
                  ['XREAD', 'STREAMS', $long, 0],
                  ['RESTORE', $long, 0, $resp->run('DUMP', $most)],
                  ['EVAL', 'return 1', 1, $long],
                  ['EVAL', "return redis.call('SET', ARGV[1], 1)", 0, $long],
                  ['CL.THROTTLE', $long, 1, 1, 1])
    {
        like($c->error(@$argv), qr/^\Q$error\E/, "@$argv[0, -2] of one byte more"
             =~ s/k{100,}/.../gr =~ s/[^ -~]/?/gr);
    }
}

is($resp->run('DBSIZE'), 1, 'nothing has come of it');

# --- what is refused

my $redis = KS::Redis::available() ? KS::Redis->start : undef;

for my $argv (['DEBUG', 'SLEEP', 0], ['DEBUG', 'JMAP'], ['DEBUG']) {
    my ($got) = $resp->replies($argv);

    like($got, qr/^-ERR (?:DEBUG command not allowed|wrong number)/, "@$argv");
    is($got, ($redis->replies($argv))[0], 'in the words of Redis') if $redis;
}

# --- patterns

my $stars = '*' x 50_000;
my @keys = ('a', 'b' x 100, 'ab' x 200, 'x' x 5000);

$resp->run('FLUSHALL');
$_->replies(['MSET', map { ($_, 1) } @keys]) for grep { $_ } $resp, $redis;

# what any Redis says: it counts stars that follow each other as one
for my $pattern ($stars, "${stars}b", "a$stars", "b${stars}b", "${stars}q",
                 '*?' x 400, '*a*b' x 100, '[^a]' . $stars)
{
    my $name = sprintf '%.12s... (%d bytes)', $pattern, length $pattern;
    my $got = join ' ', sort $resp->run('KEYS', $pattern)->@*;

    is($got, join(' ', sort { $a cmp $b } texts($redis, $pattern)), $name)
        if $redis;
    is(join(' ', sort $resp->run('SCAN', 0, 'MATCH', $pattern, 'COUNT', 1000)
                           ->[1]->@*), $got, 'SCAN MATCH');
}

# what takes exponential time where each star tries all places
for my $pattern ('*x' x 2000 . 'y', '*x' x 20_000, ('*x' x 4000) . $stars . 'q',
                 '*?' x 2000 . 'q', '*[x]' x 1000 . 'y')
{
    is_deeply($resp->run('KEYS', $pattern), [],
              sprintf '%.12s... (%d bytes) fits nothing', $pattern,
              length $pattern);
}

is($resp->run('PSUBSCRIBE', $stars)->[2], 1, 'PSUBSCRIBE');
is($http->run('PUBLISH', 'ch', 'm'), 1, 'and it fits');
like($resp->reply, qr/ch\r\n\$1\r\nm\r\n$/, 'all channels');
$resp->close;

$ngx->stop;
done_testing;


sub texts {
    my ($redis, $pattern) = @_;
    my ($bytes) = $redis->replies(['KEYS', $pattern]);

    return KS::RESP::value($bytes) ? map { $_->{text} // $_ }
                                     KS::RESP::value($bytes)->@* : ();
}
