# Every example of a configuration starts as it is, but for the port, and
# serves what it says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(capture free_port installed root slurp spew tempdir wait_for);

plan skip_all => 'there is no curl' unless installed('curl');

my $examples = root() . '/conf-examples';
my %test = (
    'quickstart.conf' => \&quickstart,
    'production.conf' => \&production,
    'resp.conf'       => \&resp,
);

is_deeply([sort map { m{([^/]+)$} } glob "$examples/*.conf"],
          [sort keys %test], 'each example has a test');

for my $name (sort keys %test) {
    subtest $name => sub { $test{$name}->($name) };
}

done_testing;


# An nginx with the example, on other ports, and other files in its prefix.
sub start {
    my ($name, %files) = @_;
    my $text = slurp("$examples/$name");
    my %port = map { $_ => free_port() }
        $text =~ /^ *listen 127\.0\.0\.1:(\d+)/mg;

    is(scalar(() = $text =~ /^ *listen /mg), scalar keys %port,
       'it listens on 127.0.0.1');

    $text =~ s/^( *listen 127\.0\.0\.1:)(\d+)/$1$port{$2}/mg;
    $text =~ s/^load_module .*ngx_stream_module\.so;$//m
        if (my @modules = KS::Nginx::stream_modules()) == 1;

    my ($port) = @port{grep { $port{$_} } 8080, 8443, 6379};
    my $ngx = KS::Nginx->start(port => $port, prefix => {
        'conf/nginx.conf' => $text, %files,
    });

    $ngx->{ports} = \%port;

    return $ngx;
}


sub curl {
    my ($url, $token, @more) = @_;
    my @auth = defined $token ? ('-H', "Authorization: Bearer $token") : ();
    my ($code, $out) = capture(30, {}, 'curl', '-sSk', '--max-time', 20,
                               '-w', ' %{http_code}', @auth, @more, $url);

    return $out;
}


# What a comment says that redis-cli is to be given, on the port that is ours.
sub cli {
    my ($ngx, $args) = @_;

    $args =~ s/-p (\d+)/-p $ngx->{ports}{$1}/;
    $args =~ s{conf/}{$ngx->dir . '/conf/'}e;

    return (capture(30, {}, 'redis-cli', '--no-auth-warning',
                    split / /, $args))[1];
}


sub quickstart {
    my $ngx = start(@_);
    my $url = 'http://127.0.0.1:' . $ngx->port;

    # what its comment says to try
    my $text = slurp("$examples/quickstart.conf");
    my @try = $text =~ /^# try: curl (.*)$/mg;
    my @want = ('{"result":"OK"} 200', '{"result":"hello"} 200');

    is(scalar @try, 2, 'two things to try');

    for my $i (0 .. $#try) {
        my ($path) = $try[$i] =~ m{http://127\.0\.0\.1:8080(/\S*)?};
        my ($token) = $try[$i] =~ /Bearer (\w+)/;
        my @data = $try[$i] =~ /-d '([^']+)'/ ? ('-d', $1) : ();

        is(curl($url . ($path // ''), $token, @data), $want[$i], $try[$i]);
    }

    SKIP: {
        skip('there is no redis-cli', 1) unless installed('redis-cli');
        is(cli($ngx, $text =~ /^# try: redis-cli (.*)$/mg), "hello\n",
           'and redis-cli');
    }

    like(curl($url, 'other', '-d', 'PING'), qr/ 401$/, 'another token');
    is(curl("$url/set/large", 'quickstart', '--data-binary', '@' . large($ngx)),
       '{"result":"OK"} 200', 'a value of 10 MB');

    $ngx->stop;
}


sub large {
    my ($ngx) = @_;
    my $path = $ngx->dir . '/large';

    spew($path, 'x' x 10_000_000);

    return $path;
}


sub production {
    my ($name) = @_;
    my %cert = certificate();
    my $ngx = start($name, %cert, 'conf/tokens' => "token-one\n",
                    'conf/tokens.readonly' => "token-read\n");
    my $url = 'https://127.0.0.1:' . $ngx->port;

    is(curl($url, 'token-one', '-d', 'SET k v'), '{"result":"OK"} 200',
       'a write over TLS');
    is(curl("$url/get/k", 'token-read', '--http2', '-w', ' %{http_version}'),
       '{"result":"v"} 2', 'a read over HTTP/2');
    like(curl($url, 'token-read', '-d', 'SET k w'),
         qr/^\{"error":"NOPERM .* 400$/, 'no write with the other token');
    like(curl($url, undef, '-d', 'PING'), qr/ 401$/, 'no token');

    # the way to another token that it describes
    for my $step (["token-one\ntoken-two\n", 200, 200], ["token-two\n", 401, 200])
    {
        my ($tokens, $one, $two) = @$step;

        $ngx->{options}{prefix}{'conf/tokens'} = $tokens;
        ok($ngx->reload, 'a reload');
        like(curl("$url/get/k", 'token-one'), qr/ $one$/, "token one: $one");
        like(curl("$url/get/k", 'token-two'), qr/"v".* $two$/,
             "token two: $two, and the key is there");
    }

    curl("$url/get/k?_token=token-two", undef);
    ok(wait_for(20, sub { $ngx->access_log =~ /_token=/ }, 0.1),
       'the log is written');
    like($ngx->access_log, qr/ get hit$/m, 'it says what was asked for');
    unlike($ngx->access_log . $ngx->log, qr/token-(?:one|two|read)/,
           'and no token');

    $ngx->stop;
}


sub resp {
    my ($name) = @_;

    plan skip_all => 'there is no redis-cli' unless installed('redis-cli');

    my %cert = certificate();
    my $ngx = start($name, %cert, 'conf/tokens' => "token-one\n",
                    'conf/tokens.readonly' => "token-read\n");
    my @try = map { s/TOKEN/token-one/r }
        slurp("$examples/$name") =~ /^# try: redis-cli (.*)$/mg;

    is(scalar @try, 2, 'two things to try');
    is(cli($ngx, $try[0]), "OK\n", $try[0]);
    is(cli($ngx, $try[1]), "hello\n", $try[1]);
    is(cli($ngx, $try[1] =~ s/one/read/r), "hello\n", 'a read-only token');
    like(cli($ngx, $try[0] =~ s/one/read/r), qr/^NOPERM /, '... only reads');
    like(cli($ngx, $try[0] =~ s/-a \S+ //r), qr/^NOAUTH /, 'no token');

    ok($ngx->reload, 'a reload');
    is(cli($ngx, $try[1]), "hello\n", '... keeps the keys');
    unlike($ngx->log, qr/token-(?:one|read)/, 'no token is logged');
    ok(wait_for(20, sub {
        slurp($ngx->dir . '/logs/resp.log') =~ /^127\.0\.0\.1:\d+ /m
    }, 0.1), 'the log is written');

    $ngx->stop;
}


sub certificate {
    my $dir = tempdir();
    my ($code, $out) = capture(60, {}, 'openssl', 'req', '-x509', '-nodes',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
        '-subj', '/CN=localhost', '-days', 2, '-keyout', "$dir/key.pem",
        '-out', "$dir/cert.pem");

    is($code, 0, 'a certificate') or diag($out);

    return map { ("conf/$_.pem" => slurp("$dir/$_.pem")) } qw(key cert);
}
