# A primary of Redis with replicas, and sentinels that watch it: servers of this
# system that a test kills, stops and brings back.

package KS::Sentinel;

use strict;
use warnings;

use Carp qw(croak);

use KS::Proc qw(tempdir free_port wait_for spawn_command stop_pid alive slurp
                spew);
use KS::RESP;
use KS::Redis;


# replicas, sentinels: how many; down: ms without an answer after which a primary
# is down; options: of each server; conf: of each sentinel; primary: one that is
# there already, with a port(); host: the primary's, an address of this machine or a
# name of it; program: a server of KS_TRIXIE, in place of this system's
sub start {
    my ($class, %with) = @_;
    my $self = bless { name => $with{name} // 'store', servers => [],
                       sentinels => [], with => \%with }, $class;
    my @options = ('--repl-diskless-sync-delay', 0, @{$with{options} // []});

    $self->{host} = $with{host} // '127.0.0.1';
    push @options, '--bind', '127.0.0.1', '::1' if $self->{host} =~ /:/;
    push @options, '--replica-announce-ip', $self->{host} if $self->{host} =~ /[a-z]/;

    if (!$with{primary}) {
        push @{$self->{servers}}, KS::Redis->start_of($with{program}, @options);

        for (1 .. $with{replicas} // 2) {
            push @{$self->{servers}},
                 KS::Redis->start_of($with{program}, @options, '--replicaof',
                                     "$self->{host} " . $self->{servers}[0]->port);
        }
    }

    my $port = ($with{primary} // $self->{servers}[0])->port;
    push @{$self->{sentinels}}, $self->sentinel($port) for 1 .. $with{sentinels} // 3;
    my $n = @{$self->{sentinels}};

    wait_for(60, sub {
        $n == grep {
            my %is = $self->sees($_);
            ($is{flags} // '') eq 'master' && $is{'num-other-sentinels'} == $n - 1
            && ($with{primary} || $is{'num-slaves'} == $#{$self->{servers}})
        } @{$self->{sentinels}}
    }) or croak 'the sentinels do not find each other';

    return $self;
}


sub sentinel {
    my ($self, $port) = @_;
    my $s = { dir => tempdir(), port => free_port() };
    my $quorum = int(($self->{with}{sentinels} // 3) / 2) + 1;
    my $down = $self->{with}{down} // 800;
    my $extra = $self->{with}{conf} // '';
    my $bind = $self->{host} =~ /:/ ? '127.0.0.1 ::1' : '127.0.0.1';
    my $names = $self->{host} =~ /[a-z]/ ? 'yes' : 'no';

    spew("$s->{dir}/conf", <<"CONF");
port $s->{port}
bind $bind
dir $s->{dir}
sentinel resolve-hostnames $names
sentinel announce-hostnames $names
sentinel monitor $self->{name} $self->{host} $port $quorum
sentinel down-after-milliseconds $self->{name} $down
sentinel failover-timeout $self->{name} 4000
$extra
CONF

    $self->begin($s);
    return $s;
}


sub begin {
    my ($self, $s) = @_;

    my $program = $self->{with}{program};

    $s->{pid} = spawn_command("$s->{dir}/log", {}, $program ? KS::Redis::of_trixie($program) : 'redis-server',
                              "$s->{dir}/conf", '--sentinel');
    wait_for(20, sub { !alive($s->{pid}) || eval { $self->talk($s)->run('PING') } })
        or croak 'a sentinel does not answer';
    croak 'sentinel: ' . slurp("$s->{dir}/log") unless alive($s->{pid});
}


sub talk {
    my ($self, $s) = @_;
    my $r = KS::RESP->new(port => $s->{port}, timeout => 10);

    $r->run('AUTH', @{$self->{with}{auth}}) if $self->{with}{auth};
    return $r;
}


# What a sentinel knows of the primary.
sub sees {
    my ($self, $s) = @_;
    my $v = eval { $self->talk($s)->run('SENTINEL', 'MASTER', $self->{name}) };

    return ref $v eq 'HASH' ? %$v : @{$v // []};
}


# Which server is the primary, by what the sentinels say.
sub primary {
    my ($self) = @_;

    for my $s (@{$self->{sentinels}}) {
        my $v = eval { $self->talk($s)->run('SENTINEL', 'get-master-addr-by-name', $self->{name}) } // next;
        my ($r) = grep { $_->port == $v->[1] } @{$self->{servers}};
        return $r if $r;
    }

    return undef;
}


# Waits until all sentinels name another primary than that, which is returned.
sub switched {
    my ($self, $old, $seconds) = @_;
    my $new;

    wait_for($seconds // 60, sub {
        my @named = map { my %is = $self->sees($_); $is{port} // 0 } grep { alive($_->{pid}) } @{$self->{sentinels}};
        ($new) = grep { $_->port == $named[0] } @{$self->{servers}};
        return $new && $new != $old && !grep { $_ != $named[0] } @named;
    });

    return $new;
}


# The address of an "upstream" line.
sub address {
    my ($self) = @_;
    my $host = $self->{host} =~ /:/ ? "[$self->{host}]" : $self->{host};

    return "sentinel:$self->{name}@" . join ',', map { "$host:$_->{port}" } @{$self->{sentinels}};
}


# A server that was killed is there again, with what it had at the beginning.
sub back {
    my ($self, $redis, @options) = @_;

    $redis->{pid} = spawn_command("$redis->{dir}/log", {}, 'redis-server',
        '--port', $redis->port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no',
        '--databases', '1', '--dir', $redis->{dir}, @options);
    wait_for(20, sub { $redis->connect }) or croak 'redis-server does not answer';
    $redis->{in} = '';
}


sub stop {
    my ($self) = @_;

    for (@{delete $self->{sentinels} // []}, @{delete $self->{servers} // []}) {
        kill CONT => $_->{pid};
        stop_pid($_->{pid}, 'KILL');
    }
}


sub DESTROY { local ($?, $@); $_[0]->stop }


1;
