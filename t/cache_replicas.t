# keyspace_cache in two zones of which one follows the other: what the first has
# stored is used by both, and what is purged there is used by neither.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Origin;
use KS::Proc qw(tempdir wait_for);

my $origin = KS::Origin->start;
my $dir = tempdir();
chmod 0777, $dir;

my $locations = <<"CONF";
location / {
    keyspace_cache main key=\$uri;
    proxy_pass http://127.0.0.1:$origin->{port};
    proxy_http_version 1.1;
}
location /here/ {
    keyspace_cache main key=\$uri prefix=here:;
    proxy_pass http://127.0.0.1:$origin->{port};
    proxy_http_version 1.1;
}
CONF

my $first = KS::Nginx->start(size => '16m', resp => '', workers => 2,
    locations => $locations, zone => "replicas $dir;");
my $edge = KS::Nginx->start(size => '16m', resp => '', workers => 2,
    locations => $locations,
    zone => 'upstream redis://127.0.0.1:' . $first->resp_port
            . " mode=replica password=$KS::Nginx::TOKEN local_prefix=here:"
            . ' local_prefix=lock:;');

$edge->allow(qr/keyspace zone "main"/);

my $top = $first->resp;
my @fresh = (headers => [['Cache-Control', 'max-age=600'],
                         ['Cache-Tag', 'tea']]);


sub get {
    my ($ngx, $path) = @_;

    return $ngx->client(token => undef)->request('GET', $path);
}


sub status { get(@_)->{headers}{'cache-status'} // '' }

sub there {
    my ($ngx, $key) = @_;

    return eval { $ngx->resp->run('EXISTS', $key) } // 0;
}

ok(wait_for(60, sub {
    (eval { $edge->resp->run('INFO', 'replication') } // '')
    =~ /master_link_status:up/
}), 'one zone follows the other');

# used by both

$origin->plan($_, { @fresh }) for '/a', '/b', '/c', '/here/d';
get($first, $_) for '/a', '/b';
ok(wait_for(30, sub { there($edge, 'cache:/b') }), 'a response has come over');
like(status($edge, '/a'), qr/hit; ttl=\d+/, '... and is used');
is(scalar @{$origin->seen('/a')}, 1, '... without a request');

# purged in both

$top->run('DEL', 'cache:/a');
ok(wait_for(30, sub { !there($edge, 'cache:/a') }), 'a purge comes over');
like(status($edge, '/a'), qr/fwd=uri-miss/, '... and it is fetched');
like(status($edge, '/b'), qr/hit/, 'others are used still');
$top->run('DEL', 'tag:tea');
ok(wait_for(30, sub { !there($edge, 'tag:tea') }), 'so does that of a tag');
like(status($edge, '/b'), qr/fwd=uri-miss/, '... whose entries are fetched');

# what the edge fetches it cannot keep, but under local_prefix

is(get($edge, '/c')->{status}, 200, 'what the edge fetches passes') for 1, 2;
is(there($edge, 'cache:/c'), 0, '... and is not stored, as it is the others\'');
is(there($first, 'cache:/c'), 0, '... nor there');
$origin->plan('/here/d', { headers => [['Cache-Control', 'max-age=600']] });
get($edge, '/here/d');
like(status($edge, '/here/d'), qr/hit/, 'under local_prefix it is');
is(there($first, 'here:/here/d'), 0, '... here alone');

$top->close;
$_->stop for $edge, $first, $origin;
done_testing;
