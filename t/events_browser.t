# EventSource and WebSocket of a browser: 1,000 events while nginx is reloaded ten
# times and workers are killed; each comes once, in order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(run_tap);
use KS::Nginx;
use KS::Proc qw(installed root tempdir);

plan skip_all => 'there is no browser' unless installed('chromedriver');

my $ngx = KS::Nginx->start(size => '16m', workers => 2, locations => <<'CONF');
    location /redis/ { keyspace_rest main; }
    location = /page { default_type text/html; return 200 "<p>events"; }
    location = /log { keyspace_events main stream=log retry=50ms; }
CONF

# those that die are this test's doing
$ngx->allow(qr/exited on signal 9/);

run_tap('python3', root() . '/t/clients/events_browser.py',
        'http://127.0.0.1:' . $ngx->port, tempdir(), $ngx->pid,
        $ENV{KS_EVENTS} // 1000);

$ngx->stop;
done_testing;
