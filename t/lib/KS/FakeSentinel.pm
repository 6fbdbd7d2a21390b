# A sentinel that says what it is told to say, in a process of its own: the same
# for each primary's name, but for "none".

package KS::FakeSentinel;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();

use KS::Proc qw(free_port stop_pid spew slurp tempdir);
use KS::RESP;


sub start {
    my ($class, %says) = @_;
    my $self = bless { port => free_port(), dir => tempdir() }, $class;

    $self->says(%says);

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port},
                                       Listen => 64, ReuseAddr => 1) or die "listen: $!";
    $self->{pid} = fork // die "fork: $!";

    if (!$self->{pid}) {
        eval { serve($listen, "$self->{dir}/says"); 1 } or print STDERR "# sentinel: $@";
        POSIX::_exit(0);
    }

    close $listen;
    return $self;
}


# host (127.0.0.1), port: the primary; epoch; mute: it answers nothing; later: it
# answers when that is 0 again; tell: it makes that known to its subscribers, without
# their asking
sub says {
    my ($self, %says) = @_;

    $self->{says} = { host => '127.0.0.1', port => 1, epoch => 0, mute => 0, tell => 0, later => 0,
                      %{$self->{says} // {}}, %says };
    spew("$self->{dir}/new", join ' ', @{$self->{says}}{qw(host port epoch mute tell later)});
    rename "$self->{dir}/new", "$self->{dir}/says";
    $self->{says}{tell} = 0;
}


sub port { $_[0]{port} }

sub stop { my ($self) = @_; stop_pid(delete $self->{pid}, 'KILL') if $self->{pid} }

sub DESTROY { local ($?, $@); $_[0]->stop }


sub bulk { return '$' . length($_[0]) . "\r\n$_[0]\r\n" }


sub serve {
    my ($listen, $file) = @_;
    my $all = IO::Select->new($listen);
    my (%in, %peer, %subscribed, $was);
    my $parent = getppid;

    local $SIG{PIPE} = 'IGNORE';

    while (getppid == $parent) {
        my @ready = $all->can_read(0.02);
        my $text = eval { slurp($file) } // return;
        my ($host, $port, $epoch, $mute, $tell, $later) = split ' ', $text;

        if ($tell && (!defined $was || $was ne $text)) {
            syswrite $_, ">3\r\n" . bulk('message') . bulk('+switch-master')
                         . bulk("store 127.0.0.1 1 $host $port") for values %subscribed;
        }

        $was = $text;

        for my $s (@ready) {
            if ($s == $listen) {
                my $c = $listen->accept or next;
                $all->add($c);
                $in{$c} = '';
                $peer{$c} = $c;
                next;
            }

            if (!sysread $s, $in{$s}, 65536, length $in{$s}) {
                $all->remove($s);
                delete $in{$s};
                delete $peer{$s};
                delete $subscribed{$s};
                close $s;
            }
        }

        next if $later;

        for my $s (values %peer) {
            while (defined(my $bytes = KS::RESP::take(\$in{$s}))) {
                my @argv = @{KS::RESP::plain(KS::RESP::value($bytes))};
                my $what = lc "$argv[0] " . ($argv[0] =~ /^(?:sentinel|client)$/i ? $argv[1] : '');

                next if $mute;

                if ($what =~ /^subscribe/) {
                    $subscribed{$s} = $s;
                    syswrite $s, ">3\r\n" . bulk('subscribe') . bulk($argv[1]) . ":1\r\n";

                } elsif ($what =~ /get-master/) {
                    syswrite $s, $argv[2] eq 'none' ? "_\r\n" : "*2\r\n" . bulk($host) . bulk($port);

                } elsif ($what =~ /sentinel master/) {
                    syswrite $s, $argv[2] eq 'none' ? "-ERR No such master with that name\r\n"
                        : "%2\r\n" . bulk('name') . bulk($argv[2]) . bulk('config-epoch') . bulk($epoch);

                } elsif ($what =~ /^hello/) {
                    syswrite $s, "%1\r\n" . bulk('proto') . ":3\r\n";

                } else {
                    syswrite $s, "+OK\r\n";
                }
            }
        }
    }
}


1;
