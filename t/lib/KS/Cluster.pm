# A Redis Cluster of redis-servers, for one test: primaries that share the slots,
# and, if asked for, a replica of each.  A slot is moved as redis-cli does it.

package KS::Cluster;

use strict;
use warnings;

use Carp qw(croak);

use KS::Proc qw(free_port wait_for stop_pid);
use KS::RESP;
use KS::Redis;

use constant SLOTS => 16384;


sub available {
    return KS::Redis->available;
}


# nodes: how many primaries; replicas: of each; options: of all servers; tls: options
# by which they have TLS, also among themselves; names: a word before which they
# announce a name each, n1, n2 and so on; host: by which they know each other;
# program: a server of KS_TRIXIE, in place of this system's
sub start {
    my ($class, %o) = @_;
    my $n = $o{nodes} // 3;
    my $self = bless { primaries => [], replicas => [], options => $o{options} // [],
                       tls => $o{tls}, names => $o{names}, host => $o{host} // '127.0.0.1',
                       program => $o{program} }, $class;

    push @{$self->{primaries}}, $self->node for 1 .. $n;
    push @{$self->{replicas}}, $self->node for 1 .. $n * ($o{replicas} // 0);

    for my $i (0 .. $n - 1) {
        my $r = $self->{primaries}[$i];
        $r->run('CLUSTER', 'SET-CONFIG-EPOCH', $i + 1);
        $r->run('CLUSTER', 'ADDSLOTSRANGE', int(SLOTS * $i / $n), int(SLOTS * ($i + 1) / $n) - 1);
    }

    $self->meet($_) for $self->all;
    wait_for(60, sub { !grep { state_of($_) ne 'ok' || known($_) != $self->all } @{$self->{primaries}} })
        or croak 'the cluster does not come to be';

    for my $i (0 .. $#{$self->{replicas}}) {
        my ($r, $of) = ($self->{replicas}[$i], id($self->{primaries}[$i % $n]));
        wait_for(60, sub { known($r) == $self->all && eval { $r->run('CLUSTER', 'REPLICATE', $of) eq 'OK' } })
            or croak 'a replica does not come to be';
        wait_for(60, sub { $r->run('INFO', 'replication') =~ /master_link_status:up/ })
            or croak 'a replica does not come up';
    }

    return $self;
}


sub node {
    my ($self) = @_;
    my ($bus, $secure) = (free_port(), $self->{tls} ? free_port() : undef);
    my $name = $self->{names} && 'n' . ($self->all + 1) . ".$self->{names}";
    my $r = KS::Redis->start_of($self->{program}, '--cluster-enabled', 'yes', '--cluster-port', $bus,
                             '--cluster-node-timeout', '3000', '--repl-diskless-sync-delay', '0',
                             $secure ? ('--tls-port', $secure, '--tls-cluster', 'yes', @{$self->{tls}}) : (),
                             $name ? ('--cluster-announce-hostname', $name,
                                      '--cluster-preferred-endpoint-type', 'hostname') : (),
                             $self->{host} =~ /:/ ? ('--bind', '127.0.0.1', '::1') : (),
                             @{$self->{options}});

    @$r{qw(bus secure name)} = ($bus, $secure, $name);

    return $r;
}


# A new primary without slots, which the others know.
sub add {
    my ($self) = @_;
    my $r = $self->node;

    push @{$self->{primaries}}, $r;
    $self->meet($r);
    wait_for(60, sub { !grep { known($_) != $self->all || state_of($_) ne 'ok' } $self->all })
        or croak 'a node is not known';

    return $r;
}


sub meet {
    my ($self, $r) = @_;
    my $first = $self->{primaries}[0];

    $first->run('CLUSTER', 'MEET', $self->{host}, $r->{secure} // $r->port, $r->{bus}) if $r != $first;
}


sub all { my @all = (@{$_[0]{primaries}}, @{$_[0]{replicas}}); return @all }
sub primaries { return @{$_[0]{primaries}} }
sub replicas { return @{$_[0]{replicas}} }
sub id { return $_[0]->run('CLUSTER', 'MYID') }
sub state_of { return $_[0]->run('CLUSTER', 'INFO') =~ /cluster_state:(\w+)/ ? $1 : '' }
sub known { return scalar(() = $_[0]->run('CLUSTER', 'NODES') =~ /^\w{40} (?!.*(?:handshake|noaddr))/mg) }
sub slot { return $_[0]{primaries}[0]->run('CLUSTER', 'KEYSLOT', $_[1]) }


# as the address of an edge's upstream; names: with these in place of addresses
sub addresses {
    my ($self, %with) = @_;
    my $host = $self->{host} =~ /:/ ? "[$self->{host}]" : $self->{host};

    return 'cluster:' . ($self->{tls} ? 'rediss://' : '')
           . join ',', map { ($with{names} ? $_->{name} : $host) . ':' . ($_->{secure} // $_->port) } $self->primaries;
}


# The primary that has a slot, as itself says.
sub owner {
    my ($self, $slot) = @_;

    for my $r (grep { !$_->{gone} } $self->all) {
        my ($mine) = grep { /myself,master/ } split /\n/, eval { $r->run('CLUSTER', 'NODES') } // '';
        for (grep { defined && !/^\[/ } (split / /, $mine // '')[8 .. 200]) {
            my ($from, $to) = split /-/;
            return $r if $slot >= $from && $slot <= ($to // $from);
        }
    }

    return;
}


# Runs a command where its slot is.
sub run {
    my ($self, $key, @argv) = @_;
    my $v;

    wait_for(30, sub {
        my $r = $self->owner($self->slot_of($key)) // return;
        my $bytes = eval { ($r->replies([@argv]))[0] } // return;
        return if $bytes =~ /^-(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/;
        $v = KS::RESP::value($bytes);
        1;
    }) or croak "no node runs @argv";

    return ref $v eq 'HASH' ? $v->{text} : $v;
}


sub slot_of {
    my ($self, $key) = @_;
    my ($r) = grep { !$_->{gone} } $self->all;

    return $r->run('CLUSTER', 'KEYSLOT', $key);
}


# The steps of a move: begun, some keys moved (all of them without a number), ended.
sub begin {
    my ($self, $slot, $from, $to) = @_;

    $to->run('CLUSTER', 'SETSLOT', $slot, 'IMPORTING', id($from));
    $from->run('CLUSTER', 'SETSLOT', $slot, 'MIGRATING', id($to));
}

sub migrate {
    my ($self, $slot, $from, $to, $max) = @_;
    my $moved = 0;

    while (my @keys = keys_of($from, $slot, $max // 10)) {
        my $said = $from->run('MIGRATE', $self->{host}, $to->{secure} // $to->port, '', '0', '5000', 'KEYS', @keys);
        croak "MIGRATE: $said" if $said !~ /^(?:OK|NOKEY)/;
        $moved += @keys;
        last if defined $max;
    }

    return $moved;
}

sub keys_of {
    my ($r, $slot, $max) = @_;
    my ($reply) = $r->replies(['CLUSTER', 'GETKEYSINSLOT', $slot, $max]);

    return @{KS::RESP::plain(KS::RESP::value($reply))};
}

sub end {
    my ($self, $slot, $from, $to) = @_;

    for my $r ($to, $from, grep { $_ != $to && $_ != $from } grep { !$_->{gone} } $self->primaries) {
        $r->run('CLUSTER', 'SETSLOT', $slot, 'NODE', id($to));
    }
}

sub move {
    my ($self, $slot, $from, $to) = @_;

    $self->begin($slot, $from, $to);
    $self->migrate($slot, $from, $to);
    $self->end($slot, $from, $to);
}


# kill -9
sub kill_node {
    my ($self, $r) = @_;

    $r->{gone} = 1;
    stop_pid($r->{pid}, 'KILL');
}


sub stop {
    my ($self) = @_;

    $_->stop for grep { !$_->{gone} } $self->all;
}


1;
