# RESP, from both ends: requests to bytes, and bytes to replies.  A reply is
# kept with the very bytes that it came in, so that two can be compared.
#
# And a client over one connection, which hides nothing:
#
#   my $c = KS::RESP->new(port => $port, token => $token);
#   my $v = $c->run('GET', 'k');            # the value; dies on an error
#   my @bytes = $c->replies(['SET', 'k', 'v'], ['GET', 'k']);
#
# When the other side has closed the connection, reply() is undef and {why}
# says how it ended.

package KS::RESP;

use strict;
use warnings;

use Carp qw(croak);
use Errno ();
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;

use KS::Proc qw(first_bytes);

our @EXPORT_OK = qw(encode take value);
our $TIMEOUT = 60;


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

    if ($type =~ /^[\$=]$/) {
        return $at - $off if $n < 0;
        return length $$in >= $at + $n + 2 ? $at + $n + 2 - $off : undef;
    }

    if ($type =~ /^[*~>%]$/) {
        for (1 .. ($type eq '%' ? 2 * $n : $n)) {
            my $len = extent($in, $at) // return undef;
            $at += $len;
        }
    } elsif ($type !~ /^[+:_#,(-]$/) {
        die 'not RESP: ' . substr $$in, $off, 60;
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
# { type => '+' | '-' | ':' | '$' | ',' | '#' | '=' | '(', text => ... }; sets
# and pushes are arrays, a map is one of names and values
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

    return undef if $type eq '_';
    return { type => $type, text => $n } if $type =~ /^[+:#,(-]$/;
    return undef if $n < 0;

    if ($type =~ /^[\$=]$/) {
        my $s = substr $$in, $$off, $n;
        $$off += $n + 2;
        return { type => $type, text => $s };
    }

    return [ map { parse($in, $off) } 1 .. ($type eq '%' ? 2 * $n : $n) ];
}


# All of one reply in a row, as [type, text] each: an aggregate is its type and
# size, and is followed by what is in it.
sub tokens {
    my ($bytes) = @_;
    my $off = 0;
    my @tokens;

    while ($off < length $bytes) {
        my $eol = index $bytes, "\r\n", $off;
        my $type = substr $bytes, $off, 1;
        my $text = substr $bytes, $off + 1, $eol - $off - 1;

        $off = $eol + 2;

        if ($type =~ /^[\$=]$/ && $text >= 0) {
            my $n = $text;

            $text = substr $bytes, $off, $n;
            $off += $n + 2;

        } elsif ($text eq '-1' && $type =~ /^[\$*]$/) {
            $type = '_';
        }

        push @tokens, [$type, $text];
    }

    return @tokens;
}


# The texts in a reply, however deep, without what is null.
sub texts {
    return map { $_->[1] } grep { $_->[0] !~ /^[*~>%_]$/ } tokens($_[0]);
}


# A reply without its texts: of which type everything in it is.
sub outline {
    return join ' ', map { $_->[0] =~ /^[*~>%]$/ ? join('', @$_) : $_->[0] }
                         tokens($_[0]);
}


# The replies in an array's bytes, each as its bytes.
sub elements {
    my ($bytes) = @_;
    my $off = 2 + index $bytes, "\r\n";
    my @elements;

    while ($off < length $bytes) {
        my $len = extent(\$bytes, $off);

        push @elements, substr $bytes, $off, $len;
        $off += $len;
    }

    return @elements;
}


# --- a client ---

# port, token (undef: it does not log in); socket (instead of a port), which is
# only read from if there is another one, out
sub new {
    my ($class, %options) = @_;
    my $self = bless { in => '', %options }, $class;

    $self->{socket} //= IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                              PeerPort => $self->{port},
                                              Proto => 'tcp')
        or croak "connect: $!";
    $self->{out} //= $self->{socket};
    $_->blocking(0) for $self->{socket}, $self->{out};

    if (defined $self->{token}) {
        $self->{first} = 1;
        $self->run('AUTH', $self->{token});
    }

    return $self;
}


# Bytes as they are; what comes meanwhile is read unless deaf is true.
sub send {
    my ($self, $bytes, $deaf) = @_;
    my ($s, $in) = @$self{qw(out socket)};
    my $off = 0;

    local $SIG{PIPE} = 'IGNORE';

    while ($off < length $bytes) {
        my $n = syswrite $s, $bytes, ($deaf ? 1048576 : 65536), $off;

        if (defined $n) {
            $off += $n;
            next;
        }

        if (!$!{EAGAIN} && !$!{EINTR}) {
            $self->{why} = "write: $!";
            return undef;
        }

        my ($readable) = IO::Select::select(
            $deaf ? undef : IO::Select->new($in), IO::Select->new($s), undef,
            $self->{timeout} // $TIMEOUT);

        if (!defined $readable) {
            $self->{why} = 'write: timeout';
            return undef;
        }

        if (@$readable) {
            $self->fill // return undef;
        }
    }

    return 1;
}


# More bytes into the buffer: undef at the end, with {why} set.
sub fill {
    my ($self) = @_;
    my $s = $self->{socket};
    my $seconds = $self->{timeout} // $TIMEOUT;

    if (!(delete $self->{first} ? first_bytes($s, $seconds)
                                : IO::Select->new($s)->can_read($seconds)))
    {
        $self->{why} = 'timeout';
        return undef;
    }

    my $n = sysread $s, $self->{in}, 1048576, length $self->{in};

    return 1 if !defined $n && ($!{EAGAIN} || $!{EINTR});

    return $n if $n;

    $self->{why} = defined $n ? 'closed' : "$!";

    return undef;
}


# The bytes of the next reply, or undef.
sub reply {
    my ($self) = @_;

    while (1) {
        my $bytes = take(\$self->{in});

        return $bytes if defined $bytes;
        $self->fill // return undef;
    }
}


# The last words of what is pushed, until one that is this, or for a minute.
sub heard {
    my ($self, $last) = @_;
    my @heard;
    my $until = time + 60;

    while (time < $until) {
        push @heard, ($self->reply // last) =~ /([^\r\n]*)\r\n\z/;
        last if $heard[-1] eq $last;
    }

    return \@heard;
}


# n replies' bytes, those before the end of the connection if it ends.
sub take_replies {
    my ($self, $n) = @_;
    my @replies;

    while (@replies < $n) {
        push @replies, $self->reply // last;
    }

    return @replies;
}


# Replies to commands (array references), each as its bytes.
sub replies {
    my ($self, @commands) = @_;

    $self->send(join '', map { encode(@$_) } @commands);

    return $self->take_replies(scalar @commands);
}


sub command {
    my ($self, @argv) = @_;
    my ($bytes) = $self->replies(\@argv);

    croak "$argv[0]: no reply: $self->{why}" unless defined $bytes;

    return $bytes;
}


# A value without its types: undef, text, or an array of such.
sub plain {
    my ($v) = @_;

    return ref $v eq 'ARRAY' ? [map { plain($_) } @$v]
         : ref $v            ? $v->{text} : undef;
}


sub run {
    my ($self, @argv) = @_;
    my $v = value($self->command(@argv));

    croak $v->{text} if ref $v eq 'HASH' && $v->{type} eq '-';

    return plain($v);
}


# One command's error; dies if it has none.
sub error {
    my ($self, @argv) = @_;
    my $bytes = $self->command(@argv);

    croak "no error: $bytes" unless $bytes =~ /^-(.*)\r\n$/s;

    return $1;
}


# What comes until the other side closes.
sub rest {
    my ($self) = @_;

    1 while $self->fill;

    return $self->{in};
}


sub close {
    my ($self) = @_;

    close $_ for $self->{out}, $self->{socket};
}


1;
