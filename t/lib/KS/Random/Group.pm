# Random commands of consumer groups, as rows for KS::Random beside those of
# KS::Random::Stream, and how their replies are compared, as rules for
# KS::Referee.
#
# Times that have passed are near; those that are asked for are none at all, or
# longer than any test.

package KS::Random::Group;

use strict;
use warnings;

use KS::Random;
use KS::Random::Stream;
use KS::Referee;
use KS::RESP;

our (%COMMANDS, %MAKE);

BEGIN {
    no strict 'refs';
    *$_ = \&{"KS::Random::$_"} for qw(pick chance some integer shuffle);
    *$_ = \&{"KS::Random::Stream::$_"} for qw(place id ids start end count);
}

my @groups = qw(g g g h g2);
my @consumers = qw(alice alice bob bob carol alicia);
my @rare = ('', "g\0", "\xff\xfe", 'n' x 600, 'x');
my $long = 1_000_000_000;


sub group    { return chance(96) ? pick(@groups) : pick(@rare) }
sub consumer { return chance(95) ? pick(@consumers) : pick(@rare) }

# not to be told from "now" by what follows, or long ago
sub idle { return chance(90) ? pick(0, 0, 0, $long) : pick(-1, 'x', '', '1.5') }


sub xgroup {
    my $n = rand 100;
    my @read = chance(30) ? ('ENTRIESREAD', chance(90) ? pick(0, 1, 5, -1, 1000)
                                                       : pick(-2, 'x')) : ();
    my $id = pick('$', '$', '0', '0', id(), '-');

    return ('CREATE', place(), group(), $id,
            map { @$_ } shuffle(chance(60) ? ['MKSTREAM'] : (),
                                @read ? \@read : ()))      if $n < 45;
    return ('SETID', place(), group(), $id, @read)          if $n < 60;
    return ('CREATECONSUMER', place(), group(), consumer()) if $n < 75;
    return ('DELCONSUMER', place(), group(), consumer())    if $n < 84;
    return ('DESTROY', place(), group())                    if $n < 90;
    return (pick('CREATE', 'SETID'), place(), group(), 0, pick('X', 'MKSTREAM',
            'ENTRIESREAD'), chance(50) ? 1 : ())            if $n < 94;
    return pick('CREATE', 'SETID', 'X');
}


sub xreadgroup {
    my @keys = some(chance(80) ? 1 : 3, \&place);
    my @options = ['GROUP', group(), consumer()];

    push @options, [pick('COUNT', 'count'), count()]      if chance(60);
    push @options, ['NOACK']                              if chance(15);
    push @options, ['BLOCK', pick('-1', 'x', '')]         if chance(2);
    shift @options                                        if chance(1);

    my @ids = map { chance(70) ? '>' : chance(97) ? id() : '$' } @keys;

    pop @ids if chance(2);

    return ((map { @$_ } shuffle(@options)), 'STREAMS', @keys, @ids);
}


sub xpending {
    my @who = chance(40) ? consumer() : ();

    return (place(), group()) if chance(40);
    return (place(), group(), chance(25) ? ('IDLE', idle()) : (),
            chance(70) ? ('-', '+') : (start(), end()),
            chance(90) ? pick(1, 2, 10, 100, 0, -1) : integer(), @who)
        if chance(95);
    return (place(), group(), pick('IDLE', '-', 'x'), pick('-', '5'), '+');
}


sub xclaim {
    my @options;

    push @options, [pick('IDLE', 'idle'), pick(0, $long, -5, 'x')] if chance(15);
    push @options, ['TIME', pick(1, 1_000_000, 'x')]        if chance(15);
    push @options, ['RETRYCOUNT', pick(0, 1, 7, 70_000, -1, 'x')]
                                                            if chance(20);
    push @options, [pick('FORCE', 'force')]                 if chance(40);
    push @options, ['JUSTID']                               if chance(40);
    push @options, ['LASTID', id()]                         if chance(10);
    push @options, [pick('X', 'TIME', '-')]                 if chance(2);

    return (place(), group(), consumer(), idle(), ids(),
            map { @$_ } shuffle(@options));
}


sub xautoclaim {
    my @options;

    push @options, ['COUNT', chance(90) ? pick(1, 2, 10, 100) : pick(0, -1, 'x')]
        if chance(60);
    push @options, [pick('JUSTID', 'justid')] if chance(50);
    push @options, [pick('COUNT', 'X')]       if chance(2);

    return (place(), group(), consumer(), idle(),
            chance(60) ? '0' : start(), map { @$_ } shuffle(@options));
}


sub xinfo {
    my $n = rand 100;

    return ('GROUPS', place())             if $n < 50;
    return ('CONSUMERS', place(), group()) if $n < 75;
    return ('STREAM', place(), 'FULL', chance(30) ? ('COUNT', count()) : ())
        if $n < 97;
    return pick('GROUPS', 'CONSUMERS', 'X');
}


%COMMANDS = (
    XGROUP     => [12, \&xgroup],
    XREADGROUP => [25, \&xreadgroup],
    XACK       => [9, sub { (place(), group(), ids()) }],
    XPENDING   => [9, \&xpending],
    XCLAIM     => [9, \&xclaim],
    XAUTOCLAIM => [6, \&xautoclaim],
    XINFO      => [12, \&xinfo],
);


# --- what runs, in replies ---

# Are both the same but for numbers that are near, where $time says so of one,
# given what is in front of it?
sub near {
    my ($want, $got, $time) = @_;
    my @want = KS::RESP::tokens($want);
    my @got = KS::RESP::tokens($got);

    return 0 if @want != @got;

    for my $i (0 .. $#want) {
        next if "@{$want[$i]}" eq "@{$got[$i]}";
        next if $i && $want[$i - 1][1] =~ /^radix-tree-/;

        return 0 if $i == 0 || $want[$i][0] ne ':' || $got[$i][0] ne ':'
                    || !$time->($want[$i - 1], $want[$i][1])
                    || $want[$i][1] < 0 || $got[$i][1] < 0
                    || abs($want[$i][1] - $got[$i][1]) > 60_000;
    }

    return 1;
}


# behind the name of the consumer
$KS::Referee::RULE{XPENDING} = sub {
    my ($self, $argv, $want, $got) = @_;

    return near($want, $got, sub { $_[0][0] eq '$' });
};


# so long ago, or then
$KS::Referee::RULE{XINFO} = sub {
    my ($self, $argv, $want, $got) = @_;

    return near($want, $got, sub { $_[0][1] =~ /^(?:idle|inactive)$/
                                   || $_[1] > 1_600_000_000_000 });
};


1;
