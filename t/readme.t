# README.md: its links lead somewhere, what it names is there and all that is
# there is named, and its examples do what they say.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(capture installed root slurp);

plan skip_all => 'there is no curl' unless installed('curl');
plan skip_all => 'there is no redis-cli' unless installed('redis-cli');

my $readme = slurp(root() . '/README.md');
my $ngx = KS::Nginx->start(size => '16m', resp => '',
                           tokens => 'token quickstart;');


subtest 'links' => sub {
    my %anchor;

    for my $heading ($readme =~ /^#+ (.*)$/mg) {
        my $id = lc $heading;

        $id =~ s/[^\w\- ]//g;
        $id =~ tr/ /-/;
        $anchor{$id}++;
    }

    my @twice = grep { $anchor{$_} > 1 } sort keys %anchor;
    is("@twice", '', 'a heading is there once');

    my %target = map { $_ => 1 } $readme =~ /\]\(([^)]+)\)/g;

    for my $target (sort keys %target) {
        next if $target =~ m{^https://};

        ok($target =~ /^#(.*)/ ? $anchor{$1} : -e root() . "/$target", $target);
    }
};


subtest 'directives' => sub {
    my %declared;

    for my $file (glob root() . '/src/nginx/*.c') {
        $declared{$_} = 1 for slurp($file)
            =~ /^    \{ ngx_string\("(keyspace_\w+)"\),$/mg;
    }

    my %described = map { $_ => 1 }
        $readme =~ /^\| Syntax \| \*\*(keyspace_\w+)\*\*/mg;

    is_deeply([sort keys %described], [sort keys %declared],
              'each has its syntax');
};


subtest 'commands' => sub {
    my ($text) = $readme =~ /^## Commands\n(.*?)^There are no /ms;
    my %named = map { lc $_ => 1 } $text =~ /\b([A-Z][A-Z_.]+)\b/g;
    my @there = grep { !/\|/ } @{$ngx->client(token => 'quickstart')
                                     ->run('COMMAND', 'LIST')};

    is_deeply([sort keys %named], [sort @there], 'all are named');
};


subtest 'examples' => sub {
    my ($rest, $resp) = ($ngx->port, $ngx->resp_port);
    my @examples = examples();

    for my $example (@examples) {
        my $command = $example;

        $command =~ s/127\.0\.0\.1:8080/127.0.0.1:$rest/;
        $command =~ s/-p 6380/-p $resp/;

        my ($code, $out) = capture(30, {}, 'sh', '-c',
                                   "($command) 2> /dev/null");

        is($code, 0, $example =~ s/\n/ /gr);
        like($out, qr/./, '... has a reply');
        unlike($out, qr/error|ERR|NOAUTH|WRONG/, '... that is none of an error')
            or diag($command);
    }

    cmp_ok(scalar @examples, '>', 6, 'there are some');
};


# The cache asks its database once, and again when the key is deleted.
subtest 'the cache in Python' => sub {
    my ($client) = $readme =~ /^(    import requests\n.*?)^\S/ms;
    my ($cache) = $readme =~ /^(    import json\n.*?)^\S/ms;
    my $port = $ngx->port;

    my $program = "$client$cache" =~ s/^    //gmr =~ s/:8080/:$port/r . <<'END';

asked = []

def read_product(number):
    asked.append(number)
    return {"number": number, "name": "tea"}

print(product(7)["name"], product(7)["name"], asked)
requests.post(url, headers=auth, data="DEL product:7")
print(product(7), asked)
END

    my ($code, $out) = capture(30, {}, 'python3', '-c', $program);

    is($out, "tea tea [7]\n{'number': 7, 'name': 'tea'} [7, 7]\n", 'its use');
};

$ngx->stop;
done_testing;


# The commands for a shell that speak to the nginx of "make run", one that ends
# with a backslash or within quotes with what it goes on with.
sub examples {
    my @examples;

    for my $block ($readme =~ /((?:^    .*\n|^\n(?=    ))+)/mg) {
        my @lines = split /\n/, $block;

        while (defined(my $line = shift @lines)) {
            next if $line !~ /^    (?:\$ )?((?:curl|redis-cli -p 6380) .+)/;

            my $command = $1;

            while (@lines && ($command =~ /\\$/ || $command =~ tr/'// % 2)) {
                $command .= "\n" . shift @lines;
            }

            push @examples, $command if $command =~ /quickstart[' ]/;
        }
    }

    return @examples;
}
