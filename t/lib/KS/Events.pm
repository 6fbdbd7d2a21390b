# The keyspace notifications of commands, by the engine alone and by
# redis-server: commands in, and for each what was told, in its order.
#
# The engine is build/unit/test_event.  In neither does a key expire before a
# command comes upon it.

package KS::Events;

use strict;
use warnings;

use Carp qw(croak);
use IPC::Open2 qw(open2);

use KS::Proc qw(root);
use KS::RESP;
use KS::Redis;

my $build = $ENV{KS_BUILD} || root() . '/build';

our $PROGRAM = "$build/unit/test_event";


# Both, with these flags; options of redis-server may follow.
sub start {
    my ($class, $flags, $program, @options) = @_;
    my $redis = KS::Redis->start_of($program, '--enable-debug-command', 'local',
                                    '--notify-keyspace-events', $flags,
                                    @options);
    my $ear = KS::RESP->new(port => $redis->port);
    my $self = bless { redis => $redis, ear => $ear, in => '' }, $class;

    $redis->run('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
    $ear->command('PSUBSCRIBE', '*');
    $self->{pid} = open2(@$self{qw(out to)}, $PROGRAM, 'serve', $flags);

    return $self;
}


# Of Redis: for each command its reply, and its events as [channel, message].
sub redis {
    my ($self, @commands) = @_;
    my @replies = $self->{redis}->replies(map { ($_, ['PUBLISH', 'end', ''])
                                              } @commands);
    my @out;

    for my $i (0 .. $#commands) {
        my @events;

        for ( ;; ) {
            my (undef, undef, $channel, $message)
                = KS::RESP::texts($self->{ear}->reply);

            last if $channel eq 'end';
            push @events, [$channel, $message];
        }

        push @out, [$replies[2 * $i], @events];
    }

    return @out;
}


# The same of the engine.
sub engine {
    my ($self, @commands) = @_;
    my @out;

    for my $command (@commands) {
        syswrite $self->{to}, KS::RESP::encode(@$command);

        my $bytes;

        while (!defined($bytes = KS::RESP::take(\$self->{in}))) {
            sysread $self->{out}, $self->{in}, 262144, length $self->{in}
                or croak 'the engine has ended';
        }

        my ($reply, @texts) = KS::RESP::texts($bytes);

        push @out, [$reply, map { [splice @texts, 0, 2] } 1 .. @texts / 2];
    }

    return @out;
}


# The events of one command as texts; of both channels.
sub show {
    my (undef, @events) = @{$_[0]};

    return map { event(@$_) } @events;
}


sub event {
    my ($channel, $message) = @_;

    return "$message $1"   if $channel =~ /^__keyspace\@0__:(.*)/s;
    return "($1 $message)" if $channel =~ /^__keyevent\@0__:(.*)/s;
    return "$channel?";
}


sub stop {
    my ($self) = @_;

    close $self->{to};
    waitpid $self->{pid}, 0;
    $self->{redis}->stop;

    return $?;
}


1;
