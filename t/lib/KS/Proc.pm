# Child processes of a test: a directory of their own, a free port, and an
# end that always comes.  Everything here is bounded in time, listens on
# 127.0.0.1 only, and stops only what it started, by pid.

package KS::Proc;

use strict;
use warnings;

use Exporter 'import';
use Fcntl qw(:flock);
use File::Spec ();
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(tempdir free_port wait_for within spawn_command stop_pid
                    children slurp spew root alive capture installed
                    program_paths first_bytes);

my $owner = $$;
my %running;        # pid => signal that ends it
my @dirs;


# the top of the source tree
sub root {
    my $dir = __FILE__;
    $dir =~ s{[^/]+$}{../../..};
    return Cwd::abs_path($dir);
}


# Where the programs of that name are.
sub program_paths {
    my ($program) = @_;

    return grep { -x } map { "$_/$program" }
        split /:/, "$ENV{PATH}:/usr/sbin:/usr/local/sbin";
}


sub installed {
    my ($program) = @_;

    return scalar(my @paths = program_paths($program));
}


sub tempdir {
    my $dir = File::Temp->newdir('keyspace-XXXXXXXX', TMPDIR => 1,
                                 CLEANUP => 0)->dirname;

    chmod 0755, $dir or die "chmod $dir: $!";
    push @dirs, $dir;

    return $dir;
}


# A port that nobody listens on, and no other test takes while this one runs:
# a lock of a file says whose it is.  Ports that the kernel gives to outgoing
# connections lie above.
my @ports;
my $tries = 0;

sub free_port {
    my $dir = File::Spec->tmpdir . '/keyspace-ports';

    chmod 01777, $dir if mkdir $dir;

    for (1 .. 5000) {
        my $port = 12000 + ($$ * 7919 + $tries++ * 101) % 20000;

        open my $lock, '>', "$dir/$port" or next;
        flock $lock, LOCK_EX | LOCK_NB or next;

        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                      LocalPort => $port, Listen => 1,
                                      ReuseAddr => 1, Proto => 'tcp') or next;
        push @ports, $lock;

        return $port;
    }

    die "no free port in $dir";
}


# Polls code until it returns true; its value, or undef after the limit.  That is
# never less than a minute: a machine that has much else to do may leave a
# process without a processor for seconds.
our $PATIENCE = 60;

sub wait_for {
    my ($seconds, @rest) = @_;

    return within($seconds > $PATIENCE ? $seconds : $PATIENCE, @rest);
}


# The same for what need not come to be true: so many seconds, and no more.
sub within {
    my ($seconds, $code, $step) = @_;
    my $end = time + $seconds;

    while (1) {
        my $v = $code->();

        return $v if $v;
        return undef if time > $end;

        sleep($step // 0.01);
    }
}


# Waits for the first bytes of a new connection.  The kernel wakes one worker for
# it; where that worker is killed before it has taken the connection, no other
# one hears of it until the next connection comes: here it comes.
sub first_bytes {
    my ($socket, $seconds) = @_;
    my $select = IO::Select->new($socket);
    my $soon = $seconds < 3 ? $seconds : 3;

    return 1 if $select->can_read($soon);

    my $next = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $socket->peerport // return 0);

    return $select->can_read($seconds - $soon) ? 1 : 0;
}


# Starts a command with its output in a file; END ends it, and so does the end
# of a test that had no time for END.
sub spawn_command {
    my ($out, $env, @command) = @_;

    unshift @command, 'setpriv', '--pdeathsig', 'TERM'
        if installed('setpriv');

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        # past this test's END blocks, whatever happens
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $out;
        open STDERR, '>&', \*STDOUT;
        local @ENV{keys %$env} = values %$env;
        { no warnings; exec { $command[0] } @command; }
        print STDERR "exec $command[0]: $!\n";
        POSIX::_exit(127);
    }

    $running{$pid} = 'TERM';

    return $pid;
}


sub alive {
    my ($pid) = @_;

    # a child that has ended and was not waited for is not alive
    return 0 unless -e "/proc/$pid/stat";
    my ($state) = (slurp("/proc/$pid/stat") // '') =~ /\)\s+(\S)/;
    return defined $state && $state ne 'Z';
}


# Ends a child, gently and then not; its wait status.
sub stop_pid {
    my ($pid, $signal) = @_;

    return undef unless delete $running{$pid};

    kill $signal // 'TERM', $pid;

    if (!wait_for(10, sub { !alive($pid) })) {
        kill 'KILL', $_ for children($pid), $pid;
    }

    local $?;
    waitpid $pid, 0;

    return $?;
}


sub children {
    my ($pid) = @_;
    my %ppid;

    for my $stat (glob '/proc/[0-9]*/stat') {
        my $text = slurp($stat) // next;
        my ($p, $state, $parent) = $text =~ /^(\d+) \(.*\) (\S) (\d+)/s
            or next;
        $ppid{$p} = $parent if $state ne 'Z';
    }

    return sort { $a <=> $b } grep { $ppid{$_} == $pid } keys %ppid;
}


sub slurp {
    my ($path) = @_;

    open my $f, '<:raw', $path or return undef;
    local $/;
    return <$f> // '';
}


sub spew {
    my ($path, $text) = @_;

    open my $f, '>:raw', $path or die "$path: $!";
    print $f $text;
    close $f or die "$path: $!";
}


# Runs a command to its end with a limit: (exit code, stdout and stderr).
sub capture {
    my ($seconds, $env, @command) = @_;
    my $out = tempdir() . '/out';
    my $pid = spawn_command($out, $env, @command);

    my $done = wait_for($seconds, sub {
        waitpid($pid, POSIX::WNOHANG()) == $pid
    });

    my $status = $?;

    if (!$done) {
        stop_pid($pid, 'KILL');
        return (-1, "(no end within $seconds s)\n" . slurp($out));
    }

    delete $running{$pid};

    return ($status & 127 ? 128 + ($status & 127) : $status >> 8, slurp($out));
}


use Cwd ();

END {
    if ($$ == $owner) {
        my $status = $?;

        stop_pid($_) for keys %running;

        if (!$ENV{KS_KEEP}) {
            require File::Path;
            File::Path::remove_tree(@dirs, { safe => 0 });
        }

        $? = $status;
    }
}


1;
