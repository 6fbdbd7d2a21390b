# A redis-server without persistence, for one test, and a connection to it.

package KS::Redis;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;

use KS::Proc qw(tempdir free_port wait_for spawn_command stop_pid alive slurp
                installed);
use KS::RESP;


sub available {
    return installed('redis-server');
}


sub start {
    my ($class, @options) = @_;
    my $self = bless { dir => tempdir(), port => free_port(), in => '' },
                     $class;

    $self->{pid} = spawn_command("$self->{dir}/log", {}, 'redis-server',
        '--port', $self->{port}, '--bind', '127.0.0.1', '--save', '',
        '--appendonly', 'no', '--databases', '1', '--dir', $self->{dir},
        @options);

    wait_for(20, sub { !alive($self->{pid}) || $self->connect })
        or croak 'redis-server does not answer';
    croak 'redis-server: ' . slurp("$self->{dir}/log") unless $self->{socket};

    return $self;
}


sub connect {
    my ($self) = @_;

    $self->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                            PeerPort => $self->{port});
    return $self->{socket};
}


# Replies to commands (array references), each as its bytes.
sub replies {
    my ($self, @commands) = @_;
    my $s = $self->{socket};
    my $out = join '', map { KS::RESP::encode(@$_) } @commands;
    my $select = IO::Select->new($s);
    my @replies;

    # what is read meanwhile keeps both sides from waiting for each other
    while (@replies < @commands) {
        if (length $out && $select->can_write(0)) {
            my $n = syswrite $s, $out, 65536;
            croak "redis-server: $!" unless defined $n;
            substr $out, 0, $n, '';
        }

        if ($select->can_read(length $out ? 0 : 30)) {
            sysread $s, $self->{in}, 262144, length $self->{in}
                or croak 'redis-server closed the connection';

            while (@replies < @commands) {
                push @replies, KS::RESP::take(\$self->{in}) // last;
            }

        } elsif (!length $out) {
            croak 'redis-server does not answer';
        }
    }

    return @replies;
}


sub run {
    my ($self, @argv) = @_;
    my $v = KS::RESP::value(($self->replies([@argv]))[0]);

    return ref $v eq 'HASH' ? $v->{text} : $v;
}


sub port { $_[0]{port} }


sub stop {
    my ($self) = @_;

    stop_pid($self->{pid});
}


1;
