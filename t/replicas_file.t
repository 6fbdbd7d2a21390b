# A file for replicas that is sent while it is being made: what a stock server gets of
# it, what comes behind it, and what becomes of it when its maker dies.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(children slurp tempdir wait_for);
use KS::RESP;
use KS::Redis;
use KS::Replica qw(info same_place);

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $dir = tempdir();
chmod 0777, $dir;

my $ngx = KS::Nginx->start(size => '128m', resp => '', workers => 2,
                           zone => "replicas $dir; script_timeout 30s;", level => 'notice');
my $r = $ngx->resp;
my $fill = <<'LUA';
local v = string.rep("v", 1000)
for i = tonumber(ARGV[1]), tonumber(ARGV[1]) + 999 do
    redis.call("SET", "key:" .. i, v .. i)
end
LUA

$r->run('EVAL', $fill, 0, $_ * 1000) for 0 .. 39;
$r->run('HSET', 'hash', 'f', 1);
$r->run('HPEXPIRE', 'hash', 1_000_000, 'FIELDS', 1, 'f');
$r->run('JSON.SET', 'document', '$', '{"a":1}');


sub replica {
    return KS::Redis->start('--replicaof', '127.0.0.1 ' . $ngx->resp_port, '--masterauth',
                            $KS::Nginx::TOKEN, '--repl-timeout', 60, @_);
}


# Whether a replica has all that there is, sampled.
sub has_all {
    my ($redis, $name) = @_;
    my $c = KS::RESP->new(port => $redis->port, timeout => 60);

    ok(wait_for(60, sub { eval { same_place($r, $c) } }, 0.05), "$name: it comes to the place")
        or diag(slurp("$redis->{dir}/log"));

    my @keys = map { 'key:' . int rand 40_000 } 1 .. 300;

    is($c->run('DBSIZE'), $r->run('DBSIZE') - 1, '... with all keys but the document');
    is_deeply([map { $c->run('GET', $_) } @keys], [map { $r->run('GET', $_) } @keys],
              '... and their values');
}


# --- while it grows ---

my $grew;

for (1 .. 10) {
    my $redis = replica();

    $r->run('SET', 'key:1', "changed $_");
    has_all($redis, "a replica, $_");
    $grew = slurp("$redis->{dir}/log") =~ /streamed RDB from master with EOF/;

    # what comes behind the mark is no part of the file
    $r->run('SET', 'behind', $_);
    is($r->run('WAIT', 1, 30_000), 1, '... which follows');
    is($redis->run('GET', 'behind'), $_, '... and has what comes next');
    $redis->stop;
    wait_for(20, sub { !glob "$dir/*" });
    last if $grew;
}

ok($grew, 'a file was sent while it was being made');


# --- another zone, which gets fields that expire and documents by such a file ---

my $edge = KS::Nginx->start(size => '128m', resp => '',
    zone => "upstream redis://:$KS::Nginx::TOKEN\@127.0.0.1:" . $ngx->resp_port
            . ' mode=replica;');
my $c = $edge->resp;

ok(wait_for(60, sub { eval { same_place($r, $c) } }), 'a zone follows');
is($c->run('DBSIZE'), $r->run('DBSIZE'), '... with all keys');
is($c->run('JSON.GET', 'document', '$.a'), '[1]', '... a document among them');
cmp_ok($c->run('HPTTL', 'hash', 'FIELDS', 1, 'f')->[0], '>', 0, '... and a field that expires');
$edge->stop;


# --- whoever does not take a mark gets a size ---

sub first_line {
    my (@words) = @_;
    my $s = $ngx->resp;

    $s->run('REPLCONF', @words) if @words;
    $s->send(KS::RESP::encode('PSYNC', '?', -1));

    while ($s->{in} !~ /^\$[^\r]*\r\n/m) {
        $s->fill // last;
    }

    my ($line) = $s->{in} =~ /^(\$[^\r]*)/m;
    $s->close;
    return $line;
}

like(first_line('capa', 'psync2'), qr/^\$\d+$/, 'without "capa eof": the size of the file');
like(first_line('capa', 'eof'), qr/^\$(?:EOF:[0-9a-f]{40}|\d+)$/, 'with it a mark, if it grows');


# --- its maker dies ---

sub helper {
    return grep { slurp("/proc/$_/cmdline") =~ /cache manager/ } children($ngx->pid);
}

for my $turn (1 .. 3) {
    my $redis = replica();

    wait_for(20, sub { glob "$dir/*.new" }, 0.001);
    kill 'KILL', helper();
    $ngx->allow(qr/exited on signal 9/, qr/is not gone on with/);
    has_all($redis, "the maker of the file dies, $turn");
    $redis->stop;
}

ok(wait_for(20, sub { !glob "$dir/*" }), 'no file is left');

$ngx->stop;

done_testing;
