# keyspace_cache: of many requests that miss at the same time one fetches, over
# all workers; the others wait for it, and not for ever.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);

use KS::Nginx;
use KS::Origin;
use KS::Proc qw(wait_for);

use constant CROWD => 1000;

my $origin = KS::Origin->start;
my $proxy = "proxy_pass http://127.0.0.1:$origin->{port};"
          . ' proxy_http_version 1.1;';

my $ngx = KS::Nginx->start(
    size => '16m', resp => '', workers => 4, connections => 4096,
    locations => <<"CONF",
location / {
    keyspace_cache main key=\$uri;
    keyspace_cache_lock 60s;
    $proxy
}
location /long/ {
    keyspace_cache main key=\$uri;
    keyspace_cache_lock 60s;
    $proxy
}
location /short/ {
    keyspace_cache main key=\$uri;
    keyspace_cache_lock 300ms;
    $proxy
}
location /none/ {
    keyspace_cache main key=\$uri;
    keyspace_cache_lock 0;
    $proxy
}
CONF
);

my $redis = $ngx->resp;
my @fresh = (headers => [['Cache-Control', 'max-age=60'], ['ETag', '"e"']]);


# As many clients as are asked for, which have all sent a request.
sub crowd {
    my ($n, $path) = @_;
    my @c = map { $ngx->client(token => undef) } 1 .. $n;

    $_->connect for @c;
    $_->send($_->build('GET', $path)) for @c;

    return @c;
}


sub bodies {
    my %n;

    for (@_) {
        my $body = $_->response('GET')->{body};
        $n{length $body > 100 ? length($body) . ' bytes' : $body}++;
    }

    return \%n;
}


{
    $origin->plan('/a', { @fresh, body => 5000, delay => 0.7 });
    my $got = bodies(crowd(CROWD, '/a'));
    is_deeply($got, { '5000 bytes' => CROWD }, 'all get the response');
    is(@{$origin->seen('/a')}, 1, 'with one request');
    is($redis->run('EXISTS', 'lock:cache:/a'), 0, 'no lock is left');
}

{
    # stale: the same
    $origin->plan('/s', { headers => [['Cache-Control', 'max-age=1']] },
                        { @fresh, body => 'new', delay => 0.5 });
    bodies(crowd(1, '/s'));
    sleep 1.2;
    is_deeply(bodies(crowd(20, '/s')), { new => 20 }, 'what is stale, too');
    is(@{$origin->seen('/s')}, 2, 'is fetched once');
}

{
    $origin->plan('/n', { headers => [['Cache-Control', 'no-store']],
                          delay => 3 });
    my $begin = time;
    my $got = bodies(crowd(20, '/n'));
    is(keys %$got, 20, 'what is not stored is fetched by each');
    cmp_ok(time - $begin, '<', 40, 'at the same time');
}

{
    $origin->plan('/f', { status => 500, delay => 0.3 });
    is(keys %{bodies(crowd(10, '/f'))}, 10, 'an error is nobody else\'s');

    $origin->plan('/short/a', { @fresh, delay => 6 });
    my @c = crowd(3, '/short/a');
    wait_for(10, sub { @{$origin->seen('/short/a')} == 3 });
    is(@{$origin->seen('/short/a')}, 3, 'nobody waits longer than is said');
    bodies(@c);

    $origin->plan('/none/a', { @fresh, delay => 3 });
    bodies(crowd(3, '/none/a'));
    is(@{$origin->seen('/none/a')}, 3, 'keyspace_cache_lock 0');
}

{
    # a client that goes takes its lock with it
    $origin->plan('/long/c', { @fresh, delay => 1 }, { @fresh, body => 'two' });
    my ($first) = crowd(1, '/long/c');
    wait_for(10, sub { @{$origin->seen('/long/c')} == 1 });
    my @c = crowd(4, '/long/c');
    sleep 0.2;
    $first->close;
    my $got = bodies(@c);
    is((values %$got)[0], 4, 'the fetcher\'s client goes: the others get it');
}

{
    # so does a worker; its own clients lose their connections
    $origin->plan('/long/k', { @fresh, delay => 100 },
                             { @fresh, body => 'two' });
    my ($first) = crowd(1, '/long/k');
    wait_for(10, sub { @{$origin->seen('/long/k')} == 1 });
    my ($process) = $redis->run('GET', 'lock:cache:/long/k');
    like($process, qr/^\d+ \d+ \d+$/, 'the lock says who has it');
    my @c = crowd(12, '/long/k');
    sleep 0.3;

    # until it was the one that fetches
    for my $pid ($ngx->workers) {
        kill 'KILL', $pid;
        last if IO::Select->new($first->{socket})->can_read(1);
    }

    my $begin = time;
    my @r = map { $_->response('GET') } @c;
    my @good = grep { $_->{status} == 200 } @r;
    ok(!(grep { $_->{body} ne 'two' } @good), 'another worker fetches');
    ok(!(grep { $_->{status} && $_->{status} != 200 } @r), 'and nobody fails');
    cmp_ok(time - $begin, '<', 30, 'nobody hangs');
    ok(wait_for(20, sub {
        my $c = $ngx->client(token => undef);
        $c->request('GET', '/long/k')->{body} eq 'two';
    }), 'it is stored');
    $ngx->allow('exited on signal 9');
}

$redis->close;
$ngx->stop;
$origin->stop;
done_testing;
