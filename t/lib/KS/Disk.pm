# A disk that fails when a test says so (t/preload/disk.c), for each nginx that
# is started with its env:
#
#   my $disk = KS::Disk->new;
#   my $ngx = KS::Nginx->start(env => $disk->env);
#   $disk->fail('write', 'main.rdb', ENOSPC, pass => 2);    # the third one
#   ... $disk->failed                                       # how often it did
#   $disk->mend;

package KS::Disk;

use strict;
use warnings;

use Carp qw(croak);

use KS::Proc qw(capture installed root slurp spew tempdir);


sub available { installed('cc') }


sub new {
    my ($class) = @_;
    my $dir = tempdir();
    my $self = bless { path => "$dir/disk", preload => "$dir/disk.so" }, $class;
    my ($code, $out) = capture(60, {}, 'cc', '-O2', '-shared', '-fPIC', '-o',
                               $self->{preload}, root() . '/t/preload/disk.c',
                               '-ldl');

    croak "disk.c: $out" if $code != 0;

    chmod 0755, $dir;
    spew($self->{path}, pack 'x92');
    $self->mend;

    return $self;
}


sub env {
    my ($self) = @_;

    return { KS_DISK => $self->{path}, LD_PRELOAD => $self->{preload} };
}


# That call, for files with this part in their path: pass => so many are good
# before, times => so many fail then.
sub fail {
    my ($self, $call, $part, $errno, %options) = @_;

    $self->tell(pack 'Z16Z64lLLL', $call, $part, $errno, $options{pass} // 0,
                $options{times} // 1, 0);
}


sub mend {
    my ($self) = @_;

    $self->tell(pack 'Z16Z64lLLL', '', '', 0, 0, 0, 0);
}


sub failed {
    my ($self) = @_;

    return (unpack 'Z16Z64lLLL', slurp($self->{path}))[5];
}


# In place, as it is mapped by others.
sub tell {
    my ($self, $bytes) = @_;

    open my $f, '+<', $self->{path} or croak "$self->{path}: $!";
    syswrite $f, $bytes;
    close $f or croak "$self->{path}: $!";
}


1;
