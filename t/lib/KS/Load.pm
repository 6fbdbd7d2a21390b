# Clients that write and read until they are told to stop, each in a process
# of its own, and that know exactly what the store must hold.
#
#   my $load = KS::Load->new($ngx, clients => 4, retry => 'unread');
#   ...
#   my $sum = $load->stop;      # { done => n, broken => n, faults => [...] }
#   my $bad = $load->verify;    # faults in what the store holds now
#
# retry says what a client may do when its connection breaks:
#   unread  a connection that was closed between requests is opened anew and
#           the request, of whose reply no byte has come, sent again; anything
#           else is a fault.  Every request was then done exactly once.
#   reread  the reply is lost and the command may or may not have been done:
#           the client looks which, and it must be wholly the one or the other.
#
# looks => n: how often, every 5 ms, a client that looks asks in vain.
#
# heavy => n adds as many clients that send long pipelines of multi-key writes,
# so that a worker spends much of its time in the midst of one.

package KS::Load;

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use KS::HTTP;
use KS::Proc qw(tempdir slurp spew);

my $json = JSON::PP->new->latin1;


sub new {
    my ($class, $ngx, %options) = @_;
    my $self = bless { ngx => $ngx, dir => tempdir(), pids => [],
                       clients => 4, retry => 'unread', seed => 1,
                       looks => 200,
                       %options }, $class;

    $self->launch($_, \&client) for 1 .. $self->{clients};
    $self->launch($self->{clients} + $_, \&heavy_client)
        for 1 .. $self->{heavy} // 0;

    return $self;
}


sub launch {
    my ($self, $id, $code) = @_;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        my $ok = eval { $self->$code($id); 1 };
        spew("$self->{dir}/$id.dead", "$@") if !$ok;
        POSIX::_exit(0);
    }

    push @{$self->{pids}}, $pid;
}


sub stop {
    my ($self) = @_;

    spew("$self->{dir}/stop", '');

    local $?;
    waitpid $_, 0 for @{$self->{pids}};

    my %sum = (done => 0, broken => 0, faults => []);
    $self->{model} = {};

    for my $id (1 .. @{$self->{pids}}) {
        my $text = slurp("$self->{dir}/$id.out");

        if (!defined $text) {
            push @{$sum{faults}}, "client $id ended: "
                . (slurp("$self->{dir}/$id.dead") // 'without a word');
            next;
        }

        my $out = $json->decode($text);
        $sum{$_} += $out->{$_} for qw(done broken);
        push @{$sum{faults}}, @{$out->{faults}};
        %{$self->{model}} = (%{$self->{model}}, %{$out->{model}});
    }

    return \%sum;
}


sub stopped { return -e "$_[0]{dir}/stop" }


# What the store holds against what the clients know.
sub verify {
    my ($self) = @_;
    my $http = $self->{ngx}->client;
    my @keys = sort keys %{$self->{model}};
    my @bad;

    while (my @some = splice @keys, 0, 200) {
        my $got = $http->run('MGET', @some);

        for my $i (0 .. $#some) {
            my $want = $self->{model}{$some[$i]};
            push @bad, "$some[$i] is " . show($got->[$i]) . ', not '
                       . show($want) if show($want) ne show($got->[$i]);
        }
    }

    return @bad;
}


sub show {
    my ($v) = @_;

    return '(nothing)' if !defined $v;
    return $v if length $v <= 60;
    return substr($v, 0, 60) . "...(" . length($v) . ')';
}


# --- a client ---

sub client {
    my ($self, $id) = @_;
    my %c = (id => $id, model => {}, done => 0, broken => 0, faults => [],
             http => $self->{ngx}->client);

    srand $self->{seed} * 1000 + $id;

    while (!$self->stopped && @{$c{faults}} < 5) {
        $self->work(\%c) for 1 .. 10;
    }

    $self->finish(\%c);
}


sub finish {
    my ($self, $c) = @_;

    spew("$self->{dir}/$c->{id}.out",
         $json->encode({ map { $_ => $c->{$_} } qw(done broken faults model) }));
}


sub work {
    my ($self, $c) = @_;
    my ($argv, $new, $want) = $self->choose($c);
    my $r = $self->ask($c, $argv);

    if (!$r) {
        $self->look($c, $argv, $new);
        return;
    }

    my $v = eval { KS::HTTP::decode($r) };

    if ($r->{status} != 200 || !$v || exists $v->{error}) {
        push @{$c->{faults}}, "@$argv[0, 1]: $r->{status} "
                              . show($r->{body});
        return;
    }

    my $got = flat($v->{result});

    if (defined $want && $got ne $want) {
        push @{$c->{faults}}, "@$argv[0, 1]: " . show($got) . ', not '
                              . show($want);
    }

    $c->{done}++;
    store($c->{model}, $new);
}


# A whole MGET's values of shared keys must be one and the same.
sub flat {
    my ($v) = @_;

    return ref $v eq 'ARRAY' ? join(' ', map { $_ // 'null' } @$v)
                             : $v // 'null';
}


sub store {
    my ($model, $new) = @_;

    for my $key (keys %$new) {
        $model->{$key} = $new->{$key};
    }
}


# A reply, or undef if it was lost (and may be, in this load).
sub ask {
    my ($self, $c, $argv) = @_;

    for my $try (1 .. 200) {
        my $old = $c->{http}{socket} ? 1 : 0;
        my $r = $c->{http}->command(@$argv);

        return $r if $r->{status};

        $c->{broken}++;

        if ($self->{retry} eq 'reread') {
            return undef;
        }

        # what a client may send again: a connection that was open before and
        # was closed without a byte of a reply
        if (!$old || $r->{bytes} || $r->{why} eq 'timeout') {
            push @{$c->{faults}}, "@$argv[0, 1]: a failed request: $r->{why}";
            return { status => 200, body => '{"result":null}' };
        }
    }

    push @{$c->{faults}}, 'no connection lasts';
    return undef;
}


# Was it done?  Its keys say so: all as before, or all as after.
sub look {
    my ($self, $c, $argv, $new) = @_;
    my @keys = sort keys %$new or return;
    my ($r, $v);

    for (1 .. $self->{looks}) {
        $r = $c->{http}->command('MGET', @keys);
        last if $r->{status};
        sleep 0.005;
    }

    $v = eval { KS::HTTP::decode($r)->{result} };

    if (!$v) {
        push @{$c->{faults}}, "MGET: $r->{status} " . ($r->{why} // $r->{body});
        return;
    }

    my $now = join ' ', map { show($_) } @$v;
    my $before = join ' ', map { show($c->{model}{$_}) } @keys;
    my $after = join ' ', map { show($new->{$_}) } @keys;

    if ($now eq $after) {
        store($c->{model}, $new);
    } elsif ($now ne $before) {
        push @{$c->{faults}}, "@$argv[0, 1] was done in part: @keys: $now; "
                              . "before: $before; after: $after";
    }
}


# The next command, the keys' values after it, and its reply.
sub choose {
    my ($self, $c) = @_;
    my $m = $c->{model};
    my $key = sub { "c$c->{id}:" . $_[0] . int rand $_[1] };
    my $n = rand 100;

    if ($n < 20) {
        my ($k, $v) = ($key->('s', 30), value());
        return (['SET', $k, $v], { $k => $v }, 'OK');
    }

    if ($n < 30) {
        my $k = $key->('s', 30);
        return (['GET', $k], {}, $m->{$k} // 'null');
    }

    if ($n < 40) {
        my $k = $key->('n', 3);
        my $v = ($m->{$k} // 0) + 1;
        return (['INCR', $k], { $k => "$v" }, $v);
    }

    if ($n < 50) {
        # a group of shared keys: never seen in half by anybody
        my $g = int rand 4;
        my $v = "$c->{id}." . int rand 1e6;
        return (['MSET', map { ("group$g:$_", $v . 'x' x 100) } 1 .. 8], {},
                'OK');
    }

    if ($n < 58) {
        my $g = int rand 4;
        return $self->group($c, $g);
    }

    if ($n < 68) {
        my %new = map { $key->('m', 40) => value() } 1 .. 6;
        return (['MSET', %new], \%new, 'OK');
    }

    if ($n < 76) {
        my ($a) = grep { defined $m->{$_} } map { $key->('s', 30) } 1 .. 5;
        my $b = $key->('r', 10);
        return $self->choose($c) if !defined $a;
        return (['RENAME', $a, $b], { $a => undef, $b => $m->{$a} }, 'OK');
    }

    if ($n < 84) {
        my ($a, $b) = ($key->('s', 30), $key->('r', 10));
        return (['COPY', $a, $b, 'REPLACE'],
                defined $m->{$a} ? { $b => $m->{$a} } : {},
                defined $m->{$a} ? 1 : 0);
    }

    if ($n < 90) {
        my ($a, $b, $d) = ($key->('b', 6), $key->('b', 6), $key->('d', 6));
        my ($x, $y) = map { $_ // '' } @$m{$a, $b};
        my $v = "$x" | "$y";
        return (['BITOP', 'OR', $d, $a, $b],
                { $d => length $v ? $v : undef }, length $v);
    }

    if ($n < 93) {
        my ($k, $v) = ($key->('b', 6), ('a' .. 'z')[rand 26] x rand 6000);
        return (['SET', $k, $v], { $k => $v }, 'OK');
    }

    if ($n < 96) {
        my @k = map { $key->('m', 40) } 1 .. 3;
        my %k = map { $_ => undef } @k;
        return (['DEL', keys %k], \%k, scalar grep { defined $m->{$_} } keys %k);
    }

    my ($k, $more) = ($key->('a', 5), 'z' x rand 2000);
    my $v = length($m->{$k} // '') > 20_000 ? $more : ($m->{$k} // '') . $more;
    return length($m->{$k} // '') > 20_000
        ? (['SET', $k, $v], { $k => $v }, 'OK')
        : (['APPEND', $k, $more], { $k => $v }, length $v);
}


# Reads a shared group: an MGET whose eight values must be equal.  The check
# is made here, as no client knows which value it is.
sub group {
    my ($self, $c, $g) = @_;
    my $argv = ['MGET', map { "group$g:$_" } 1 .. 8];
    my $r = $self->ask($c, $argv);

    if ($r) {
        my $v = eval { KS::HTTP::decode($r)->{result} };
        my %seen = map { ($_ // '') => 1 } @{$v || []};
        push @{$c->{faults}}, "an MSET seen in half: "
            . join(' ', map { show($_) } sort keys %seen)
            if !$v || keys %seen > 1;
        $c->{done}++;
    }

    return (['PING'], {}, 'PONG');
}


# --- a heavy client ---

# Its keys: eight that are always set together, what BITOP makes of two of
# them, and copies of a large one.  Every value says by which command of which
# pipeline it was written, and the number of that command says how long it
# must be.

my $HEAVY = 150;        # MSETs in a pipeline
my @sizes = map { (20, 300, 3, 900, 120, 60, 5, 200)[$_ % 8] } 1 .. $HEAVY;
my $LARGE = 'large' x 8000;


sub heavy_client {
    my ($self, $id) = @_;
    my %c = (id => $id, model => {}, done => 0, broken => 0, faults => [],
             http => $self->{ngx}->client, last => '');

    1 until $self->stopped
            || $c{http}->command('SET', "h$id:large", $LARGE)->{status};

    for (my $n = 1; !$self->stopped && @{$c{faults}} < 5; $n++) {
        $self->heavy_work(\%c, $n);
    }

    $self->finish(\%c);
}


sub heavy_value {
    my ($n, $i) = @_;

    return sprintf('%06s.%s:', $n, $i) . 'h' x $sizes[$i - 1];
}


# A pipeline whose number is to be filled in: what is built once costs the
# store's processes more than it costs this one.
sub heavy_pipeline {
    my ($h) = @_;
    my @commands = map {
        my $v = heavy_value('NUMBER', $_);
        (['MSET', map { ("$h$_", $v) } 1 .. 8],
         ['COPY', "${h}large", "${h}copy", 'REPLACE'],
         ['RENAME', "${h}copy", "${h}renamed"],
         ['BITOP', 'AND', "${h}and", "${h}7", "${h}8"])
    } 1 .. $HEAVY;

    return '[' . join(',', map { KS::HTTP::array(@$_) } @commands) . ']';
}


sub heavy_work {
    my ($self, $c, $n) = @_;
    my $body = $c->{pipeline} //= heavy_pipeline("h$c->{id}:");
    my $number = sprintf '%06d', $n;

    $body =~ s/NUMBER/$number/g;

    my $r = $c->{http}->post($body, uri => '/pipeline');

    if ($r->{status}) {
        my $bad = $r->{status} != 200 || $r->{body} =~ /"error"/;
        push @{$c->{faults}}, "a pipeline: $r->{status} " . show($r->{body})
            if $bad;
        $c->{done} += 4 * $HEAVY;
    } else {
        $c->{broken}++;
    }

    $self->heavy_look($c, $n, $r->{status});
}


# What the keys hold now: after a reply, the last values; without one, those
# of any one moment.
sub heavy_look {
    my ($self, $c, $n, $replied) = @_;
    my $h = "h$c->{id}:";
    my $r;

    for (1 .. $self->{looks}) {
        $r = $c->{http}->command('MGET', (map { "$h$_" } 1 .. 8),
                                 map { "$h$_" } qw(copy renamed and));
        last if $r->{status};
        sleep 0.005;
    }

    my @v = eval { @{KS::HTTP::decode($r)->{result}} };
    my %together = map { ($_ // '') => 1 } @v[0 .. 7];

    push @{$c->{faults}}, 'an MSET in half: '
        . join(' ', map { show($_) } @v) if keys %together != 1;

    for my $v (grep { defined } @v) {
        my ($in, $i) = $v =~ /^(\d+)\.(\d+):/;
        push @{$c->{faults}}, 'a value in half: ' . show($v)
            if $v ne (defined $i ? heavy_value($in, $i) : $LARGE);
    }

    my $now = $v[0] // '';
    my $last = heavy_value($n, $HEAVY);
    push @{$c->{faults}}, 'not the last value: ' . show($now)
        if $replied && grep { ($_ // '') ne $last } @v[0 .. 7, 10];
    push @{$c->{faults}}, 'not a value of this pipeline: ' . show($now)
        if !$replied && $now !~ /^0*$n\./ && $now ne $c->{last};

    $c->{last} = $now;
}


sub value {
    my $n = rand 100;
    my $size = $n < 60 ? 10 + rand 100 : $n < 90 ? rand 1500 : rand 12_000;

    return join('', map { ('a' .. 'z', 0 .. 9)[rand 36] } 1 .. 12)
           . 'v' x $size;
}


1;
