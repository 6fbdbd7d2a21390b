# Clients that write and read while a test goes for the failure, each a process of
# its own (KS::Crowd): one that plays commands of all types at random, one that
# counts and knows what its counters may be, one that reads them.
#
# Each is given make(), which makes a connection or dies, and the path of a file
# that is there when the test comes to its end.

package KS::Writers;

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(sleep);

use KS::Proc qw(slurp);
use KS::Random;
use KS::Random::Mixed;

our @EXPORT_OK = qw(commands play counts reads judge);

# what these say, nothing was run of
my $NOTHING = qr/^-(?:UPSTREAM|MASTERDOWN|LOADING|READONLY|CLUSTERDOWN|TRYAGAIN)/;

# what asks for a connection of its own, or is about more than keys
my $APART = qr/^(?:select|swapdb|config|debug|client|reset|quit|monitor|wait|auth
               |hello|multi|exec|discard|watch|unwatch|flush.*|replicaof|slaveof
               |role|b[lrz](?!itop).*)$/xi;

my @json = map { "doc$_" } 1 .. 4;


# --- what is played ---

sub document {
    my ($k, $n) = (KS::Random::pick(@json), int rand 1000);

    return @{KS::Random::pick(
        ['JSON.SET', $k, '$', qq({"n":$n,"list":[1,$n],"map":{},"text":"t"})],
        ['JSON.SET', $k, "\$.map.f" . $n % 20, qq(["v$n",null,1.5])],
        ['JSON.NUMINCRBY', $k, '$.n', 3], ['JSON.DEL', $k, '$.list[0]'],
        ['JSON.ARRAPPEND', $k, '$.list', $n, qq("e$n")],
        ['JSON.STRAPPEND', $k, '$.text', qq("$n")],
        ['JSON.MERGE', $k, '$', qq({"more":{"m$n":$n},"list":[$n]})],
        ['EXPIRE', $k, 5000 + $n], ['DEL', $k],
        ['RENAME', $k, KS::Random::pick(@json)],
        ['COPY', $k, KS::Random::pick(@json), 'REPLACE'])};
}


# What waits, but not for long.
sub waiting {
    my ($k, $to) = (KS::Random::key(), KS::Random::key());

    return @{KS::Random::pick(
        ['BLPOP', $k, $to, '0.02'], ['BRPOP', $k, '0.02'],
        ['BLMOVE', $k, $to, 'LEFT', 'RIGHT', '0.02'],
        ['BRPOPLPUSH', $k, $to, '0.02'],
        ['BLMPOP', '0.02', 2, $k, $to, 'LEFT', 'COUNT', 2],
        ['BZPOPMIN', $k, '0.02'], ['BZMPOP', '0.02', 1, $k, 'MAX'])};
}


sub script {
    my ($k, $to) = (KS::Random::key(), KS::Random::key());

    return @{KS::Random::pick(
        ['EVAL', 'redis.call("SET", KEYS[1], ARGV[1]) '
                 . 'return redis.call("APPEND", KEYS[1], KEYS[2])', 2, $k, $to,
         int rand 1000],
        ['EVAL', 'return redis.call("RPUSH", KEYS[1], redis.call("INCR", KEYS[2]))',
         2, $k, 'n'],
        ['EVAL', 'for i = 1, 20 do redis.pcall("HSET", KEYS[1], i, math.random()) end '
                 . 'redis.pcall("SPOP", KEYS[2])', 2, $k, $to],
        ['EVAL', 'redis.call("LPUSH", KEYS[1], 1) error("half of it")', 1, $k])};
}


# The next command, or transaction: commands in a row.
sub commands {
    my (%with) = @_;
    my $n = rand 100;

    return [script()]   if $n < 6;
    return [waiting()]  if $n < 8 && !$with{brief};
    return [document()] if $n < 18 && $with{json};
    return (['MULTI'], commands(%with, brief => 1), commands(%with, brief => 1),
            ['INCR', 'n'], ['EXEC'])
        if $n < 28 && !$with{brief};

    for ( ;; ) {
        my ($argv) = KS::Random::Mixed::command();

        return $argv unless $argv->[0] =~ $APART
                            || $argv->[0] =~ /^xread/i && grep { /^block$/i } @$argv;
    }
}


# Writes down how many commands had a reply.
sub play {
    my ($out, $make, $stop, %with) = @_;
    my $n = 0;
    my $r;

    until (-e $stop) {
        $r //= eval { $make->() };

        if (!$r) {
            sleep 0.02;
            next;
        }

        my @batch = map { commands(%with) } 1 .. 1 + rand($with{batch} // 20);
        my @said = eval { $r->replies(@batch) };

        $n += @said;
        undef $r if @said < @batch;
    }

    print $out "played $n\n";
}


# --- what is counted ---

my $TWICE = 'redis.call("INCR", KEYS[1]) redis.call("DECR", KEYS[1]) '
            . 'return redis.call("INCR", KEYS[1])';

# how many are added, and how: each gives the values after each of them
my @ways = (
    [1, sub { my ($r, $k) = @_; return ($r->replies(['INCR', $k])) }],
    [1, sub { my ($r, $k) = @_; return ($r->replies(['EVAL', $TWICE, 1, $k])) }],
    [5, sub { my ($r, $k) = @_; return $r->replies(map { ['INCR', $k] } 1 .. 5) }],
    [2, sub {
        my ($r, $k) = @_;
        my @said = $r->replies(['MULTI'], ['INCR', $k], ['SET', "of:$k", 'x' x 50],
                               ['INCR', $k], ['EXEC']);

        return $said[4] // () if @said < 5 || $said[4] =~ /^-/;
        return (KS::RESP::elements($said[4]))[0, 2];
    }],
);


# Adds to counters that nobody else writes, and reads them after each time: what it
# was told on a connection it finds there.  Lines: "told KEY VALUE MORE": what it was told last, and how
# many more may have been done; "fault TEXT"; "asked N".
sub counts {
    my ($out, $make, $stop, @keys) = @_;
    my (%told, %doubt, %here, $r);
    my ($asked, $read) = (0, 0);

    @told{@keys} = @doubt{@keys} = (0) x @keys;

    until (-e $stop) {
        my $k = $keys[rand @keys];
        my ($n, $way) = @{$ways[rand @ways]};

        if (!$r) {
            %here = ();                 # what it was told on this connection
            $r = eval { $make->() };
            sleep 0.02 unless $r;
            next;
        }

        $asked++;
        my @said = $way->($r, $k);

        for my $i (0 .. $n - 1) {
            my $bytes = $said[$i];

            if (defined $bytes && $bytes =~ /^:(\d+)/) {
                print $out "fault $k: $1 after $told{$k} (+$doubt{$k})\n"
                    if $1 <= $told{$k} || $1 > $told{$k} + 1 + $doubt{$k};
                $doubt{$k} -= $1 - $told{$k} - 1;
                $told{$k} = $here{$k} = $1;
                next;
            }

            # one error is that of the whole transaction
            my $error = $bytes // $said[0] // '';
            next if $error =~ $NOTHING;
            $doubt{$k}++;
            print $out "fault $k: $error" if $error =~ /^-(?!UNCERTAIN)/;
        }

        if (@said < $n && !grep { /^-/ } @said) {
            undef $r;
            next;
        }

        my ($bytes) = $r->replies(['GET', $k]);

        if (!defined $bytes) {
            undef $r;
            next;
        }

        if ($bytes =~ /^\$\d+\r\n(\d+)/ || $bytes =~ /^\$-1/) {
            my $v = $1 // 0;

            $read++;
            print $out "fault $k: was told $told{$k} (+$doubt{$k}), and reads $v\n"
                if $v < ($here{$k} // 0) || $v > $told{$k} + $doubt{$k};
        }
    }

    print $out "told $_ $told{$_} $doubt{$_}\n" for @keys;
    print $out "asked $asked\nread $read\n";
}


# Reads counters: none falls on one connection.
sub reads {
    my ($out, $make, $stop, @keys) = @_;
    my ($r, %seen);
    my $n = 0;

    until (-e $stop) {
        if (!$r) {
            %seen = ();
            $r = eval { $make->() };
            sleep 0.02 unless $r;
            next;
        }

        my @said = $r->replies(map { ['GET', $_] } @keys);

        for my $i (0 .. $#said) {
            my $v = $said[$i] =~ /^\$\d+\r\n(\d+)/ ? $1
                  : $said[$i] =~ /^\$-1/ ? 0 : next;

            $n++;
            print $out "fault $keys[$i]: $v after $seen{$keys[$i]}\n"
                if $v < ($seen{$keys[$i]} // 0);
            $seen{$keys[$i]} = $v;
        }

        undef $r if @said < @keys;
        sleep 0.002;
    }

    print $out "read $n\n";
}


# Of what they have written to a directory: the faults, and sums of what they did;
# is: what a counter is now.
sub judge {
    my ($dir, $is) = @_;
    my $said = join '', map { slurp($_) } sort glob "$dir/*";
    my @faults = $said =~ /^fault (.*)$/mg;
    my %sum;

    $sum{$1} += $2 while $said =~ /^(asked|read|played) (\d+)$/mg;

    while ($said =~ /^told (\S+) (\d+) (\d+)$/mg) {
        my ($k, $told, $doubt) = ($1, $2, $3);
        my $v = $is->($k) // 0;

        $sum{written} += $told;
        $sum{doubtful} += $doubt;
        push @faults, "$k is $v, of $told (+$doubt)"
            if $v < $told || $v > $told + $doubt;
    }

    return (\@faults, \%sum);
}


1;
