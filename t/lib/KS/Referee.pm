# The referee: one command to the module and to redis-server, and whether
# both said the same.
#
# What cannot be equal is listed in %RULE, and nowhere else:
#   near    both integers and close to each other: a time that runs
#   sorted  the same elements in any order
#   shape   both of one type: a number, a text or a list of each one's own
#   scan    the whole iteration's keys, in any order
# Types add their own, which may be code.  An error is always compared byte for
# byte.

package KS::Referee;

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw(encode_base64);

use KS::HTTP;
use KS::RESP;

our %RULE = (
    TTL => 'near', PTTL => 'near', EXPIRETIME => 'near',
    PEXPIRETIME => 'near',
    KEYS => 'sorted', SCAN => 'scan',
    RANDOMKEY => 'shape', TIME => 'shape', INFO => 'shape',
    CONFIG => 'shape', MEMORY => 'shape', COMMAND => 'shape',
    'COMMAND GETKEYS' => 'exact', 'COMMAND INFO' => 'exact',
    'OBJECT IDLETIME' => 'shape', 'OBJECT FREQ' => 'shape',
    'OBJECT REFCOUNT' => 'shape',
);

# For other tests to add to: command => whether what the module said instead
# is what a newer Redis says.
our %NEWER;

my @resp2 = (headers => ['Upstash-Response-Format: resp2']);
my @base64 = (headers => ['Upstash-Encoding: base64'], uri => '/pipeline');
my $json = JSON::PP->new->utf8->allow_nonref;


sub new {
    my ($class, $http, $redis) = @_;

    return bless { http => $http, redis => $redis, sent => 0 }, $class;
}


sub rule {
    my ($argv) = @_;
    my $name = uc $argv->[0];
    my $two = @$argv > 1 ? "$name " . uc $argv->[1] : $name;

    return $RULE{$two} // $RULE{$name} // 'exact';
}


sub single {
    my ($self, $argv) = @_;
    my $r = $self->{http}->post(KS::HTTP::array(@$argv), @resp2);

    return "(status $r->{status}: $r->{body}" . ($r->{why} // '') . ')'
        if $r->{status} != 200 && $r->{status} != 400;

    return "(status $r->{status} for this) $r->{body}"
        if ($r->{status} == 400) != ($r->{body} =~ /^-/);

    return $r->{body};
}


# undef if both agree, else what each said
sub compare {
    my ($self, $argv) = @_;
    my $rule = rule($argv);

    $self->{sent}++;

    my ($want) = $self->{redis}->replies($argv);
    my $got = $self->single($argv);

    return undef if $want eq $got;

    if ($rule ne 'exact' && $want !~ /^-/ && $got !~ /^[-(]/) {
        return undef if $self->$rule($argv, $want, $got);
    }

    return undef if $self->newer($argv, $want, $got);

    return { argv => $argv, want => $want, got => $got };
}


sub exactly { return 0 }        # but not in batches


sub near {
    my ($self, $argv, $want, $got) = @_;
    my ($a, $b) = map { /^:(-?\d+)\r\n$/ ? $1 : return 0 } $want, $got;
    my $limit = $argv->[0] =~ /^p/i ? 30_000 : 30;

    return $a > 0 && $b > 0 && abs($a - $b) <= $limit;
}


sub sorted {
    my ($self, $argv, $want, $got) = @_;

    return members($want) eq members($got);
}


# the elements of an array of strings, in an order of their own
sub members {
    my ($bytes) = @_;
    my $v = KS::RESP::value($bytes);

    return ref $v eq 'ARRAY'
        ? join("\n", sort map { "$_->{type}$_->{text}" } @$v)
        : $bytes;
}


sub shape {
    my ($self, $argv, $want, $got) = @_;

    return 0 if substr($want, 0, 1) ne substr($got, 0, 1);
    return ($want =~ /^\$-1/) == ($got =~ /^\$-1/);
}


# Each server's keys of the whole iteration that this call starts.  What a
# cursor of somewhere in the midst means is each one's own.
sub scan {
    my ($self, $argv, $want, $got) = @_;

    return $self->shape($argv, $want, $got) if $argv->[1] !~ /^0*$/;

    my ($a, $b) = map { $self->iterate($argv, $_) }
        [$want, sub { ($self->{redis}->replies($_[0]))[0] }],
        [$got, sub { $self->single($_[0]) }];

    return $a eq $b;
}


sub iterate {
    my ($self, $argv, $first) = @_;
    my ($bytes, $ask) = @$first;
    my @argv = @$argv;
    my %seen;

    for (1 .. 10_000) {
        my $v = KS::RESP::value($bytes);

        return $bytes unless ref $v eq 'ARRAY' && @$v == 2;

        $seen{$_->{text}} = 1 for @{$v->[1]};
        return join "\n", sort keys %seen if $v->[0]{text} eq '0';

        $argv[1] = $v->[0]{text};
        $bytes = $ask->(\@argv);
    }

    return 'an iteration without end';
}


# What Redis 7.2 says otherwise than the 7.0 that may be the referee: BITCOUNT
# and BITPOS of a missing key look at their other arguments too.
sub newer {
    my ($self, $argv, $want, $got) = @_;
    my $code = $NEWER{uc $argv->[0]};

    return $code->($self, $argv, $want, $got) if $code;

    return 0 unless $argv->[0] =~ /^bit(?:count|pos)$/i && $got =~ /^-/
                    && $want =~ /^:/;

    my @other = @$argv;
    $other[1] = 'referee';
    my @r = $self->{redis}->replies(['SET', 'referee', 'x'], \@other,
                                    ['DEL', 'referee']);

    return $r[1] eq $got;
}


# Commands as one pipeline, in base64: the first that differs, with {at}.
sub compare_batch {
    my ($self, @batch) = @_;
    my $r = $self->{http}->post(
        '[' . join(',', map { KS::HTTP::array(@$_) } @batch) . ']', @base64);
    my @want = $self->{redis}->replies(@batch);
    my @text = map { envelope($_) } @want;

    $self->{sent} += @batch;

    return undef if $r->{body} eq '[' . join(',', @text) . ']';

    # an error's text may be escaped in more than one way
    my $got = eval { $json->decode($r->{body}) };

    return { at => 0, argv => $batch[0], want => $text[0],
             got => "status $r->{status}: $r->{body}" }
        if ref $got ne 'ARRAY';

    for my $i (0 .. $#batch) {
        my $a = canonical($json->decode(utf8_only($text[$i])));
        my $b = canonical($got->[$i]);

        next if $a eq $b;
        next if $self->newer($batch[$i], $want[$i],
                             '-' . ($got->[$i]{error} // '') . "\r\n");

        return { at => $i, argv => $batch[$i], want => $a, got => $b };
    }

    return undef;
}


# What bad UTF-8 within an error becomes is not compared.
sub canonical {
    my $s = JSON::PP->new->canonical->allow_nonref->ascii->encode($_[0]);

    $s =~ s/\\u(?!00[0-7])[0-9a-f]{4}//g;

    return $s;
}


sub utf8_only {
    my ($s) = @_;

    require Encode;
    return Encode::encode('UTF-8', Encode::decode('UTF-8', $s));
}


# The envelope that a RESP reply becomes with Upstash-Encoding: base64.
sub envelope {
    my ($bytes) = @_;
    my $v = KS::RESP::value($bytes);

    return '{"error":' . KS::HTTP::quote($v->{text}) . '}'
        if ref $v eq 'HASH' && $v->{type} eq '-';

    return '{"result":' . encoded($v) . '}';
}


sub encoded {
    my ($v) = @_;

    return 'null' if !defined $v;
    return '[' . join(',', map { encoded($_) } @$v) . ']' if ref $v eq 'ARRAY';
    return $v->{text} if $v->{type} eq ':';
    return '"OK"' if $v->{type} eq '+' && $v->{text} eq 'OK';
    return '"' . encode_base64($v->{text}, '') . '"';
}


sub reset {
    my ($self) = @_;

    $self->{redis}->replies(['FLUSHALL']);
    $self->{http}->run('FLUSHALL');
}


# The fewest of these commands after which the last one still differs.
sub shortest {
    my ($self, @history) = @_;
    my $last = pop @history;
    my $replays = 0;

    my $differs = sub {
        return undef if ++$replays > 600;
        $self->reset;
        $self->step($_) for @_;
        return $self->compare($last->[0]);
    };

    my $found = $differs->(@history) or return;

    for (my $n = int(@history / 2) || 1; $n >= 1; $n = int($n / 2)) {
        for (my $at = 0; $at < @history; ) {
            my @less = @history;
            splice @less, $at, $n;

            if (my $d = $differs->(@less)) {
                @history = @less;
                $found = $d;
            } else {
                $at += $n;
            }
        }
    }

    return ($found, map { $_->[0] } @history);
}


# One command of a history to both, unchecked; a brief key is let expire.  A
# rule of a type may have to see to it that both stay the same.
sub step {
    my ($self, $entry) = @_;
    my ($argv, $brief) = @$entry;

    if (ref rule($argv)) {
        $self->compare($argv);
    } else {
        $self->{redis}->replies($argv);
        $self->single($argv);
    }

    $self->settle if $brief;
}


# Lets keys that are about to expire do so, and both servers notice.
sub settle {
    my ($self) = @_;
    my @all = ('EXISTS', KS::Random::keys());

    select undef, undef, undef, 0.004;

    $self->{redis}->replies(\@all);
    $self->single(\@all);
}


# A command as one would write it.
sub show {
    my ($argv) = @_;

    return join ' ', map {
        my $s = length > 120 ? substr($_, 0, 60) . "...(" . length . ' bytes)'
                             : $_;
        $s =~ s/([^\x21-\x7e])/sprintf '\\x%02x', ord $1/ge;
        length $s ? $s : '""'
    } @$argv;
}


sub show_bytes {
    my ($s) = @_;

    $s = substr($s, 0, 300) . '...(' . length($s) . ' bytes)' if length $s > 400;
    $s =~ s/\r\n/\\r\\n/g;
    $s =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;

    return $s;
}


1;
