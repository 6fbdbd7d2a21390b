# Publish/subscribe, with real Redis as the referee: several connections to both
# servers run the same random commands, and whatever each of them receives,
# replies and pushes, has to be the same and in the same order.
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

my $CLIENTS = 6;
my $STEPS = 150;

my @names = ('a', 'b', 'ab', 'abc', '', "x\r\ny", 'n' x 300);
my @patterns = ('*', 'a*', '?b', '[ab]', '[^a]*', '\\a', '', 'a*c', 'x*y');

# pushes that a command brings to its own client come behind its reply from 7.2
# on
my ($program) = KS::Redis::of_trixie('redis-server') ? ('redis-server') : ();
my $redis = KS::Redis->start_of($program);
my $modern = $redis->since('7.2');
my $seed = $ENV{KS_SEED} // 20240229;
my $rounds = $ENV{KS_ROUNDS} // 25;


sub pick { return $_[rand @_] }
sub some { my ($n, @of) = @_; return map { pick(@of) } 1 .. 1 + int rand $n }


# one command of a client
sub plain {
    my $n = int rand 100;

    return ['SUBSCRIBE', some(3, @names)] if $n < 14;
    return ['UNSUBSCRIBE', some(2, @names)] if $n < 22;
    return ['UNSUBSCRIBE'] if $n < 24;
    return ['PSUBSCRIBE', some(3, @patterns)] if $n < 32;
    return ['PUNSUBSCRIBE', some(2, @patterns)] if $n < 38;
    return ['PUNSUBSCRIBE'] if $n < 40;
    return ['SSUBSCRIBE', some(2, @names)] if $n < 46;
    return ['SUNSUBSCRIBE', some(2, @names)] if $n < 50;
    return ['SUNSUBSCRIBE'] if $n < 52;
    return ['PUBLISH', pick(@names), pick('', 'text', "\r\n", 't' x 5000)]
        if $n < 72;
    return ['SPUBLISH', pick(@names), pick('text', 's')] if $n < 78;
    return ['PUBSUB', 'NUMSUB', some(3, @names)] if $n < 82;
    return ['PUBSUB', 'SHARDNUMSUB', some(3, @names)] if $n < 84;
    return ['PUBSUB', 'NUMPAT'] if $n < 86;
    return ['PUBSUB', pick('CHANNELS', 'SHARDCHANNELS'),
            rand() < 0.5 ? () : pick(@patterns)] if $n < 90;
    return ['PING', rand() < 0.5 ? () : 'text'] if $n < 92;
    return ['GET', 'key'] if $n < 94;
    return ['CLIENT', 'INFO'] if $n < 96;
    return pick(['SUBSCRIBE'], ['PUBLISH', 'a'], ['PUBSUB', 'NONE'],
                ['PUBSUB', 'CHANNELS', 'a', 'b'], ['PUBSUB'], ['NONE', 'a'],
                ['PUBSUB', 'NUMPAT', 'a'], ['SPUBLISH', 'a']);
}


# One whose reply has an order, for a transaction; before 7.2 what a client
# publishes there to itself comes to lie within the reply.
sub ordered {
    while (1) {
        my $argv = plain();

        next if !$modern && $argv->[0] =~ /PUBLISH/;
        return $argv unless "@$argv" =~ /^(?:[SP]?UNSUBSCRIBE\z|PUBSUB\ .*CHAN)/x;
    }
}


# what a client sends at a time
sub step {
    my $n = int rand 100;

    return plain() if $n < 70;
    return map { plain() } 1 .. 2 + int rand 4 if $n < 80;
    return (['MULTI'], (map { ordered() } 1 .. 1 + int rand 3), ['EXEC'])
        if $n < 90;
    return ['EVAL', 'redis.call("publish", KEYS[1], "s1") '
                    . 'return redis.call("publish", KEYS[1], "s2")',
            1, pick(@names)] if $n < 94;
    return ['HELLO', 2 + int rand 2] if $n < 98;
    return ['RESET'];
}


# All that has come to a client before the reply to the marker, in frames.
sub frames {
    my ($client, $marker) = @_;
    my @frames;

    while (1) {
        my $bytes = $client->reply;

        die "no reply: $client->{why}" unless defined $bytes;
        return @frames if $bytes =~ /\Q$marker\E\r\n\z/;
        push @frames, $bytes;
    }
}


# What has no order, in one: the messages of patterns, the names when all
# subscriptions end, and lists of channels.  What is another's own is left out.
sub settle {
    my @frames = map { s/^([*%]\d+)\r\n\$6\r\nserver\r\n.*/$1 HELLO/sr } @_;
    my @out;

    while (@frames) {
        my $like = qr/^[*>]\d\r\n\$\d+\r\n(pmessage|[ps]?unsubscribe)\r\n/;
        my @run = shift @frames;

        if ($run[0] =~ $like) {
            my $kind = $1;

            push @run, shift @frames
                while @frames && $frames[0] =~ $like && $1 eq $kind;

            if ($kind eq 'pmessage') {
                @run = sort @run;
            } else {
                my @left = map { /(:\d+\r\n)\z/ ? $1 : () } @run;
                @run = (@left, sort map { s/:\d+\r\n\z//r } @run);
            }

        } elsif ($run[0] =~ /^\*\d+\r\n[\$*]/) {
            @run = join '', sort { $a cmp $b } KS::RESP::elements($run[0]);
        }

        push @out, @run;
    }

    return map {
        s/[\$=]\d+\r\n(?:txt:)?id=\d+\ .*?(flags=\S+)\ .*?
          (sub=\d+\ psub=\d+\ ssub=\d+)[^\n]*\n\r\n/$1 $2/xsgr
    } @out;
}


# What pushes are, if they may stand before or behind the reply.
sub is_push { return $_[0] =~ /^[*>]\d\r\n\$\d+\r\n[ps]?message\r\n/ }

sub split_pushes {
    return ((grep { !is_push($_) } @_), (grep { is_push($_) } @_));
}


sub show {
    return join ' ', map { s/(.)\1{40,}/$1.../gsr
                           =~ s/([^!-~])/sprintf '\\x%02x', ord $1/ger } @_;
}


# One round: undef, or what was different.
sub round {
    my ($this, $port) = @_;
    my @pairs;

    srand $this;

    for (1 .. $CLIENTS) {
        push @pairs, [KS::RESP->new(port => $redis->port),
                      KS::RESP->new(port => $port)];
    }

    for my $step (1 .. $STEPS) {
        my $who = int rand $CLIENTS;
        my @commands = step();
        my $marker = "marker$this-$step";

        for my $side (0, 1) {
            $pairs[$who][$side]->send(join '', map { KS::RESP::encode(@$_) }
                                      @commands);

            # the others are asked when it is done
            my @own = ($who, grep { $_ != $who } 0 .. $#pairs);
            my @got;

            for my $i (@own) {
                my $client = $pairs[$i][$side];

                $client->send(KS::RESP::encode('PING', $marker));
                $got[$i] = [frames($client, $marker)];
            }

            $pairs[$_][2 + $side] = $got[$_] for 0 .. $#pairs;
        }

        for my $i (0 .. $#pairs) {
            my ($want, $have) = map {
                my @f = @$_;
                @f = split_pushes(@f) if !$modern && $i == $who;
                join "\n", settle(@f);
            } @{$pairs[$i]}[2, 3];

            next if $want eq $have;

            return "step $step, client $who: "
                   . join('; ', map { show(@$_) } @commands)
                   . "\nclient $i, Redis:\n" . show($want)
                   . "\nand the module:\n" . show($have);
        }
    }

    for my $pair (@pairs) {
        close $_->{socket} for @$pair[0, 1];
    }

    # the ends of connections are seen before the next round
    KS::Proc::wait_for(30, sub {
        for my $side (KS::RESP->new(port => $redis->port),
                      KS::RESP->new(port => $port))
        {
            return 0 if @{$side->run('PUBSUB', 'CHANNELS')}
                || $side->run('PUBSUB', 'NUMPAT')
                || @{$side->run('PUBSUB', 'SHARDCHANNELS')};
        }

        return 1;
    }) or return 'subscriptions are left over';

    return undef;
}


for my $workers (1, 4) {
    subtest "$workers workers" => sub {
        my $ngx = KS::Nginx->start(size => '16m', workers => $workers,
                                   resp => '', resp_listen => 'reuseport',
                                   tokens => 'token off;');

        note("KS_SEED=$seed");

        for my $this ($seed .. $seed + $rounds - 1) {
            my $d = round($this, $ngx->resp_port);

            ok(!$d, "KS_SEED=$this KS_ROUNDS=1") or diag($d), last;
        }

        is($ngx->client(token => undef)->run('MEMORY', 'DOCTOR') =~ /^ok/, 1,
           'the zone is whole');
        $ngx->stop;
    };
}

$redis->stop;

done_testing;
