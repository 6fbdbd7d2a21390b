# A proxy between an edge and its store, in a process of its own: it delays what
# passes, swallows it, and cuts connections, as it is told.

package KS::Proxy;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

use KS::Proc qw(free_port stop_pid wait_for);


# to: the port of the other side; delay: seconds, each way
sub start {
    my ($class, %options) = @_;
    my $self = bless { to => $options{to}, delay => $options{delay} // 0,
                       port => free_port(), ctl => free_port() }, $class;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port},
                                       Listen => 64, ReuseAddr => 1) or die "proxy: $!";
    my $ctl = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{ctl},
                                    Listen => 4, ReuseAddr => 1) or die "proxy: $!";

    my $parent = $$;
    $self->{pid} = fork() // die "fork: $!";

    if ($self->{pid} == 0) {
        $SIG{PIPE} = 'IGNORE';
        eval { serve($self, $listen, $ctl, $parent) };
        print STDERR "proxy: $@" if $@;
        require POSIX;
        POSIX::_exit(0);
    }

    close $_ for $listen, $ctl;

    return $self;
}


sub port { $_[0]{port} }


# cut: ends all connections; refuse, accept: of new ones; swallow: takes and
# forgets what the store says; hold: takes and forgets all; pass; delay SECONDS;
# to PORT; count: how many connections there are; until TEXT: what is said to the
# store is kept from that text on, go: and comes there
sub tell {
    my ($self, @words) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{ctl}, Timeout => 10)
        or die "proxy: $!";

    print $s "@words\n";
    my $answer = <$s>;
    close $s;

    chomp $answer if defined $answer;

    return $answer;
}


sub stop {
    my ($self) = @_;
    stop_pid(delete $self->{pid}, 'KILL') if $self->{pid};
}


sub DESTROY { $_[0]->stop }


sub serve {
    my ($self, $listen, $ctl, $parent) = @_;
    my (%peer, @late);                      # socket => [its other end, is a client]
    my ($until, %keeps, @kept);
    my $all = IO::Select->new($listen, $ctl);
    my ($mode, $accepts) = ('pass', 1);

    my $drop = sub {
        my ($s) = @_;
        my $other = $peer{$s} ? $peer{$s}[0] : undef;
        for (grep { defined } $s, $other) {
            $all->remove($_);
            delete $peer{$_};
            close $_;
        }
    };

    while (getppid() == $parent) {
        my $wait = 0.5;
        $wait = $late[0][0] - time if @late;
        $wait = 0 if $wait < 0;

        for my $s ($all->can_read($wait)) {
            if ($s == $listen) {
                my $c = $listen->accept or next;
                my $o = $accepts && IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                                          PeerPort => $self->{to});
                if (!$o) { close $c; next }
                $_->autoflush(1) for $c, $o;
                $peer{$c} = [$o, 1, $c];
                $peer{$o} = [$c, 0, $o];
                $all->add($c, $o);
                next;
            }

            if ($s == $ctl) {
                my $c = $ctl->accept or next;
                my ($word, $arg) = split ' ', (<$c> // '');
                if ($word eq 'cut') { $drop->($_) for map { $_->[2] } grep { $_->[1] } values %peer; @late = () }
                elsif ($word eq 'refuse') { $accepts = 0 }
                elsif ($word eq 'accept') { $accepts = 1 }
                elsif ($word eq 'delay') { $self->{delay} = $arg }
                elsif ($word eq 'to') { $self->{to} = $arg }
                elsif ($word eq 'until') { $until = $arg }
                elsif ($word eq 'go') { push @late, map { [time, @$_] } @kept; undef $until; %keeps = (); @kept = () }
                elsif ($word ne 'count') { $mode = $word }
                print $c scalar(grep { $_->[1] } values %peer), "\n";
                close $c;
                next;
            }

            my $p = $peer{$s} or next;
            my $n = sysread($s, my $bytes, 65536);

            if (!$n) { $drop->($s); next }

            next if $mode eq 'hold' || ($mode eq 'swallow' && !$p->[1]);

            if (defined $until && $p->[1]) {
                my $at = $keeps{$s} ? 0 : index $bytes, $until;
                if ($at >= 0) { $keeps{$s} = 1; push @kept, [$p->[0], substr $bytes, $at, length $bytes, ''] }
                next if $bytes eq '';
            }

            push @late, [time + $self->{delay}, $p->[0], $bytes];
        }

        while (@late && $late[0][0] <= time) {
            my ($at, $to, $bytes) = @{shift @late};
            next if !$peer{$to};
            while (length $bytes) {
                my $n = syswrite($to, $bytes) or last;
                substr($bytes, 0, $n, '');
            }
        }
    }
}


1;
