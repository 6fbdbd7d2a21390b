# Keys that were fetched from one primary, and another one that the sentinels name
# then, of which one worker knows earlier than the other: nothing of the old one is
# stored as what the new one has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::FakeSentinel;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis->available;

# two stores that differ in all they have
my @stores = map { KS::Redis->start } 1 .. 2;
my @keys = map { "k$_" } 1 .. 20;

for my $i (0, 1) {
    $stores[$i]->run('SET', $_, "of $i") for @keys, 'where';
}


# A connection to each worker, by its pid.
sub each_worker {
    my ($ngx) = @_;
    my %to;

    wait_for(60, sub {
        my $r = $ngx->resp;
        $r->run('INFO', 'server') =~ /^process_id:(\d+)/m and $to{$1} //= $r;
        2 == keys %to;
    }) or BAIL_OUT('one worker takes all connections');

    return map { $to{$_} } sort { $a <=> $b } keys %to;
}


sub links { my @l = $stores[$_[0]]->run('CLIENT', 'LIST') =~ /^id=(\d+) .*\bname=keyspace-near\b/mg; return @l }

my @s = map { KS::FakeSentinel->start(port => $stores[0]->port, epoch => 1) } 1 .. 2;
sub name { my ($i, %says) = @_; $_->says(port => $stores[$i]->port, %says) for @s }

my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 2,
                           zone => 'upstream sentinel:store@' . join(',', map { '127.0.0.1:' . $_->port } @s) . ' connect_timeout=1s;');
$ngx->allow(qr/upstream ".*" of keyspace zone|keyspace zone "main": /);

my @r = each_worker($ngx);
ok(wait_for(60, sub { 2 == links(0) }), 'two workers have links to the first primary');
ok(wait_for(60, sub { 2 == grep { $_->run('GET', 'where') eq 'of 0' } @r }), 'and read what it has');

# One worker asks the sentinels, as its link ends; the other one knows nothing.

name(1, epoch => 2);
$stores[0]->run('CLIENT', 'KILL', 'ID', (links(0))[0]);
ok(wait_for(60, sub { 1 == links(1) }), 'one has a link to the second, of which it was told');
is(scalar(links(0)), 1, 'the other one knows of the first');

my $mark = 0;
my ($new) = grep { $_->run('SET', 'mark', ++$mark); ($stores[1]->run('GET', 'mark') // '') eq $mark } @r;
my ($old) = grep { $_ != $new } @r;

is_deeply([map { my $k = $_; [map { $_->run('GET', $k) } $old, $new] } @keys], [map { ['of 0', 'of 1'] } @keys],
          'what it is told does not stay for the other');
is_deeply([map { $new->run('GET', $_) } @keys], [map { 'of 1' } @keys], 'which keeps what the second has');
is(scalar(grep { $_ ne 'of 1' } map { $old->run('GET', $_) } @keys), 0, 'and that is read by both, once it is here');
$stores[1]->run('SET', $keys[0], 'changed');
ok(wait_for(60, sub { $new->run('GET', $keys[0]) eq 'changed' }), 'it is told of changes');
like($new->run('INFO', 'stats'), qr/^keyspace_upstream_switches:1\r?$/m, 'one other primary is counted');

# Then it is told, too.

my ($fetches) = $new->run('INFO', 'stats') =~ /^keyspace_near_fetches:(\d+)/m;
name(1, epoch => 3, tell => 1);
ok(wait_for(60, sub { 2 == links(1) }), 'both have links to the second');
is_deeply([map { my $k = $_; map { $_->run('GET', $k) } $old, $new } @keys[1 .. 19]], [('of 1') x 38], 'and read what it has');
like($new->run('INFO', 'stats'), qr/^keyspace_near_fetches:$fetches\r?$/m, 'nothing is fetched anew');

# An older answer of a sentinel that is cut off from the other is no news to a worker
# that begins either: it goes by what the others know.

$s[0]->says(port => $stores[0]->port, epoch => 2);
$s[1]->says(mute => 1);
kill KILL => ($ngx->workers)[0];
$ngx->allow(qr/exited on signal 9/);
ok(wait_for(60, sub { 2 == grep { eval { $_->run('PING') } } @r = each_worker($ngx) }), 'a worker is killed, and another one begins');
like($_, qr/^(?:of 1|UPSTREAM .*older primary)/, 'which does not go back') for map { my $r = $_; eval { $r->run('GET', 'where') } // $@ } @r;
name(1, epoch => 3, mute => 0);
ok(wait_for(60, sub { 2 == grep { (eval { $_->run('GET', 'where') } // '') eq 'of 1' } @r }), 'and goes on when the sentinels know better');

$ngx->stop;
$_->stop for @stores;

done_testing;
