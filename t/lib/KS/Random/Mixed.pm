# Random commands of all types on the keys that they share, with transactions,
# dumps and SORT among them: what each type's own test does not let meet.
#
# Some keys keep to themselves what would have no defined reply: sets of which
# all scores must be equal (lex*), places, which no score but a geohash may be
# among (g*), distances (d*), and HyperLogLogs, whose bytes no other command may
# change (hll*).  Values of other types may come to them, and copies leave.

package KS::Random::Mixed;

use strict;
use warnings;

use KS::Random;
use KS::Random::Geo;
use KS::Random::HLL;
use KS::Random::Hash;
use KS::Random::List;
use KS::Random::Set;
use KS::Random::Sort;
use KS::Random::Stream;
use KS::Random::Zset;
use KS::Referee;
use KS::RESP;

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"} for qw(pick chance some value relative absolute);
}

# entries of two kinds, some of which are deleted
use constant STREAM => <<'LUA';
for i = 1, 250 do
    redis.call('XADD', KEYS[1], i .. '-0', 'name', i, 'value', i * i)
    if i % 3 == 0 then redis.call('XADD', KEYS[1], i .. '-1', 'x', i) end
    if i % 5 == 0 then redis.call('XDEL', KEYS[1], i .. '-0') end
end
LUA

my @shared = KS::Random::keys();
my @apart = (map({ "lex$_" } 1 .. 3), map({ "g$_" } 1 .. 4), 'd1', 'd2',
             map({ "hll$_" } 1 .. 3), map({ "s$_" } 1 .. 4));
my %is_key = map { $_ => 1 } @shared, @apart;

# what changes a string's bytes in place
my $mutates = qr/^(?:APPEND|SETRANGE|SETBIT|BITFIELD|BITOP)$/;

my %strings = %KS::Random::COMMANDS;
my %geo = map { /^GEO/ ? ($_ => $KS::Random::Geo::COMMANDS{$_}) : () }
              keys %KS::Random::Geo::COMMANDS;
my %sort = map { $_ => $KS::Random::Sort::COMMANDS{$_} }
               qw(MSET HSET SORT SORT_RO);

# weight, and the command; from a table, or from code
my %groups = (
    string => [20, sub { KS::Random::choose(\%strings) }],
    list   => [12, sub { KS::Random::choose(\%KS::Random::List::COMMANDS) }],
    hash   => [12, sub { KS::Random::choose(\%KS::Random::Hash::COMMANDS) }],
    set    => [12, sub { KS::Random::choose(\%KS::Random::Set::COMMANDS) }],
    stream => [10, sub { KS::Random::choose(\%KS::Random::Stream::COMMANDS) }],
    geo    => [6, \&geo],
    hll    => [5, \&hll],
    sort   => [5, \&sort_],
    dump   => [6, \&dump],
    key    => [8, \&key_],
    keys   => [4, \&getkeys],
);

my %table = map { $_ => [$groups{$_}[0], $groups{$_}[1]] } keys %groups;

# values as DUMP gives them, which dumps() makes
my @dumps;
my ($in_multi, $watching);


# every key that may be about to expire, also because of a wrong argument
sub keys_of_all {
    return (@shared, @apart, map({ "hand$_" } 0 .. 2), KS::Random::noise());
}


sub seed {
    $in_multi = $watching = 0;
    KS::Random::Stream::seed();
}


sub geo {
    my @argv = KS::Random::choose(\%geo);

    return @argv if $argv[0] eq 'GEOADD';
    return map { /^(?:k1|k2|key:\{tag\}|none)$/ ? 'g1' : $_ } @argv;
}


sub hll {
    my @argv = KS::Random::choose(\%KS::Random::HLL::COMMANDS);
    my $last = $argv[0] eq 'PFADD' ? 1 : $#argv;

    for (@argv[1 .. $last]) {
        $_ = 'hll' . (1 + length() % 3) if !/^hand/ || chance(30);
    }

    return @argv;
}


# What sorted sets lie in store for is in the order of Redis only if it sorts.
sub sort_ {
    for ( ;; ) {
        my @argv = KS::Random::choose(\%sort);

        return @argv if !grep { /^store$/i } @argv;
    }
}


sub dump {
    return ('DUMP', pick(@shared, @apart)) if chance(50);

    my $payload = pick(@dumps);

    substr($payload, rand length $payload, 1) = chr rand 256 if chance(4);

    return ('RESTORE', KS::Random::key(),
            chance(60) ? (0) : chance(70) ? (relative(1000))
                             : (absolute(1000), 'ABSTTL'),
            $payload, chance(70) ? pick('REPLACE', 'replace') : (),
            chance(10) ? ('IDLETIME', pick(0, 5, -1, 'x')) : (),
            chance(10) ? ('FREQ', pick(0, 255, 256, -1)) : (),
            chance(2) ? 'X' : ());
}


sub key_ {
    my @keys = (@shared, @apart);

    return ('OBJECT', 'ENCODING', pick(@keys))     if chance(25);
    return ('TYPE', pick(@keys))                   if chance(20);
    return ('DEL', some(3, sub { pick(@keys) }))   if chance(25);
    return ('EXPIRE', pick(@keys), relative(1))    if chance(25);
    return ('PERSIST', pick(@keys))                if chance(20);
    return ('PTTL', pick(@keys))                   if chance(20);
    return ('SCAN', 0, 'TYPE', pick(qw(string list set zset hash stream)))
                                                   if chance(20);
    return (pick('RENAME', 'RENAMENX'), pick(@keys), pick(@shared))
                                                   if chance(50);
    return ('COPY', pick(@keys), pick(@shared),
            chance(70) ? 'REPLACE' : ());
}


sub getkeys {
    my @argv = chance(30) ? @{(KS::Random::Zset::command())[0]} : one();

    return @argv if uc $argv[0] eq 'COMMAND';

    return ('COMMAND', pick('GETKEYS', 'GETKEYSANDFLAGS'), @argv);
}


# Now and then another key, which has a value of another type.
sub meet {
    my @argv = @_;

    return @argv if @argv < 2 || !chance(15)
                    || $argv[0] =~ /^(?:GEO|PF|RESTORE|COMMAND)/;

    my @at = $argv[0] =~ /^(?:RENAME|RENAMENX|COPY)$/ ? (1)
           : grep { $is_key{$argv[$_]} } 1 .. $#argv;

    return @argv unless @at;

    $argv[pick(@at)] = $argv[0] =~ $mutates
        ? KS::Random::key() : pick(@shared, @apart);

    return @argv;
}


sub one { return meet(strip(KS::Random::choose(\%table))) }

# choose() tells the group first
sub strip { return @_[1 .. $#_] }


# Words about a transaction, or nothing.  What was watched is soon asked for.
sub transaction {
    if (!$in_multi) {
        return ['UNWATCH']                  if chance(0.2);
        return [pick('EXEC', 'DISCARD')]    if chance(0.2);

        if (chance(3)) {
            $watching = 1;
            return ['WATCH', some(5, sub { pick(@shared, @apart) })];
        }

        return undef                        unless chance($watching ? 25 : 2);

        $watching = 0;
        $in_multi = 1;
        return ['MULTI'];
    }

    return ['MULTI']                        if chance(1);
    return ['WATCH', 'k1']                  if chance(0.5);
    return undef                            unless chance(14);

    $in_multi = 0;
    return [chance(90) ? 'EXEC' : 'discard'];
}


# The next command, and whether a key may be about to expire because of it.
sub command {
    my $words = transaction();

    return ($words, 0) if $words;

    for ( ;; ) {
        my ($argv, $brief) = chance(20) ? KS::Random::Zset::command()
                                        : KS::Random::finished(\&one);

        # what is replied to in a transaction is compared after it
        next if $in_multi
                && ($brief || KS::Referee::rule($argv) ne 'exact');

        return ($argv, $brief);
    }
}


# Values of each type and encoding, as redis-server dumps them.
sub dumps {
    my ($redis) = @_;
    my @make = (
        ['SET', 'd', 'text'], ['SET', 'd', 12345], ['SET', 'd', 'ab' x 300],
        ['SET', 'd', -7_000_000_000],
        ['RPUSH', 'd', 'a' .. 'f', '', 1, 70_000],
        ['RPUSH', 'd', map { "element-$_" } 1 .. 900],
        ['SADD', 'd', 1 .. 9], ['SADD', 'd', 'a' .. 'h', ''],
        ['SADD', 'd', 1 .. 600], ['SADD', 'd', map { "w$_" } 1 .. 200],
        ['HSET', 'd', map { ("f$_", $_) } 1 .. 9],
        ['HSET', 'd', map { ("n$_", 'x' x 70) } 1 .. 20],
        ['ZADD', 'd', map { ($_ / 3, "m$_") } 1 .. 20],
        ['ZADD', 'd', map { ($_ / 7, "m$_") } 1 .. 200],
        ['XADD', 'd', '5-1', 'a', 1, 'b', 'x' x 300],
        ['EVAL', STREAM, 1, 'd'],
        ['GEOADD', 'd', 13.361389, 38.115556, 'm1', 15.087269, 37.502669, 'm2'],
    );

    @dumps = map {
        KS::RESP::texts(($redis->replies(['DEL', 'd'], $_, ['DUMP', 'd']))[2])
    } @make;
    $redis->replies(['DEL', 'd']);
}


# --- what is compared otherwise than byte for byte ---

$KS::Referee::RULE{DUMP} = \&same_dump;
$KS::Referee::RULE{'OBJECT ENCODING'} = \&same_encoding;
$KS::Referee::RULE{'COMMAND GETKEYSANDFLAGS'} = 'exact';
$KS::Referee::NEWER{COMMAND} = \&newer_keys;


# Each server's dump becomes, at the other one, the value that it was here.
sub same_dump {
    my ($referee, $argv, $want, $got) = @_;
    my $redis = $referee->{redis};
    my ($a, $b) = map { (KS::RESP::texts($_))[0] } $want, $got;

    return 0 if !defined $a || !defined $b;
    return 0 if $referee->single(['RESTORE', 'dump', 0, $a]) !~ /^\+OK/;

    my $back = $referee->single(['DUMP', 'dump']);

    $referee->single(['DEL', 'dump']);
    return 0 if $back !~ /^\$\d/;

    my @r = $redis->replies(['RESTORE', 'dump:a', 0, $a],
        ['RESTORE', 'dump:b', 0, $b],
        ['RESTORE', 'dump:c', 0, KS::RESP::texts($back)],
        ['DEBUG', 'DIGEST-VALUE', 'dump:a', 'dump:b', 'dump:c'],
        ['DEL', 'dump:a', 'dump:b', 'dump:c']);
    my @digests = KS::RESP::texts($r[3]);

    return $r[4] eq ":3\r\n" && $digests[0] eq $digests[1]
           && $digests[0] eq $digests[2];
}


# 7.2 has listpacks of sets and small lists, 7.0 has not.  And the SORT of Redis
# makes a skiplist of a sorted set, which would be a listpack if made anew: ours
# leaves it as it is.
sub same_encoding {
    my ($referee, $argv, $want, $got) = @_;
    my ($old, $new) = map { KS::RESP::texts($_) } $want, $got;
    my $redis = $referee->{redis};

    return 0 if $new ne 'listpack';
    return 1 if $old =~ /^(?:hashtable|intset|quicklist)$/;

    my ($dump) = $redis->replies(['DUMP', $argv->[2]]);
    my @r = $redis->replies(['RESTORE', 'dump', 0, KS::RESP::texts($dump)],
                            ['OBJECT', 'ENCODING', 'dump'], ['DEL', 'dump']);

    return $old eq 'skiplist' && $r[1] eq $got;
}


# COMMAND GETKEYS of ZRANK with the argument that came with 7.2; and a number of
# keys that is none, of which Redis reads as much as is.
sub newer_keys {
    my ($referee, $argv, $want, $got) = @_;
    my @argv = @$argv;

    return 0 if @argv < 5 || $argv[1] !~ /^getkeys/i;
    return $got eq $want =~ s/\+OW/+RW/r
        if $referee->{newer} && $argv[2] =~ /^sinterstore$/i;
    return $got eq "-ERR Invalid arguments specified for command\r\n"
        if $argv[2] =~ /^(?:Z|SINTERCARD|LMPOP)/i
           && grep { /^[-+ ]?\d*\D/ } @argv[3, 4] and $want =~ /^\*/;
    return 0 if @argv < 6 || $argv[2] !~ /^z(?:rev)?rank$/i;

    splice @argv, 5;
    return ($referee->{aside}->replies(\@argv))[0] eq $got;
}


# After a round: the first of the keys in which both differ.
sub state {
    my ($referee) = @_;
    my $d = $referee->reset_transaction->compare(['KEYS', '*']);
    my ($keys) = $referee->{redis}->replies(['KEYS', '*']);

    return $d if $d;

    for my $key (KS::RESP::texts($keys)) {
        $d = $referee->compare(['PTTL', $key])
             // $referee->compare(['DUMP', $key]);

        return $d if $d;
    }

    return undef;
}


1;
