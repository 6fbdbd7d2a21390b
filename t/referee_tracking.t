# Tracking, with real Redis as the referee: several connections to
# both servers run the same random commands, and what each of them receives has
# to be the same.
#
#   KS_SEED=n     the first round's seed (printed)
#   KS_ROUNDS=n   how many rounds

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::RESP;
use KS::Redis;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

my $CLIENTS = 4;
my $STEPS = 60;

my $FLUSHED = qr/>2\r\n\$10\r\ninvalidate\r\n_\r\n/;

my @keys = ('a', 'b', 'u:1', 'u:2', 'v', '');

my $redis = KS::Redis->start;
my $ngx = KS::Nginx->start(size => '32m', resp => '', tokens => 'token off;');
my $seed = $ENV{KS_SEED} // 20240301;
my $rounds = $ENV{KS_ROUNDS} // 30;


sub pick { return $_[rand @_] }
sub key { return pick(@keys) }


# Redis remembers what a client has read while it tracked before, and so does the
# module while somebody tracks: one client more does, or none ends it.
my $ends;

# NOLOOP counts where a key changes, but with BCAST in Redis when it is told of:
# transactions have one or the other.
my $noloop;

sub tracking {
    my ($alone) = @_;
    my $bcast = rand() < 0.3 && ($alone || !$noloop);

    return ['CLIENT', 'TRACKING', $ends && $alone ? pick('on', 'on', 'off') : 'on',
            $bcast ? 'BCAST' : (), rand() < 0.1 ? 'OPTIN' : (),
            rand() < 0.1 ? 'OPTOUT' : (),
            $noloop && rand() < 0.4 ? 'NOLOOP' : (),
            rand() < 0.2 ? ('PREFIX', pick('u:', 'v', '', 'u:1')) : ()];
}


sub command {
    my $n = int rand 100;

    return tracking(@_) if $n < 12;
    return ['CLIENT', 'CACHING', pick('yes', 'no')] if $n < 17;
    return pick(['CLIENT', 'TRACKINGINFO'], ['CLIENT', 'GETREDIR']) if $n < 22;
    return [pick('GET', 'STRLEN', 'EXISTS', 'TTL'), key()] if $n < 45;
    return ['MGET', key(), key()] if $n < 52;
    return ['SET', key(), pick(1, 'v')] if $n < 65;
    return ['MSET', key(), 1, key(), 2] if $n < 71;
    return ['INCR', key()] if $n < 77;
    return ['DEL', key(), key()] if $n < 85;
    return ['APPEND', key(), 'x'] if $n < 88;
    return ['PEXPIRE', key(), 100000] if $n < 91;
    return ['FLUSHALL'] if $n < 93;
    return ['PING'] if $n < 96;
    return $ends ? ['RESET'] : ['PING'] if $n < 97;
    return ['HELLO', pick(2, 3)];
}


sub step {
    return (['MULTI'], (map { command() } 1 .. 3), ['EXEC'])
        if rand() < 0.1;
    return command('alone');
}


# All that has come to a client before the reply to a marker.  Pushes of one
# command have no order.
sub frames {
    my ($client, $marker) = @_;
    my (@frames, @pushes);

    while (1) {
        my $bytes = $client->reply // die "no reply: $client->{why}";

        if ($bytes =~ /^>/) {
            push @pushes, $bytes;
            next;
        }

        push @frames, sort @pushes;
        @pushes = ();

        return join '', @frames if $bytes =~ /\Q$marker\E\r\n\z/;
        push @frames, $bytes =~ /server\r\n/ ? "HELLO\n" : $bytes;
    }
}


my $marker = 0;

sub settled {
    my ($clients) = @_;

    # twice: the first is behind what was told to others meanwhile

    for (1, 2) {
        $marker++;
        $_->send(KS::RESP::encode('ECHO', "marker-$marker")) for @$clients;
        $_->{now} .= frames($_, "marker-$marker") for @$clients;
    }

    return map { my $got = $_->{now}; $_->{now} = ''; $got } @$clients;
}


sub show { return join "\n", map { s/\r\n/ /gr } @_ }


for my $round (1 .. $rounds) {
    srand($seed + $round);

    my @sides = map {
        my $port = $_;
        [map { KS::RESP->new(port => $port) } 0 .. $CLIENTS]
    } $ngx->resp_port, $redis->port;

    $ends = $round % 2;
    $noloop = $round % 4 < 2;

    for my $side (@sides) {
        $side->[0]->run('FLUSHALL');
        $_->{now} = '' for @$side;
        $side->[$_]->replies(['HELLO', 3]) for 0 .. $CLIENTS - 2, $CLIENTS;
        $side->[$CLIENTS]->replies(['CLIENT', 'TRACKING', 'on']) if $ends;
    }

    my ($same, @log) = (1);

    for my $i (1 .. $STEPS) {
        my $who = int rand $CLIENTS;
        my @commands = step();

        push @log, "$who: " . join ' | ', map { "@$_" } @commands;

        for my $side (@sides) {
            $side->[$who]->send(join '', map { KS::RESP::encode(@$_) }
                                             @commands);
            $side->[$who]{now} .= frames_of($side->[$who], scalar @commands);
        }

        my @got = map { [settled($_)] } @sides;

        # from 8.0 on Redis tells of a flush before it replies to it
        s/($FLUSHED)\+OK\r\n/+OK\r\n$1/g
            for $redis->since('8.0') ? @{$got[1]} : ();

        for my $k (0 .. $CLIENTS - 1) {
            next if $got[0][$k] eq $got[1][$k];
            $same = 0;
            diag(show(@log > 12 ? @log[-12 .. -1] : @log), "\nclient $k\nours:  ",
                 show($got[0][$k]), "\nRedis: ", show($got[1][$k]));
        }

        last if !$same;
    }

    ok($same, "round $round") or do { diag('KS_SEED=' . $seed); last };
    $_->close for map { @$_ } @sides;
}


# the replies to so many commands, and what is pushed before the last of them
sub frames_of {
    my ($client, $n) = @_;
    my $all = '';
    my @pushes;

    while ($n) {
        my $bytes = $client->reply // die "no reply: $client->{why}";

        if ($bytes =~ /^>/) {
            push @pushes, $bytes;
            next;
        }

        $all .= join('', sort @pushes)
                . ($bytes =~ /server\r\n/ ? "HELLO\n" : $bytes);
        @pushes = ();
        $n--;
    }

    return $all . join('', sort @pushes);
}


$ngx->stop;
$redis->stop;
done_testing;
