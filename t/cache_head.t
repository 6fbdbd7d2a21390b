# keyspace_cache and content handlers that end their response to HEAD with an
# empty last buffer, as those of scripts do, without a Content-Length.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(capture);

plan skip_all => 'modules are built in' if $ENV{KS_STATIC};

my ($modules) = (capture(30, {}, KS::Nginx::binary_path(), '-V'))[1]
    =~ /--modules-path=(\S+)/;
my $perl = ($modules // '') . '/ngx_http_perl_module.so';

plan skip_all => 'nginx has no module of Perl' if !-f $perl;

# what it answers: a tag, and the number of the request
my $ngx = KS::Nginx->start(
    size => '16m', resp => '', main => "load_module $perl;",
    locations => <<'CONF',
location / {
    keyspace_cache main;
    perl 'sub {
        my $r = shift;
        $r->header_out("ETag", q("same"));
        $r->header_out("Cache-Control", "max-age=3600");
        $r->header_out("X-Number", ++$main::number);
        $r->send_http_header("text/plain");
        $r->print("page") if !$r->header_only;
        return OK;
    }';
}
CONF
);

my $http = $ngx->client(token => undef);


sub get {
    my ($path, $method, @headers) = @_;

    return $http->request($method // 'GET', $path, headers => [@headers]);
}


for (1 .. 3) {
    my $r = get('/a');

    is($r->{body}, 'page', 'a page');
    my $before = $r->{headers}{'x-number'};

    $r = get('/a', 'HEAD', 'Cache-Control: no-cache');
    is($r->{status}, 200, 'a HEAD that is sent on');
    unlike($r->{headers}{'cache-status'}, qr/stored/, '... is not stored');
    ok(!defined $r->{headers}{'content-length'}, '... without a length');

    $r = get('/a');
    like($r->{headers}{'cache-status'}, qr/hit/, '... and a GET then');
    is($r->{headers}{'x-number'}, $before + 1, '... has its fields');
    is($r->{body}, 'page', '... and the page');
}

my $r = get('/b', 'HEAD');
unlike($r->{headers}{'cache-status'}, qr/stored/, 'HEAD of what is not there');
is(get('/b')->{body}, 'page', '... puts nothing there');

$ngx->stop;
done_testing;
