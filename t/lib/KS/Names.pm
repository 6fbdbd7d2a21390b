# A name server for one test, in a process of its own, which knows the names that it
# is told and no others; and certificates for names.

package KS::Names;

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(AF_INET AF_INET6 inet_pton);

use KS::Proc qw(capture slurp spew stop_pid tempdir);

our @EXPORT_OK = qw(certificates);


# names: each with its address, of IPv4 or IPv6
sub start {
    my ($class, %names) = @_;
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die "names: $!";
    my $self = bless { port => $s->sockport, file => tempdir() . '/names' }, $class;

    $self->says(%names);
    $self->{pid} = fork() // die "fork: $!";

    if (!$self->{pid}) {
        eval { serve($s, $self->{file}); 1 } or print STDERR "# names: $@";
        POSIX::_exit(0);
    }

    return $self;
}


# These are known from now on, and no others.
sub says {
    my ($self, %names) = @_;

    spew("$self->{file}.new", join '', map { "$_ $names{$_}\n" } sort keys %names);
    rename "$self->{file}.new", $self->{file} or die "names: $!";
}


# as the parameter of an "upstream" line
sub resolver { my ($self) = @_; return "resolver=127.0.0.1:$self->{port},valid=1s" }

sub stop { my ($self) = @_; stop_pid(delete $self->{pid}, 'KILL') if $self->{pid} }

sub DESTROY { local ($?, $@); $_[0]->stop }


# A question of type A or AAAA has one answer, or none, or there is no such name.
sub serve {
    my ($s, $file) = @_;
    my $parent = getppid;

    while (getppid == $parent) {
        next unless IO::Select->new($s)->can_read(0.5);
        my $peer = $s->recv(my $q, 512) // next;
        my ($question) = substr($q, 12) =~ /^(.*?\0....)/s or next;
        my $type = unpack 'n', substr($question, -4, 2);
        my %names = map { split } split /\n/, slurp($file);
        my $address = $names{lc join '.', unpack '(C/a)*', substr($question, 0, -5)};
        my ($bytes, $is) = ('', 0);

        if (defined $address) {
            my $v6 = $address =~ /:/;
            $is = $v6 ? 28 : 1;
            $bytes = inet_pton($v6 ? AF_INET6 : AF_INET, $address);
        }

        my $answer = $is == $type ? "\xc0\x0c" . pack('nnNn/a*', $type, 1, 1, $bytes) : '';
        $s->send(substr($q, 0, 2) . pack('nnnnn', defined $address ? 0x8180 : 0x8183, 1, $answer ? 1 : 0, 0, 0)
                 . $question . $answer);
    }
}


# In that directory: ca.pem, and with it pem and key for the names and addresses, as
# subjectAltName has them.  The exit code of openssl, and what it says.
sub certificates {
    my ($dir, $names) = @_;

    return capture(60, {}, 'sh', '-e', '-c', <<"SH");
cd $dir
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout ca.key -out ca.pem -subj /CN=ca 2>&1
openssl req -newkey rsa:2048 -nodes -keyout key -out csr -subj /CN=redis 2>&1
printf 'subjectAltName=$names' > ext
openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out pem 2>&1
chmod 644 key
SH
}


1;
