#!/usr/bin/perl
#
# A stream while workers are killed and nginx is reloaded: each entry that a
# producer was told of is there once, in its producer's order, and readers that
# wait for entries and go on from their last one have seen each once.  Of a
# group's consumers one has each entry, and has it until it is acknowledged.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Crowd qw(connection launch);
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(slurp spew tempdir wait_for);
use KS::RESP;

my $kills = $ENV{KS_KILLS} // 80;
my $reloads = $ENV{KS_RELOADS} // 4;
my $seed = $ENV{KS_SEED} // time;
my $CAP = 20;

note("KS_SEED=$seed");
srand $seed;

my $dir = tempdir();
my $ngx = KS::Nginx->start(size => '64m', workers => 3, resp => '',
                           http => 'keepalive_requests 1000000;');

$ngx->allow('exited on signal 9');

$ngx->resp->run('XGROUP', 'CREATE', 'log', 'group', 0, 'MKSTREAM');

my @producers = map { launch($dir, "p$_", \&produce) } 1 .. 3;
my @readers = (launch($dir, 'r1', \&read_resp),
               launch($dir, 'r2', \&read_resp),
               launch($dir, 'r3', \&read_rest),
               map { launch($dir, "c$_", \&consume) } 1 .. 3);

for my $i (1 .. $kills) {
    sleep 0.01 + rand 0.04;

    my @workers = $ngx->workers;
    my $victim = $workers[rand @workers] or next;

    kill 'KILL', $victim;
    wait_for(20, sub {
        my @now = $ngx->workers;
        return @now >= 3 && !grep { $_ == $victim } @now;
    }, 0.002) or die 'no new worker came';

    kill 'HUP', $ngx->pid if $i % int($kills / $reloads + 1) == 0;
}

spew("$dir/stop", '');
waitpid $_, 0 for @producers;

# a reader knows that it is done when it comes upon this
my $r = $ngx->resp;
my $end = $r->run('XADD', 'log', '*', 'end', 1);

waitpid $_, 0 for @readers;

my @log = @{$r->run('XRANGE', 'log', '-', '+')};
my %at = map { $_->[0] => join ' ', @{$_->[1]} } @log;
my @ids = map { $_->[0] } @log;
my ($acknowledged, @bad) = (0);

for my $name (map { "p$_" } 1 .. 3) {
    my @said = map { [split] } split /\n/, slurp("$dir/$name");
    my ($last, @order) = (0, map { /^$name (\d+)$/ ? $1 : () } @at{@ids});

    $acknowledged += @said;
    push @bad, map { "$_->[1] is not $name $_->[0]" }
               grep { ($at{$_->[1]} // '') ne "$name $_->[0]" } @said;

    for (@order) {
        push @bad, "$name $_ is behind $last" if $_ <= $last;
        $last = $_;
    }
}

cmp_ok($acknowledged, '>', 100, "$acknowledged entries are acknowledged");
is(join("\n", splice @bad, 0, 10), '', 'each is there, once and in order');
is(scalar(keys %at), scalar @log, 'no id is there twice');

for my $name (map { "r$_" } 1 .. 3) {
    my @seen = split /\n/, slurp("$dir/$name");

    is(scalar @seen, scalar @log, "$name has seen as many");
    is(join("\n", @seen) eq join("\n", @ids), 1, '... the same');
}

# an entry that a consumer has seen is in its history until it is acknowledged
my %had;

for my $name (map { "c$_" } 1 .. 3) {
    $had{$_}{$name} = 1 for split /\n/, slurp("$dir/$name");
}

is(scalar(grep { !$had{$_} } @ids), 0, 'each entry had a consumer');
is(scalar(grep { keys %$_ != 1 } values %had), 0, '... and only one');

my %group = @{$r->run('XINFO', 'GROUPS', 'log')->[0]};

is("@group{qw(consumers pending entries-read lag)}",
   join(' ', 3, 0, scalar @log, 0), '... and nothing is left');

# what was added with the same transaction, and trimmed with it
is_deeply([map { $_->[1] } @{$r->run('XRANGE', 'capped', '-', '+')}],
          [map { $_->[1] } @log[-$CAP - 1 .. -2]],
          "the other stream has the last $CAP");

like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop('the error log holds nothing but those deaths');
done_testing;


# Entries "<name> <number>", and those that are acknowledged.
sub produce {
    my ($name, $out) = @_;
    my ($n, $c) = (0);

    until (-e "$dir/stop") {
        $c //= connection($ngx) // next;
        $n++;

        my @replies = $c->replies(['MULTI'], ['XADD', 'log', '*', $name, $n],
            ['XADD', 'capped', 'MAXLEN', $CAP, '*', $name, $n], ['EXEC']);

        if (@replies == 4 && $replies[3] =~ /^\*2\r\n\$\d+\r\n(\d+-\d+)\r\n/) {
            print $out "$n $1\n";
        } else {
            undef $c;
        }
    }
}


# The ids of all entries up to the last one.
sub read_resp {
    my ($name, $out) = @_;
    my ($last, $c) = ('0');

    while ($last ne ended()) {
        $c //= connection($ngx) // next;

        my ($bytes) = $c->replies(['XREAD', 'COUNT', 100, 'BLOCK', 200,
                                   'STREAMS', 'log', $last]);

        if (!defined $bytes || $bytes =~ /^-/) {
            undef $c;
            next;
        }

        $last = say_ids($out, $last, KS::RESP::plain(KS::RESP::value($bytes)));
    }
}


sub read_rest {
    my ($name, $out) = @_;
    my ($last, $h) = ('0');

    while ($last ne ended()) {
        $h //= eval { $ngx->client(timeout => 20) } // next;

        my $found = eval {
            [$h->run('XREAD', 'BLOCK', 200, 'STREAMS', 'log', $last)]
        };

        if (!$found) {
            undef $h;
            sleep 0.005;
            next;
        }

        $last = say_ids($out, $last, $found->[0]);
    }
}


# The ids of all entries that the consumer of that name is given.  Behind a break
# it asks first for what it has not acknowledged.
sub consume {
    my ($name, $out) = @_;
    my ($from, $c) = ('0');

    while ($from ne '>' || !ended() || !given_all($c)) {
        $c //= connection($ngx) // next;

        my ($bytes) = $c->replies(['XREADGROUP', 'GROUP', 'group', $name,
                                   'COUNT', 20, 'BLOCK', 100, 'STREAMS', 'log',
                                   $from]);
        my $found = defined $bytes && $bytes !~ /^-/
                    ? KS::RESP::plain(KS::RESP::value($bytes)) : undef;
        my @ids = map { $_->[0] } map { @{$_->[1]} } @{$found // []};

        print $out map { "$_\n" } @ids;
        ($bytes) = $c->replies(['XACK', 'log', 'group', @ids])
            if defined $bytes && @ids;

        $from = !defined $bytes || $bytes =~ /^-/ ? '0' : @ids ? $from : '>';
        undef $c if !defined $bytes || $bytes =~ /^-/;
    }
}


sub given_all {
    my ($c) = @_;
    my %group = eval { @{$c->run('XINFO', 'GROUPS', 'log')->[0]} };

    return ($group{lag} // -1) eq '0';
}


# The last id of a reply to XREAD; what was the last one if there is none.
sub say_ids {
    my ($out, $last, $found) = @_;

    for (map { $_->[0] } map { @{$_->[1]} } @{$found // []}) {
        print $out "$_\n";
        $last = $_;
    }

    return $last;
}


# The id that all ends with, once it is there.
sub ended {
    return '' unless -e "$dir/stop";
    $end //= eval {
        my $found = $ngx->resp->run('XREVRANGE', 'log', '+', '-', 'COUNT', 1);
        $found->[0][1][0] eq 'end' ? $found->[0][0] : undef;
    };
    return $end // '';
}
