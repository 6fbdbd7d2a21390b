# The application that answers as its query tells it to, in upstream.py; and a
# browser of one cookie.
#
#   my $app = KS::App->start;               # port and fastcgi are its ports
#   my $b = KS::App::browser($ngx->client);
#   $b->get('/app', KS::App::session('set user=1'))->{json}

package KS::App;

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP ();

use KS::Proc qw(free_port root slurp spawn_command stop_pid tempdir wait_for);


sub start {
    my ($class) = @_;
    my $self = bless { port => free_port(), fastcgi => free_port(),
                       out => tempdir() . '/out' }, $class;

    $self->{pid} = spawn_command($self->{out}, {}, 'python3',
                                 root() . '/t/lib/upstream.py',
                                 $self->{port}, $self->{fastcgi});

    for my $port (@$self{qw(port fastcgi)}) {
        wait_for(30, sub {
            IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        }) or die "no application: " . slurp($self->{out});
    }

    return $self;
}


sub stop { stop_pid($_[0]{pid}) }


# Text of a configuration, in which %APP% and %FASTCGI% stand for its ports.
sub conf {
    my ($self, $text) = @_;

    $text =~ s/%APP%/$self->{port}/g;
    $text =~ s/%FASTCGI%/$self->{fastcgi}/g;

    return $text;
}


# A query that asks for these response headers.
sub query {
    my (@headers) = @_;

    return join '&', map {
        'header=' . s/([^A-Za-z0-9])/sprintf '%%%02x', ord $1/ger
    } @headers;
}


sub session { return query(map { "Keyspace-Session: $_" } @_) }


# --- a browser ---

sub browser {
    my ($http, %options) = @_;

    return bless { http => $http, name => 'sid', jar => undef, %options },
                 'KS::App::Browser';
}


package KS::App::Browser;


# options: query, headers (lines more), cookie (instead of its own; undef: none)
sub get {
    my ($self, $uri, $query, %o) = @_;
    my $cookie = exists $o{cookie} ? $o{cookie}
               : defined $self->{jar} ? "$self->{name}=$self->{jar}" : undef;
    my @headers = @{$o{headers} // []};

    push @headers, "Cookie: $cookie" if defined $cookie;
    $uri .= "?$query" if defined $query && length $query;

    my $r = $self->{http}->request($o{method} // 'GET', $uri, token => undef,
                                   headers => \@headers, body => $o{body});

    die "$uri: " . ($r->{why} // 'no reply') . "\n" if !$r->{status};

    $r->{cookies} = [$r->{head} =~ /^Set-Cookie: (.*?)\r$/mig];
    $r->{json} = eval { JSON::PP::decode_json($r->{body}) };

    for my $set (@{$r->{cookies}}) {
        my ($value) = $set =~ /^\Q$self->{name}\E=([^;]*)/ or next;
        $self->{jar} = $set =~ /Max-Age=0/ ? undef : $value;
    }

    return $r;
}


1;
