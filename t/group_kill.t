#!/usr/bin/perl
#
# A consumer group while workers are killed and nginx is reloaded: each entry
# that a producer was told of was given to one consumer and to no other, which
# has it, be it from its history; and it is acknowledged, or still pending.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Crowd qw(connection launch);
use KS::Nginx;
use KS::Proc qw(slurp spew tempdir wait_for);
use KS::RESP;

my $kills = $ENV{KS_KILLS} // 60;
my $reloads = $ENV{KS_RELOADS} // 4;
my $seed = $ENV{KS_SEED} // time;

note("KS_SEED=$seed");
srand $seed;

my $dir = tempdir();
my $ngx = KS::Nginx->start(size => '64m', workers => 4, resp => '');

$ngx->allow('exited on signal 9');
is($ngx->resp->run(qw(XGROUP CREATE jobs g 0 MKSTREAM)), 'OK', 'a group');

my @producers = map { launch($dir, "p$_", \&produce) } 1 .. 2;
my @names = map { "c$_" } 1 .. 4;
my @consumers = map { launch($dir, $_, \&consume) } @names, 'lazy';

for my $i (1 .. $kills) {
    sleep 0.01 + rand 0.04;

    my @workers = $ngx->workers;
    my $victim = $workers[rand @workers] or next;

    kill 'KILL', $victim;
    wait_for(20, sub {
        my @now = $ngx->workers;
        return @now >= 4 && !grep { $_ == $victim } @now;
    }, 0.002) or die 'no new worker came';

    kill 'HUP', $ngx->pid if $i % int($kills / $reloads + 1) == 0;
}

spew("$dir/stop", '');
waitpid $_, 0 for @producers;
spew("$dir/drain", '');
waitpid $_, 0 for @consumers;

my $r = $ngx->resp;
my @ids = map { $_->[0] } @{$r->run('XRANGE', 'jobs', '-', '+')};
my %there = map { $_ => 1 } @ids;
my @told = map { split /\n/, slurp("$dir/p$_") } 1 .. 2;
my %left = map { $_->[0] => $_->[1] }
           @{$r->run('XPENDING', 'jobs', 'g', '-', '+', 1_000_000)};
my (%had, %acked, @bad);

for my $name (@names, 'lazy') {
    for (map { [split] } split /\n/, slurp("$dir/$name")) {
        my ($what, $id) = @$_;

        if ($what eq 'had') {
            push @bad, "$id was had by $had{$id} and by $name"
                if ($had{$id} // $name) ne $name;
            $had{$id} = $name;

        } elsif ($what eq 'acked') {
            push @bad, "$id was acknowledged twice" if $acked{$id}++;

        } else {
            $acked{$id} //= 0;          # it may be
        }
    }
}

cmp_ok(scalar @told, '>', 100, scalar(@told) . ' entries are acknowledged');
is(scalar(grep { !$there{$_} } @told), 0, '... and there');
is(join("\n", splice @bad, 0, 10), '', 'each has one consumer');
is(scalar(grep { !$had{$_} } @ids), 0, '... which has it');

is(scalar(grep { $acked{$_} && $left{$_} } @ids), 0,
   'nothing is pending that was acknowledged');
is(scalar(grep { !defined $acked{$_} && !$left{$_} } @ids), 0,
   'nothing that was not has ceased to be');
is(scalar(grep { $had{$_} ne $left{$_} } keys %left), 0,
   'what is pending is so for the consumer that has it');
is(scalar(grep { $_ ne 'lazy' } values %left), 0, '... who has not done it');

my %group = @{$r->run('XINFO', 'GROUPS', 'jobs')->[0]};

is("$group{pending} $group{'entries-read'} $group{lag}",
   scalar(keys %left) . ' ' . @ids . ' 0', 'so the group says');

my $claimed = $r->run(qw(XAUTOCLAIM jobs g other 0 0 COUNT), 1_000_000, 'JUSTID');

is("@{$claimed->[1]}", "@{[grep { $left{$_} } @ids]}", 'others can take it over');
like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$ngx->stop('the error log holds nothing but those deaths');
done_testing;


# The ids of entries of which it is told.
sub produce {
    my ($name, $out) = @_;
    my ($n, $c) = (0);

    until (-e "$dir/stop") {
        $c //= connection($ngx) // next;

        my ($bytes) = $c->replies(['XADD', 'jobs', '*', $name, ++$n]);

        if (($bytes // '') =~ /^\$\d+\r\n(\d+-\d+)\r\n/) {
            print $out "$1\n";
        } else {
            undef $c;
        }
    }
}


# What it was given: first what it was before its connection broke.
sub consume {
    my ($name, $out) = @_;
    my ($c, $from) = (undef, '0');

    while (1) {
        my $over = -e "$dir/drain";

        $c //= do { $from = '0'; connection($ngx) } // next;

        my ($bytes) = $c->replies(['XREADGROUP', 'GROUP', 'g', $name, 'COUNT',
            1 + int rand 5, 'BLOCK', 100, 'STREAMS', 'jobs', $from]);

        if (!defined $bytes || $bytes =~ /^-/) {
            undef $c;
            next;
        }

        my $found = KS::RESP::plain(KS::RESP::value($bytes));
        my @ids = map { $_->[0] } map { @{$_->[1]} } @{$found // []};

        print $out "had $_\n" for @ids;

        if ($from ne '>') {
            $from = @ids ? $ids[-1] : '>';

        } elsif (!@ids && $over) {
            return;
        }

        acknowledge($name, $out, $c, @ids) or undef $c;
    }
}


# One by one; the lazy one does it for some.  Whether it has heard of them all.
sub acknowledge {
    my ($name, $out, $c, @ids) = @_;

    for my $id (grep { $name ne 'lazy' || /[02468]-/ } @ids) {
        my ($bytes) = $c->replies(['XACK', 'jobs', 'g', $id]);

        if (!defined $bytes) {
            print $out "maybe $id\n";
            return 0;
        }

        print $out "acked $id\n" if $bytes eq ":1\r\n";
    }

    return 1;
}
