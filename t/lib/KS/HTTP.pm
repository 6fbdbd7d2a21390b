# A plain HTTP/1.1 client over one kept-alive connection, which hides nothing:
# a connection that broke is an error with its reason, never a silent retry.
#
#   my $r = $http->request('POST', '/', body => '["GET","k"]');
#   $r->{status}, $r->{headers}{'content-type'}, $r->{body}
#   my $v = $http->run('GET', 'k');         # the result; dies on an error
#
# A reply with {status} 0 is a connection that ended: {why} says how and
# {bytes} how much of a reply had come.

package KS::HTTP;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

use KS::Proc qw(first_bytes);

our $TIMEOUT = 60;

my $json = JSON::PP->new->utf8->allow_nonref;


sub new {
    my ($class, %options) = @_;

    return bless { in => '', %options }, $class;
}


sub connect {
    my ($self) = @_;

    return $self->{socket} if $self->{socket};

    $self->{in} = '';
    $self->{first} = 1;
    $self->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                            PeerPort => $self->{port},
                                            Proto => 'tcp');
    return $self->{socket};
}


sub close {
    my ($self) = @_;

    $self->{socket}->close if $self->{socket};
    $self->{socket} = undef;
    $self->{in} = '';
}


# Every byte, or undef if the other side went away meanwhile.
sub send {
    my ($self, $bytes) = @_;
    my $s = $self->connect or return undef;
    my $off = 0;

    local $SIG{PIPE} = 'IGNORE';

    while ($off < length $bytes) {
        my $n = syswrite $s, $bytes, length($bytes) - $off, $off;

        if (!defined $n) {
            next if $!{EINTR};
            return undef;
        }

        $off += $n;
    }

    return 1;
}


# More bytes into the buffer: undef at the end, with {why} set.
sub fill {
    my ($self) = @_;
    my $s = $self->{socket};

    if (!$s) {
        $self->{why} = 'no connection';
        return undef;
    }

    my $seconds = $self->{timeout} // $TIMEOUT;

    if (!(delete $self->{first} ? first_bytes($s, $seconds)
                                : IO::Select->new($s)->can_read($seconds)))
    {
        $self->{why} = 'timeout';
        return undef;
    }

    my $n = sysread $s, $self->{in}, 262144, length $self->{in};

    $self->{why} = defined $n ? 'closed' : "$!";

    return $n || undef;
}


sub broken {
    my ($self) = @_;
    my $r = { status => 0, why => $self->{why}, bytes => length $self->{in},
              headers => {}, body => '', rest => $self->{in} };

    $self->close;

    return $r;
}


# One response from the connection.  method: HEAD's has no body.
sub response {
    my ($self, $method) = @_;

    while ($self->{in} !~ /\r\n\r\n/) {
        $self->fill or return $self->broken;
    }

    $self->{in} =~ s/^(.*?\r\n)\r\n//s;
    my $head = $1;

    my ($version, $status) = $head =~ m{^HTTP/(\d\.\d) (\d\d\d)}
        or croak "not a response: $head";

    return $self->response($method) if $status == 100;

    my %h;
    while ($head =~ /^([^:\r\n]+):[ \t]*(.*?)\r\n/gm) {
        $h{lc $1} = $2;
    }

    my $r = { status => $status, version => $version, headers => \%h,
              head => $head, body => '' };

    if ($method eq 'HEAD' || $status == 204 || $status == 304) {
        # nothing

    } elsif (($h{'transfer-encoding'} // '') eq 'chunked') {
        $r->{body} = $self->chunked // return $self->broken;

    } elsif (defined $h{'content-length'}) {
        while (length $self->{in} < $h{'content-length'}) {
            $self->fill or return $self->broken;
        }

        $r->{body} = substr $self->{in}, 0, $h{'content-length'}, '';

    } else {
        1 while $self->fill;
        $r->{body} = $self->{in};
        $self->close;
    }

    if (($h{connection} // '') eq 'close') {
        $self->close;
    }

    return $r;
}


sub chunked {
    my ($self) = @_;
    my $body = '';

    while (1) {
        my $n;

        until (defined $n) {
            if ($self->{in} =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//) {
                $n = hex $1;
            } else {
                $self->fill or return undef;
            }
        }

        while (length $self->{in} < $n + 2) {
            $self->fill or return undef;
        }

        $body .= substr $self->{in}, 0, $n, '';
        substr $self->{in}, 0, 2, '';

        return $body if $n == 0;
    }
}


# The bytes of a request.  Options: body, headers (array of lines), version,
# token (undef: none), chunks (array, instead of body), host
sub build {
    my ($self, $method, $uri, %o) = @_;
    my $version = $o{version} // '1.1';
    my $token = exists $o{token} ? $o{token} : $self->{token};
    my @h = ("$method $uri HTTP/$version");
    my $body = $o{body};

    push @h, 'Host: ' . ($o{host} // 'localhost') if $version eq '1.1' || $o{host};
    push @h, "Authorization: Bearer $token" if defined $token;
    push @h, @{$o{headers} // []};

    if ($o{chunks}) {
        push @h, 'Transfer-Encoding: chunked';
        $body = join '', map({ sprintf("%x\r\n%s\r\n", length, $_) }
                             @{$o{chunks}}), "0\r\n\r\n";

    } elsif (defined $body) {
        push @h, 'Content-Length: ' . length $body
            unless grep { /^content-length:/i } @h;
    }

    return join("\r\n", @h, '', '') . ($body // '');
}


sub request {
    my ($self, $method, $uri, %o) = @_;

    if (!$self->send($self->build($method, $uri, %o))) {
        # it may have answered and closed before it read everything
        $self->connect or return { status => 0, why => "connect: $!",
                                   bytes => 0, headers => {}, body => '' };
    }

    return $self->response($method);
}


# A request with these fields of its header; but "method", by default GET, and
# "body" are what they say.
sub ask {
    my ($self, $uri, %fields) = @_;
    my $method = delete $fields{method} // 'GET';
    my $body = delete $fields{body};

    return $self->request($method, $uri, body => $body,
                          headers => [map { "$_: $fields{$_}" } sort keys %fields]);
}


sub post {
    my ($self, $body, %o) = @_;

    return $self->request('POST', $o{uri} // '/', %o, body => $body);
}


# --- commands ---

my %escape = ('"' => '\\"', '\\' => '\\\\');


# A JSON string of any bytes: those from 0x80 on go as they are.
sub quote {
    my ($s) = @_;

    $s =~ s/([\x00-\x1f"\\])/$escape{$1} || sprintf '\\u%04x', ord $1/ge;

    return "\"$s\"";
}


sub array {
    return '[' . join(',', map { quote($_) } @_) . ']';
}


sub command {
    my ($self, @argv) = @_;

    return $self->post(array(@argv));
}


sub decode {
    my ($r) = @_;

    my $v = eval { $json->decode($r->{body}) };
    croak "status $r->{status}, no JSON: " . ($r->{why} // $r->{body}) if $@;

    return $v;
}


# One command's result; dies with the error's text.
sub run {
    my ($self, @argv) = @_;
    my $v = decode($self->command(@argv));

    croak $v->{error} if exists $v->{error};

    return $v->{result};
}


# One command's error; dies if it has none.
sub error {
    my ($self, @argv) = @_;
    my $v = decode($self->command(@argv));

    croak 'no error but a result' unless exists $v->{error};

    return $v->{error};
}


# Commands as one /pipeline: their envelopes.
sub pipeline {
    my ($self, @commands) = @_;
    my $r = $self->post('[' . join(',', map { array(@$_) } @commands) . ']',
                        uri => '/pipeline');
    my $v = decode($r);

    croak "status $r->{status}: $r->{body}" if ref $v ne 'ARRAY';

    return $v;
}


1;
