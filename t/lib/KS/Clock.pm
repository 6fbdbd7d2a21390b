# A clock of the test's own (lib/clock.c), for each nginx that is started with
# its env:
#
#   my $clock = KS::Clock->new;
#   my $ngx = KS::Nginx->start(env => $clock->env);
#   $clock->hold;               # time stands still
#   $clock->move(60);           # ... a minute later
#   $clock->set(-3600);         # runs, an hour behind the machine's
#
# A limit's window ends in the midst of a test some day; of one that is held it
# does not.  Timers go by another clock, which is nobody's to move.

package KS::Clock;

use strict;
use warnings;

use Carp qw(croak);

use KS::Proc qw(capture installed spew tempdir);


sub available { installed('cc') }


sub new {
    my ($class) = @_;
    my $dir = tempdir();
    my $self = bless { path => "$dir/clock", preload => "$dir/clock.so" },
                     $class;
    my $source = __FILE__ =~ s{[^/]+/[^/]+$}{clock.c}r;
    my ($code, $out) = capture(60, {}, 'cc', '-shared', '-fPIC', '-o',
                               $self->{preload}, $source);

    croak "clock.c: $out" if $code != 0;

    # a worker, of whatever user, makes a file there
    chmod 0777, $dir;
    $self->set(0);

    return $self;
}


sub env {
    my ($self) = @_;

    return { KS_CLOCK => $self->{path}, LD_PRELOAD => $self->{preload} };
}


# It runs, that many seconds ahead of the machine's.
sub set {
    my ($self, $seconds) = @_;

    $self->tell($seconds);
}


# It stands still from now on.
sub hold {
    my ($self) = @_;

    $self->{held} = time;
    $self->tell("=$self->{held}");
}


# It stands still so many seconds from where hold has left it.
sub move {
    my ($self, $seconds) = @_;

    $self->tell('=' . ($self->{held} + $seconds));
}


# Each reader finds either what was or what is; Linux wakes those who want to
# know of it.
sub tell {
    my ($self, $text) = @_;

    spew("$self->{path}.new", $text);
    rename "$self->{path}.new", $self->{path} or croak "$self->{path}: $!";

    for my $fifo ($self->listeners) {
        open my $f, '+<', $fifo or croak "$fifo: $!";
        syswrite $f, 'x';
    }
}


# A file for each worker that wants to know of it, or has wanted to.
sub listeners {
    my ($self) = @_;

    return glob "$self->{path}.[0-9]*";
}


1;
