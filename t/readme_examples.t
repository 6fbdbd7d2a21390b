# The examples of README.md and docs/, each tried as it is written, but for
# ports and addresses.  A page is read from the top: what an example stores is
# there for the next one.
#
#   sh        what follows "$ " is run, and replies what stands below it; a
#             block without "$ " is run whole, and replies no error
#   nginx     is a configuration, in the block that it belongs to
#   js        is run by node, with the packages of t/clients
#   python    is run
#   text      is not tried

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Clients qw(want_npm);
use KS::Docs qw(user_pages blocks);
use KS::Nginx;
use KS::Proc qw(capture free_port installed root spew tempdir);
use KS::Redis;
use KS::RESP;

my $ngx = KS::Nginx->start(size => '16m', resp => '', databases => 2,
                           tokens => 'token quickstart;');
my $redis = KS::Redis::available() ? KS::Redis->start : undef;
my $dir = tempdir();

my ($python) = grep {
    (capture(30, {}, $_, '-c', 'import requests, redis'))[0] == 0
} grep { -x } '/usr/bin/python3', '/usr/local/bin/python3';

my %try = (sh => \&shell, nginx => \&nginx, js => \&js, python => \&python);
my %tried;

for my $page (user_pages()) {
    my @blocks = grep { $try{$_->[0]} } blocks($page) or next;

    subtest $page => sub {
        start_page();

        for my $block (@blocks) {
            my ($language, $text) = @$block;
            my ($name) = $text =~ /^(\S.*)$/m;

            subtest $name => sub { $try{$language}->(here($text), $page) };
            $tried{$language}++;
        }
    };
}

cmp_ok($tried{$_} // 0, '>=', 3, "there are some in $_") for sort keys %try;

$ngx->stop;
done_testing;


# Both stores are empty, but for two keys in the Redis that keys are moved from.
sub start_page {
    $ngx->client(token => 'quickstart')->run('FLUSHALL');

    if ($redis) {
        my $there = KS::RESP->new(port => $redis->port);

        $there->run('FLUSHALL');
        $there->run('SET', $_, "value of $_") for qw(k1 k2);
    }
}


# An example with the addresses of this test.
sub here {
    my ($text) = @_;
    my ($rest, $resp) = ($ngx->port, $ngx->resp_port);

    if ($text =~ /redis\.example/) {
        plan skip_all => 'there is no redis-server' unless $redis;

        my $port = $redis->port;

        $text =~ s/-h redis\.example/-p $port/g;
        $text =~ s/"redis\.example"/port=$port/g;
        $text =~ s/nginx\.example 6380/127.0.0.1 $resp/g;
        $text =~ s/\bTOKEN\b/quickstart/g;
    }

    $text =~ s/127\.0\.0\.1:8080/127.0.0.1:$rest/g;
    $text =~ s/(-p |port: |port=)6380/$1$resp/g;

    return $text;
}


sub shell {
    my ($text) = @_;

    for my $program (qw(curl redis-cli)) {
        plan skip_all => "there is no $program"
            if $text =~ /\b$program /  && !installed($program);
    }

    if ($text !~ /^\$ /m) {
        my ($code, $out) = sh($text);

        is($code, 0, 'it ends well');
        like($out, qr/./, 'it says something');
        unlike($out, qr/error|ERR|NOAUTH|WRONG/, '... that is no error');
        return;
    }

    for my $step (steps($text)) {
        my ($command, $want) = @$step;

        # what a terminal shows
        $command =~ s/redis-cli /redis-cli --no-raw /g;

        my ($code, $out) = sh($command);
        is($out, $want, $command =~ s/\n/ /gr);
    }
}


sub sh {
    my ($command) = @_;

    spew("$dir/command", $command);

    return capture(60, {}, 'sh', '-c', ". $dir/command 2> /dev/null");
}


# ([command, what it replies], ...): a command that ends with a backslash, or
# within quotes, goes on in the next line.
sub steps {
    my ($text) = @_;
    my @lines = split /\n/, $text;
    my @steps;

    while (defined(my $line = shift @lines)) {
        if ($line !~ s/^\$ //) {
            $steps[-1][1] .= "$line\n";
            next;
        }

        while (@lines && ($line =~ /\\$/ || $line =~ tr/'// % 2)) {
            $line .= "\n" . shift @lines;
        }

        push @steps, [$line, ''];
    }

    # curl ends its output without a newline, where a page has one
    for my $step (@steps) {
        chomp $step->[1] if $step->[0] =~ /^curl /;
    }

    return @steps;
}


sub nginx {
    my ($text) = @_;
    my ($code, $out) = KS::Nginx->check(
        conf => configuration($text),
        env  => { DASHBOARD_TOKEN => 'a-token-of-the-dashboard' },
    );

    is($code, 0, 'nginx takes it') or diag("$out\n", configuration($text));
}


# A whole configuration around an example.
sub configuration {
    my ($text) = @_;
    my $main = qr/^(?:load_module|keyspace_zone|http|stream) /m;
    my $http = qr/^(?:server|map|upstream|keyspace_limit_rule) /m;

    $text = "location / {\n$text}\n" if $text !~ /$main|$http|^location /m;
    $text = "server {\n$text}\n" if $text =~ /^location /m;
    $text = "http {\n$text}\n" if $text !~ $main;

    my $temp = join '', map { "    ${_}_temp_path %DIR%/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);

    $text =~ s/^http \{\n/http {\n$temp    upstream app { server 127.0.0.1:9; }\n/m;

    # what is loaded, and where it listens
    $text =~ s/^load_module \S*ngx_http_\S*;.*\n//mg;
    $text =~ s/^load_module \S*ngx_stream_\S*;.*\n//mg;
    $text =~ s/^( *)server \{\n(?! *listen)/$1server {\n$1    listen 80;\n/mg;
    $text =~ s/\blisten (?:127\.0\.0\.1:)?\d+/'listen 127.0.0.1:' . free_port()/ge;

    # files
    certificate() if $text =~ /cert\.pem/;
    spew("$dir/tokens", "a-token-of-a-file\n");
    $text =~ s{(\s)\S*\b(cert|key)\.pem}{$1$dir/$2.pem}g;
    $text =~ s{file:\S*tokens}{file:$dir/tokens}g;

    $text = "keyspace_zone main 16m { token off; }\n$text"
        if $text !~ /^keyspace_zone /m;

    return "load_module %MODULE%;\n%STREAM%\nevents {\n}\n$text";
}


sub certificate {
    return if -e "$dir/cert.pem";

    my ($code, $out) = capture(60, {}, 'openssl', 'req', '-x509', '-nodes',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
        '-subj', '/CN=localhost', '-days', 2, '-keyout', "$dir/key.pem",
        '-out', "$dir/cert.pem");

    is($code, 0, 'a certificate') or diag($out);
}


sub js {
    my ($text) = @_;

    want_npm('@upstash/redis');
    packages();

    # Next.js calls it for each request; how many pass in all depends on the time
    # that they take
    $text .= <<'END' if $text =~ /\bfunction proxy\b/;

const request = new Request("http://localhost/api/");

for (let i = 0; i < 10000; i++) {
    const { status } = await proxy(request);

    console.log(status);
    if (status !== 200) break;
}
END

    spew("$dir/example.mjs", $text);

    my ($code, $out) = capture(60, {
        UPSTASH_REDIS_REST_URL   => 'http://127.0.0.1:' . $ngx->port,
        UPSTASH_REDIS_REST_TOKEN => 'quickstart',
    }, 'node', "$dir/example.mjs");

    is($code, 0, 'it ends well') or diag($out);
    like($out, qr/^(?:200\n){10,}429\n$/, 'ten requests pass, and not all')
        if $text =~ /\bfunction proxy\b/;
    unlike($out, qr/null|undefined/, 'what it shows is there');
}


# The packages of t/clients, and of Next.js what the example needs.
sub packages {
    my $modules = "$dir/node_modules";

    return if -d $modules;

    mkdir $modules;
    mkdir "$modules/next";
    symlink $_, "$modules/" . s{.*/}{}r
        for glob root() . '/t/clients/node_modules/*';

    spew("$modules/next/package.json",
         '{"type": "module", "exports": {"./server": "./server.js"}}');
    spew("$modules/next/server.js", <<'END');
export class NextResponse extends Response {
    static next() { return new NextResponse(null); }
}
END
}


sub python {
    my ($text, $page) = @_;

    plan skip_all => 'there is no requests or redis-py' unless $python;

    # The cache asks its database once, and again when the key is deleted.
    $text .= <<'END' if $text =~ /\bread_product\b/;

asked = []

def read_product(number):
    asked.append(number)
    return {"number": number, "name": "tea"}

print(product(7)["name"], product(7)["name"], asked)
requests.post(url, headers=auth, data="DEL product:7")
print(product(7), asked)
END

    spew("$dir/example.py", $text);

    my ($code, $out) = capture(60, {}, $python, "$dir/example.py");

    is($code, 0, 'it ends well') or diag($out);
    is($out, "tea tea [7]\n{'number': 7, 'name': 'tea'} [7, 7]\n",
       'it asks the database once') if $text =~ /\bread_product\b/;
    unlike($out, qr/None/, 'what it shows is there');
}
