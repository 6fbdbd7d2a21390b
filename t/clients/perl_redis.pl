# Debian's libredis-perl, libredis-fast-perl: perl perl_redis.pl CLASS PORT TOKEN
# Prints TAP.

use strict;
use warnings;

use Test::More;

my ($class, $port, $token) = @ARGV;

eval "require $class; 1" or plan skip_all => "there is no $class";


sub connected {
    return $class->new(server => "127.0.0.1:$port", password => $token,
                       reconnect => 60, every => 20_000, @_);
}

my $r = connected(name => 'perl');
$r->flushall;

is($r->client_getname, 'perl', "$class: its name");
is($r->set(s => 'text', 'EX', 100), 'OK', 'SET');
is($r->get('s'), 'text', 'GET');
is($r->get('none'), undef, 'a null');
is_deeply([$r->mget('s', 'none')], ['text', undef], 'MGET');
$r->hmset('h', a => 1, b => 2);
is_deeply({ $r->hgetall('h') }, { a => 1, b => 2 }, 'HGETALL');
is($r->rpush('l', 'a' .. 'c'), 3, 'RPUSH');
is_deeply([$r->lrange('l', 0, -1)], ['a' .. 'c'], 'LRANGE');
is_deeply([$r->blpop('l', 1)], ['l', 'a'], 'BLPOP');
$r->zadd('z', 1, 'one', 2.5, 'two');
is_deeply([$r->zrange('z', 0, -1, 'WITHSCORES')], ['one', 1, 'two', 2.5],
          'ZRANGE');
is($r->info->{redis_version} =~ /^7\./, 1, 'INFO');
is($r->eval('return {KEYS[1], ARGV[1]}', 1, 'k', 'v')->[1] // '', 'v', 'EVAL')
    if $class eq 'Redis::Fast';

my @replies;
$r->incr('n', sub { push @replies, $_[0] }) for 1 .. 5000;
$r->wait_all_responses;
is_deeply(\@replies, [1 .. 5000], 'commands without waiting');

$r->multi;
$r->set(t => 1);
$r->incr('t');
is_deeply([$r->exec], ['OK', 2], 'a transaction');

ok(!eval { $r->incr('s'); 1 }, 'an error');
like($@, qr/\[incr\] ERR value is not an integer or out of range/, 'dies');

my $other = connected();
my $seen = '';
$other->subscribe('news', sub { $seen .= "$_[1]: $_[0]" });
is($r->publish('news', 'hello'), 1, 'PUBLISH');
$other->wait_for_messages(10) for 1 .. 3;
is($seen, 'news: hello', 'a message');
undef $other;

ok(!eval { connected(password => 'wrong'); 1 }, 'a wrong password');
like($@, qr/WRONGPASS|refused password/, 'is told');

$r->set(kept => 'value');
is(system($ENV{KS_RESTART}), 0, 'the server is started anew');
is($r->get('kept'), 'value', 'and the client connects again');

done_testing;
