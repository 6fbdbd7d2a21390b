# The journal's effects, sent to redis-server as they are, give the keyspace
# that the module has: every key, value and time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Proc qw(root slurp tempdir capture);
use KS::RESP;
use KS::Redis;

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $build = $ENV{KS_BUILD} || root() . '/build';
my $program = "$build/unit/test_replay";

plan skip_all => "no $program" unless -x $program;

my $seed = $ENV{KS_SEED} // 20240301;
my $rounds = $ENV{KS_ROUNDS} // 3;

note("KS_SEED=$seed");


# the bulk strings or commands of a file
sub strings {
    my ($in) = @_;
    my @out;

    while (length $$in) {
        push @out, KS::RESP::take($in) // die 'a file ends too early';
    }

    return @out;
}


# Redis 7.0 has more digits for scores than 7.2 and the module, and an exponent
# for large ones.
sub digits {
    return $_[0] =~ s/^(-?\d+\.\d+(?:e[+-]\d+)?|-?\d{18,})$/sprintf '%.17g', $1/gemr;
}
sub plain { return map { ref $_ eq 'HASH' ? $_->{text} : $_ } @_ }
sub argv { return [plain(@{KS::RESP::value($_[0])})] }


for my $this ($seed .. $seed + $rounds - 1) {
    my $dir = tempdir();
    my $redis = KS::Redis->start;
    my ($status, $said) = capture(120, {}, $program, 'effects',
                                  "$dir/effects", "$dir/looks", 20_000, $this);

    is($status, 0, "KS_SEED=$this KS_ROUNDS=1") or diag($said);

    my $effects = slurp("$dir/effects");
    my @commands = map { argv($_) } strings(\$effects);
    my @replies = $redis->replies(@commands);
    my @wrong = grep { $replies[$_] =~ /^-/ } 0 .. $#replies;

    cmp_ok(scalar @commands, '>', 5000, 'there are effects');
    is(join("\n", map { "@{$commands[$_]}: $replies[$_]" } @wrong[0 .. 5]),
       '', 'and none fails') if @wrong;

    my $looks = slurp("$dir/looks");
    my ($script, @rest) = plain(map { KS::RESP::value($_) } strings(\$looks));
    my %ours = @rest;

    is($redis->run('DBSIZE'), scalar keys %ours, 'as many keys');

    for my $key (sort keys %ours) {
        my $theirs = digits($redis->run('EVAL', $script, 1, $key, ''));
        my $want = digits($ours{$key});

        is($theirs, $want, "the same $key") if $theirs ne $want;
    }

    $redis->stop;
}

done_testing;
