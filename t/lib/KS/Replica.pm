# What tests of replicas share: a proxy that cuts, delays and swallows, and
# whether two servers have the same keys.

package KS::Replica;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time sleep);

use Exporter qw(import);

use KS::Look qw(look);
use KS::Proc qw(tempdir free_port stop_pid spew slurp wait_for);

our @EXPORT_OK = qw(proxy does differs info same_place);


# --- a proxy ---

# {port}, where it listens for 127.0.0.1:$to; what it does is a word of does():
# "pass" bytes as they come; "late N" (ms); "cut" all connections and refuse new
# ones; "mute": nothing goes on in either direction, and nobody is told.
# "cut N" cuts each connection after that many bytes to the client; "to N" is
# "pass", and from now on to that port.
sub proxy {
    my ($to) = @_;
    my $self = { port => free_port(), dir => tempdir() };

    does($self, 'pass');

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $self->{port}, Listen => 64, ReuseAddr => 1)
        or die "listen: $!";
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        eval { carry($listen, $to, "$self->{dir}/mode"); 1 }
            or print STDERR "# proxy: $@";
        POSIX::_exit(0);
    }

    close $listen;
    $self->{pid} = $pid;
    push @KS::Replica::pids, $pid;

    return $self;
}

END { local $?; stop_pid($_, 'KILL') for @KS::Replica::pids }


sub does {
    my ($proxy, $mode) = @_;

    spew("$proxy->{dir}/mode.new", $mode);
    rename "$proxy->{dir}/mode.new", "$proxy->{dir}/mode";
}


# Ends with the test: it is its child.
sub carry {
    my ($listen, $to, $file) = @_;
    my (%peer, %queue, %sent);
    my $parent = getppid;
    my ($mode, $n, $looked) = ('pass', 0, 0);

    local $SIG{PIPE} = 'IGNORE';

    my $end = sub {
        my ($s) = @_;
        my $p = $peer{$s} or return;

        delete @peer{$s, $p};
        delete @queue{$s, $p};
        close $_ for $s, $p;
    };

    while (getppid == $parent) {

        if (time - $looked > 0.005) {
            ($mode, $n) = split ' ', eval { slurp($file) } // '';
            return unless defined $mode;        # the test is over
            $n //= 0;
            $to = $n if $mode eq 'to';
            $looked = time;

            if ($mode eq 'cut' && !$n) {
                my @all = map { $_->[0] } values %queue;
                $end->($_) for @all;
            }
        }

        my @all = map { $_->[0] } values %queue;
        my @ready = IO::Select->new($listen, $mode eq 'mute' ? () : @all)
                    ->can_read(0.005);

        for my $s (@ready) {
            if ($s == $listen) {
                my $c = $listen->accept or next;

                if ($mode eq 'cut' && !$n) {
                    close $c;
                    next;
                }

                my $up = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                               PeerPort => $to);

                if (!$up) {
                    close $c;
                    next;
                }

                $_->blocking(0) for $c, $up;
                @peer{$c, $up} = ($up, $c);
                @queue{$c, $up} = ([$c, []], [$up, []]);
                $sent{$c} = 0;
                next;
            }

            next unless $peer{$s};

            my $got = sysread $s, my $bytes, 65536;

            if (defined $got && $got) {
                push @{$queue{$peer{$s}}[1]},
                     [time + ($mode eq 'late' ? $n / 1000 : 0), $bytes];

            } elsif (defined $got || !$!{EAGAIN}) {
                $end->($s);
            }
        }

        # what is ended on the way is gone from the table
        my @queues = values %queue;

        for my $q (@queues) {
            my ($s, $list) = @$q;

            next if $mode eq 'mute' || !$peer{$s};

            while ($peer{$s} && @$list && $list->[0][0] <= time) {
                my $wrote = syswrite $s, $list->[0][1];

                if (!defined $wrote) {
                    $end->($s) unless $!{EAGAIN};
                    last;
                }

                substr $list->[0][1], 0, $wrote, '';
                shift @$list unless length $list->[0][1];

                if (exists $sent{$s} && $mode eq 'cut') {
                    $sent{$s} += $wrote;
                    $end->($s) if $sent{$s} > $n;
                }
            }
        }
    }
}


# --- two servers ---

sub info {
    my ($r, $name, $section) = @_;
    my ($v) = $r->run('INFO', $section // 'replication') =~ /^\Q$name\E:(.*?)\r?$/m;

    return $v;
}


# Whether the replica has come to where its primary is.
sub same_place {
    my ($primary, $edge) = @_;

    return (info($edge, 'master_link_status') // '') eq 'up'
           && info($edge, 'slave_repl_offset')
              == info($primary, 'master_repl_offset');
}


# In what both differ, as texts, but for keys "limit:", which are the replica's
# own; it may need a while.
sub differs {
    my ($primary, $edge, $seconds) = @_;
    my @found;

    wait_for($seconds // 30, sub {
        return unless same_place($primary, $edge);

        my @keys = sort @{$primary->run('KEYS', '*')};
        my @has = sort grep { !/^limit:/ } @{$edge->run('KEYS', '*')};

        if (join("\0", @keys) ne join("\0", @has)) {
            my %has = map { $_ => 1 } @has;
            my %keys = map { $_ => 1 } @keys;

            @found = ('missing: ' . join(' ', grep { !$has{$_} } @keys),
                      'more: ' . join(' ', grep { !$keys{$_} } @has));
            return;
        }

        @found = ();

        for my $key (@keys) {
            my ($is, $should) = (look($edge, $key), look($primary, $key));

            push @found, "$key: $is\nshould be: $should" if $is ne $should;
        }

        return !@found;
    }, 0.05) or @found or return ('they do not come to the same place: '
                                  . $edge->run('INFO', 'replication')
                                  . $primary->run('INFO', 'replication'));

    return @found;
}


1;
