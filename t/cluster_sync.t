# Sync tokens of edges of a Cluster: what was written at one of them is seen at the
# other by whoever has its token, which waits for all nodes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;

use KS::Cluster;
use KS::Nginx;
use KS::Proc qw(wait_for);

plan skip_all => 'no redis-server' unless KS::Cluster->available;

my $c = KS::Cluster->start(nodes => 3, options => ['--cluster-node-timeout', 60000]);
plan skip_all => 'no CLIENT TRACKING' unless ($c->primaries)[0]->since('7.0');

my @edges = map {
    my $late = $_;
    my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 1,
        locations => 'location / { keyspace_rest main; } location = /ready { keyspace_ready; }',
        zone => 'upstream ' . $c->addresses . " timeout=20s sync_timeout=500ms sync_late=$late local_prefix=own:;");
    $ngx->allow(qr/upstream "127\.0\.0\.1:\d+" of keyspace zone/);
    $ngx;
} qw(refuse forward);

ok(wait_for(60, sub { !grep { $_->client->request('GET', '/ready')->{status} != 200 } @edges }), 'two edges of a Cluster');

my ($a, $b) = map { $_->resp } @edges;
my @http = map { $_->client } @edges;
my @keys = map { "key:$_" } 1 .. 12;


# A command over REST, with a token: its result, and the token that comes with it.
sub ask {
    my ($i, $token, @command) = @_;
    my $r = $http[$i]->post(JSON::PP->new->encode(\@command), headers => $token ? ["upstash-sync-token: $token"] : []);
    my $v = JSON::PP->new->decode($r->{body});

    return ($v->{error} // $v->{result}, $r->{headers}{'upstash-sync-token'});
}


# Each sees what was written at the other, in turns.

{
    my ($token, @wrong) = ('');

    for my $round (1 .. 60) {
        my ($i, $k) = ($round % 2, $keys[$round % 12]);
        (undef, $token) = ask($i, $token, 'SET', $k, $round);
        my $v;
        ($v, $token) = ask(1 - $i, $token, 'GET', $k);
        push @wrong, "$round: " . ($v // 'none') if ($v // '') ne $round;
    }

    is("@wrong", '', 'what was written at one is seen at the other');
    like($token, qr/^[0-9a-f]{40}:\d+$/, 'by tokens');
}


# A token of the other edge takes the word of each node; its own takes none.

for my $node ($c->primaries) {
    my $token = $a->run('SET', $keys[0], 1) && $a->run('KEYSPACE.SYNC');
    my $own = $b->run('SET', $keys[0], 2) && $b->run('KEYSPACE.SYNC');
    kill STOP => $node->{pid};

    like($b->error('KEYSPACE.SYNC', $token, 300), qr/^BEHIND this edge has not come/, 'a node that says nothing is waited for');
    like($b->run('KEYSPACE.SYNC', $own), qr/^[0-9a-f]{40}:\d+$/, '... not for the own token');
    (my $far) = ask(0, $own, 'GET', $keys[0]);
    like($far, qr/^BEHIND/, '... over REST, it is refused');
    is((ask(0, $own, 'GET', 'own:k'))[0], undef, '... but for local keys');

    kill CONT => $node->{pid};
    like($b->run('KEYSPACE.SYNC', $token, 20_000), qr/^[0-9a-f]{40}:\d+$/, '... until it says something');
    like($b->run('KEYSPACE.SYNC', $token, 1), qr/^[0-9a-f]{40}:\d+$/, '... which is remembered');
    ok(wait_for(60, sub { ((ask(0, $own, 'GET', $keys[0]))[0] // '') eq 2 }), '... and over REST');
}


# A node that is gone, whose slots nobody has then: nothing is read here of it, and
# nobody waits for it longer than the time that is set.

{
    my $token = $a->run('KEYSPACE.SYNC');
    $c->kill_node(($c->primaries)[2]);
    ok(wait_for(60, sub { (eval { $b->run('KEYSPACE.SYNC', $token =~ s/\d+$/9999999/r, 200) } // $@) =~ /^BEHIND/ }),
       'a node that is gone is waited for in vain');
}

$_->stop for @edges;
$c->stop;

done_testing;
