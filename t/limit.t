# Rate limits: what is admitted when many ask at once, what clients, logs and
# applications see of it, and how it goes with the rest of nginx.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use KS::Clock;
use KS::HTTP;
use KS::Info;
use KS::Nginx;
use KS::Proc qw(capture installed wait_for);

plan skip_all => 'there is no cc' unless KS::Clock::available();

# it stands still, but where the quota is to come back
my $clock = KS::Clock->new;
$clock->hold;

# one that nobody waits for: what passes is what the quota is
my %LONG = (
    fixed_window   => 'rate=100r/366d algorithm=fixed_window',
    sliding_window => 'rate=100r/366d algorithm=sliding_window',
    token_bucket   => 'rate=100r/366d algorithm=token_bucket',
    gcra           => 'rate=1r/d algorithm=gcra burst=99',
);

# and one that lets more through all the time
my %SHORT = (
    fixed_window   => 'rate=40r/200ms algorithm=fixed_window',
    sliding_window => 'rate=40r/200ms algorithm=sliding_window',
    token_bucket   => 'rate=200r/s algorithm=token_bucket burst=40',
    gcra           => 'rate=200r/s algorithm=gcra burst=39',
);

# "return" would answer before anybody is asked
my ($x, $named, $next, $included) = map {
    "root %DIR%; try_files /$_ =404;"
} qw(x named next included);

my $rules = join "\n", map {
    ("keyspace_limit_rule long_$_ zone=main key=\$arg_k $LONG{$_};",
     "keyspace_limit_rule short_$_ zone=main key=\$arg_k $SHORT{$_};")
} sort keys %LONG;

my $locations = join "\n", map {
    my $kind = $_;
    map { "location /${kind}_$_ { keyspace_limit ${kind}_$_; $x }" }
        sort keys %LONG
} qw(long short);

my $ngx = KS::Nginx->start(
    env        => $clock->env,
    workers    => 2,
    resp       => '',
    log_format => '$request_uri|$status|$keyspace_limit_status|$keyspace_limit_rule'
                  . '|$keyspace_limit_remaining|$keyspace_limit_reset',
    http       => <<"CONF",
    $rules

    map \$arg_plan \$rate {
        default  10r/m;
        free     2r/m;
        paid     4/30m;
        none     '';
        odd      lots;
    }

    keyspace_limit_rule plan zone=main key=\$arg_k rate=\$rate
                        algorithm=fixed_window;
    keyspace_limit_rule strict zone=main key=\$arg_k rate=\$rate
                        on_error=reject;
    keyspace_limit_rule cost zone=main key=\$arg_k rate=10r/366d
                        cost=\$arg_cost;
    keyspace_limit_rule two zone=main key=\$arg_k rate=2r/366d prefix=l2/;
    keyspace_limit_rule three zone=main key=\$arg_k rate=3r/366d
                        algorithm=fixed_window;
    keyspace_limit_rule by_uri zone=main key=\$uri rate=3r/366d;
    keyspace_limit_rule double zone=main key=\$arg_k rate=10r/366d cost=2;
    keyspace_limit_rule bucket zone=main key=\$arg_k rate=1r/500ms
                        algorithm=token_bucket burst=3;

    keyspace_limit_log_level warn;
CONF
    locations => <<"CONF",
        $locations
        location / { keyspace_rest main; }
        location /plan { keyspace_limit plan; $x }
        location /strict { keyspace_limit strict; $x }
        location /cost { keyspace_limit cost; $x }
        location /two { keyspace_limit two; $x }
        location /both { keyspace_limit two three; $x }
        location /bucket { keyspace_limit bucket; $x }
        location /503 {
            keyspace_limit two;
            keyspace_limit_status 503;
            $x
        }
        location /dry {
            keyspace_limit two;
            keyspace_limit_dry_run on;
            $x
        }
        location /quiet {
            keyspace_limit two;
            keyspace_limit_headers off;
            $x
        }
        location /nested {
            keyspace_limit two;
            location /nested/off { keyspace_limit off; $x }
            location /nested/own { keyspace_limit three; $x }
            location /nested/same { $x }
        }

        location /page {
            keyspace_limit two;
            error_page 429 /limited.html;
            $x
        }
        location = /limited.html {
            internal;
            keyspace_limit two;
            ssi on;
            root %DIR%;
        }
        location /named {
            keyspace_limit two;
            error_page 429 =200 \@limited;
            $x
        }
        location \@limited { keyspace_limit two; $named }

        location /tries { keyspace_limit two; try_files /none \@next; }
        location \@next { keyspace_limit two three; $next }

        location /rewrite { rewrite ^ /two last; }
        location /errors { keyspace_limit two; root %DIR%/none; }
        location /internal {
            keyspace_limit two;
            error_page 404 = /two;
            root %DIR%/none;
        }

        location /sub {
            keyspace_limit double;
            ssi on;
            default_type text/html;
            root %DIR%;
            auth_request /auth;
            mirror /mirror;
        }
        location = /auth { keyspace_limit double two; $x }
        location = /mirror { keyspace_limit double two; $x }
        location = /inc { keyspace_limit double two; $included }

        location /any {
            keyspace_limit two;
            satisfy any;
            allow 127.0.0.1;
            deny all;
            auth_request /denied;
            $x
        }
        location /all {
            keyspace_limit two;
            satisfy all;
            deny all;
            auth_request /auth;
            $x
        }
        location = /denied { return 403; }

        location /uri { keyspace_limit by_uri; $x }
        location /proxied {
            keyspace_limit two;
            proxy_pass http://127.0.0.1:%PORT%/two;
        }
CONF
);

KS::Proc::spew($ngx->dir . "/$_", $_) for qw(x named next included);
KS::Proc::spew($ngx->dir . '/limited.html',
    'slow down: <!--#echo var="keyspace_limit_rule" -->');
mkdir $ngx->dir . '/sub';
KS::Proc::spew($ngx->dir . '/sub/index.html', join ' ', (
    '<!--#include virtual="/inc?k=s" -->') x 3);

my $http = $ngx->client;
my $redis = $ngx->resp;

sub get {
    my ($uri, %o) = @_;

    return $http->request('GET', $uri, %o);
}


# The statuses of several.
sub statuses {
    my ($n, $uri) = @_;

    return join ' ', map { get($uri)->{status} } 1 .. $n;
}


# What clients of their own get, each with n requests: {status => number}.
sub hammer {
    my ($clients, $n, $uri) = @_;
    my %sum;
    my @pipes;

    for my $client (1 .. $clients) {
        pipe my $in, my $out or die "pipe: $!";
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            close $in;
            my $own = KS::HTTP->new(port => $ngx->port);
            my %count;

            $count{$own->request('GET', $uri)->{status}}++ for 1 .. $n;
            print $out map { "$_ $count{$_}\n" } keys %count;
            close $out;
            require POSIX;
            POSIX::_exit(0);
        }

        close $out;
        push @pipes, [$in, $pid];
    }

    for (@pipes) {
        my ($in, $pid) = @$_;

        while (<$in>) {
            my ($status, $count) = split;
            $sum{$status} += $count;
        }

        waitpid $pid, 0;
    }

    return \%sum;
}


subtest 'eight clients, two workers: not one too many, not one too few' => sub {
    for my $algorithm (sort keys %LONG) {
        is_deeply(hammer(8, 60, "/long_$algorithm?k=hammer"),
                  { 200 => 100, 429 => 380 }, $algorithm);
    }
};


# Each algorithm's bound for a time that is no shorter than theirs was.
my %bound = (
    fixed_window   => sub { 40 * (1 + int($_[0] / 0.2 + 1)) },
    sliding_window => sub { 40 * (1 + int($_[0] / 0.2 + 1)) },
    token_bucket   => sub { 40 + int($_[0] * 200 + 1) },
    gcra           => sub { 40 + int($_[0] * 200 + 1) },
);

subtest 'while the quota comes back' => sub {
    $clock->set(0);

    for my $algorithm (sort keys %SHORT) {
        my $start = time;
        my $got = hammer(8, 100, "/short_$algorithm?k=hammer");
        my $most = $bound{$algorithm}->(time - $start);

        is(($got->{200} // 0) + ($got->{429} // 0), 800, "$algorithm: all");
        cmp_ok($got->{200}, '>=', 40, '... the quota is had');
        cmp_ok($got->{200}, '<=', $most, "... and not more than $most");
    }

    $clock->hold;
};


subtest 'response fields' => sub {
    my $r = get('/long_fixed_window?k=fields');
    my $h = $r->{headers};

    is($r->{status}, 200, 'a request that passes');
    is($h->{'ratelimit-policy'}, '"long_fixed_window";q=100;w=31622400',
       'RateLimit-Policy');
    is($h->{ratelimit}, '"long_fixed_window";r=99;t=31622400', 'RateLimit');
    is($h->{'x-ratelimit-limit'}, 100, 'X-RateLimit-Limit');
    is($h->{'x-ratelimit-remaining'}, 99, 'X-RateLimit-Remaining');
    is($h->{'x-ratelimit-reset'}, 31622400, 'X-RateLimit-Reset');
    is($h->{'retry-after'}, undef, 'no Retry-After');

    get('/long_fixed_window?k=fields') for 1 .. 99;
    $r = get('/long_fixed_window?k=fields');
    $h = $r->{headers};

    is($r->{status}, 429, 'one that does not');
    like($h->{ratelimit}, qr/^"long_fixed_window";r=0;t=316223\d\d$|t=31622400$/,
         'RateLimit');
    is($h->{'x-ratelimit-remaining'}, 0, 'X-RateLimit-Remaining');
    is($h->{'retry-after'}, $h->{'x-ratelimit-reset'}, 'Retry-After');

    $r = get('/bucket?k=fields');
    is($r->{headers}{'ratelimit-policy'}, '"bucket";q=1',
       'a window of less than a second has no w');
    is($r->{headers}{'x-ratelimit-limit'}, 3, 'the bucket holds its burst');
    is($r->{headers}{'x-ratelimit-reset'}, 1, 'half a second is one');

    $r = get('/errors?k=fields');
    is($r->{status}, 404, 'an error');
    is($r->{headers}{'x-ratelimit-remaining'}, 1, '... has them, too');

    $r = get('/quiet?k=quiet');
    is_deeply([grep { /ratelimit/ } keys %{$r->{headers}}], [],
              'keyspace_limit_headers off: none');
    get('/quiet?k=quiet') for 1 .. 2;
    $r = get('/quiet?k=quiet');
    is($r->{status}, 429, '... and a rejection');
    ok($r->{headers}{'retry-after'}, '... that says when to come again');

    $r = get('/');
    is_deeply([grep { /ratelimit/ } keys %{$r->{headers}}], [],
              'none where there is no limit');
};


subtest 'several rules' => sub {
    my $r = get('/both?k=both');

    is($r->{headers}{'ratelimit-policy'},
       '"two";q=2;w=31622400, "three";q=3;w=31622400', 'all are told');
    like($r->{headers}{ratelimit}, qr/^"two";r=1;t=\d+, "three";r=2;t=\d+$/,
         '... with what is left');
    is($r->{headers}{'x-ratelimit-limit'}, 2, 'the tightest is shown');
    is(statuses(3, '/both?k=both'), '200 429 429', 'one of them rejects');
    is($redis->run('GET', 'limit:three:both'), 2,
       '... and the other is not charged');
    is($redis->run('HGET', 'l2/two:both', 'current'), 2, 'nor is that one');
    is($redis->run('DEL', 'l2/two:both'), 1, 'one is reset');
    is(statuses(3, '/both?k=both'), '200 429 429', 'now the other rejects');
    is($redis->run('HGET', 'l2/two:both', 'current'), 1,
       '... and the first is not charged');
};


subtest 'inheritance' => sub {
    is(statuses(3, '/nested/same?k=nest'), '200 200 429', 'from outside');
    is(statuses(4, '/nested/own?k=nest'), '200 200 200 429', 'its own instead');
    is(statuses(4, '/nested/off?k=nest'), '200 200 200 200', 'or none');
};


subtest 'a client is reset, and looked at' => sub {
    is(statuses(3, '/two?k=reset'), '200 200 429', 'used up');
    is($http->run('DEL', 'l2/two:reset'), 1, 'DEL over REST');
    is(statuses(3, '/two?k=reset'), '200 200 429', '... gives it all back');
    is($redis->run('DEL', 'l2/two:reset'), 1, 'DEL over RESP');
    is(statuses(3, '/two?k=reset'), '200 200 429', '... as well');

    is($http->run('GET', 'limit:long_fixed_window:hammer'), 100,
       'GET of a fixed window');
    is_deeply($redis->run('HMGET', 'limit:long_sliding_window:hammer',
                          'current', 'previous'), [100, 0],
              'HMGET of a sliding one');
    is($redis->run('HGET', 'limit:long_token_bucket:hammer', 'tokens'), 0,
       'HGET of a bucket');
    like($redis->run('GET', 'limit:long_gcra:hammer'), qr/^\d{19}$/,
         'GET of gcra');

    for my $k (qw(limit:long_fixed_window:hammer limit:long_gcra:hammer
                  limit:long_sliding_window:hammer
                  limit:long_token_bucket:hammer))
    {
        cmp_ok($redis->run('PTTL', $k), '>', 0, "$k has a TTL");
    }

    my $gcra = $redis->run('CL.THROTTLE', 'limit:long_gcra:hammer', 99, 1,
                           86400, 0);
    is_deeply([@$gcra[0 .. 2]], [0, 100, 0], 'CL.THROTTLE of the same key');
    $redis->run('CL.THROTTLE', 'limit:long_gcra:app', 99, 1, 86400, 98);
    is(statuses(3, '/long_gcra?k=app'), '200 200 429',
       'what an application takes is gone for clients');
};


subtest 'keys' => sub {
    is(statuses(4, '/two'), '200 200 200 200', 'an empty one is not limited');
    is(get('/two')->{headers}{ratelimit}, undef, '... and nothing is told');

    my $long = 'x' x 300;
    is(statuses(3, "/two?k=$long"), '200 200 429', 'a long one');
    is(statuses(3, "/two?k=${long}y"), '200 200 429', 'another');

    my ($hashed) = grep { length == 64 + length 'l2/two:' }
        @{$redis->run('KEYS', 'l2/two:*')};
    like($hashed, qr/^l2\/two:[0-9a-f]{64}$/, 'it is hashed');

    my $edge = 'e' x 255;
    is(statuses(3, "/two?k=$edge"), '200 200 429', 'of 255 bytes');
    is($redis->run('EXISTS', "l2/two:$edge"), 1, '... is kept as it is');
};


subtest 'plans' => sub {
    is(statuses(3, '/plan?k=f&plan=free'), '200 200 429', 'one');
    is(statuses(5, '/plan?k=p&plan=paid'), '200 200 200 200 429', 'another');
    is(get('/plan?k=p&plan=paid')->{headers}{'ratelimit-policy'},
       '"plan";q=4;w=1800', 'its policy is told');
    is(statuses(4, '/plan?k=n&plan=none'), '200 200 200 200',
       'an empty rate does not limit');
    is(get('/plan?k=f&plan=paid')->{status}, 200, 'an upgrade counts at once');

    my $errors = KS::Info::field($redis, 'keyspace_limit_errors');
    is(statuses(3, '/plan?k=o&plan=odd'), '200 200 200', 'a bad one: passed');
    like($ngx->log, qr/\[error\].*keyspace limit rule "plan" cannot be asked: invalid rate "lots", the request is passed/,
         '... logged');
    is(KS::Info::field($redis, 'keyspace_limit_errors'),
       $errors + 3, '... and counted');
    is(statuses(2, '/strict?k=o&plan=odd'), '503 503', 'or rejected');
    like($ngx->log, qr/limiting requests by keyspace limit rule "strict"/,
         '... by that rule');
};


subtest 'costs' => sub {
    is(get('/cost?k=c&cost=4')->{headers}{'x-ratelimit-remaining'}, 6, 'four');
    is(get('/cost?k=c')->{headers}{'x-ratelimit-remaining'}, 5, 'none is one');
    is(get('/cost?k=c&cost=6')->{status}, 429, 'too many');
    is(get('/cost?k=c&cost=0')->{headers}{'x-ratelimit-remaining'}, 5,
       'zero only looks');
    is(get('/cost?k=c&cost=5')->{headers}{'x-ratelimit-remaining'}, 0,
       'all the rest');
    my $r = get('/cost?k=d&cost=11');
    is($r->{status}, 429, 'more than there ever is');
    is($r->{headers}{'retry-after'}, undef, '... there is no time to wait for');
    is(get('/cost?k=e&cost=many')->{status}, 200, 'a bad one passes');
    like($ngx->log, qr/rule "cost" cannot be asked: invalid cost "many"/,
         '... and is logged');
};


subtest 'status, dry run' => sub {
    is(statuses(3, '/503?k=status'), '200 200 503', 'keyspace_limit_status');
    ok(get('/503?k=status')->{headers}{'retry-after'}, '... with Retry-After');
    is(statuses(4, '/dry?k=dry'), '200 200 200 200', 'keyspace_limit_dry_run');
    is(get('/dry?k=dry')->{headers}{'retry-after'}, undef,
       '... without Retry-After');
    like($ngx->log, qr/\[warn\].*limiting requests, dry run, by keyspace limit rule "two"/,
         '... at the level that keyspace_limit_log_level says');
};


subtest 'internal redirects are charged once' => sub {
    my $left = sub { $_[0]{headers}{'x-ratelimit-remaining'} };

    is($left->(get('/rewrite?k=r1')), 1, 'rewrite');
    is($left->(get('/internal?k=r2')), 1, 'error_page to a limited location');
    is($redis->run('HGET', 'l2/two:r2', 'current'), 1, '... one charge');

    my $r = get('/tries?k=r3');
    is($r->{body}, 'next', 'try_files to a named location');
    is($redis->run('HGET', 'l2/two:r3', 'current'), 1, '... one charge');
    is($redis->run('GET', 'limit:three:r3'), 1,
       '... and one for the rule that is new there');
    is($r->{headers}{'ratelimit-policy'},
       '"two";q=2;w=31622400, "three";q=3;w=31622400', '... both are told');

    get('/page?k=r4') for 1 .. 2;
    $r = get('/page?k=r4', version => '1.0');
    is($r->{status}, 429, 'error_page of the rejection: the status');
    is($r->{body}, 'slow down: two', '... the page, which may have variables');
    ok($r->{headers}{'retry-after'}, '... and the fields');

    get('/named?k=r5') for 1 .. 2;
    $r = get('/named?k=r5');
    is("$r->{status} $r->{body}", '200 named', 'to a named location');
    is($left->($r), 0, '... with the fields');
    is($redis->run('HGET', 'l2/two:r5', 'current'), 2, '... no charge');

    is($left->(get('/proxied?k=r6')), 1, 'a proxied request');
};


subtest 'subrequests are not charged' => sub {
    my $r = get('/sub/index.html?k=s', version => '1.0');

    is($r->{body}, 'included included included', 'SSI, auth_request, mirror');
    is($r->{headers}{'x-ratelimit-remaining'}, 8, 'charged once');
    is($redis->run('HGET', 'limit:double:s', 'current'), 2, '... as the key says');
    is($redis->run('EXISTS', 'l2/two:s'), 0, 'and to no rule of theirs');
};


subtest 'satisfy' => sub {
    is(statuses(3, '/any?k=any'), '200 200 429', 'any');
    is(statuses(3, '/all?k=all'), '403 403 429', 'all');
};


subtest 'HTTP/2' => sub {
    plan skip_all => 'there is no curl' unless installed('curl');

    my $h2 = KS::Nginx->start(
        env       => $clock->env,
        http      => 'keyspace_limit_rule two zone=main key=$arg_k rate=2r/366d;',
        server    => 'listen 127.0.0.1:%PORT2% http2;',
        locations => "location / { keyspace_limit two; $x }",
    );
    KS::Proc::spew($h2->dir . '/x', 'x');

    my $out = join '', map {
        (capture(30, {}, 'curl', '-sS', '-D', '-', '--http2-prior-knowledge',
                 '--max-time', 20,
                 'http://127.0.0.1:' . $h2->port2 . '/?k=h2'))[1]
    } 1 .. 3;

    is_deeply([$out =~ m{HTTP/2 (\d+)}g], [200, 200, 429],
              'statuses') or diag($out);
    is_deeply([$out =~ /^x-ratelimit-remaining: (\d+)/mg], [1, 0, 0],
              'fields');
    like($out, qr/^retry-after: \d+/m, 'Retry-After');
    $h2->stop;
};


subtest 'variables in the access log' => sub {
    get('/two?k=log') for 1 .. 3;
    get('/dry?k=log');
    get('/two');
    get('/cost?k=log&cost=0');
    $http->close;

    my @lines;
    ok(wait_for(20, sub {
        @lines = $ngx->access_log =~ /^(.*)$/mg;
        return $lines[-1] =~ /^\/cost/;
    }), 'the log is written');

    my @want = (
        qr{^/two\?k=log\|200\|PASSED\|two\|1\|\d+$},
        qr{^/two\?k=log\|200\|PASSED\|two\|0\|\d+$},
        qr{^/two\?k=log\|429\|REJECTED\|two\|0\|\d+$},
        qr{^/dry\?k=log\|200\|REJECTED_DRY_RUN\|two\|0\|\d+$},
        qr{^/two\|200\|-\|-\|-\|-$},
        qr{^/cost\?k=log&cost=0\|200\|PASSED\|cost\|10\|0$},
    );

    like($lines[$_ - @want], $want[$_], $want[$_]) for 0 .. $#want;
};


subtest 'a reload keeps what was charged' => sub {
    is(statuses(2, '/two?k=reload'), '200 200', 'used up');
    $http->close;
    ok($ngx->reload, 'a reload');
    is(statuses(2, '/two?k=reload'), '429 429', '... changes nothing');
};

$http->close;
$redis->close;
$ngx->stop;


subtest 'when the zone cannot tell' => sub {
    my $full = KS::Nginx->start(
        env  => $clock->env,
        size => '1m',
        http => <<'CONF',
    keyspace_limit_rule pass zone=main key=$arg_k rate=1r/h
                        algorithm=fixed_window;
    keyspace_limit_rule reject zone=main key=$arg_k rate=1r/h
                        algorithm=gcra on_error=reject;
CONF
        log_format => '$status|$keyspace_limit_status|$keyspace_limit_rule',
        locations => <<"CONF",
        location / { keyspace_rest main; }
        location /pass { keyspace_limit pass; $x }
        location /reject { keyspace_limit reject; $x }
        location /both { keyspace_limit pass reject; $x }
CONF
    );
    KS::Proc::spew($full->dir . '/x', 'x');

    my $c = $full->client;
    my $status = sub { $c->request('GET', "/$_[0]?k=$_[1]")->{status} };
    my $errors = sub {
        KS::Info::field($c, 'keyspace_limit_errors');
    };

    # another type, and no number
    $c->run('RPUSH', "limit:$_:type", 1) for qw(pass reject);
    $c->run('SET', "limit:$_:text", 'many') for qw(pass reject);

    is($status->('pass', 'type'), 200, 'another type: passed');
    is($status->('reject', 'type'), 503, '... or rejected');
    is($status->('pass', 'text'), 200, 'no state: passed');
    is($status->('reject', 'text'), 503, '... or rejected');
    is($status->('both', 'text'), 503, 'one that rejects will do');
    is($errors->(), 6, 'counted');
    is($c->run('LLEN', 'limit:pass:type'), 1, 'what is there stays');

    is($status->('pass', 'room'), 200, 'room for one key');

    for my $size (600, 300, 100, map { 4 * $_ } reverse 1 .. 20) {
        my $i = 0;
        while (1) {
            my $r = $c->command('SET', "fill:$size:" . $i++, 'x' x $size,
                                'EX', 3600);
            last if $r->{status} != 200;
        }
    }

    is($status->('pass', "new$_"), 200, 'no room: passed') for 1 .. 3;
    is($status->('reject', "new$_"), 503, '... or rejected') for 1 .. 3;
    is($status->('pass', 'room'), 429, 'what needs no room is told as ever');
    is($errors->(), 12, 'counted');
    like($full->log, qr/\[error\].*rule "pass" cannot be asked: the zone has no room, the request is passed/,
         'logged: passed');
    like($full->log, qr/rule "reject" cannot be asked: the zone has no room, the request is rejected/,
         'and rejected');
    is($c->run('CONFIG', 'RESETSTAT'), 'OK', 'reset');
    is($errors->(), 0, '... to 0');
    $c->close;
    like($full->access_log, qr/^503\|REJECTED\|reject$/m, 'and the rule is named');
    $full->stop;
};


done_testing;
