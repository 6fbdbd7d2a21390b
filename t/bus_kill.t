# Who is told and who waits, while workers are killed at random and nginx is
# reloaded: subscribers, consumers of lists and readers of a stream, all at once
# with four workers.
#
# In each round one process dies amid what was sent to all of them.  A message
# comes to every subscriber that lives, in one order and without a gap; of one
# that was cut off, that order up to some message.  A list's element is popped
# once, or was on its way to a consumer that was cut off.  A reader misses
# nothing, as it goes on from what it has read.  Then all wait again, and no list
# has anything in it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Info;
use KS::Nginx;
use KS::Proc qw(alive children slurp wait_for);
use KS::RESP qw(encode value);

my $kills = $ENV{KS_KILLS} // 20;
my $reloads = $ENV{KS_RELOADS} // $kills / 2;
my $seed = $ENV{KS_SEED} // time;
my $WORKERS = 4;
my $BURST = 40;                 # commands of a connection in a round

note("KS_SEED=$seed");
srand $seed;
local $SIG{PIPE} = 'IGNORE';

my $ngx = KS::Nginx->start(size => '16m', workers => $WORKERS, resp => '',
                           resp_listen => 'reuseport', connections => 256);
$ngx->allow('exited on signal 9');

my $empty = KS::Info::used($ngx->client);

my @subscribers = map { { patterns => $_ > 8 } } 1 .. 12;
my @consumers = map { {} } 1 .. 8;
my @readers = map { { last => '0-0', read => [] } } 1 .. 4;

my $number = 0;                 # of what is published, pushed and added
my %pushed;                     # elements of this round, acknowledged
my %popped;                     # how often each has come
my %sum = (cut => 0, missing => 0, messages => 0);
my @faults;

settle();

for my $round (1 .. $kills) {
    reload() if $round * $reloads % $kills < $reloads;
    round($round);
    last if @faults > 5;
}

is_deeply(\@faults, [], "$kills deaths, $reloads reloads, seed $seed");
cmp_ok($sum{cut}, '>', 0, "$sum{cut} clients were cut off");
cmp_ok($sum{messages}, '>', 0, "$sum{messages} messages were told to all");
cmp_ok(scalar keys %popped, '>', 0, scalar(keys %popped)
       . " elements were popped, $sum{missing} were on their way");

my $log = ask(['XRANGE', 'log', '-', '+'])->[0];
my @want = map { $_->[1][1] } @$log;

cmp_ok(scalar @want, '>', 0, scalar(@want) . ' entries were added');
is_deeply($_->{read}, \@want, 'each reader has read them all') for @readers;

$_->{c}->close for @subscribers, @consumers, @readers;
ok(wait_for(30, sub { waiting() == 0 }), 'none of them is left waiting');

my $left;
wait_for(30, sub {
    $left = ask(['PUBSUB', 'CHANNELS'], ['PUBSUB', 'NUMPAT']);
    return !@{$left->[0]} && !$left->[1];
});
is_deeply($left, [[], 0], '... or subscribed, in any way');
$ngx->client->run('FLUSHALL');

# what is kept is a page at most for each size, of the shard of those who wait and
# of that of those who subscribe
my $grown = sub { KS::Info::used($ngx->client) - $empty };
ok(wait_for(20, sub { $grown->() <= 2 * 36 * 4096 }, 0.1), 'nothing has grown')
    or diag($grown->() . ' bytes more than at first');
like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

$ngx->stop('the error log holds nothing but those deaths');
done_testing;


sub fault { push @faults, join '', @_ }


# --- connections ---

# A client of some worker that lives.
sub fresh {
    return wait_for(30, sub { eval { $ngx->resp } }) // die 'no worker answers';
}


# A transaction by a client of its own: its replies, once there are some.
sub ask {
    my (@commands) = @_;
    my $all = wait_for(30, sub {
        my $c = fresh();
        my @r = $c->replies(['MULTI'], @commands, ['EXEC']);

        $c->close;
        return @r == @commands + 2 && KS::RESP::plain(value($r[-1]));
    });

    return $all // die 'no answer';
}


sub waiting {
    return (ask(['INFO', 'clients'])->[0] =~ /^blocked_clients:(\d+)/m)[0];
}


# --- who is told ---

sub subscribe {
    my ($s) = @_;

    wait_for(30, sub {
        $s->{c} = fresh();
        $s->{c}->send(encode($s->{patterns} ? ('PSUBSCRIBE', '[ab]')
                                            : ('SUBSCRIBE', 'a', 'b')));
        return $s->{c}->take_replies($s->{patterns} ? 1 : 2)
               == ($s->{patterns} ? 1 : 2);
    }) or die 'nobody can subscribe';
}


# What a subscriber is told up to that message of both channels, or its end.
sub told {
    my ($s, $end) = @_;
    my @told;
    my $ends = 0;

    while ($ends < 2) {
        my $bytes = $s->{c}->reply;

        if (!defined $bytes) {
            fault("a subscriber: $s->{c}{why}") if $s->{c}{why} eq 'timeout';
            delete $s->{c};
            last;
        }

        my $text = KS::RESP::plain(value($bytes))->[-1];

        $ends++ if $text eq $end;
        push @told, $text if $text !~ /^end/;
    }

    return \@told;
}


# --- who waits ---

sub consume { $_[0]{c}->send(encode('BLPOP', 'jobs', 'more', 0)) }

sub read_on {
    my ($s) = @_;

    $s->{c}->send(encode('XREAD', 'BLOCK', 0, 'STREAMS', 'log', $s->{last}));
}


sub popped {
    my ($s, $v) = @_;

    $popped{$v->[1]}++;
}


sub have_read {
    my ($s, $v) = @_;

    for my $entry (@{$v->[0][1]}) {
        $s->{last} = $entry->[0];
        push @{$s->{read}}, $entry->[1][1];
    }
}


# Takes what has come, and has those wait again; how many were cut off.
sub gather {
    my ($clients, $take, $wait) = @_;
    my $cut = 0;

    for my $s (@$clients) {
        local $KS::RESP::TIMEOUT = 0;

        while ($s->{c} && defined(my $bytes = $s->{c}->reply)) {
            $take->($s, KS::RESP::plain(value($bytes)));
            $wait->($s);
        }

        next if $s->{c} && $s->{c}{why} =~ /timeout/;

        $cut++ if $s->{c};
        $s->{c} = fresh();
        $wait->($s);
    }

    return $cut;
}


# All are there again, and wait; how many consumers were cut off.
sub settle {
    my $all = @consumers + @readers;
    my ($cut, $state) = (0, '');

    $_->{c} || subscribe($_) for @subscribers;

    wait_for(30, sub {
        $cut += gather(\@consumers, \&popped, \&consume);
        $sum{cut} += gather(\@readers, \&have_read, \&read_on);

        my ($info, @left) = @{ask(['INFO', 'clients'], ['LLEN', 'jobs'],
                                  ['LLEN', 'more'])};
        my ($n) = $info =~ /^blocked_clients:(\d+)/m;

        $state = "$n of $all wait, left are @left";
        return $state eq "$all of $all wait, left are 0 0";
    }) or fault($state);

    $sum{cut} += $cut;

    return $cut;
}


# --- a round ---

sub reload {
    my %before = map { $_ => 1 } children($ngx->pid);

    kill 'HUP', $ngx->pid;
    wait_for(30, sub {
        $WORKERS == grep { !$before{$_} } children($ngx->pid)
    }) or fault('no new workers');
}


# Clients that each send commands at once: [client, the commands' numbers].
sub send_some {
    my ($n, $make) = @_;
    my @sent;

    for (1 .. $n) {
        my $c = fresh();
        my @numbers = map { ++$number } 1 .. $BURST;

        $c->send(join '', map { encode($make->($_)) } @numbers);
        push @sent, [$c, @numbers];
    }

    return @sent;
}


# The commands that have a reply: number => reply.
sub acknowledged {
    my %replies;

    for (@_) {
        my ($c, @numbers) = @$_;
        my @r = $c->take_replies(scalar @numbers);

        $replies{$numbers[$_]} = $r[$_] =~ s/^[:\$]|\r\n.*//gsr for 0 .. $#r;
        fault("$numbers[0]: no reply") if @r < @numbers && $c->{why} eq 'timeout';
        $c->close;
    }

    return \%replies;
}


sub round {
    my ($round) = @_;
    my @published = send_some(3, sub {
        ('PUBLISH', $_[0] % 3 ? 'a' : 'b', $_[0])
    });
    my @added = send_some(2, sub {
        my ($i) = @_;
        return ('XADD', 'log', '*', 'n', $i) if $i % 3 == 0;
        return ($i % 2 ? 'RPUSH' : 'LPUSH', $i % 4 < 2 ? 'jobs' : 'more', $i);
    });

    sleep rand 0.004;

    my $victim = victim(children($ngx->pid));

    kill 'KILL', $victim;
    wait_for(30, sub { !alive($victim) }) or fault("$victim does not die");

    my $published = acknowledged(@published);
    my $added = acknowledged(@added);

    check_told($round, $published);

    my $cut = settle();

    $pushed{$_} = 1 for grep { $_ % 3 } keys %$added;
    check_popped($round, $cut);
}


# Any process; rather one that is at work than one that waits.
sub victim {
    my $victim;

    for (1 .. 30) {
        $victim = $_[rand @_];
        last if (slurp("/proc/$victim/stat") // '') =~ /\) R/;
    }

    return $victim;
}


# The end of the round is told to all who live, and these are counted.
sub check_told {
    my ($round, $published) = @_;
    my ($end, $counts);

    for (1 .. 100) {
        my $c = fresh();

        $end = "end $round, $_";
        my @r = $c->replies(['MULTI'], ['PUBLISH', 'a', $end],
                            ['PUBLISH', 'b', $end], ['PUBSUB', 'NUMSUB', 'a'],
                            ['PUBSUB', 'NUMPAT'], ['EXEC']);
        $c->close;
        $counts = KS::RESP::plain(value($r[-1])) if @r == 6;
        last if $counts;
    }

    my @told = map { told($_, $end) } @subscribers;
    my @live = grep { $subscribers[$_]{c} } 0 .. $#told;
    my $patterns = grep { $subscribers[$_]{patterns} } @live;
    my $want = join ' ', scalar @live, scalar @live, 'a', @live - $patterns;
    my $got = join ' ', @$counts[0, 1], @{$counts->[2]};

    $sum{cut} += @told - @live;
    fault("round $round: $got are told, not $want") if $got ne $want;
    fault("round $round: $counts->[3] patterns")
        if $counts->[3] != ($patterns ? 1 : 0);

    for my $n (values %$published) {
        fault("round $round: a message to $n of ", scalar @live, ' to ',
              scalar @told) if $n != @live && $n != @told;
    }

    check_order($round, \@told, \@live, $published) if @live;
}


# All who live are told the same, and who was cut off some of it from the first
# on.  It holds what was published, in the order of each publisher.
sub check_order {
    my ($round, $told, $live, $published) = @_;
    my @all = @{$told->[$live->[0]]};
    my %lives = map { $_ => 1 } @$live;
    my %at = map { $all[$_] => $_ } 0 .. $#all;

    for my $i (0 .. $#$told) {
        my @own = @{$told->[$i]};
        my $n = $lives{$i} ? $#all : @own > @all ? $#all : $#own;

        fault("round $round: subscriber $i is told @own, another @all")
            if "@own" ne "@all[0 .. $n]";
    }

    my @missing = grep { !defined $at{$_} } keys %$published;

    fault("round $round: @missing are told to nobody") if @missing;
    fault("round $round: @all is out of order") if grep {
        ($_ - 1) % $BURST && defined $at{$_ - 1} && $at{$_} < $at{$_ - 1}
    } @all;

    $sum{messages} += @all;
}


# No element came twice, and no more are missing than a consumer each may have
# had on its way.
sub check_popped {
    my ($round, $cut) = @_;
    my @twice = grep { $popped{$_} > 1 } keys %popped;
    my @missing = grep { !$popped{$_} } keys %pushed;

    fault("round $round: @twice came twice") if @twice;
    fault("round $round: @missing are lost, with $cut cut off")
        if @missing > $cut;

    $sum{missing} += @missing;
    %pushed = ();
}
