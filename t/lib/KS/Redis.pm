# A redis-server without persistence, for one test, and a connection to it.
#
# It is the one of this system, or with start_of() one of a Debian 13 whose tree
# (of debootstrap) KS_TRIXIE names: that runs with libraries of its own, and
# needs no root.  KS_REFEREE=trixie takes its redis-server for this system's.

package KS::Redis;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;

use KS::Proc qw(tempdir free_port wait_for spawn_command stop_pid alive slurp
                installed program_paths);
use KS::RESP;


sub available {
    return ($ENV{KS_REFEREE} // '') eq 'trixie' ? of_trixie('redis-server')
                                                : installed('redis-server');
}


# The words of a command that starts the redis-server, the valkey-server or the
# redis-cli of KS_TRIXIE; none: there is no such tree.
sub of_trixie {
    my ($name) = @_;
    my $tree = $ENV{KS_TRIXIE} // return;
    my $program = readlink("$tree/usr/bin/$name") // $name;
    my ($loader) = glob "$tree/usr/lib/*-linux-gnu/ld-linux*.so.*";

    return unless defined $loader && -e "$tree/usr/bin/$program";
    return ($loader, '--argv0', $name, '--library-path',
            $loader =~ s{/[^/]*$}{}r, "$tree/usr/bin/$name");
}


sub start {
    my ($class, @options) = @_;

    return $class->start_of(undef, @options);
}


# The server of that name of KS_TRIXIE, or of this system.
sub start_of {
    my ($class, $name, @options) = @_;
    my $self = bless { dir => tempdir(), port => free_port(), in => '' },
                     $class;
    # the whole path, which DEBUG RESTART starts again
    my @program = (program_paths('redis-server'))[0];

    $name //= 'redis-server' if ($ENV{KS_REFEREE} // '') eq 'trixie';
    @program = of_trixie($name) or croak "KS_TRIXIE has no $name" if $name;

    $self->{pid} = spawn_command("$self->{dir}/log", {}, @program,
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


# Whether it is a Redis of that version, '7.2', or a newer one.
sub since {
    my ($self, $version) = @_;

    $self->{version} //= [$self->run('INFO', 'server')
                          =~ /^redis_version:(\d+)\.(\d+)/m];

    my ($major, $minor) = split /\./, $version;

    return ($self->{version}[0] <=> $major || $self->{version}[1] <=> $minor)
           >= 0;
}


sub port { $_[0]{port} }


sub stop {
    my ($self) = @_;

    stop_pid($self->{pid});
}


1;
