# A client of server-sent events over HTTP/1.1, on a connection of its own.
#
#   my $s = KS::Stream->open($ngx, '/subscribe/news');
#   $s->{status}, $s->{headers}{'content-type'}
#   my $data = $s->event;           # "subscribe,news,1"; undef: it has ended
#   my $e = $s->next;               # { id, event, data }; the id is the last
#                                   # that has come, as EventSource has it
#   my $text = $s->text;            # the rest of a body that is no stream
#
# It parses as the standard says: any of CR, LF, CRLF ends a line, a blank line
# ends an event, and several lines of data are joined.

package KS::Stream;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF);

use KS::Proc qw(first_bytes);


# what: method, body, token (undef: none), headers (lines), version, rcvbuf,
# port
sub open {
    my ($class, $ngx, $path, %o) = @_;
    my $self = bless { in => '', raw => '', comments => 0, lines => [] },
        $class;

    my $token = exists $o{token} ? $o{token} : $KS::Nginx::TOKEN;
    my $method = $o{method} // 'GET';
    my $body = $o{body} // '';

    $self->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                            PeerPort => $o{port} // $ngx->port,
                                            Proto => 'tcp')
        or return undef;

    $self->{socket}->setsockopt(SOL_SOCKET, SO_RCVBUF, $o{rcvbuf})
        if $o{rcvbuf};

    my $head = "$method $path HTTP/" . ($o{version} // '1.1') . "\r\n"
        . "Host: localhost\r\n"
        . (defined $token ? "Authorization: Bearer $token\r\n" : '')
        . (length $body || $method eq 'POST'
           ? 'Content-Length: ' . length($body) . "\r\n" : '')
        . join('', map { "$_\r\n" } @{$o{headers} // []});

    syswrite $self->{socket}, "$head\r\n$body";

    first_bytes($self->{socket}, 30);

    while ($self->{in} !~ /\r\n\r\n/) {
        $self->fill or return $self;
    }

    $self->{in} =~ s/^(.*?\r\n)\r\n//s;
    $self->{head} = $1;
    ($self->{status}) = $self->{head} =~ m{^HTTP/1\.\d (\d+)};
    $self->{headers}{lc $1} = $2
        while $self->{head} =~ /^([^:\r\n]+):[ \t]*(.*?)\r\n/gm;

    return $self;
}


sub fill {
    my ($self, $timeout) = @_;

    if (!IO::Select->new($self->{socket})->can_read($timeout // 30)) {
        $self->{why} = 'timeout';
        return 0;
    }

    my $n = sysread $self->{socket}, $self->{in}, 262144, length $self->{in};
    $self->{why} = 'closed';

    return $n;
}


# More bytes of the body into {raw}; false: there are none.
sub more {
    my ($self, $timeout) = @_;

    return 0 if $self->{complete};

    if (($self->{headers}{'transfer-encoding'} // '') ne 'chunked') {
        return 0 if $self->{in} eq '' && !$self->fill($timeout);
        $self->{raw} .= $self->{in};
        $self->{in} = '';
        return 1;
    }

    until ($self->{in} =~ /^([0-9a-f]+)\r\n/i
           && length $self->{in} >= length($&) + hex($1) + 2)
    {
        $self->fill($timeout) or return 0;
    }

    $self->{in} =~ s/^([0-9a-f]+)\r\n//i;
    my $chunk = substr $self->{in}, 0, hex $1, '';
    substr $self->{in}, 0, 2, '';

    $self->{complete} = 1 if $chunk eq '';
    $self->{raw} .= $chunk;

    return $chunk ne '';
}


# All of a body that has a length.
sub text {
    my ($self) = @_;

    while (length $self->{in} < ($self->{headers}{'content-length'} // 0)) {
        $self->fill or last;
    }

    return $self->{in};
}


sub event {
    my ($self, $timeout) = @_;

    for ( ;; ) {
        while ($self->{raw} =~ s/^([^\r\n]*)(?:\r\n|\n|\r(?!\z))//) {
            my $line = $1;

            if ($line eq '') {
                $self->{name} = delete $self->{naming};
                return join "\n", splice @{$self->{lines}}
                    if @{$self->{lines}};
            }

            $self->{comments}++ if $line =~ /^:/;
            push @{$self->{lines}}, $1 if $line =~ /^data: ?(.*)/s;
            $self->{id} = $1 if $line =~ /^id: ?(.*)/s;
            $self->{naming} = $1 if $line =~ /^event: ?(.*)/s;
            $self->{retry} = $1 if $line =~ /^retry: ?(.*)/s;
        }

        $self->more($timeout) or return undef;
    }
}


sub next {
    my ($self, $timeout) = @_;
    my $data = $self->event($timeout);

    return undef unless defined $data;
    return { id => $self->{id}, event => $self->{name}, data => $data };
}


# Waits for comments, so many in all.
sub comments {
    my ($self, $n) = @_;

    while ($self->{comments} < $n) {
        $self->{raw} =~ s/^:[^\n]*\n\n// and $self->{comments}++, next;
        $self->more or return 0;
    }

    return 1;
}


# A field as the bytes that were published.
sub bytes {
    my ($field) = @_;

    $field =~ /^ "(.*)"\z/s or return $field;
    my $text = $1;

    # no other escapes are there; \udc80 and on are bytes
    $text =~ s/\\(?:u([0-9a-f]{4})|(.))/
               defined $2 ? $2 : chr(hex($1) & 0xff)/gex;

    return $text;
}


sub close { CORE::close($_[0]{socket}) }


1;
