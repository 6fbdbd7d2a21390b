# The origin server of tests of caches, origin.py: what it answers is planned.
#
#   my $origin = KS::Origin->start;         # port is its port
#   $origin->plan('/a', { headers => [['Cache-Control', 'max-age=9']] }, ...);
#   $origin->seen('/a')                     # the requests that came
#
# A plan is one response after another; the last one stays.

package KS::Origin;

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP ();

use KS::HTTP;
use KS::Proc qw(free_port root slurp spawn_command stop_pid tempdir wait_for);

my $json = JSON::PP->new;


sub start {
    my ($class) = @_;
    my $self = bless { port => free_port(), out => tempdir() . '/out' },
                     $class;

    $self->begin;

    return $self;
}


sub begin {
    my ($self) = @_;
    my $port = $self->{port};

    $self->{pid} = spawn_command($self->{out}, {}, 'python3',
                                 root() . '/t/lib/origin.py', $port);

    wait_for(30, sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    }) or die 'no origin: ' . slurp($self->{out});

    $self->{http} = KS::HTTP->new(port => $port);
}


sub stop { stop_pid($_[0]{pid}) }


sub plan {
    my ($self, $path, @responses) = @_;

    $self->{http}->request('PUT', "/-/plan$path",
                           body => $json->encode(\@responses));
}


sub seen {
    my ($self, $path) = @_;

    return $json->decode(
        $self->{http}->request('GET', "/-/seen$path")->{body});
}


1;
