# A client of WebSocket, on a connection of its own, which checks what a server
# sends: headers, unmasked frames, whole messages.
#
#   my $ws = KS::WebSocket->open($ngx, '/events');
#   $ws->{status}
#   my ($opcode, $payload) = $ws->frame;    # (): the connection has ended
#   my $e = $ws->event;                     # of a text frame, from JSON
#   my $code = $ws->closed;                 # of the close that comes next
#   $ws->send(9, 'hello');                  # a ping; options: fin, mask, rsv

package KS::WebSocket;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();

use KS::Proc qw(first_bytes);

my $KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

our $ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';


# what: headers (lines in the place of those of a handshake), more (lines
# beside them), after (bytes behind the request), port, method, version, rcvbuf
sub open {
    my ($class, $ngx, $path, %o) = @_;
    my $self = bless { in => '', pongs => 0, pings => 0 }, $class;
    my @headers = @{$o{headers} // [
        'Upgrade: websocket', 'Connection: keep-alive, Upgrade',
        "Sec-WebSocket-Key: $KEY", 'Sec-WebSocket-Version: 13',
    ]};

    $self->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                            PeerPort => $o{port} // $ngx->port)
        or return undef;

    syswrite $self->{socket}, ($o{method} // 'GET') . " $path HTTP/"
        . ($o{version} // '1.1') . "\r\n"
        . join('', map { "$_\r\n" } 'Host: localhost', @headers,
                                    @{$o{more} // []})
        . "\r\n" . ($o{after} // '');

    first_bytes($self->{socket}, 30);

    while ($self->{in} !~ /\r\n\r\n/) {
        $self->fill(30) or return $self;
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

    if (!IO::Select->new($self->{socket})->can_read($timeout)) {
        $self->{why} = 'timeout';
        return 0;
    }

    $self->{why} = 'closed';

    return sysread $self->{socket}, $self->{in}, 262144, length $self->{in};
}


sub take {
    my ($self, $n, $timeout) = @_;

    while (length $self->{in} < $n) {
        $self->fill($timeout) or return undef;
    }

    return 1;
}


sub frame {
    my ($self, $timeout) = @_;

    $timeout //= 30;
    $self->take(2, $timeout) or return;

    my ($first, $len) = unpack 'CC', $self->{in};
    my $head = $len == 126 ? 4 : $len == 127 ? 10 : 2;

    die 'it is masked' if $len & 0x80;
    die sprintf 'the first byte is %x', $first unless $first & 0x80
        && !($first & 0x70);

    $self->take($head, $timeout) or return;
    $len = unpack 'x2n', $self->{in} if $len == 126;
    $len = unpack 'x2Q>', $self->{in} if $len == 127;
    $self->take($head + $len, $timeout) or return;

    my $payload = substr $self->{in}, $head, $len;
    substr $self->{in}, 0, $head + $len, '';

    return ($first & 15, $payload);
}


# The next text; pings are answered on the way.
sub text {
    my ($self, $timeout) = @_;

    while (my ($opcode, $payload) = $self->frame($timeout)) {
        return $payload if $opcode == 1;

        if ($opcode == 8) {
            $self->{code} = unpack 'n', $payload;
            return undef;
        }

        $self->{pongs}++ if $opcode == 10;

        if ($opcode == 9) {
            $self->{pings}++;
            $self->send(10, $payload) unless $self->{deaf};
        }
    }

    return undef;
}


sub event {
    my ($self, $timeout) = @_;
    my $text = $self->text($timeout) // return undef;

    return JSON::PP->new->utf8->decode($text);
}


# The code of the close that is to come, and then the end of the connection.
sub closed {
    my ($self) = @_;

    1 while defined $self->text;

    my $code = $self->{code};

    return $code if !defined $code || $self->frame(10);
    return $self->{why} eq 'closed' ? $code : "$code and stays";
}


sub send {
    my ($self, $opcode, $payload, %o) = @_;

    syswrite $self->{socket}, bytes($opcode, $payload, %o);
}


sub bytes {
    my ($opcode, $payload, %o) = @_;
    my $mask = $o{mask} // "\x11\x22\x33\x44";
    my $len = length $payload;
    my $first = $opcode | ($o{rsv} // 0) | ($o{fin} // 1 ? 0x80 : 0);
    my $bit = $mask ne '' ? 0x80 : 0;

    my $head = $len < 126 ? pack('CC', $first, $len | $bit)
        : $len < 65536 ? pack('CCn', $first, 126 | $bit, $len)
        : pack('CCQ>', $first, 127 | $bit, $len);

    return $head . $payload if !$bit;
    return $head . $mask . ($payload ^ substr($mask x ($len / 4 + 1), 0, $len));
}


sub close { CORE::close($_[0]{socket}) }


1;
