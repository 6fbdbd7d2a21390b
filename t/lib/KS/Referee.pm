# The referee: one command to the module and to redis-server, and whether
# both said the same.  It goes in by one of three doors: RESP2 and RESP3 over
# TCP, or REST.
#
# What cannot be equal is listed in %RULE, and nowhere else:
#   near    both integers and close to each other: a time that runs
#   sorted  the same elements in any order
#   shape   both of one type: a number, a text or a list of each one's own
#   scan    the whole iteration's keys, in any order
# Types add their own, which may be code.  An error is always compared byte for
# byte, and so is the type of any reply.
#
# In any reply a double may be what 7.2 makes of it: 7.0 prints 17 digits, 7.2
# the fewest that read back as the same.  This is computed, not overlooked.

package KS::Referee;

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);

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


# http, a KS::Redis, and for the doors of RESP the KS::Nginx
sub new {
    my ($class, $http, $redis, $ngx) = @_;

    return bless { http => $http, redis => $redis, server => $redis,
                   ngx => $ngx, sent => 0, newer => $redis->since('8.0') },
                 $class;
}


# From now on by this door: 'RESP2', 'RESP3' or 'REST'.  What has nothing to do
# with the sequence is asked {aside}, as {redis} may be amid a transaction.
sub enter {
    my ($self, $door) = @_;

    delete @$self{qw(resp queue)};
    $self->{door} = $door;
    $self->{redis} = $self->{aside} = $self->{server};
    return if $door eq 'REST';

    my $both = $self->{doors}{$door};

    if (!$both || grep { defined $_->{why} } @$both) {
        my @port = (port => $self->{server}->port);

        $both = [KS::RESP->new(@port), $self->{ngx}->resp,
                 KS::RESP->new(@port)];
        $_->command('HELLO', $door =~ /(\d)$/) for @$both;
        $self->{doors}{$door} = $both;
    }

    @$self{qw(redis resp aside)} = @$both;
}


sub rule {
    my ($argv) = @_;
    my $name = uc $argv->[0];
    my $two = @$argv > 1 ? "$name " . uc $argv->[1] : $name;

    return 'shape' if $two eq 'COMMAND INFO' && @$argv == 2;
    return $RULE{$two} // $RULE{$name} // 'exact';
}


sub single {
    my ($self, $argv) = @_;
    my $resp = $self->{resp};

    return ($resp->replies($argv))[0] // "(closed: $resp->{why})" if $resp;

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

    $self->{sent}++;

    my ($want) = $self->{redis}->replies($argv);
    my $got = $self->single($argv);

    return $self->judge($argv, $want, $got);
}


# What EXEC replies is judged command by command.
sub judge {
    my ($self, $argv, $want, $got) = @_;
    my $queue = $self->queue($argv, $want);
    my @commands = ([$argv, $want, $got]);

    return undef if $want eq $got;

    if ($queue) {
        my @want = KS::RESP::elements($want);
        my @got = $got =~ /^\*\d/ ? KS::RESP::elements($got) : ();

        @commands = map { [$queue->[$_], $want[$_], $got[$_]] } 0 .. $#want
            if @want == @got;
    }

    for (@commands) {
        return { argv => $argv, want => $_->[1], got => $_->[2] }
            unless $self->same(@$_);
    }

    return undef;
}


sub same {
    my ($self, $argv, $want, $got) = @_;
    my $rule = rule($argv);

    return 1 if $want eq $got || same_doubles($argv, $want, $got)
                || $self->{newer} && (same_places($argv, $want, $got)
                                      || encoded_early($argv, $want, $got));

    if ($rule ne 'exact' && $want !~ /^-/
        && substr($want, 0, 1) eq substr($got, 0, 1))
    {
        return 1 if $self->$rule($argv, $want, $got);
    }

    return $self->newer($argv, $want, $got);
}


# Follows a transaction; when it is carried out, the commands of which the
# elements of this reply are the replies.
sub queue {
    my ($self, $argv, $want) = @_;
    my $name = uc $argv->[0];

    if ($name eq 'MULTI') {
        $self->{queue} = [] if $want =~ /^\+/;

    } elsif ($self->{queue} && $want eq "+QUEUED\r\n") {
        push @{$self->{queue}}, $argv;

    } elsif ($name =~ /^(?:EXEC|DISCARD)$/ && @$argv == 1) {
        my $queue = delete $self->{queue};

        return $queue if $want =~ /^\*\d/;
    }

    return undef;
}


# Do they differ in nothing but how doubles are written?  RESP2 has them as
# strings, which are taken for such in the replies of sorted sets only.
sub same_doubles {
    my ($argv, $want, $got) = @_;

    return 0 if $want !~ /^[*,\$]/ || substr($want, 0, 1) ne substr($got, 0, 1);

    my @want = KS::RESP::tokens($want);
    my @got = KS::RESP::tokens($got);
    my $types = $argv->[0] =~ /^z/i ? qr/^[,\$]$/ : qr/^,$/;

    return 0 if @want != @got;

    for my $i (0 .. $#want) {
        my ($type, $text) = @{$want[$i]};

        return 0 if $type ne $got[$i][0];
        next if $text eq $got[$i][1];
        return 0 if $type !~ $types || $text !~ /^-?\d[\d.]*(?:e[+-]\d+)?$/;
        return 0 if shortest_double($text) ne $got[$i][1];
    }

    return 1;
}


# Coordinates: 8.0 writes the fewest digits that read back as the same, and not
# 17 behind the point.
sub same_places {
    my ($argv, $want, $got) = @_;
    my @want = KS::RESP::tokens($want);
    my @got = KS::RESP::tokens($got);

    return 0 if $argv->[0] !~ /^geo/i || @want != @got;

    for my $i (0 .. $#want) {
        next if "@{$want[$i]}" eq "@{$got[$i]}";
        return 0 if $want[$i][0] ne $got[$i][0]
                    || grep { $_->[1] !~ /^-?\d+(?:\.\d+)?(?:e-?\d+)?$/ }
                            $want[$i], $got[$i];
        return 0 if abs($want[$i][1] - $got[$i][1]) > 1e-15;
    }

    return 1;
}


# A sorted set to which more than a listpack takes might have been added: 8.0
# makes it a skiplist without looking at what will be.
sub encoded_early {
    my ($argv, $want, $got) = @_;

    return @$argv > 1 && "@$argv[0, 1]" =~ /^object encoding$/i && $want =~ /skiplist/
           && $got =~ /listpack|^bGlzdHBhY2s=$/;      # or in base64
}


# A double as 7.2 writes it: a whole number within half the range of 64 bits in
# full, else the fewest digits, with an exponent where plain ones take long.
sub shortest_double {
    my ($text) = @_;
    my $v = abs $text;
    my $sign = $text =~ /^-/ ? '-' : '';
    my ($digits, $exponent, $n);

    return $sign . sprintf '%.0f', $v if $v <= 2 ** 62 && $v == int $v;

    for my $precision (0 .. 16) {
        my $s = sprintf '%.*e', $precision, $v;

        next if $s != $v;
        ($digits, $exponent) = $s =~ /^([\d.]+)e([+-]\d+)$/;
        last;
    }

    $digits =~ s/\.//;
    $digits =~ s/0+$//;
    $n = length $digits;

    my $unit = $exponent - $n + 1;

    if ($unit >= 0 ? $exponent < $n + 7 : $unit > -7 || abs($exponent) < 4) {
        return $sign . $digits . '0' x $unit                   if $unit >= 0;
        return $sign . '0.' . '0' x (-$exponent - 1) . $digits if $exponent < 0;
        substr $digits, $exponent + 1, 0, '.';
        return $sign . $digits;
    }

    substr $digits, 1, 0, '.' if $n > 1;
    return sprintf '%s%se%s%d', $sign, $digits, $exponent < 0 ? '-' : '+',
                   abs $exponent;
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


# the elements of an array or a set of strings, in an order of their own
sub members {
    my ($head, @elements) = map { join '', @$_ } KS::RESP::tokens($_[0]);

    return join "\n", $head, sort @elements;
}


sub shape {
    my ($self, $argv, $want, $got) = @_;

    return ($want =~ /^\$-1/) == ($got =~ /^\$-1/);
}


# Each server's keys of the whole iteration that this call starts.
sub scan {
    my ($self, $argv, $want, $got) = @_;

    return $self->same_iteration($argv, $want, $got, 1, 1);
}


# Whether the iterations that this call starts, with its cursor at argv[at], find
# the same: groups of n, one for each element.  What a cursor of somewhere in the
# midst means is each server's own.
sub same_iteration {
    my ($self, $argv, $want, $got, $at, $n) = @_;

    return $self->shape($argv, $want, $got) if $argv->[$at] !~ /^[-+]?0*$/;

    my $wanted = iterate($argv, $want, $at, $n,
                         sub { ($self->{redis}->replies($_[0]))[0] });

    return $wanted eq iterate($argv, $got, $at, $n,
                              sub { $self->single($_[0]) });
}


sub iterate {
    my ($argv, $bytes, $at, $n, $ask) = @_;
    my @argv = @$argv;
    my %seen;

    for (1 .. 10_000) {
        my $v = KS::RESP::value($bytes);

        return $bytes unless ref $v eq 'ARRAY' && @$v == 2;

        $seen{$_} = 1 for grouped($n, map { $_->{text} } @{$v->[1]});
        return join "\n", sort keys %seen if $v->[0]{text} eq '0';

        $argv[$at] = $v->[0]{text};
        $bytes = $ask->(\@argv);
    }

    return 'an iteration without end';
}


# Texts in groups of n, each with its length, as one string a group.
sub grouped {
    my ($n, @texts) = @_;
    my @in = map { length($_) . ':' . $_ } @texts;
    my @out;

    push @out, join ' ', splice @in, 0, $n while @in;

    return @out;
}


# What Redis 7.2 says otherwise than the 7.0 that may be the referee: BITCOUNT
# and BITPOS look at their other arguments before they look for the key.
sub newer {
    my ($self, $argv, $want, $got) = @_;
    my $code = $NEWER{uc $argv->[0]};

    return 1 if $code && $code->($self, $argv, $want, $got);

    return 0 unless $argv->[0] =~ /^bit(?:count|pos)$/i && $got =~ /^-/
                    && $want =~ /^(?::|-WRONGTYPE)/;

    my @other = @$argv;
    $other[1] = 'referee';
    @other[2, 3] = (0, -1) if @other == 5 && $got =~ /syntax/;
    my @r = $self->{aside}->replies(['SET', 'referee', 'x'], \@other,
                                    ['DEL', 'referee']);

    return $r[1] eq $got;
}


# Commands as one pipeline: the first that differs, with {at}.
sub compare_batch {
    my ($self, @batch) = @_;
    my $resp = $self->{resp} or return $self->compare_rest(@batch);

    $self->{sent} += @batch;
    $resp->send(join '', map { KS::RESP::encode(@$_) } @batch);

    my @want = $self->{redis}->replies(@batch);
    my @got = $resp->take_replies(scalar @batch);

    for my $i (0 .. $#batch) {
        my $d = $self->judge($batch[$i], $want[$i],
                             $got[$i] // "(closed: $resp->{why})");

        return { %$d, at => $i } if $d;
    }

    return undef;
}


# The same by /pipeline, in base64.
sub compare_rest {
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

        next if $self->{newer}
                && encoded_early($batch[$i], $want[$i], flat($got->[$i]{result})
                                 // '');

        my $e = $got->[$i]{error};

        next if defined $e ? $self->newer($batch[$i], $want[$i], "-$e\r\n")
                           : rest_doubles($batch[$i], $want[$i], $got->[$i],
                                          $self->{newer});

        return { at => $i, argv => $batch[$i], want => $a, got => $b };
    }

    return undef;
}


# The same as same_doubles(), of a reply in base64.
sub rest_doubles {
    my ($argv, $want, $got, $newer) = @_;
    my @got = flat($got->{result});
    my @want = grep { $_->[0] ne '*' } KS::RESP::tokens($want);
    my $places = $newer && $argv->[0] =~ /^geo/i;

    return 0 if $argv->[0] !~ /^z/i && !$places || @want != @got;

    for my $i (0 .. $#want) {
        my ($type, $text) = @{$want[$i]};

        return 0 if ($type eq '_') != !defined $got[$i];
        next if $type eq '_';

        my $s = $type eq '$' ? decode_base64($got[$i]) : $got[$i];

        next if $s eq $text;
        return 0 if $type ne '$'
                    || grep { !/^-?\d[\d.]*(?:e[+-]?\d+)?$/ } $text, $s;
        return 0 if $places ? abs($s - $text) > 1e-15 : shortest_double($text) ne $s;
    }

    return 1;
}


sub flat { return ref $_[0] ? map { flat($_) } @{$_[0]} : $_[0] }


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


# No transaction begun, no key watched.
sub reset_transaction {
    my ($self) = @_;

    delete $self->{queue};

    if ($self->{resp}) {
        $_->replies(['DISCARD'], ['UNWATCH']) for @$self{qw(redis resp)};
    }

    return $self;
}


# Both empty.
sub reset {
    my ($self) = @_;

    $self->reset_transaction;

    if ($self->{resp}) {                # of all databases, in the first
        $_->replies(['SELECT', 0], ['FLUSHALL']) for @$self{qw(redis resp)};
        return;
    }

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
        my ($want) = $self->{redis}->replies($argv);

        $self->single($argv);
        $self->queue($argv, $want);
    }

    $self->settle if $brief;
}


# Lets keys that are about to expire do so, and both servers notice.
sub settle {
    my ($self) = @_;
    my @all = ('EXISTS', @{$self->{keys} // [KS::Random::keys()]});

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
