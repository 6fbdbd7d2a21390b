# The configuration: what is accepted, what is refused and with which words,
# and that no secret gets into a log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture spew tempdir slurp wait_for);

my $REST = 'location / { keyspace_rest main; }';
my $dir = tempdir();

spew("$dir/token", "token-in-a-file\n");
spew("$dir/empty", "\n \t\r\n");
spew("$dir/behind", "one\n\ntwo # the second\n");
spew("$dir/utf16", "\xff\xfet\0o\0k\0e\0n\0\n\0");
spew("$dir/comments", "\xef\xbb\xbf# admin\r\n  #\n\n");


# The head of a configuration, whose zones are given.
sub conf {
    my ($zones, $locations) = @_;
    $locations //= $REST;

    return <<"CONF";
load_module %MODULE%;
$zones
events { }
http {
    access_log off;
    server { listen 127.0.0.1:%PORT%; $locations }
}
CONF
}


my @refused = (
    ['no token', conf('keyspace_zone main 1m { }'), qr/"main" has no token/],
    ['an unknown policy', conf('keyspace_zone main 1m { eviction lru; token t; }'),
     qr/"lru"/],
    ['a policy without a name', conf('keyspace_zone main 1m { eviction; token t; }'),
     qr/number of arguments|eviction/],
    ['two policies', conf('keyspace_zone main 1m { eviction noeviction; '
     . 'eviction allkeys-lru; token t; }'), qr/"eviction" is duplicate/],
    ['an unknown class of events', conf('keyspace_zone main 1m { '
     . 'notify_keyspace_events KEy; token t; }'),
     qr/invalid classes of events "KEy"/],
    ['two limits for scripts', conf('keyspace_zone main 1m { script_memory 1m; '
     . 'script_memory 2m; token t; }'), qr/"script_memory" is duplicate/],
    ['a size that is none', conf('keyspace_zone main big { token t; }'),
     qr/"big"/],
    ['a size too small', conf('keyspace_zone main 4k { token t; }'),
     qr/"4k"|too small/],
    ['a negative size', conf('keyspace_zone main -1m { token t; }'), qr/"-1m"/],
    ['no size', conf('keyspace_zone main { token t; }'), qr/number of arguments/],
    ['no block', conf('keyspace_zone main 1m;'), qr/keyspace_zone/],
    ['a zone twice', conf("keyspace_zone main 1m { token t; }\n"
     . 'keyspace_zone main 1m { token t; }'), qr/duplicate|"main"/],
    ['an unknown directive', conf('keyspace_zone main 1m { token t; nosuch x; }'),
     qr/"nosuch"/],
    ['an unknown zone', conf('keyspace_zone main 1m { token t; }',
     'location / { keyspace_rest other; }'), qr/"other"/],
    ['no zone at all', conf(''), qr/"main"/],
    ['keyspace_rest twice', conf('keyspace_zone main 1m { token t; }',
     'location / { keyspace_rest main; keyspace_rest main; }'),
     qr/duplicate/],
    ['keyspace_rest without a name', conf('keyspace_zone main 1m { token t; }',
     'location / { keyspace_rest; }'), qr/number of arguments/],
    ['keyspace_rest behind proxy_pass', conf('keyspace_zone main 1m { token t; }',
     'location / { proxy_pass http://127.0.0.1:1; keyspace_rest main; }'),
     qr/"keyspace_rest" directive stands beside another directive/],
    ['keyspace_rest before proxy_pass', conf('keyspace_zone main 1m { token t; }',
     'location /a/ { keyspace_rest main; proxy_pass http://127.0.0.1:1; }'),
     qr{"keyspace_rest" stands beside another .* location "/a/"}],
    ['little memory for scripts', conf('keyspace_zone main 1m { token t; '
     . 'script_memory 10k; }'), qr/"10k".*256k or more/],
    ['an empty token', conf('keyspace_zone main 1m { token ""; }'),
     qr/empty|token/],
    ['a token with a blank in it', conf('keyspace_zone main 1m { '
     . 'token "two words"; }'), qr/visible ASCII characters only/],
    ['a token of other letters', conf('keyspace_zone main 1m { '
     . "token caf\xc3\xa9; }"), qr/visible ASCII characters only/],
    ['a comment behind a token', conf("keyspace_zone main 1m { "
     . "token file:$dir/behind; }"), qr/line 3 .*visible ASCII/],
    ['a file in UTF-16', conf("keyspace_zone main 1m { "
     . "token file:$dir/utf16; }"), qr/line 1 .*visible ASCII/],
    ['a file of comments', conf("keyspace_zone main 1m { "
     . "token file:$dir/comments; }"), qr/holds no token/],
    ['a file that is not there', conf("keyspace_zone main 1m { "
     . "token file:$dir/none; }"), qr{\Q$dir\E/none}],
    ['a file with nothing in it', conf("keyspace_zone main 1m { "
     . "token file:$dir/empty; }"), qr{\Q$dir\E/empty}],
    ['only a read-only token', conf('keyspace_zone main 1m { '
     . 'readonly_token r; token off; }'), qr/token/],
    ['a read-only token that is off', conf('keyspace_zone main 1m { token t; '
     . 'readonly_token off; }'), qr/readonly_token off/],
);

for (@refused) {
    my ($name, $conf, $message) = @$_;
    my ($code, $said) = KS::Nginx->check(conf => $conf);

    isnt($code, 0, "$name: refused");
    like($said, $message, '... with these words');
    unlike($said, qr/exited|Segmentation/, '... by nginx');
}

my @accepted = (
    ['every policy', join "\n", map {
        "keyspace_zone z$_->[0] 1m { eviction $_->[1]; token t; }"
    } map { [$_, (qw(noeviction allkeys-lru allkeys-lfu allkeys-random
                     volatile-lru volatile-lfu volatile-random
                     volatile-ttl))[$_]] } 0 .. 7],
    ['sizes', "keyspace_zone a 1024k { token t; }\n"
     . 'keyspace_zone b 1048576 { token t; }'],
    ['classes of events', "keyspace_zone a 1m { notify_keyspace_events "
     . "KEg\$lshzxetdmn; token t; }\nkeyspace_zone b 1m { "
     . 'notify_keyspace_events ""; token t; }'],
    ['several tokens', 'keyspace_zone a 1m { token t; token u; '
     . 'readonly_token r; readonly_token s; }'],
    ['a zone for anyone', 'keyspace_zone a 1m { token off; }'],
    ['a large zone', 'keyspace_zone a 16g { token t; }'],
);

for (@accepted) {
    my ($name, $zones) = @$_;
    my ($code, $said) = KS::Nginx->check(conf => conf($zones, ''));

    is($code, 0, "$name: accepted") or diag($said);
}


subtest 'where a token comes from' => sub {
    my $ngx = KS::Nginx->start(
        env    => { KS_TEST_TOKEN => 'token-of-the-environment' },
        tokens => "token env:KS_TEST_TOKEN; token file:$dir/token;\n"
                  . 'token literal-token;',
    );

    for my $token (qw(token-of-the-environment token-in-a-file literal-token))
    {
        is($ngx->client->post('["PING"]', token => $token)->{status}, 200,
           $token);
    }

    is($ngx->client->post('["PING"]', token => "$dir/token")->{status}, 401,
       'nothing else');
    is($ngx->client->post('["PING"]', token => 'env:KS_TEST_TOKEN')->{status},
       401, 'at all');

    ok($ngx->reload, 'a reload');
    is($ngx->client->post('["PING"]', token => 'token-of-the-environment')
           ->{status}, 200, '... reads the environment again');

    spew("$dir/token", "\n  \n\ta-new-token \r\n");
    ok($ngx->reload, 'a reload');
    is($ngx->client->post('["PING"]', token => 'a-new-token')->{status}, 200,
       '... reads the file again, without the blanks around a token');
    is($ngx->client->request('GET', '/ping?_token=%20%20', token => undef)
           ->{status}, 401, '... and no line of blanks');
    is($ngx->client->post('["PING"]', token => 'token-in-a-file')->{status},
       401, '... and forgets the old one');

    spew("$dir/token", "\xef\xbb\xbfafter-a-bom\r\n# admin\r\n\t# app #\n"
                       . "to#ken \n#no-token");
    ok($ngx->reload, 'a reload');

    for ([200, 'after-a-bom'], [200, 'to#ken'], [401, '# admin'],
         [401, 'admin'], [401, '#no-token'], [401, '#'], [401, 'no-token'],
         [401, "\xef\xbb\xbfafter-a-bom"])
    {
        my ($status, $token) = @$_;

        is($ngx->client->post('["PING"]', token => $token)->{status}, $status,
           "\"$token\" of a file with comments: $status");
    }

    $ngx->stop;
};


subtest 'where the environment has no token' => sub {
    my %o = (tokens => 'token env:KS_TEST_TOKEN; token file:%DIR%/token;');
    my $ngx = KS::Nginx->new(%o, env => { KS_TEST_TOKEN => "a-token \r\n" });

    spew($ngx->dir . '/token', "another\n");
    $ngx->launch;

    is($ngx->client->post('["PING"]', token => 'a-token')->{status}, 200,
       'the token of the environment, without the blanks around it');

    my ($code, $said) = capture(30, {}, $ngx->command('-t'));
    is($code, 0, 'a test from another shell') or diag($said);
    like($said, qr/\[warn\] .*"KS_TEST_TOKEN", which is not set here/,
         '... says what is not there');

    my $other = KS::Nginx->new(%o);
    ($code, $said) = capture(30, {}, $other->command);
    isnt($code, 0, 'a start from there fails');
    like($said, qr/\[emerg\] .*"KS_TEST_TOKEN", which is not set/,
         '... and says why');

    unlink $ngx->dir . '/token';

    # the mended file comes back before the master reads it
    my @before = $ngx->workers;
    spew($ngx->dir . '/token', "another\n");
    ($code, $said) = capture(30, {}, $ngx->command('-s', 'reload'));
    is("$code $said", '0 ', 'a reload from another shell');
    ok(wait_for(30, sub {
        my @now = $ngx->workers;
        return @now && !grep { $_ == $before[0] } @now;
    }), '... is carried out');
    is($ngx->client->post('["PING"]', token => 'a-token')->{status}, 200,
       '... with the token');

    unlink $ngx->dir . '/token';
    ($code, $said) = capture(30, {}, $ngx->command('-s', 'stop'));
    is("$code $said", '0 ', 'a stop without the file of tokens either');
    ok(wait_for(30, sub { !KS::Proc::alive($ngx->pid) }), '... stops it');
    $ngx->stop;
};


subtest 'a test of the configuration lays out no zone' => sub {
    plan skip_all => 'asks the kernel of x86-64' if `uname -m` !~ /x86_64/;
    plan skip_all => 'a sanitizer has memory of its own' if $ENV{KS_PRELOAD};

    my $ngx = KS::Nginx->new(size => '8g');

    # getrusage(RUSAGE_CHILDREN): what was the most that it held, in kB
    my ($code, $said) = capture(60, KS::Nginx::environment(), $^X, '-e', <<'PERL', $ngx->command('-t'));
        my $usage = "\0" x 144;
        my $status = system @ARGV;
        syscall 98, -1, $usage;
        print "\npeak: ", (unpack 'q*', $usage)[4], "\n";
        exit($status ? 1 : 0);
PERL
    my ($peak) = $said =~ /^peak: (\d+)/m;

    is($code, 0, 'it is accepted') or diag($said);
    cmp_ok($peak, '<', 250_000, "8g: $peak kB");
};


subtest 'two zones are two stores' => sub {
    my $ngx = KS::Nginx->start(conf => conf(
        "keyspace_zone one 1m { token one-token; }\n"
        . 'keyspace_zone two 1m { token off; }',
        "location /one/ { keyspace_rest one; }\n"
        . 'location /two/ { keyspace_rest two; }'));
    my $http = $ngx->client(token => 'one-token');

    $http->request('GET', '/one/set/k/v1');
    $http->request('GET', '/two/set/k/v2');
    is($http->request('GET', '/one/get/k')->{body}, '{"result":"v1"}', 'one');
    is($http->request('GET', '/two/get/k', token => undef)->{body},
       '{"result":"v2"}', 'two, for anyone');
    is($http->request('GET', '/one/get/k', token => undef)->{status}, 401,
       'one is not');
    $http->close;
    $ngx->stop;
};


subtest 'no secret gets into a log' => sub {
    my $secret = 'Sup3r-s3cret-t0ken';
    my $wrong = 'Wr0ng-but-s3cret';
    my $ngx = KS::Nginx->start(tokens => "token $secret;", access_log => 1,
                               level => 'info');
    my $http = $ngx->client(token => $secret);

    $http->run('SET', 'k', 'v');
    $http->post('["GET"');
    $http->post('["PING"]', token => $wrong);
    $http->request('GET', "/get/k?_token=$secret", token => undef);
    $http->request('GET', "/get/k?_token=$wrong", token => undef);
    $http->request('GET', "/get/k?_token=" . join('', map {
        sprintf '%%%02x', ord } split //, $secret), token => undef);
    $http->request('GET', "/set/k/v?EX=10&_token=$secret&NX", token => undef);
    $http->request('DELETE', "/get/k?_token=$secret", token => undef);
    $http->close;

    KS::Proc::wait_for(10, sub { (() = $ngx->access_log =~ /\n/g) >= 8 });
    my $logs = $ngx->log . $ngx->access_log;
    my $hex = join '', map { sprintf '%%%02x', ord } split //, $secret;

    cmp_ok(length $ngx->access_log, '>', 100, 'there is an access log');
    unlike($logs, qr/\Q$secret\E/, 'no token');
    unlike($logs, qr/\Q$wrong\E/, 'nor a wrong one');
    unlike($logs, qr/\Q$hex\E/i, 'nor an escaped one');

    $ngx->stop;
};


done_testing;
