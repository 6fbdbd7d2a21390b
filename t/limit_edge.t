# Rate limits where they meet odd values, odd states, and the rest of nginx:
# whatever a response is, it says one thing, and that in the draft's syntax.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::App;
use KS::Clock;
use KS::HTTP;
use KS::Info;
use KS::Nginx;
use KS::Proc;

my @ALGORITHMS = qw(fixed_window sliding_window token_bucket gcra);
my @FIELDS = qw(RateLimit RateLimit-Policy X-RateLimit-Limit
                X-RateLimit-Remaining X-RateLimit-Reset);

plan skip_all => 'there is no cc' unless KS::Clock::available();

# days and hours begin at some time: not while this goes on
my $clock = KS::Clock->new;
$clock->hold;

my $app = KS::App->start;

my $x = "root %DIR%; try_files /x =404;";

my $rules = join "\n", map {
    ("keyspace_limit_rule r_$_ zone=main key=\$arg_k rate=\$arg_rate "
     . "algorithm=$_;",
     "keyspace_limit_rule s_$_ zone=main key=\$arg_k rate=\$arg_rate "
     . "algorithm=$_ on_error=reject;",
     "keyspace_limit_rule c_$_ zone=main key=\$arg_k rate=5r/d "
     . "cost=\$arg_cost algorithm=$_ on_error=reject;")
} @ALGORITHMS;

my $locations = join "\n", map {
    my $kind = $_;
    map { "location /${kind}_$_ { keyspace_limit ${kind}_$_; $x }" }
        @ALGORITHMS
} qw(r s c);

my $ngx = KS::Nginx->start(
    env  => $clock->env,
    resp => '',
    log_format => '$request_uri|$status|$keyspace_limit_status'
                  . '|$keyspace_limit_rule|$keyspace_limit_remaining',
    http => $app->conf(<<"CONF"),
    $rules
    keyspace_limit_rule two zone=main key=\$arg_k rate=2r/366d;
    keyspace_limit_rule one zone=main key=\$arg_k rate=1r/366d;
    keyspace_limit_rule many zone=main key=\$arg_k rate=9r/366d;
    keyspace_limit_rule here zone=main key=\$remote_addr rate=2r/366d;
    keyspace_limit_rule by_uri zone=main key=\$uri rate=2r/366d;

    keyspace_limit many;

    server {
        listen 127.0.0.1:%PORT2%;
        location / { keyspace_limit two; $x }
        location /inherits { $x }
    }
CONF
    locations => $app->conf(<<"CONF"),
        keyspace_limit off;
        $locations
        location / { keyspace_rest main; }
        location /rest/ { keyspace_limit here; keyspace_rest main; }
        location /two { keyspace_limit two; $x }
        location /file { keyspace_limit many; root %DIR%; }
        location /uri { keyspace_limit by_uri; $x }

        location /app {
            keyspace_limit many;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /silent {
            keyspace_limit many;
            keyspace_limit_headers off;
            proxy_pass http://127.0.0.1:%APP%;
        }
        location /page {
            keyspace_limit two;
            error_page 429 \@page;
            $x
        }
        location \@page { proxy_pass http://127.0.0.1:%APP%; }

        location /dry {
            keyspace_limit one;
            keyspace_limit_dry_run on;
            try_files /none \@wet;
        }
        location \@wet { keyspace_limit two; $x }
        location /damp {
            keyspace_limit one;
            keyspace_limit_dry_run on;
            try_files /none \@moist;
        }
        location \@moist { keyspace_limit many; $x }
CONF
);

KS::Proc::spew($ngx->dir . "/$_", $_) for qw(x file);

my $http = $ngx->client;
my $redis = $ngx->resp;

sub get {
    my ($uri, %o) = @_;

    return $http->request($o{method} // 'GET', $uri, %o);
}


# A reply as it came, so that nothing hides which fields came twice.
sub raw {
    my ($uri, @headers) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $ngx->port) or die;

    print $s join("\r\n", "GET $uri HTTP/1.1", 'Host: a', 'Connection: close',
                  @headers), "\r\n\r\n";
    local $/;
    my ($head) = split /\r\n\r\n/, scalar <$s>;

    return $head;
}


sub fields { scalar(() = $_[0] =~ /^\Q$_[1]\E: /mig) }


# Whether what a response tells of limits is well formed and goes together.
sub sane {
    my ($r) = @_;
    my $h = $r->{headers};
    my $item = qr/"[A-Za-z0-9_.-]+"/;
    my $int = qr/(?:0|[1-9][0-9]{0,14})/;

    return 'a policy'
        if $h->{'ratelimit-policy'}
           !~ /^$item;q=$int(?:;w=$int)?(?:, $item;q=$int(?:;w=$int)?)*$/;
    return 'a state'
        if $h->{ratelimit} !~ /^$item;r=$int;t=$int(?:, $item;r=$int;t=$int)*$/;

    for (qw(limit remaining reset)) {
        return "x-ratelimit-$_" if $h->{"x-ratelimit-$_"} !~ /^$int$/;
    }

    return 'more than there is'
        if $h->{'x-ratelimit-remaining'} > $h->{'x-ratelimit-limit'};

    my $retry = $h->{'retry-after'};

    return 'no time to wait' if defined $retry && $retry !~ /^[1-9][0-9]*$/;
    return 'waits in vain' if defined $retry && $r->{status} == 200;

    return '';
}


subtest 'rates' => sub {
    my @bad = ('0r/s', '-1r/s', '1', 'r/s', '1r/0s', '1r/367d', '1r/10000d',
               '1r/9999999999999999999999d', '9223372036854775808r/s',
               '18446744073709551617r/s', '1000000000001r/s', '1.5r/s',
               '1r/s;', '1r/mss', '1e3r/s', '%31r/s', '1r/-1s', '1r/',
               'x' x 3000);
    my @good = ('1r/1ms', '1/ms', '1000000000000r/366d', '1r/366d', '01r/01s',
                '1000000000000r/d', '3r/7ms');

    for my $algorithm (@ALGORITHMS) {
        is(get("/r_$algorithm?k=x&rate=$_")->{status}, 200,
           "$algorithm: " . substr($_, 0, 30) . ' is none, passed') for @bad;
        is(get("/s_$algorithm?k=x&rate=$_")->{status}, 503, '... or rejected')
            for @bad;

        my $r = get("/s_$algorithm?k=x&rate=");
        is("$r->{status} " . ($r->{headers}{ratelimit} // 'none'), '200 none',
           "$algorithm: an empty one does not limit");

        for my $rate (@good) {
            $r = get("/s_$algorithm?k=$rate&rate=$rate");
            is("$r->{status} " . sane($r), '200 ', "$algorithm: $rate");
        }
    }
};


subtest 'costs' => sub {
    for my $algorithm (@ALGORITHMS) {
        my $uri = "/c_$algorithm?k=x&cost";
        my $most = $algorithm eq 'gcra' ? 1 : 5;

        is(get("$uri=$_")->{status}, 503, "$algorithm: $_ is none")
            for '-1', '1.5', 'x', '1000000000001', '9223372036854775808',
                '18446744073709551617', '+1', '1%20';

        for my $cost ($most + 1, 1000000000000) {
            my $r = get("$uri=$cost");
            is("$r->{status} " . sane($r), '429 ', "$algorithm: $cost");
            is($r->{headers}{'retry-after'}, undef, '... will never do');
            is($r->{headers}{'x-ratelimit-remaining'}, $most,
               '... nor is it charged');
        }

        my $r = get("$uri=$most");
        is("$r->{status} " . sane($r), '200 ', "$algorithm: all at once");
        $r = get("$uri=0");
        is($r->{status}, 200, '... 0 passes always');
        is($r->{headers}{'x-ratelimit-remaining'}, 0, '... and tells');
        $r = get($uri);
        is("$r->{status} " . sane($r), '429 ', '... no more');
        cmp_ok($r->{headers}{'retry-after'}, '<=',
               $r->{headers}{'x-ratelimit-reset'}, '... until then');
    }
};


subtest 'states that others write' => sub {
    my @numbers = qw(-9223372036854775808 -1 0 1 5 9223372036854775807);

    for my $n (@numbers) {
        my %write = (
            fixed_window   => ['SET', 'limit:c_fixed_window:o', $n],
            sliding_window => ['HSET', 'limit:c_sliding_window:o', 'window',
                               $n, 'current', $n, 'previous', $n],
            token_bucket   => ['HSET', 'limit:c_token_bucket:o', 'tokens', $n,
                               'part', $n, 'at', $n],
            gcra           => ['SET', 'limit:c_gcra:o', $n],
        );

        for my $algorithm (@ALGORITHMS) {
            for my $cost (0, 1) {
                $redis->run(@{$write{$algorithm}});
                my $r = get("/c_$algorithm?k=o&cost=$cost");

                # one that is out of any range cannot be asked
                if (!defined $r->{headers}{ratelimit}) {
                    is($r->{status}, 503, "$algorithm: $n is refused");
                    next;
                }

                is(sane($r), '', "$algorithm: $n, a cost of $cost");
            }

            $redis->run('DEL', "limit:c_$algorithm:o");
        }
    }
};


subtest 'keys of any bytes' => sub {
    for my $uri ('/uri/%0d%0aX-Evil:%20yes', '/uri/%ff%fe', '/uri/%7f%22',
                 '/uri/' . '%c3%a9' x 200)
    {
        is(join(' ', map { get($uri)->{status} } 1 .. 3), '200 200 429', $uri);
    }

    is(get('/uri/other')->{status}, 200, 'each for itself');
};


subtest 'one answer' => sub {
    my $own = KS::App::query('x-ratelimit-limit: 1000',
        'X-RateLimit-Remaining: 999', 'X-Ratelimit-Reset: 1',
        'RateLimit: limit=1, remaining=1, reset=1',
        'RateLimit-Policy: "app";q=1000;w=1', 'Retry-After: 7');

    my $head = raw("/app?k=app&$own");
    is(fields($head, $_), 1, "an application's $_ is replaced") for @FIELDS;
    like($head, qr/^X-RateLimit-Limit: 9\r$/m, '... by ours');
    like($head, qr/^Retry-After: 7\r$/m, 'but not its time to wait');

    $head = raw("/silent?k=app&$own");
    is(fields($head, $_), 1, "$_ stays with keyspace_limit_headers off")
        for @FIELDS;
    like($head, qr/^X-RateLimit-Limit: 1000\r$/mi, '... as it was');

    raw("/page?k=page&$own") for 1 .. 2;
    $head = raw("/page?k=page&status=429&$own");
    like($head, qr/ 429 /, 'a rejection whose page is an application');
    is(fields($head, $_), 1, "$_ once") for @FIELDS, 'Retry-After';
    unlike($head, qr/^Retry-After: 7\r$/m, '... and it is ours');

    my %like = (
        'a HEAD'              => [200, 'HEAD'],
        'not modified'        => [304, 'GET',
                                  'If-Modified-Since: %DATE%'],
        'a part'              => [206, 'GET', 'Range: bytes=0-1'],
        'a part there is not' => [416, 'GET', 'Range: bytes=99-'],
        'a failed condition'  => [412, 'GET', 'If-Match: "x"'],
    );

    my $date = get('/file?k=date')->{headers}{'last-modified'};

    for my $name (sort keys %like) {
        my ($status, $method, @headers) = @{$like{$name}};
        s/%DATE%/$date/ for @headers;

        # nginx closes where a condition fails
        $http->close;

        my $k = "k$status$method";
        my $r = $http->request($method, "/file?k=$k", headers => \@headers);
        is($r->{status}, $status, $name);
        is(sane($r), '', '... has the fields');
        is($r->{headers}{'x-ratelimit-remaining'}, 8, '... is charged once');

        $head = raw("/file?k=$k", @headers);
        is(fields($head, $_), 1, "... $_ once") for @FIELDS;
    }

    my $r = get('/file/none?k=404');
    is("$r->{status} " . sane($r), '404 ', 'what is not there');
};


subtest 'a dry run opens no other door' => sub {
    my $last = sub {
        my $r = get("$_[0]");
        return $r->{status};
    };

    is(join(' ', map { $last->('/dry?k=dry') } 1 .. 4), '200 200 429 429',
       'a rule behind one that rejects for show');
    is(join(' ', map { $last->('/damp?k=damp') } 1 .. 3), '200 200 200',
       'or lets pass');

    my $r = get('/dry?k=dry');
    is(sane($r), '', 'the fields of a rejection');
    like($r->{headers}{ratelimit}, qr/^"one";r=0;t=\d+, "two";r=0;t=\d+$/,
         '... tell of both');
    like($ngx->log, qr/limiting requests by keyspace limit rule "two"/,
         'the rule that rejects is logged');

    get('/uri/end');
    $http->close;
    my @lines;
    ok(KS::Proc::wait_for(20, sub {
        @lines = $ngx->access_log =~ /^(.*)$/mg;
        return $lines[-1] =~ m{^/uri/end};
    }), 'the access log');
    like($lines[-2], qr{^/dry\?k=dry\|429\|REJECTED\|two\|0$},
         '... says the same');
    like($lines[-3], qr{^/damp\?k=damp\|200\|REJECTED_DRY_RUN\|one\|0$},
         '... and what was for show');
};


subtest 'servers, inheritance, REST' => sub {
    my $other = KS::HTTP->new(port => $ngx->port2);

    is(get('/two?k=both')->{status}, 200, 'one server');
    is($other->request('GET', '/?k=both')->{status}, 200, 'the other one');
    is(get('/two?k=both')->{status}, 429, 'together no more');
    is($other->request('GET', '/?k=both')->{status}, 429, 'there, too');
    is($other->request('GET', '/inherits?k=i')->{headers}{'x-ratelimit-limit'},
       9, 'a rule from the outermost level');
    is(get('/')->{headers}{ratelimit}, undef, 'off for a server');
    $other->close;

    is(get('/rest/ping')->{body}, '{"result":"PONG"}', 'REST, limited');
    is(get('/rest/incr/n')->{body}, '{"result":1}', '... twice');
    is(get('/rest/incr/n')->{status}, 429, '... and not again');
    is($redis->run('GET', 'n'), 1, '... nor run');
};


subtest 'a reload to another rate, another algorithm' => sub {
    my $base = 'keyspace_limit_rule x zone=main key=$arg_k';
    my $conf = sub {
        my ($rule) = @_;
        return (http => "$base $rule;",
                locations => "location / { keyspace_rest main; } "
                             . "location /x { keyspace_limit x; $x }");
    };
    my $n = KS::Nginx->start(env => $clock->env, resp => '',
                             $conf->('rate=5r/h'));
    KS::Proc::spew($n->dir . '/x', 'x');

    my $ask = sub {
        my $c = $n->client;
        my $r = $c->request('GET', '/x?k=k');
        $c->close;
        return $r;
    };

    for my $from (@ALGORITHMS) {
        for my $to (@ALGORITHMS) {
            $n->reload($conf->("rate=5r/h algorithm=$from"
                               . ($from eq 'gcra' ? ' burst=4' : '')));
            my $redis = $n->resp;
            $redis->run('DEL', 'limit:x:k');
            $redis->close;
            is($ask->()->{status}, 200, "$from") for 1 .. 3;

            $n->reload($conf->("rate=1000r/h algorithm=$to on_error=reject"
                               . ($to eq 'gcra' ? ' burst=999' : '')));
            my $r = $ask->();
            my $hash = qr/sliding_window|token_bucket/;

            if (($from =~ $hash) != ($to =~ $hash)) {
                is($r->{status}, 503, "... to $to: of another type");
                next;
            }

            # a time of gcra is a count beyond any of clients: a bar
            my $want = $from eq 'gcra' && $to eq 'fixed_window' ? 429 : 200;

            is($r->{status}, $want, "... to $to");
            is(sane($r), '', '... with sane fields');
        }
    }

    # who has used up a small quota is not kept waiting by it under a larger
    my %raised = (
        fixed_window   => ['rate=100r/h', 'rate=10r/s'],
        sliding_window => ['rate=100r/h', 'rate=10r/s'],
        token_bucket   => ['rate=1r/h burst=1', 'rate=100r/s burst=100'],
        gcra           => ['rate=1r/h burst=0', 'rate=100r/s burst=9'],
    );

    for my $algorithm (@ALGORITHMS) {
        my ($old, $new) = @{$raised{$algorithm}};

        $n->reload($conf->("$old algorithm=$algorithm"));
        my $redis = $n->resp;
        $redis->run('DEL', 'limit:x:k');
        $redis->close;
        1 while $ask->()->{status} == 200;
        cmp_ok($ask->()->{headers}{'retry-after'}, '>', 30,
               "$algorithm, $old: all is used up");

        $n->reload($conf->("$new algorithm=$algorithm"));
        my $r = $ask->();
        cmp_ok($r->{headers}{'retry-after'} // 0, '<=', 2,
               "... $new: it is there soon");
        $clock->set(0);
        ok(KS::Proc::wait_for(30, sub { $ask->()->{status} == 200 }),
           '... and so it is');
        $clock->hold;
    }

    $n->stop;
};

$redis->close;
$ngx->stop;


subtest 'a full zone: one rule less is not all rules less' => sub {
    my $full = KS::Nginx->start(
        env  => $clock->env,
        size => '1m',
        http => <<'CONF',
    keyspace_limit_rule client zone=main key=$arg_c rate=3r/d
                        algorithm=fixed_window;
    keyspace_limit_rule path zone=main key=$arg_p rate=3r/d;
    keyspace_limit_rule sure zone=main key=$arg_p rate=3r/d on_error=reject;
CONF
        locations => <<"CONF",
        location / { keyspace_rest main; }
        location /lax { keyspace_limit path client; $x }
        location /strict { keyspace_limit client sure; $x }
CONF
    );
    KS::Proc::spew($full->dir . '/x', 'x');

    my $c = $full->client;
    my $ask = sub { $c->request('GET', "/$_[0]") };

    is($ask->('lax?c=me')->{status}, 200, 'one who is known');

    for my $size (600, 300, 100, map { 4 * $_ } reverse 1 .. 20) {
        my $i = 0;
        while (1) {
            my $r = $c->command('SET', "fill:$size:" . $i++, 'x' x $size);
            last if $r->{status} != 200;
        }
    }

    my $r = $ask->('lax?c=me&p=new');
    is($r->{status}, 200, 'passes');
    like($r->{headers}{ratelimit}, qr/^"client";r=1;t=\d+$/,
         '... is charged, and told of what could be asked');
    is($ask->('strict?c=me&p=new')->{status}, 503, 'a strict rule rejects');
    is($c->run('GET', 'limit:client:me'), 2, '... and nothing is charged');
    is($ask->('lax?c=me&p=new')->{status}, 200, 'the last one');
    is($ask->('lax?c=me&p=new')->{status}, 429, 'the limit holds');
    is(KS::Info::field($c, 'keyspace_limit_errors'), 3, 'errors are counted');

    $c->close;
    $full->stop;
};

$app->stop;

done_testing;
