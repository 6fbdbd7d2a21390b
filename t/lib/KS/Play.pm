# Rounds of random commands, the same to the module and to redis-server: what
# a referee's test is made of.  The tables of KS::Random say which commands.
# One round goes by RESP2, the next by RESP3, the third by REST.
#
#   KS_SEED=n     the first round's seed (printed)
#   KS_ROUNDS=n   how many rounds
#   KS_DIFFER=n   how many differences to look for before giving up

package KS::Play;

use strict;
use warnings;

use Test::More;

use KS::Nginx;
use KS::Random;
use KS::Redis;
use KS::Referee;


# Only these commands: the rows of a type, and of KS::Random's own these names,
# each of which may be followed by the weight that it is to have here.
sub only {
    my ($rows, $make, @names) = @_;
    my %all = %KS::Random::COMMANDS;
    my %own;

    while (defined(my $name = shift @names)) {
        my $row = $all{$name} or die "there is no command $name";
        my $weight = @names && $names[0] =~ /^[\d.]+$/ ? shift @names
                                                       : $row->[0];
        $own{$name} = [$weight, $row->[1]];
    }

    %KS::Random::COMMANDS = (%own, %$rows);
    %KS::Random::MAKE = (%KS::Random::MAKE, %$make);
}


# singles, batched (how many commands a round), doors (by which they go in, in
# turns), program (the referee, if it is to be one of KS_TRIXIE), command (what
# makes the next one), before and after (code that a round begins and ends with:
# the latter says in what both differ by then), databases (how many)
sub new {
    my ($class, %with) = @_;
    my $ngx = KS::Nginx->start(size => '128m', resp => '',
        http => 'keepalive_requests 1000000;',
        databases => $with{databases},
        tokens => "token $KS::Nginx::TOKEN;");
    my $redis = KS::Redis->start_of($with{program}, '--enable-debug-command',
                                    'local', '--databases',
                                    $with{databases} // 1);

    return bless { singles => 100, batched => 400,
                   doors => [qw(RESP2 RESP3 REST)],
                   command => \&KS::Random::command, %with, ngx => $ngx,
                   referee => KS::Referee->new($ngx->client, $redis, $ngx) },
                 $class;
}


sub rounds {
    my ($self, $rounds) = @_;
    my $seed = $ENV{KS_SEED} // 20240229;
    my $limit = $ENV{KS_DIFFER} // 8;
    my $referee = $self->{referee};
    my $differences = 0;

    $rounds = $ENV{KS_ROUNDS} // $rounds;
    note("KS_SEED=$seed");

    for my $this ($seed .. $seed + $rounds - 1) {
        my $d = $self->round($this) or next;

        fail("round with KS_SEED=$this KS_ROUNDS=1, $referee->{door}");
        diag($self->report($d));
        last if ++$differences >= $limit;
    }

    ok(!$differences, "$referee->{sent} commands, no difference");
    like($self->{ngx}->client->run('MEMORY', 'DOCTOR'), qr/^ok/,
         'the zone is whole');
    $self->{ngx}->stop;
}


# What chance does not come upon: these commands, one a line, by each door.
# Words are separated by single spaces, or stand in double quotes.
sub rare {
    my ($self, @lines) = @_;
    my $r = $self->{referee};
    my @rare = map { [map { s/^"(.*)"$/$1/r }
                      split / (?=(?:[^"]*"[^"]*")*[^"]*$)/] }
               map { chomp; $_ } @lines;

    @rare = map { KS::Random::newer($_) } @rare if $self->{referee}{newer};

    for my $door (@{$self->{doors}}) {
        subtest "$door: what is rarely asked for" => sub {
            $r->enter($door);
            $r->reset;

            for my $argv (@rare) {
                my $d = $r->compare($argv);

                ok(!$d, KS::Referee::show($argv))
                    or diag(KS::Referee::show_bytes($d->{want}), "\n",
                            KS::Referee::show_bytes($d->{got}));
            }
        };
    }
}


# One round: undef, or a difference with its {history}.
sub round {
    my ($self, $seed) = @_;
    my $referee = $self->{referee};
    my @history;

    my @doors = @{$self->{doors}};

    KS::Random::seed($seed);
    $self->{before}->() if $self->{before};
    $referee->enter($doors[$seed % @doors]);
    $referee->reset;

    for (1 .. $self->{singles}) {
        my ($argv, $brief) = $self->{command}->();

        $argv = KS::Random::newer($argv) if $self->{referee}{newer};
        push @history, [$argv, $brief];

        my $d = $referee->compare($argv);
        return { %$d, history => \@history } if $d;

        $referee->settle if $brief;
    }

    my $left = $self->{batched};

    while ($left > 0) {
        my @batch = $self->batch(1 + int rand 60);
        my $d = $referee->compare_batch(map { $_->[0] } @batch);

        if ($d) {
            push @history, @batch[0 .. $d->{at}];
            return { %$d, history => \@history };
        }

        push @history, @batch;
        $left -= @batch;

        $referee->settle if $batch[-1][1];
    }

    my $d = $self->{after} && $self->{after}->($referee) or return undef;

    return { %$d, history => [@history, [$d->{argv}, 0]] };
}


# Up to n commands with an exact reply; a brief key ends it.
sub batch {
    my ($self, $n) = @_;
    my @batch;

    while (@batch < $n) {
        my ($argv, $brief) = $self->{command}->();

        next if KS::Referee::rule($argv) ne 'exact';

        $argv = KS::Random::newer($argv) if $self->{referee}{newer};
        push @batch, [$argv, $brief];
        last if $brief;
    }

    return @batch;
}


sub report {
    my ($self, $d) = @_;
    my ($found, @before) = $self->{referee}->shortest(@{$d->{history}});
    my $note = '';

    if (!$found) {
        $note = "(it does not happen again when replayed alone)\n";
        $found = $d;
    }

    return $note . join "\n",
        (map { '  ' . KS::Referee::show($_) } @before,
             $found->{argv}),
        'redis:  ' . KS::Referee::show_bytes($found->{want}),
        'module: ' . KS::Referee::show_bytes($found->{got});
}


1;
