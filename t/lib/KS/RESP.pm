# RESP2, from both ends: requests to bytes, and bytes to replies.  A reply is
# kept with the very bytes that it came in, so that two can be compared.

package KS::RESP;

use strict;
use warnings;

use Exporter 'import';
our @EXPORT_OK = qw(encode take value);


sub encode {
    return join '', '*' . @_ . "\r\n",
                    map { '$' . length($_) . "\r\n$_\r\n" } @_;
}


# The length of the reply at off, or undef if it is not whole yet.
sub extent {
    my ($in, $off) = @_;
    my $eol = index $$in, "\r\n", $off;

    return undef if $eol < 0;

    my $type = substr $$in, $off, 1;
    my $n = substr $$in, $off + 1, $eol - $off - 1;
    my $at = $eol + 2;

    if ($type eq '$') {
        return $at - $off if $n < 0;
        return length $$in >= $at + $n + 2 ? $at + $n + 2 - $off : undef;
    }

    if ($type eq '*') {
        for (1 .. $n) {
            my $len = extent($in, $at) // return undef;
            $at += $len;
        }
    } elsif ($type !~ /^[+:-]$/) {
        die 'not RESP2: ' . substr $$in, $off, 60;
    }

    return $at - $off;
}


# Takes one whole reply from the front of the buffer, or undef.
sub take {
    my ($in) = @_;
    my $len = extent($in, 0) // return undef;

    return substr $$in, 0, $len, '';
}


# The value that the bytes of one reply stand for: undef, [ ... ], or
# { type => '+' | '-' | ':' | '$', text => ... }
sub value {
    my ($bytes) = @_;
    my $off = 0;

    return parse(\$bytes, \$off);
}


sub parse {
    my ($in, $off) = @_;
    my $eol = index $$in, "\r\n", $$off;
    my $type = substr $$in, $$off, 1;
    my $n = substr $$in, $$off + 1, $eol - $$off - 1;

    $$off = $eol + 2;

    return { type => $type, text => $n } if $type =~ /^[+:-]$/;
    return undef if $n < 0;

    if ($type eq '$') {
        my $s = substr $$in, $$off, $n;
        $$off += $n + 2;
        return { type => '$', text => $s };
    }

    return [ map { parse($in, $off) } 1 .. $n ];
}


1;
