# Streams on the move: DUMP and RESTORE between the module and real Redis, both
# ways, with groups and what is pending, in all three forms; and broken ones.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::RESP;
use KS::Redis;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my $seed = $ENV{KS_SEED} // 1;
my $rounds = $ENV{KS_ROUNDS} // 20;

note "KS_SEED=$seed";
srand $seed;

# what deeper checks Redis has are to find nothing in what is made here
my @strict = ('--sanitize-dump-payload', 'yes');
my $redis = KS::Redis->start(@strict);
my $newer = KS::Redis::of_trixie('redis-server')
            ? KS::Redis->start_of('redis-server', @strict) : undef;
my $ngx = KS::Nginx->start(size => '64m', http => 'client_max_body_size 64m;');
my $http = $ngx->client;


sub ask {
    my ($who, @argv) = @_;

    return KS::RESP::value(($who->replies(\@argv))[0]) if ref $who;

    my $r = $http->post(KS::HTTP::array(@argv),
                        headers => ['Upstash-Response-Format: resp2']);

    return KS::RESP::value($r->{body});
}


sub text {
    my ($v) = @_;

    return 'nil' unless defined $v;
    return '[' . join(' ', map { text($_) } @$v) . ']' if ref $v eq 'ARRAY';
    return $v->{text};
}


sub said { return text(ask(@_)) }


# All of a stream, without what is not the same in two servers: the nodes of
# the tree, and when consumers were active, which dumps of 7.0 do not tell.
sub all_of {
    my ($who, $key) = @_;
    my $info = said($who, 'XINFO', 'STREAM', $key, 'FULL', 'COUNT', 0);

    $info =~ s/radix-tree-(?:keys|nodes) \d+ //g;
    $info =~ s/active-time -?\d+ //g;

    return $info;
}


# What both have to say of the entries and figures.
sub entries_of {
    my ($who, $key) = @_;
    my $info = said($who, 'XINFO', 'STREAM', $key);

    $info =~ s/radix-tree-(?:keys|nodes) \d+ //g;

    return $info . said($who, 'XRANGE', $key, '-', '+');
}


# --- random streams ---

sub word { return join '', map { chr 97 + rand 26 } 1 .. 1 + rand $_[0] }

sub value {
    my $kind = rand 10;

    return int rand 200 if $kind < 2;
    return (rand() < .5 ? '-' : '') . int rand 10 ** (1 + rand 18)
        if $kind < 4;
    return '' if $kind < 4.5;
    return 'x' x (rand 9000) if $kind > 9.7;
    return join '', map { chr rand 256 } 1 .. rand 80 if $kind > 8;
    return word(30);
}

sub fields {
    return ('name', value(), 'age', value()) if rand() < .7;
    return map { (rand() < .2 ? int rand 100 : word(8), value()) }
               1 .. 1 + rand 5;
}

# Makes a stream, and says which ids it was given.
sub make {
    my ($who, $key, $n) = @_;
    my ($ms, $seq) = rand() < .1 ? ('18446744073709551615', 5)
                                 : (int rand 1000, 1);
    my @ids;

    ask($who, 'DEL', $key);

    for (1 .. $n) {
        if ($ms ne '18446744073709551615' && rand() < .6) {
            $ms += 1 + (rand() < .1 ? int rand 100_000 : 0);
            $seq = 0;
        } else {
            $seq += 1 + int rand 3;
        }

        push @ids, "$ms-$seq";
        ask($who, 'XADD', $key, $ids[-1], fields());
    }

    my @gone = grep { rand() < .3 } @ids;

    ask($who, 'XDEL', $key, splice @gone, 0, 50) while @gone > 50;
    ask($who, 'XTRIM', $key, 'MAXLEN', int $n * .8) if rand() < .3;
    ask($who, 'XADD', $key, 'NOMKSTREAM', '*', 'a', 'b') if rand() < .3;

    return @ids;
}

sub make_groups {
    my ($who, $key, @ids) = @_;

    for my $group (map { rand() < .2 ? int rand 50 : word(6) } 1 .. rand 5) {
        ask($who, 'XGROUP', 'CREATE', $key, $group,
            rand() < .5 || !@ids ? 0 : $ids[rand @ids],
            rand() < .3 ? ('ENTRIESREAD', int rand 50) : ());

        for (1 .. rand 12) {
            my $consumer = word(2);

            ask($who, 'XREADGROUP', 'GROUP', $group, $consumer,
                rand() < .2 ? 'NOACK' : (), 'COUNT', 1 + int rand 40,
                'STREAMS', $key, '>');
            ask($who, 'XGROUP', 'CREATECONSUMER', $key, $group, word(9))
                if rand() < .2;
            ask($who, 'XACK', $key, $group, map { $ids[rand @ids] } 1 .. 9)
                if @ids;
            ask($who, 'XCLAIM', $key, $group, word(2), 0,
                map { $ids[rand @ids] } 1 .. 5) if @ids && rand() < .5;
        }
    }

    # of what is pending some is not there any more
    ask($who, 'XDEL', $key, map { $ids[rand @ids] } 1 .. 20) if @ids;
}


# a stream of another goes there and back, and is what it was
sub there_and_back {
    my ($other, $form) = @_;

    for my $round (1 .. $rounds) {
        my @ids = make($other, 'k', int rand(rand() < .2 ? 900 : 60));

        make_groups($other, 'k', @ids) if ask($other, 'EXISTS', 'k')->{text};
        said($other, 'XGROUP', 'CREATE', 'k', 'none', 0, 'MKSTREAM');

        my $dump = ask($other, 'DUMP', 'k')->{text};
        is(ord $dump, $form, "form $form");
        is(said(0, 'RESTORE', 'k', 0, $dump, 'REPLACE'), 'OK', 'is taken');
        is(said(0, 'TYPE', 'k'), 'stream', 'and is a stream');
        ok(entries_of(0, 'k') eq entries_of($other, 'k'), 'with its entries')
            or diag entries_of(0, 'k'), "\n", entries_of($other, 'k');

        my $mine = ask(0, 'DUMP', 'k')->{text};
        is(ord $mine, 19, 'what is written is for 7.0');
        is(said($other, 'RESTORE', 'back', 0, $mine, 'REPLACE'), 'OK',
           'and is taken back');
        ok(all_of($other, 'back') eq all_of($other, 'k'), 'all of it')
            or diag all_of($other, 'back'), "\n", all_of($other, 'k');

        # and so does a copy, and one that was made here from it
        ask(0, 'COPY', 'k', 'copy', 'REPLACE');
        ok(ask(0, 'DUMP', 'copy')->{text} eq $mine, 'as its copy');
    }
}


# 7.0 writes the form that is written here, and a later version another one
subtest 'Redis' => sub {
    there_and_back($redis, $redis->since('7.2') ? 21 : 19);
};

SKIP: {
    skip 'KS_TRIXIE names no tree of Debian 13', 1 unless $newer;

    subtest 'Redis 8.0' => sub { there_and_back($newer, 21) };
}


subtest 'made here' => sub {
    for my $round (1 .. $rounds) {
        my @ids = make(0, 'k', int rand(rand() < .2 ? 900 : 60));

        make_groups(0, 'k', @ids);
        said(0, 'XGROUP', 'CREATE', 'k', 'none', 0, 'MKSTREAM');

        my $mine = ask(0, 'DUMP', 'k')->{text};

        for my $other (grep { $_ } $redis, $newer) {
            is(said($other, 'RESTORE', 'k', 0, $mine, 'REPLACE'), 'OK',
               'is taken');
            ok(entries_of(0, 'k') eq entries_of($other, 'k'),
               'with its entries');
        }

        ok(said(0, 'XINFO', 'STREAM', 'k', 'FULL', 'COUNT', 0)
           =~ s/(?:radix-tree-(?:keys|nodes)|active-time) -?\d+ //gr
           eq all_of($redis, 'k'), 'with its groups');
    }
};


# --- forms by hand ---

sub crc64 {
    my ($bytes) = @_;
    my $crc = 0;

    our @table;
    @table or @table = map {
        my $c = $_;
        $c = ($c & 1) ? ($c >> 1) ^ (0x95ac9329 << 32 | 0xac4bc9b5) : $c >> 1
            for 1 .. 8;
        $c
    } 0 .. 255;

    $crc = $table[($crc ^ $_) & 255] ^ ($crc >> 8) for unpack 'C*', $bytes;

    return $crc;
}

sub sealed {
    my ($bytes) = @_;
    my $all = $bytes . pack 'v', 10;

    return $all . pack 'Q<', crc64($all);
}

sub number { return pack 'CQ>', 0x81, $_[0] }
sub string { return pack('CN', 0x80, length $_[0]) . $_[0] }
sub id { return pack 'Q>Q>', split /-/, $_[0] }
sub numbers { return join '', map { number($_) } split /-/, $_[0] }

# a listpack of integers, and of strings, which begin with a letter
sub listpack {
    my $all = '';

    for my $el (@_) {
        my $bytes = $el =~ /^-?\d+$/ ? "\xf4" . pack('q<', $el)
                                     : chr(0x80 | length $el) . $el;
        $all .= $bytes . chr length $bytes;
    }

    return pack('Vv', length($all) + 7, scalar @_) . $all . "\xff";
}

# A dump; what is not said is as it should be: two entries, one of them of other
# fields, and a group with two consumers, of whom one has an entry.
sub stream {
    my (%with) = @_;
    my $form = $with{form} // 15;
    my $new = $form != 15;
    my @packs = @{$with{packs} // [
        ['5-0', 2, 0, 2, 'a', 'b', 0,
         2, 0, 0, 'x', 17, 5,
         0, 3, 1, 1, 'c', 'y', 6],
    ]};
    my @groups = @{$with{groups} // [{}]};
    my $all = chr($form) . number($with{count} // scalar @packs);

    for (@packs) {
        my ($base, @els) = @$_;

        $all .= string(id($base))
            . string($with{raw} // listpack(@els));
    }

    $all .= number($with{length} // 2) . numbers($with{last} // '8-1');
    $all .= numbers($with{first} // '5-0') . numbers($with{deleted} // '0-0')
        . number($with{added} // 2) if $new;
    $all .= number($with{ngroups} // scalar @groups);

    for my $g (@groups) {
        my @pending = @{$g->{pending} // [['5-0', 1000, 3]]};
        my @consumers = @{$g->{consumers} // [['bob', '5-0'], ['eve']]};

        $all .= string($g->{name} // 'group') . numbers($g->{last} // '5-0');
        $all .= number($g->{read} // 1) if $new;
        $all .= number($g->{npending} // scalar @pending);
        $all .= id($_->[0]) . pack('q<', $_->[1]) . number($_->[2])
            for @pending;
        $all .= number($g->{nconsumers} // scalar @consumers);

        for (@consumers) {
            my ($name, @ids) = @$_;

            $all .= string($name) . pack 'q<', 2000;
            $all .= pack 'q<', -1 if $form == 21;
            $all .= number(scalar @ids) . join '', map { id($_) } @ids;
        }
    }

    return sealed($all);
}


my %good = (
    'as it is'         => [],
    'of 7.0'           => [form => 19],
    'without groups'   => [groups => []],
    'without entries'  => [packs => [], length => 0, form => 19,
                           first => '0-0'],
    'without anything' => [packs => [], length => 0, form => 19,
                           first => '0-0', last => '0-0', added => 0,
                           groups => []],
    'two listpacks'    => [packs => [
        ['5-0', 1, 0, 1, 'a', 0, 2, 0, 0, 'x', 4],
        ['5-7', 1, 0, 1, 'a', 0, 2, 0, 1, 'x', 4]]],
    'a deleted entry'  => [packs => [['5-0', 2, 1, 1, 'a', 0,
                                      2, 0, 0, 'x', 4, 3, 1, 1, 'y', 4,
                                      2, 3, 1, 'z', 4]]],
    'ids far apart'    => [packs => [['5-0', 2, 0, 1, 'a', 0, 2, 0, 0, 'x', 4,
                                      2, -6, -1, 'y', 4]],
                           last => '18446744073709551615-18446744073709551615'],
    'two groups'       => [groups => [{}, { name => 'groups' }]],
    'a name of bytes'  => [groups => [{ name => "\xff\0" }]],
    'an empty name'    => [groups => [{ name => '',
                                        consumers => [['', '5-0']] }]],
    'pending of none'  => [groups => [{ pending => [['4-4', 1, 1]],
                                        consumers => [['bob', '4-4']] }]],
    'what was read is unknown' => [form => 19, groups => [{ read => -1 }]],
);

for my $name (sort keys %good) {
    my $dump = stream(@{$good{$name}});

    is(said($_, 'RESTORE', 'k', 0, $dump, 'REPLACE'), 'OK', "$name: taken")
        for 0, $redis;
    is(entries_of(0, 'k'), entries_of($redis, 'k'), "$name: the same");
    is(said($redis, 'RESTORE', 'back', 0, ask(0, 'DUMP', 'k')->{text},
            'REPLACE'), 'OK', "$name: taken back");
    is(all_of($redis, 'back'), all_of($redis, 'k'), "$name: all of it");
}

if ($newer) {
    is(said($_, 'RESTORE', 'k', 0, stream(form => 21), 'REPLACE'), 'OK',
       'of 7.2: taken') for 0, $newer;
    is(said($newer, 'RESTORE', 'back', 0, ask(0, 'DUMP', 'k')->{text},
            'REPLACE'), 'OK', 'of 7.2: taken back');
    is(all_of($newer, 'back'), all_of($newer, 'k'), 'of 7.2: all of it');
}


my @top = ('5-0', 1, 0, 1, 'a', 0);
my @entry = (2, 0, 0, 'x', 4);

sub group { return [groups => [{@_}]] }
sub packs { return [packs => [@_], length => 1] }

my %bad = (
    'a base that is short'
        => sub { stream() =~ s/\x80\0\0\0\x10/\x80\0\0\0\x0f/r },
    'no listpack'            => [raw => ''],
    'an empty listpack'      => [raw => listpack()],
    'a torn listpack'        => [raw => substr(listpack(1, 0, 0, 0), 0, 9)],
    'fewer live entries'     => packs(['5-0', 2, 0, 1, 'a', 0, @entry]),
    'more live entries'      => packs(['5-0', 0, 0, 1, 'a', 0, @entry]),
    'more deleted entries'   => packs(['5-0', 0, 0, 1, 'a', 0, 3, 0, 0, 'x', 4],
                                      [@top, @entry]),
    'a count below zero'     => packs(['5-0', -1, 0, 1, 'a', 0, @entry]),
    'a count of letters'     => packs(['5-0', 'a', 0, 1, 'a', 0, @entry]),
    'fields that are not there' => packs(['5-0', 1, 0, 9, 'a', 0, @entry]),
    'fields below zero'      => packs(['5-0', 1, 0, -1, 'a', 0, @entry]),
    'fields without an end'  => packs(['5-0', 1, 0, 1, 'a', 1, @entry]),
    'an entry that is cut'   => packs([@top, 2, 0, 0]),
    'flags that are none'    => packs([@top, 6, 0, 0, 'x', 4]),
    'an entry of no fields'  => packs(['5-0', 1, 0, 0, 0, 2, 0, 0, 3]),
    'a size that is wrong'   => packs([@top, 2, 0, 0, 'x', 5]),
    'an id of letters'       => packs([@top, 2, 'x', 0, 'x', 4]),
    'ids out of order'       => [packs => [['5-0', 2, 0, 1, 'a', 0,
                                            2, 0, 1, 'x', 4, @entry]]],
    'an id twice'            => [packs => [['5-0', 2, 0, 1, 'a', 0,
                                            @entry, @entry]]],
    'id 0-0'                 => packs(['0-0', 1, 0, 1, 'a', 0, @entry]),
    'listpacks out of order' => [packs => [['5-7', 1, 0, 1, 'a', 0, @entry],
                                           [@top, @entry]]],
    'fewer listpacks'        => [count => 2],
    'another length'         => [length => 3],
    'a last id that is early' => [last => '5-0'],
    'more than were added'   => [form => 19, added => 1],
    'fewer groups'           => [ngroups => 2],
    'a vast number of groups' => [ngroups => 1 << 62],
    'a group twice'          => [groups => [{}, {}]],
    'groups out of order'    => [groups => [{}, { name => 'grouo' }]],
    'fewer pending'          => group(npending => 2),
    'a vast number pending'  => group(npending => 1 << 61),
    'pending twice'          => group(pending => [['5-0', 1, 1],
                                                  ['5-0', 1, 1]]),
    'pending of nobody'      => group(consumers => [['bob']]),
    'pending of two'         => group(consumers => [['bob', '5-0'],
                                                    ['eve', '5-0']]),
    'what was not delivered' => group(consumers => [['bob', '5-0', '6-0']]),
    'a consumer twice'       => group(consumers => [['bob', '5-0'], ['bob']]),
    'fewer consumers'        => group(nconsumers => 3),
    'a vast number of consumers' => group(nconsumers => 1 << 60),
);

is(said(0, 'RESTORE', 'k', 0, stream(@{packs([@top, @entry])}), 'REPLACE'),
   'OK', 'what all of these are made of is good');
said(0, 'SET', 'k', 'v');

for my $name (sort keys %bad) {
    my $with = $bad{$name};
    my $dump = ref $with eq 'CODE' ? sealed(substr $with->(), 0, -10)
                                   : stream(@$with);

    is(said(0, 'RESTORE', 'k', 0, $dump, 'REPLACE'), 'ERR Bad data format',
       "refused: $name");
}

is(said(0, 'GET', 'k'), 'v', 'and what was there is there');
like(said(0, 'MEMORY', 'DOCTOR'), qr/^ok/, 'all is in order');



# --- keys that are streams ---

ask(0, 'FLUSHALL');
ask(0, 'SET', 'other', 'type');
make($redis, 'big', 3000);
make_groups($redis, 'big', '1-1');
is(said(0, 'RESTORE', 'big', 0, ask($redis, 'DUMP', 'big')->{text}), 'OK',
   'a long stream');
cmp_ok(said(0, 'MEMORY', 'USAGE', 'big'), '<',
       said($redis, 'MEMORY', 'USAGE', 'big', 'SAMPLES', 0),
       'takes less memory than in Redis');
is(said(0, 'OBJECT', 'ENCODING', 'big'), 'stream', 'is encoded as one');
is(said(0, 'SCAN', 0, 'TYPE', 'stream', 'COUNT', 1000), '[0 [big]]',
   'and is found by its type');
is(said(0, 'RENAME', 'big', "big$_"), 'OK', 'it moves'),
    is(said(0, 'RENAME', "big$_", 'big'), 'OK', 'and back') for 1 .. 5;
ok(entries_of(0, 'big') eq entries_of($redis, 'big'), 'as it was');


# --- no room ---

my $small = KS::Nginx->start(size => '2m',
                             http => 'client_max_body_size 64m;');
my $full = $small->client;

$http = $full;
ask($redis, 'XADD', 'large', '*', 'field', 'x' x 9000) for 1 .. 1000;
is(said(0, 'SET', 'k', 'v'), 'OK', 'a small zone');
like(said(0, 'RESTORE', 'k', 0, ask($redis, 'DUMP', 'large')->{text},
          'REPLACE'), qr/^OOM /, 'has no room for a stream');
is(said(0, 'GET', 'k'), 'v', 'and keeps what it had');
like(said(0, 'MEMORY', 'DOCTOR'), qr/^ok/, 'in order');

$_->stop for $small, $ngx;
done_testing;
