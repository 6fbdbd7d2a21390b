#!/usr/bin/perl
#
# Commands that wait, with real Redis as the referee: several connections to
# each, random commands, and the replies of every connection compared: those that
# wait, and those that make keys ready, alone, in transactions and in scripts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use IO::Select;
use KS::Nginx;
use KS::Proc qw(wait_for within);
use KS::Redis;
use KS::RESP qw(encode);

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my $seed = $ENV{KS_SEED} // 20240517;
my $rounds = $ENV{KS_ROUNDS} // 4;
my $limit = $ENV{KS_DIFFER} // 3;
my $STEPS = 400;
my $CLIENTS = 7;

# Redis runs a command that waits for several keys as a whole from 7.2 on.
my $new = KS::Redis::of_trixie('redis-server');

note("KS_SEED=$seed");

my @keys = qw(a b c d e);

sub pick { return $_[rand @_] }
sub chance { return rand(100) < $_[0] }
sub key { return pick(@keys) }
sub some { my ($n) = @_; return map { int rand 100 } 0 .. rand $n }
sub end { return pick('LEFT', 'RIGHT') }

sub several {
    return key() if !$new;
    return map { key() } 0 .. rand 3;
}

sub timeout { return chance(4) ? 0.03 : pick(0, 100) }

# ids of new entries, and what a reader has seen already
my $clock = 1;

sub next_id { return ++$clock . '-1' }
sub seen { return chance(60) ? '$' : pick(0, $clock, $clock - 1 - int rand 9) }

sub xread {
    my @k = several();

    return ['XREAD', chance(40) ? ('COUNT', 1 + int rand 3) : (), 'BLOCK',
            1000 * timeout(), 'STREAMS', @k, map { seen() } @k];
}

# 7.0 says other errors to those whose group goes
sub xreadgroup {
    my @k = several();

    return xread() if !$new;
    return ['XREADGROUP', 'GROUP', group(), pick(qw(ann ben cat)),
            chance(50) ? ('COUNT', 1 + int rand 2) : (),
            chance(20) ? 'NOACK' : (), 'BLOCK', 1000 * timeout(), 'STREAMS', @k,
            map { chance(95) ? '>' : 0 } @k];
}

sub group { return pick(qw(g g h)) }


# what waits
sub patient {
    my $t = timeout();
    my @k = several();

    return pick(
        ['BLPOP', @k, $t], ['BRPOP', @k, $t], ['BLPOP', @k, $t],
        ['BLMOVE', key(), key(), end(), end(), $t],
        ['BRPOPLPUSH', key(), key(), $t],
        ['BLMPOP', $t, scalar @k, @k, end(), 'COUNT', 1 + int rand 3],
        ['BZPOPMIN', @k, $t], ['BZPOPMAX', @k, $t],
        ['BZMPOP', $t, scalar @k, @k, pick('MIN', 'MAX'), 'COUNT',
         1 + int rand 3],
        xread(), xread(), xread(),
        xreadgroup(), xreadgroup(), xreadgroup(),
    );
}


# what makes keys ready, or is in their way
sub busy {
    my @pushes = ('LPUSH', 'RPUSH', 'LPUSH', 'RPUSH', 'RPUSHX');
    my ($n, $k) = (rand 100, key());

    return [pick(@pushes), $k, some(3)]                        if $n < 22;
    return ['ZADD', $k, map { (int rand 9, "m$_") } some(2)]   if $n < 29;
    return stream($k)                                          if $n < 39;
    return groups($k)                                          if $n < 45;
    return ['RENAME', key(), $k]                               if $n < 48;
    return ['COPY', key(), $k, 'REPLACE']                      if $n < 51;
    return ['DEL', $k, key()]                                  if $n < 67;
    return ['RESTORE', $k, 0, pick(@main::dumps), 'REPLACE']   if $n < 70;
    return [pick('LPOP', 'RPOP', 'ZPOPMIN'), $k, 9]            if $n < 80;
    return ['LMOVE', key(), $k, end(), end()]                  if $n < 84;
    return ['LRANGE', $k, 0, -1]                               if $n < 88;
    return ['TYPE', $k]                                        if $n < 92;
    return ['LINSERT', $k, 'BEFORE', 5, 6]                     if $n < 94;
    return ['FLUSHALL']                                        if $n < 95;
    return ['SET', $k, 'text']                                 if $n < 97;
    return patient();
}


# 7.0 serves XREAD with nothing, of an entry that is trimmed at once
sub stream {
    my ($k) = @_;

    return ['XADD', $k,
            chance(30) ? ('MAXLEN', pick($new ? 0 : 2, 1, 5)) : (), next_id(),
            'a', $clock]                                       if chance(80);
    return ['XSETID', $k, next_id()]                           if chance(20);
    return ['XTRIM', $k, 'MAXLEN', pick(0, 1, 2)]              if chance(40);
    return ['XDEL', $k, map { $clock - $_ . '-1' } 0 .. 2];
}


sub groups {
    my ($k) = @_;
    my ($n, $g) = (rand 100, group());

    return ['XGROUP', 'CREATE', $k, $g, pick(0, '$'), 'MKSTREAM']  if $n < 75;
    return ['XGROUP', 'SETID', $k, $g, pick(0, '$')]               if $n < 82;
    return ['XGROUP', 'DESTROY', $k, $g]                           if $n < 87;
    return ['XGROUP', 'DELCONSUMER', $k, $g, pick(qw(ann ben))]    if $n < 91;
    return ['XAUTOCLAIM', $k, $g, 'dan', 0, 0, 'JUSTID'];
}


# SET that is followed by another type in one transaction: Redis notes the key
# at another of its changes
sub quiet {
    my $c;

    do { $c = busy() } while $c->[0] =~ /^(?:SET|B|XREAD)/;

    return $c;
}

# Redis wakes nobody by a SORT that takes the place of another value.
sub sorted {
    my $k = key();
    return ['MULTI'], ['DEL', $k], ['SORT', key(), 'ALPHA', 'STORE', $k],
           ['EXEC'];
}

sub transaction {
    return sorted() if chance(20);
    return ['MULTI'], (map { quiet() } 0 .. rand 4),
           (chance(30) ? pick(['BLPOP', key(), 0], xread()) : ()), ['EXEC'];
}


my $SCRIPT = <<'LUA';
for i = 1, #ARGV, 2 do redis.pcall('RPUSH', ARGV[i], ARGV[i + 1]) end
return redis.call('EXISTS', unpack(KEYS))
LUA

sub script {
    my @k = map { key() } 1 .. 2;
    return ['EVAL', $SCRIPT, 2, @k, map { ($_, int rand 100) } @k];
}


# --- a side: connections to one server ---

sub side_open {
    my ($make) = @_;
    my $side = { make => $make, control => $make->() };

    side_connect($side, $_) for 0 .. $CLIENTS - 1;
    return $side;
}

sub side_connect {
    my ($side, $i) = @_;
    my $c = $side->{make}->();

    $side->{ids}[$i] = $c->run('CLIENT', 'ID');
    $side->{conns}[$i] = $c;
}

sub side_blocked {
    my ($side) = @_;
    return ($side->{control}->run('INFO', 'clients')
            =~ /blocked_clients:(\d+)/)[0];
}

# Waits until each side knows of all who wait; a text if one does not.
sub counted {
    my ($waits, @sides) = @_;
    my $n = grep { $_ } @$waits;

    for my $side (@sides) {
        wait_for(10, sub { side_blocked($side) == $n })
            or return 'so many wait: ' . side_blocked($side) . ", not $n";
    }

    return undef;
}

# what has come for a connection by now
sub arrived {
    my ($c) = @_;
    my @replies;

    $c->fill while IO::Select->new($c->{socket})->can_read(0) && !$c->{why};

    while (defined(my $bytes = KS::RESP::take(\$c->{in}))) {
        push @replies, $bytes;
    }

    return @replies;
}


sub play {
    my ($ours, $theirs, $round) = @_;
    my $served = 0;
    my @waits = (0) x $CLIENTS;
    my (@log, $differ);

    for my $step (1 .. $STEPS) {
        my @free = grep { !$waits[$_] } 0 .. $CLIENTS - 1;
        my $i = @free ? pick(@free) : -1;
        my @commands;
        my ($nap, $unblocks) = (0);

        if (@free <= 2 && chance(50) || $i < 0) {
            my ($who) = pick(grep { $waits[$_] } 0 .. $CLIENTS - 1);

            if (chance(50) || $i < 0) {                 # it goes
                for my $side ($ours, $theirs) {
                    $side->{conns}[$who]->close;
                    side_connect($side, $who);
                }
                $waits[$who] = 0;
                push @log, "$who: closed";
                $differ = counted(\@waits, $ours, $theirs);
                return (@log, $differ) if $differ;
                next;
            }

            $unblocks = $who;
            @commands = (['CLIENT', 'UNBLOCK', undef, pick('TIMEOUT', 'ERROR')]);

        } else {
            my $n = rand 100;
            @commands = $n < 35 ? patient() : $n < 85 ? busy()
                      : $n < 94 ? transaction() : script();
        }

        $nap = 1 if grep { grep { $_ eq '0.03' || $_ eq '30' } map { $_ // '' } @$_ }
                    @commands;
        push @log, "$i: " . join ' | ', map { join ' ', map { $_ // "id of "
                            . $unblocks } @$_ } @commands;

        for my $side ($theirs, $ours) {
            $side->{conns}[$i]->send(join '', map {
                encode(map { $_ // $side->{ids}[$unblocks] } @$_) } @commands);
        }

        # theirs has all replies when another connection has two of its own
        select undef, undef, undef, 0.25 if $nap;
        within(5, sub { IO::Select->new($theirs->{conns}[$i]{socket})
                              ->can_read(0) }) if $commands[0][0] !~ /^(?:B|XREAD)/;
        $theirs->{control}->run('PING') for 1 .. 2;

        for my $k (0 .. $CLIENTS - 1) {
            my @want = arrived($theirs->{conns}[$k]);
            my $c = $ours->{conns}[$k];
            my @got = $c->take_replies(scalar @want);

            push @got, arrived($c);
            $served++ if $waits[$k] && @want && $k != $i;
            $waits[$k] = ($k == $i ? @want < @commands : $waits[$k] && !@want);

            if ("@got" ne "@want") {
                s/\r\n/ /g for @got, @want;
                return (@log, "$k: got (@got), want (@want)");
            }
        }

        # or else the next command, by another worker, may come first
        $differ = counted(\@waits, $ours, $theirs);
        return (@log, $differ) if $differ;
    }

    cmp_ok($served, ">", 10, "round $round: $served are served");

    return;
}


for my $workers (1, 4) {
    my $redis = KS::Redis->start_of($new ? 'redis-server' : undef);
    my $ngx = KS::Nginx->start(size => '16m', workers => $workers, resp => '');
    my $theirs = side_open(sub { KS::RESP->new(port => $redis->{port}) });
    my $ours = side_open(sub { $ngx->resp(timeout => 5) });

    $theirs->{control}->run('RPUSH', 'a', 1, 2, 3);
    $theirs->{control}->run('ZADD', 'b', 1, 'x', 2, 'y');
    $theirs->{control}->run('SET', 'c', 1);
    our @dumps = map { $ours->{control}->run('FLUSHALL');
                       $ours->{control}->run(@$_);
                       $ours->{control}->run('DUMP', 'a') }
        ['RPUSH', 'a', 1, 2, 3], ['ZADD', 'a', 1, 'x', 2, 'y'],
        ['SET', 'a', 1];
    $_->{control}->run('FLUSHALL') for $ours, $theirs;

    for my $round (1 .. $rounds) {
        srand($seed + $round);
        my @trace = play($ours, $theirs, $round);

        ok(!@trace, "$workers workers, round $round");

        if (@trace) {
            diag("KS_SEED=$seed round $round");
            diag($_) for @trace > 25 ? @trace[-25 .. -1] : @trace;
            last if --$limit == 0;
        }

        for my $side ($ours, $theirs) {
            for my $k (0 .. $CLIENTS - 1) {
                $side->{conns}[$k]->close;
                side_connect($side, $k);
            }
            wait_for(10, sub { side_blocked($side) == 0 });
            $side->{control}->run('FLUSHALL');
        }
    }

    like($ours->{control}->run('MEMORY', 'DOCTOR'), qr/^ok/,
         'the zone is in order');
    $ngx->stop;
}

done_testing;
