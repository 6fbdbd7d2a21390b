# Scripts, with real Redis as the referee: those of KS::Scripts run on both,
# over RESP2, RESP3 and REST, and every reply is compared byte for byte.
#
#   KS_GROUP=name     only groups whose name matches
#   KS_SHOW=1         says what Redis answers to each

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(root slurp);
use KS::Redis;
use KS::Referee;
use KS::RESP;
use KS::Scripts;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

# what Redis has no limit for
my $ngx = KS::Nginx->start(
    size => '128m',
    resp => '',
    http => 'keepalive_requests 1000000; client_max_body_size 8m;',
    zone => 'script_timeout 30s; script_memory 256m;',
);

my $redis = KS::Redis->start;
my $referee = KS::Referee->new($ngx->client, $redis);
my $only = $ENV{KS_GROUP} // '';

# texts of Lua's own that only one of 5.1 and 5.4 has: see lua_error()
my %words = (
    q('for' limit must be a number)         => q(bad 'for' limit),
    q('for' initial value must be a number) => q(bad 'for' initial value),
    q(value out of range)                   => q(invalid value),
);

# What a Redis from 8.0 on does otherwise: numbers as arguments have the fewest
# digits, as coordinates have; there is a table os; and some errors have other
# words.
my $newer = qr/^redis\.call\('SET',\ 'n',|GEOPOS|\bos\b
               |redis\.(?:log\((?:5|-1),|set_repl\(\))/x;

# What a Redis before 7.2 does otherwise: TIME goes on within a script.
my $before72 = !$redis->since('7.2');
my $older = qr/call\("TIME"\)\ for/x;

my @doors = (
    ['RESP2', resp(2)],
    ['RESP3', resp(3)],
    ['REST', redis(2), sub { $referee->single($_[0]) }],
);

for my $door (@doors) {
    my ($name, $want, $got) = @$door;

    for my $group (@KS::Scripts::GROUPS) {
        my ($about, @items) = @$group;

        next if $about !~ /$only/;

        subtest "$name: $about" => sub {
            for my $ask ($want, $got) {
                $ask->(['FLUSHALL']);
                $ask->(['SCRIPT', 'FLUSH']);
            }

            compare($_, $want, $got) for @items;
        };
    }
}

subtest 'what docs/scripts.md says is not the same' => sub {
    my ($table) = slurp(root() . '/docs/scripts.md')
        =~ /^## Differences of Lua 5\.4$(.*?)^#/ms;
    my ($want, $got) = resp(2);
    my $rows = 0;

    while ($table =~ /^\|[^|]+\| `([^|]+)` \| ([^|]+) \| ([^|]+) \|$/mg) {
        my ($script, @said) = ($1, $2, $3);

        $rows++;
        told($want, $script, $said[0], 'Redis');
        told($got, $script, $said[1], 'here');
    }

    cmp_ok($rows, '>', 10, "$rows of them");
};

like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop;
done_testing;


# Both sides over RESP of a version.
sub resp {
    my ($version) = @_;

    return (redis($version), asking($version, $ngx->resp));
}


sub redis {
    my ($version) = @_;

    return asking($version, KS::RESP->new(port => $redis->port));
}


sub asking {
    my ($version, $c) = @_;

    $c->command('HELLO', $version);

    return sub { $c->command(@{$_[0]}) };
}


sub compare {
    my ($item, $want, $got) = @_;
    my ($argv, $rule) = KS::Scripts::command($item);
    my $name = KS::Referee::show($argv);
    my $text = $argv->[1] // '';
    my $other = ($referee->{newer} && $text =~ $newer)
                || ($before72 && $text =~ $older);

    $_ = $_->($argv) for $want, $got;
    return pass("$name: otherwise in that version") if $other;

    diag($name, "\n    ", KS::Referee::show_bytes($want)) if $ENV{KS_SHOW};

    ($want, $got) = ([$want], [$got]);
    $_->[1] = same($_->[0], $rule) for $want, $got;

    ok($want->[1] eq $got->[1], $name)
        or diag('redis:  ', KS::Referee::show_bytes($want->[0]), "\n",
                'module: ', KS::Referee::show_bytes($got->[0]));
}


# That the reply to the script is what a cell of the table says.
sub told {
    my ($ask, $script, $cell, $who) = @_;
    my $v = KS::RESP::value($ask->(['EVAL', $script, 0]));
    my $text = $v ? $v->{text} : 'nothing';
    my ($says) = $cell =~ /^`([^`]+)`/ ? $1 : $cell;

    if ($v && $v->{type} eq '-') {
        like($text, qr/\Q$says\E/, "$script: $who");
    } else {
        is($text, $says, "$script: $who");
    }
}


# What is compared of a reply.
sub same {
    my ($bytes, $rule) = @_;

    return lua_error($bytes) if $rule eq 'lua';

    # maps and sets have no order, and order() says so of arrays
    return unordered($bytes, $rule eq 'order' ? '%~*' : '%~');
}


# The reply with the elements of these aggregates sorted.
sub unordered {
    my ($bytes, $types) = @_;
    my $off = 0;

    return unordered_at(\$bytes, \$off, $types);
}


sub unordered_at {
    my ($in, $off, $types) = @_;
    my $type = substr $$in, $$off, 1;

    if ($type !~ /[*~%>]/) {
        my $len = KS::RESP::extent($in, $$off);
        my $scalar = substr $$in, $$off, $len;

        $$off += $len;
        return sorted_json($scalar, $types);
    }

    my $eol = index $$in, "\r\n", $$off;
    my $head = substr $$in, $$off, $eol + 2 - $$off;
    my ($n) = $head =~ /(-?\d+)/;
    my @elements;

    $$off = $eol + 2;

    for (1 .. $n) {
        my $e = unordered_at($in, $off, $types);
        $e .= unordered_at($in, $off, $types) if $type eq '%';
        push @elements, $e;
    }

    @elements = sort @elements if index($types, $type) >= 0;

    return join '', $head, @elements;
}


# An object of JSON has no order either.
sub sorted_json {
    my ($scalar, $types) = @_;

    return $scalar if $types !~ /\*/ || $scalar !~ /\r\n\{(.*)\}\r\n$/s;
    return join '', sort split //, $scalar;
}


# 5.4 says "attempt to index a nil value (local 'x')" where 5.1 says "attempt
# to index local 'x' (a nil value)", does not always know a name that 5.1 knows,
# or the other way round; a few texts are others; and what does not compile is
# found at other places.  So the same are: that both fail, with which code, in
# which script and line, and the words as far as they are of both.
sub lua_error {
    my ($s) = @_;
    my $name = qr/(?:local|global|field|upvalue|method|constant) '[^']*'/;

    return $s if $s !~ /^-/;

    $s =~ s/attempt to (.+?) $name \((a \w+ value)\)/attempt to $1 $2/;
    $s =~ s/attempt to (.+?) (a \w+ value) \($name\)/attempt to $1 $2/;
    $s =~ s/(bad 'for' [a-z ]+) \(number expected, got \w+\)/$1/;
    $s =~ s/(Error compiling script.*? user_script:\d+:) .*/$1/s;
    $s =~ s/\Q$_\E/$words{$_}/ for keys %words;

    return $s;
}
