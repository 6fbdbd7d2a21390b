# Random commands: for each command of the module, arguments that are mostly
# good, often at an edge, and sometimes wrong.
#
# %COMMANDS has one row a command: name => [weight, code that makes the
# arguments].  A new value type adds rows, and its kind of value to %MAKE, so
# that every other command meets it as a wrong type.

package KS::Random;

use strict;
use warnings;

our (%COMMANDS, %MAKE);

# Set by a maker whose key may lapse in a moment: the caller then lets it.
my $brief;

# Relative times must differ by more than two servers' clocks do, or EXPIRE's
# GT and LT would be a matter of luck.
my $span;

my @keys = ((map { "k$_" } 1 .. 10), 'key:{tag}', 'k*', 'k[1]', "bin\0\xff\r\n",
            '', 'long-' . 'k' x 300);

my @integers = qw(0 1 -1 2 3 5 7 8 10 -10 63 64 65 100 127 128 255 256 1000
    32767 65535 2147483647 2147483648 -2147483648 4294967295 4294967296
    9223372036854775807 -9223372036854775808 9223372036854775808
    -9223372036854775809 18446744073709551615 99999999999999999999);
my @odd_numbers = ('', '+1', '01', '-0', ' 1', '1 ', '1.0', '1e2', 'abc',
    '0x10', "1\0", '1.', 'nan', 'inf');
my @floats = qw(0 1 -1 0.1 -0.5 3.14 1e10 1e-10 5.0e3 1e300 1.7976931348623157e308
    123456789.123456789 -1e-5 0.3 100 99999999999999999 1e17 1e18 1e21
    9223372036854775807 inf -inf +inf nan Infinity 0x1p3 abc);
my @offsets = qw(0 1 2 3 4 5 7 8 9 10 15 16 31 63 64 100 1000 -1 -2 -3 -5 -10
    -100);
my @types = qw(string list set zset hash stream String none nosuch);
my @noise = ('', 'x', 'NX', 'XX', 'GET', 'EX', 'PX', 'KEEPTTL', 'COUNT',
    'MATCH', '*', '0', '-1', 'abc', "\xfe\0", '3.5', 'BYTE', 'BIT',
    'REPLACE', '9223372036854775807', 'k1', 'k2');


sub pick   { return $_[rand @_] }
sub chance { return rand(100) < $_[0] }
sub some   { my ($max, $code) = @_; return map { $code->() } 1 .. 1 + rand $max }
sub key    { return pick(@keys) }
sub keys   { return @keys }
sub noise  { return @noise }


sub value {
    my $n = rand 100;

    return int rand 1000             if $n < 15;
    return pick(@integers)           if $n < 30;
    return pick(@odd_numbers)        if $n < 38;
    return pick(@floats)             if $n < 45;
    return 'v' . int rand 1000       if $n < 65;
    return bytes(int rand 12)        if $n < 80;
    return bytes(pick(43 .. 46))     if $n < 88;
    return 'ohmytext' . 'ab' x rand 60  if $n < 93;
    return bytes(int rand 300)       if $n < 97;
    return 'x' x pick(1000, 4000, 4096, 5000)  if $n < 99.5;
    return bytes(pick(4097, 8200, 20_000));
}


sub bytes {
    my ($n) = @_;

    return join '', map { chr rand 256 } 1 .. $n;
}


sub integer {
    return int rand 100 if chance(40);
    return chance(90) ? pick(@integers) : pick(@odd_numbers);
}


sub small { return chance(90) ? pick(@offsets) : integer() }
sub float { return chance(93) ? pick(@floats) : pick(@odd_numbers) }


# an offset that a string of sane size has, or that must be refused
sub position {
    my $n = chance(93) ? pick(grep { $_ >= 0 } @offsets) : integer();

    return harmless($n) ? $n : 5000;
}


# May this number be where a string grows to?
sub harmless {
    my ($n) = @_;

    return 1 if $n !~ /^#?\d+$/;
    $n =~ s/^#//;
    return $n < 100_000 || $n >= 4294967296;
}


sub relative {
    my ($unit) = @_;

    if (chance(8)) {
        $brief = 1;
        return pick(qw(0 -1 -100 -9223372036854775808)) if chance(50);
        return $unit == 1000 ? 1 + int rand 2 : 0;
    }

    return pick(grep { !soon($_) } @integers, @odd_numbers) if chance(8);
    return (100_000 + ($span += 60) * pick(1, 1, 1, 100)) * $unit;
}


# Would a key live until some time within this round, be it seconds or ms?
sub soon {
    my ($n) = @_;

    return $n =~ /^\d+$/ && $n > 0 && $n < 60_000;
}


sub absolute {
    my ($unit) = @_;

    if (chance(8)) {
        $brief = 1;
        return pick(0, 1, -1, 1_000_000_000 * $unit);
    }

    if (chance(10)) {
        $brief = 1;
        return pick(@integers, @odd_numbers, '9223372036854775',
                    '9223372036854776', '9223372036853775807');
    }

    return (4_000_000_000 + int rand 100_000) * $unit;
}


sub expiry {
    my $n = rand 4;

    return (pick('EX', 'ex'), relative(1))     if $n < 1;
    return (pick('PX', 'px'), relative(1000))  if $n < 2;
    return ('EXAT', absolute(1))               if $n < 3;
    return ('PXAT', absolute(1000));
}


sub shuffle {
    my @in = @_;
    my @out;

    push @out, splice @in, rand @in, 1 while @in;

    return @out;
}


sub set_options {
    my @groups;

    push @groups, [pick('NX', 'XX', 'nx', 'xX')] if chance(30);
    push @groups, [pick('NX', 'XX')]             if chance(3);
    push @groups, ['GET']                        if chance(25);
    push @groups, chance(70) ? [expiry()] : ['KEEPTTL'] if chance(40);
    push @groups, [expiry()]                     if chance(3);

    return map { @$_ } shuffle(@groups);
}


sub bit_type {
    return chance(96) ? pick('u', 'i') . pick(1, 2, 3, 5, 7, 8, 13, 16, 31,
                                              32, 62, 63, 64)
                      : pick('u64', 'i65', 'u0', 'i0', 'x8', 'u', '', 'u08');
}


sub bit_offset {
    my $n = chance(40) ? '#' . pick(0 .. 9, 20, 100) : position();

    $n = pick('#-1', '#', '#x', '-1', 'abc', '#99999999999') if chance(4);

    return $n;
}


sub bitfield {
    my @out;

    for (1 .. 1 + rand 4) {
        my $n = rand 100;

        push @out, $n < 30 ? ('GET', bit_type(), bit_offset())
                 : $n < 60 ? ('SET', bit_type(), bit_offset(), integer())
                 : $n < 85 ? ('INCRBY', bit_type(), bit_offset(), integer())
                 : $n < 98 ? ('OVERFLOW', pick(('WRAP', 'SAT', 'FAIL', 'fail')
                                               x 4, 'NO'))
                 :           pick(@noise);
    }

    return @out;
}


sub bit_range {
    return () if chance(25);

    my @out = (small(), small());
    push @out, pick('BIT', 'BYTE', 'bit', 'X') if chance(50);
    pop @out if chance(5);

    return @out;
}


sub lcs_options {
    my @groups;

    push @groups, ['LEN']                   if chance(30);
    push @groups, ['IDX']                   if chance(40);
    push @groups, ['MINMATCHLEN', small()]  if chance(30);
    push @groups, ['WITHMATCHLEN']          if chance(30);

    return map { @$_ } shuffle(@groups);
}


sub pattern {
    return pick('*', 'k*', 'k?', 'k[1-3]', 'k[^1]', 'k\\*', '*a*', '', 'none',
                'k[', 'k[1', '[k-', '\\', '*tag*', 'k\\[1\\]', 'k[3-1]',
                '**1', "bin\0*", 'k[\\1]', 'k[^]', '?*?');
}


sub scan_options {
    my @groups;

    push @groups, ['MATCH', pattern()]             if chance(40);
    push @groups, ['COUNT', chance(85) ? pick(1, 5, 10, 1000) : integer()]
        if chance(50);
    push @groups, ['TYPE', pick(@types)]           if chance(25);
    push @groups, [pick(@noise)]                   if chance(3);

    return map { @$_ } shuffle(@groups);
}


sub condition {
    return chance(50) ? some(chance(90) ? 1 : 3,
                             sub { pick(qw(NX XX GT LT nx gt NO)) })
                      : ();
}


my %plain = map { $_ => [2, sub { (key()) }] }
    qw(GET GETDEL STRLEN INCR DECR TYPE TTL PTTL EXPIRETIME PEXPIRETIME
       PERSIST);

%COMMANDS = (
    %plain,
    SET          => [12, sub { (key(), value(), set_options()) }],
    SETNX        => [2, sub { (key(), value()) }],
    SETEX        => [2, sub { (key(), relative(1), value()) }],
    PSETEX       => [2, sub { (key(), relative(1000), value()) }],
    GETSET       => [2, sub { (key(), value()) }],
    GETEX        => [3, sub {
        (key(), chance(70) ? expiry() : chance(50) ? 'PERSIST' : ()) }],
    MGET         => [2, sub { some(5, \&key) }],
    MSET         => [3, sub { some(4, sub { (key(), value()) }) }],
    MSETNX       => [3, sub { some(3, sub { (key(), value()) }) }],
    APPEND       => [4, sub { (key(), value()) }],
    GETRANGE     => [3, sub { (key(), small(), small()) }],
    SUBSTR       => [1, sub { (key(), small(), small()) }],
    SETRANGE     => [4, sub { (key(), position(), value()) }],
    INCRBY       => [3, sub { (key(), integer()) }],
    DECRBY       => [3, sub { (key(), integer()) }],
    INCRBYFLOAT  => [4, sub { (key(), float()) }],
    LCS          => [3, sub { (key(), key(), lcs_options()) }],

    SETBIT       => [4, sub { (key(), position(), pick(0, 1, 1, 0, small())) }],
    GETBIT       => [2, sub { (key(), position()) }],
    BITCOUNT     => [3, sub { (key(), bit_range()) }],
    BITPOS       => [4, sub { (key(), pick(0, 1, small()),
                               chance(20) ? small() : bit_range()) }],
    BITOP        => [4, sub {
        (pick(qw(AND OR XOR NOT and not NO)), key(), some(3, \&key)) }],
    BITFIELD     => [5, sub { (key(), bitfield()) }],
    BITFIELD_RO  => [2, sub { (key(), chance(70)
        ? some(3, sub { ('GET', bit_type(), bit_offset()) })
        : bitfield()) }],

    DEL          => [2, sub { some(3, \&key) }],
    UNLINK       => [1, sub { some(3, \&key) }],
    EXISTS       => [2, sub { some(4, \&key) }],
    TOUCH        => [1, sub { some(4, \&key) }],
    EXPIRE       => [3, sub { (key(), relative(1), condition()) }],
    PEXPIRE      => [3, sub { (key(), relative(1000), condition()) }],
    EXPIREAT     => [3, sub { (key(), absolute(1), condition()) }],
    PEXPIREAT    => [3, sub { (key(), absolute(1000), condition()) }],
    RENAME       => [3, sub { (key(), key()) }],
    RENAMENX     => [3, sub { (key(), key()) }],
    COPY         => [4, sub { (key(), key(), chance(40) ? 'REPLACE' : (),
                               chance(15) ? ('DB', pick(0, 0, 1, -1, 'x')) : (),
                               chance(3) ? pick(@noise) : ()) }],
    KEYS         => [2, sub { (pattern()) }],
    SCAN         => [3, sub { (chance(95) ? 0 : pick('x', '-1', '',
                               '99999999999999999999', '1.5'),
                               scan_options()) }],
    RANDOMKEY    => [1, sub { () }],
    DBSIZE       => [1, sub { () }],
    FLUSHDB      => [0.2, sub { chance(70) ? () : pick('SYNC', 'async', 'X') }],
    FLUSHALL     => [0.2, sub { chance(70) ? () : pick('ASYNC', 'sync', 'X') }],
    OBJECT       => [5, sub {
        (pick('ENCODING', 'ENCODING', 'encoding', 'IDLETIME', 'FREQ',
              'REFCOUNT', 'nosuch'), key()) }],
    MEMORY       => [1, sub { ('USAGE', key(),
                               chance(30) ? ('SAMPLES', small()) : ()) }],

    PING         => [1, sub { chance(50) ? () : value() }],
    ECHO         => [1, sub { (value()) }],
    TIME         => [0.5, sub { () }],
    INFO         => [0.5, sub { chance(50) ? () : pick('memory', 'stats',
                                                       'keyspace', 'x') }],
    COMMAND      => [2, \&command_command],
    CONFIG       => [0.5, sub { ('GET', pick('maxmemory*', 'nosuch', '*',
                                             'maxmemory-policy')) }],
    SELECT       => [1, sub { (pick(0, 0, 1, -1, 'x', integer())) }],
    NOSUCH       => [1, sub { some(3, \&value) }],
);


sub command_command {
    my $n = rand 100;

    return ()                                            if $n < 2;
    return ('COUNT')                                     if $n < 10;
    return ('LIST', chance(50) ? ('FILTERBY', pick('PATTERN', 'ACLCAT', 'X'),
                                  pick('*', 'string', 'x*')) : ())
                                                         if $n < 20;
    return ('DOCS', some(2, sub { lc pick(sort CORE::keys %COMMANDS) }))
                                                         if $n < 25;
    return ('INFO', 'nosuch')                            if $n < 30;
    return ('NOSUCH', key())                             if $n < 35;

    # what the keys of another command are
    my ($name, @argv) = one();
    return ('GETKEYS', $name, @argv) if $name !~ /^(?:COMMAND|CONFIG|NOSUCH)$/;
    return ('GETKEYS', 'GET', 'k1');
}


# what makes a key of each type, as commands
%MAKE = (
    string => sub { (['SET', key(), value()]) },
);


# A command of a table of rows, each as often as its weight says.  The table
# stays as it is from its first use on.
my %tables;

sub choose {
    my ($rows) = @_;
    my $table = $tables{$rows} //= cumulated($rows);
    my $at = rand $table->[-1][0];
    my ($low, $high) = (0, $#$table);

    while ($low < $high) {
        my $mid = int(($low + $high) / 2);

        if ($table->[$mid][0] > $at) {
            $high = $mid;
        } else {
            $low = $mid + 1;
        }
    }

    my $name = $table->[$low][1];

    return ($name, $rows->{$name}[1]->());
}


sub cumulated {
    my ($rows) = @_;
    my $total = 0;

    return [map { [$total += $rows->{$_}[0], $_] } sort CORE::keys %$rows];
}


sub one { return choose(\%COMMANDS) }


# Makes one argument wrong, or their number.
sub damage {
    my ($argv) = @_;
    my $n = rand 4;
    my $at = 1 + int rand @$argv;

    if ($n < 1) {
        splice @$argv, $at, 1 if $at < @$argv;
    } elsif ($n < 2) {
        splice @$argv, $at, 0, pick(@noise);
    } elsif ($n < 3) {
        $argv->[$at] = pick(@noise) if $at < @$argv;
    } else {
        push @$argv, pick(@noise);
    }
}


# The next command, and whether a key may be about to expire because of it.
sub command {
    return finished(sub {
        return chance(3) ? @{$MAKE{pick(sort CORE::keys %MAKE)}->()} : one();
    });
}


# The same of what the code makes, which may still be made wrong.
sub finished {
    my ($code) = @_;

    $brief = 0;

    my @argv = $code->();

    if (chance(4)) {
        damage(\@argv);
        $brief = 1;         # a moved argument may have become a time
    }

    # 7.0 takes no name alone
    if (@argv == 3 && "@argv" =~ /^COMMAND GETKEYS/i) {
        push @argv, 'x';
    }

    if ($argv[0] =~ /^(?:SETBIT|SETRANGE|BITFIELD)$/) {
        harmless($_) || ($_ = '77') for @argv[2 .. $#argv];
    }

    $argv[0] = pick(lc $argv[0], ucfirst lc $argv[0]) if chance(10);

    return (\@argv, $brief);
}


# The command without what Redis answers otherwise from 8.0 on: it reads no blanks or hexadecimal digits as a number, but more than
# digits as a cursor; and some limits are others.
sub newer {
    my ($argv) = @_;
    my ($name, @a) = @$argv;

    for (@a) {
        my $blanks = s/^(\(?)\s+(?=[-+.\d])/$1/;
        my $digits = s/^(\(?[-+]?)0x[\da-f.]+(?:p\d+)?$/${1}16/i;

        # it may be the time of a key
        $_ = 99_999 if ($blanks || $digits) && soon($_);
    }

    my $cursor = $name =~ /^scan$/i ? 0 : $name =~ /^[hsz]scan$/i ? 1 : undef;

    $a[$cursor] = 0
        if defined $cursor && defined $a[$cursor]
           && $a[$cursor] =~ /^[-+]?\d*$/ && $a[$cursor] !~ /^\d{1,18}$/;

    $a[1] = -9
        if $name =~ /^lrem$/i && ($a[1] // '') eq '-9223372036854775808';
    $a[1] = 1000
        if $name =~ /^l(?:set|index)$/i && ($a[1] // '') =~ /^-?\d{10,}$/;

    for (grep { $a[$_ - 1] =~ /^limit$/i } 1 .. $#a) {
        $a[$_] =~ s/^-(?=\d)// if $name =~ /^z/i;
    }

    return [$name, @a];
}


sub seed {
    my ($seed) = @_;

    srand $seed;
    $span = 0;
}


1;
