# Random commands on sorted sets, as rows for %KS::Random::COMMANDS and %MAKE.
#
# No score becomes -0 in a large set.
# Commands by bytes get keys of their own, whose members all have one score, or
# which are small: else it depends on chance what Redis replies.

package KS::Random::Zset;

use strict;
use warnings;

use KS::Random;
use KS::Referee;

our (%COMMANDS, %MAKE);

my @scored = ((map { "k$_" } 1 .. 6), 'key:{tag}');
my @lexical = ('lex1', 'lex2', 'lex3');
my @mixed = ('mix1', 'mix2');
my @others = ('k7', 'k8');              # of other types, mostly
my @numbers = (0, 1, 2, 3, 5, 10, 100, -1, -2, -10, 0.5, -0.5, 0.25, 1.75,
               -3.125, 1000000, 4294967296, 0.1, -2.7, 1e-7, 3e20, 1.1e100, -123456789, 'inf', '-inf', '+inf');
my @odd = ('', ' 1', '1 ', 'abc', 'nan', '1e400', '0x10', '1.0', '01', '+3',
           '.5', '1.', 'Infinity', "1\0", '2e2', '--1', '(1');
my @noise = ('', 'x', 'NX', 'XX', 'GT', 'LT', 'CH', 'INCR', 'LIMIT', 'REV',
             'BYSCORE', 'BYLEX', 'WITHSCORES', 'COUNT', 'MIN', 'MAX',
             'WEIGHTS', 'AGGREGATE', '0', '-1', '1', 'abc', '3.5',
             '77', 'k1', 'k2', 'm1', '(1', '[m1', '-', '+');

*pick = \&KS::Random::pick;
*chance = \&KS::Random::chance;
*some = \&KS::Random::some;
*bytes = \&KS::Random::bytes;


sub key    { return chance(96) ? pick(@scored) : pick(@others) }
sub lexkey { return pick(@lexical) }
sub source { return pick(@scored, @lexical, @others) }


sub member {
    my $n = rand 100;

    return 'm' . int rand 40            if $n < 55;
    return 'm' . int rand 300           if $n < 75;
    return pick('a' .. 'z')             if $n < 85;
    return bytes(int rand 8)            if $n < 94;
    return pick('', 'x' x 64, 'y' x 65, 'z' x 63) if $n < 98;
    return pick('u' x 250, 'v' x 251, 'w' x 512, 'o' x 513, 'p' x 5000);
}


sub score { return chance(97) ? pick(@numbers, -20 .. 20) : pick(@odd) }


sub integer {
    return chance(94) ? pick(-10 .. 10, 0, 1, 2, -1, -1, 50, 200, -200)
                      : pick('x', '', '1.5', '9223372036854775807',
                             '-9223372036854775808', '9223372036854775808');
}


sub bound {
    my $s = chance(90) ? score() : pick('-inf', '+inf', '', ' 5', '1e400');

    return chance(25) ? "($s" : $s;
}


# two ends, more often than not such that there is something between them
sub bounds {
    return (bound(), bound()) if chance(35);
    return (pick('-inf', '(-inf', -10 .. 0), pick('inf', '(10', 0 .. 20));
}


sub ranks {
    return (integer(), integer()) if chance(35);
    return (pick(0, 0, 0 .. 5, -10 .. -2), pick(-1, -1, 1 .. 10, 100));
}


sub lexbounds {
    return (lexbound(), lexbound()) if chance(35);
    return (pick('-', '-', '[', '(a', '[m1'), pick('+', '+', '[z', '(m9'));
}


sub mixbounds {
    my @ends = map { pick('-', '+', map { (pick('[', '(') . "m$_") x 3 }
                                        map { int rand 40 } 1 .. 4) } 1 .. 2;

    return chance(70) ? sort { bare($a) cmp bare($b) } @ends : @ends;
}


# a bound as it is ordered
sub bare {
    my ($bound) = @_;

    return $bound eq '-' ? '' : $bound eq '+' ? "\xff" : substr $bound, 1;
}


# the same for those that name the upper end first
sub upside { return chance(80) ? reverse @_ : @_ }


sub lexbound {
    my $n = rand 100;

    return pick('-', '+')               if $n < 25;
    return pick('[', '(') . member()    if $n < 94;
    return pick('', 'm1', '+x', '-x', "+\0", '[', '(', '((');
}


sub limit  { return chance(40) ? ('LIMIT', integer(), integer()) : () }
sub scores { return chance(40) ? pick('WITHSCORES', 'withscores') : () }
sub rev    { return chance(40) ? 'REV' : () }


sub range_options {
    return KS::Random::shuffle(rev(), @_);
}


# the ends and the options of ZRANGE and ZRANGESTORE, by anything but bytes
sub range {
    my @more = @_;

    return (ranks(), range_options(@more))              if chance(40);
    return (ranks(), range_options(@more), limit())     if chance(5);
    return (upside(bounds()), 'REV', 'BYSCORE', @more, limit()) if chance(30);
    return (bounds(), range_options('BYSCORE', @more), limit());
}


sub pairs {
    my $n = rand 100;

    return map { (score(), member()) } 1 .. 1 + rand 6 if $n < 92;
    return map { (pick(@numbers), "m$_") } 1 .. pick(100, 127 .. 130, 200, 300);
}


sub add_options {
    my @options;

    push @options, pick('NX', 'XX', 'nx', 'xx')     if chance(20);
    push @options, pick('GT', 'LT', 'gt', 'lt')     if chance(15);
    push @options, 'CH'                             if chance(20);
    push @options, pick('NX', 'XX', 'GT', 'LT')     if chance(4);

    return KS::Random::shuffle(@options);
}


sub add {
    return (lexkey(), map { (0, $_) } some(12, \&member)) if chance(20);
    return (key(), add_options(), pairs()) if chance(85);
    return (key(), KS::Random::shuffle(add_options(), 'INCR'), score(),
            member());
}


sub pop_count { return chance(60) ? pick(0 .. 5, 1, 1, 2, 200, integer()) : () }


# sources of a union or the like; the weights are never below 0, nor 0
sub sources {
    my ($operation) = @_;
    my @keys = some(4, \&source);
    my @options;

    if ($operation ne 'diff') {
        push @options, ['WEIGHTS', map {
            chance(96) ? pick(1, 1, 2, 0.5, 3, 'inf') : pick(@odd)
        } 1 .. (chance(95) ? @keys : 1 + @keys)] if chance(35);

        push @options, ['AGGREGATE', pick('SUM', 'MIN', 'MAX', 'min', 'x')]
            if chance(35);
    }

    push @options, [pick(@noise)] if chance(3);

    return ((chance(96) ? scalar @keys : pick(0, -1, 'x', 1 + @keys)), @keys,
            map { @$_ } KS::Random::shuffle(@options));
}


sub pattern { return pick('*', 'm*', 'm1?', '*1', '[a-m]', 'none', '') }


sub scan_options {
    my @groups;

    push @groups, ['MATCH', pattern()]                      if chance(40);
    push @groups, ['COUNT', pick(1, 10, 100, integer())]    if chance(40);
    push @groups, [pick(@noise)]                            if chance(3);

    return map { @$_ } KS::Random::shuffle(@groups);
}


%COMMANDS = (
    ZADD             => [36, \&add],
    ZINCRBY          => [4, sub { (key(), score(), member()) }],
    ZREM             => [5, sub { (key(), some(4, \&member)) }],
    ZSCORE           => [4, sub { (source(), member()) }],
    ZMSCORE          => [3, sub { (source(), some(4, \&member)) }],
    ZCARD            => [2, sub { (source()) }],
    ZCOUNT           => [4, sub { (key(), bounds()) }],
    ZRANK            => [4, sub { (key(), member(),
                                   chance(20) ? 'WITHSCORE' : ()) }],
    ZREVRANK         => [4, sub { (key(), member(),
                                   chance(20) ? 'withscore' : ()) }],
    ZRANGE           => [10, sub { (key(), range(scores())) }],
    ZRANGESTORE      => [4, sub { (key(), key(), range()) }],
    ZREVRANGE        => [4, sub { (key(), ranks(), scores()) }],
    ZRANGEBYSCORE    => [5, sub { (key(), bounds(),
                                   KS::Random::shuffle(scores()), limit()) }],
    ZREVRANGEBYSCORE => [5, sub { (key(), upside(bounds()), limit(),
                                   scores()) }],
    ZREMRANGEBYRANK  => [2, sub { (key(), integer(), integer()) }],
    ZREMRANGEBYSCORE => [2, sub { (key(), bounds()) }],
    ZPOPMIN          => [3, sub { (key(), pop_count()) }],
    ZPOPMAX          => [3, sub { (key(), pop_count()) }],
    ZMPOP            => [3, sub { my @k = some(3, \&key);
        (scalar @k, @k, pick('MIN', 'MAX', 'min', 'x'),
         chance(50) ? ('COUNT', pick(1 .. 4, integer())) : ()) }],
    ZRANDMEMBER      => [4, sub { (key(), chance(30) ? () :
        (integer(), chance(40) ? pick('WITHSCORES', 'withscores', 'x')
                               : ())) }],
    ZUNION           => [4, sub { (sources('union'), scores()) }],
    ZINTER           => [4, sub { (sources('inter'), scores()) }],
    ZDIFF            => [4, sub { (sources('diff'), scores()) }],
    ZINTERCARD       => [3, sub { (sources('diff'),
        chance(50) ? ('LIMIT', integer()) : ()) }],
    ZUNIONSTORE      => [3, sub { (key(), sources('union')) }],
    ZINTERSTORE      => [3, sub { (key(), sources('inter')) }],
    ZDIFFSTORE       => [3, sub { (key(), sources('diff')) }],
    ZSCAN            => [3, sub { (source(), chance(92) ? 0 : pick('x', 5, ''),
                                   scan_options()) }],

    ZLEXCOUNT        => [3, sub { (lexkey(), lexbounds()) }],
    ZRANGEBYLEX      => [5, sub { (lexkey(), lexbounds(), limit()) }],
    ZREVRANGEBYLEX   => [5, sub { (lexkey(), upside(lexbounds()),
                                   limit()) }],
    ZREMRANGEBYLEX   => [2, sub { (lexkey(), lexbounds()) }],
);

%MAKE = (
    zset => sub { (['ZADD', key(), pairs()]) },
    lex  => sub { (['ZADD', lexkey(), map { (0, $_) } some(20, \&member)],
                   ['ZRANGE', lexkey(), lexbounds(), 'BYLEX', rev(), limit()],
                   ['ZRANGE', lexkey(), reverse(lexbounds()), 'BYLEX', 'REV',
                    limit()],
                   ['ZRANGESTORE', lexkey(), lexkey(), lexbounds(), 'BYLEX',
                    rev(), limit()]) },
    mix  => sub {
        my $key = pick(@mixed);
        my @add = (['ZADD', $key, map { (pick(-3 .. 3), 'm' . int rand 40) }
                                      1 .. 1 + rand 12]) x 3;

        return (@add,
                ['ZLEXCOUNT', $key, mixbounds()],
                ['ZRANGEBYLEX', $key, mixbounds(), limit()],
                ['ZREVRANGEBYLEX', $key, mixbounds(), limit()],
                ['ZRANGE', $key, mixbounds(), 'BYLEX', rev(), limit()],
                ['ZRANGESTORE', $key, pick(@mixed), mixbounds(), 'BYLEX',
                 rev(), limit()],
                ['ZREMRANGEBYLEX', $key, mixbounds()]);
    },
);


# Other commands that a sequence about sorted sets has in it.
sub company {
    my $n = rand 100;
    my $key = pick(@scored);

    return ['DEL', $key]                                if $n < 6;
    return ['TYPE', source()]                           if $n < 20;
    return ['OBJECT', 'ENCODING', $key]                 if $n < 55;
    return ['COPY', $key, pick(@scored), 'REPLACE']     if $n < 65;
    return ['RENAME', $key, pick(@scored)]              if $n < 70;
    return ['PEXPIRE', $key, 1]                         if $n < 73;
    return ['EXPIRE', $key, 1000]                       if $n < 76;
    return ['SADD', 'k7', some(8, \&member)]            if $n < 86;
    return ['SADD', 'k8', some(8, sub { int rand 40 })] if $n < 90;
    return ['SET', pick(@others), 'm1']                 if $n < 93;
    return ['DEL', pick(@others)];
}


# Makes one argument wrong, or their number.
sub damage {
    my ($argv) = @_;
    my $at = 1 + int rand @$argv;
    my $n = rand 3;

    if ($n < 1) {
        splice @$argv, $at, 1 if $at < @$argv;
    } elsif ($n < 2) {
        splice @$argv, $at, 0, pick(@noise);
    } else {
        $argv->[$at] = pick(@noise) if $at < @$argv;
    }
}


# Would it mix scores where bytes alone are to count, or the reverse?
sub unspecified {
    my ($argv) = @_;
    my ($name, @args) = @$argv;
    my $lexical = grep { my $k = $_; grep { $_ eq $k } @args } @lexical;
    my $by_bytes = $name =~ /LEX/ || grep { /^bylex$/i } @args;

    return grep { my $k = $_; grep { $_ eq $k } @args } @scored, @others
        if $by_bytes;

    return $lexical && $name =~ /^(?:Z.*STORE|ZINCRBY)$/
           || $lexical && $name eq 'ZADD' && grep { $_ ne '0' }
              @args[grep { $_ % 2 } 1 .. $#args];
}


# The next command, and whether a key may be about to expire because of it.
sub command {
    for ( ;; ) {
        my $argv = chance(12) ? company()
                 : chance(8) ? pick(map { $_->() } @MAKE{sort keys %MAKE})
                 : [KS::Random::choose(\%COMMANDS)];

        damage($argv) if $argv->[0] =~ /^Z/ && chance(4);
        next if unspecified($argv);

        $argv->[0] = lc $argv->[0] if chance(5);
        return ($argv, lc $argv->[0] eq 'pexpire');
    }
}


# --- what is compared otherwise than byte for byte ---

$KS::Referee::RULE{ZSCAN} = \&whole_scan;
$KS::Referee::RULE{ZRANDMEMBER} = \&some_members;
$KS::Referee::RULE{$_} = 'exactly' for qw(ZRANK ZREVRANK);
$KS::Referee::NEWER{$_} = \&rank_and_score for qw(ZRANK ZREVRANK);


# the members and scores of the whole iteration that this call starts
sub whole_scan {
    my ($referee, $argv, $want, $got) = @_;

    return $referee->same_iteration($argv, $want, $got, 2, 2);
}


# as many as Redis has, each of them there with its score, and if the count is
# above 0 none twice
sub some_members {
    my ($referee, $argv, $want, $got) = @_;
    my @got = KS::RESP::texts($got);

    return 0 if KS::RESP::outline($want) ne KS::RESP::outline($got) || !@got;

    my $step = @$argv > 3 ? 2 : 1;
    my @members = @got[map { $_ * $step } 0 .. @got / $step - 1];
    my $scores = KS::RESP::value(($referee->{redis}->replies(
        ['ZMSCORE', $argv->[1], @members]))[0]);
    my %seen;

    for my $i (0 .. $#members) {
        return 0 if !defined $scores->[$i];
        return 0 if $step == 2
                    && $scores->[$i]{text} != $got[2 * $i + 1];
        return 0 if $seen{$members[$i]}++ && @$argv > 2 && $argv->[2] > 0;
    }

    return 1;
}


# WITHSCORE came with 7.2
sub rank_and_score {
    my ($referee, $argv, $want, $got) = @_;
    my ($name, $key, $member, $word, @more) = @$argv;

    return 0 if $want !~ /^-ERR wrong number/ || !defined $word;
    return $got eq $want if @more;
    return $got eq "-ERR syntax error\r\n" if lc $word ne 'withscore';

    my ($rank, $score) = $referee->{redis}->replies([$name, $key, $member],
                                                    ['ZSCORE', $key, $member]);

    return $got eq $rank                    if $rank =~ /^-/;
    return $got eq ($referee->{door} eq 'RESP3' ? "_\r\n" : "*-1\r\n")
        if $rank !~ /^:/;

    my $both = "*2\r\n$rank$score";
    return $got eq $both || KS::Referee::same_doubles($argv, $both, $got);
}


1;
