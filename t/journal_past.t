# What is told of commands that end a key or a field at once, as their time is over
# already, or that get a value and take it away: the same commands as redis-server
# puts into its append-only file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(slurp tempdir wait_for);
use KS::RESP;
use KS::Redis;

my $later = 9_999_999_999_999;

# commands, and what is told here where that is not what Redis tells
my @strings = (
    [['SET', 'k', 1], ['GETEX', 'k', 'EXAT', 1000]],
    [['SET', 'k', 1], ['GETEX', 'k', 'PXAT', 1000]],
    [['SET', 'k', 1], ['GETEX', 'k', 'PXAT', $later]],
    [['SET', 'k', 1, 'PXAT', $later], ['GETEX', 'k', 'PERSIST']],
    [['SET', 'k', 1], ['GETEX', 'k', 'PERSIST'], ['GETEX', 'k']],
    [['SET', 'k', 1], ['GETDEL', 'k'], ['GETDEL', 'k']],
    [['SET', 'k', 1], ['EXPIRE', 'k', -1]],
    [['SET', 'k', 1], ['EXPIRE', 'k', 0]],
    [['SET', 'k', 1], ['PEXPIRE', 'k', -1]],
    [['SET', 'k', 1], ['EXPIREAT', 'k', 1000]],
    [['SET', 'k', 1], ['PEXPIREAT', 'k', 1000]],
    [['SET', 'k', 1], ['EXPIRE', 'k', -1, 'GT'], ['EXPIRE', 'k', -1, 'NX']],
    [['SET', 's', 2], ['DUMP', 's'], ['RESTORE', 'k', 1000, 'dump', 'ABSTTL']],
    [['SET', 's', 2], ['SET', 'k', 2], ['DUMP', 's'],
     ['RESTORE', 'k', 1000, 'dump', 'ABSTTL', 'REPLACE']],
    [['SET', 'k', 1], ['MULTI'], ['EXPIRE', 'k', -1], ['SET', 'z', 1], ['EXEC']],

    # a key that is over is not stored before it goes
    [['SET', 'k', 1, 'PXAT', 1000], ''],
    [['SET', 'k', 2, 'EXAT', 10, 'NX'], ''],
    [['SET', 'k', 1], ['SET', 'k', 2, 'PXAT', 1000], "SET k 1\nDEL k"],
    [['SET', 'k', 1], ['SET', 'k', 2, 'EXAT', 10, 'GET'], "SET k 1\nDEL k"],
    [['SET', 'k', 1], ['SET', 'k', 2, 'EXAT', 10, 'XX'], "SET k 1\nDEL k"],

    # no other has these
    [['SET', 'k', 1], ['MSETEX', 2, 'k', 1, 'l', 2, 'PXAT', 1000], "SET k 1\nDEL k"],
    [['JSON.SET', 'k', '$', '1', 'PXAT', $later], "JSON.SET k \$ 1 PXAT $later"],
    [['JSON.SET', 'k', '$', '1'], ['JSON.SET', 'k', '$', '2', 'EXAT', 10],
     "JSON.SET k \$ 1\nDEL k"],
);

my @hset = ['HSET', 'h', 'a', 1, 'b', 2];
my @fields = (
    [@hset, ['HEXPIRE', 'h', 0, 'FIELDS', 1, 'a']],
    [@hset, ['HPEXPIREAT', 'h', 1, 'FIELDS', 2, 'a', 'b']],
    [@hset, ['HEXPIREAT', 'h', 1, 'FIELDS', 2, 'a', 'c']],
    [@hset, ['HPEXPIREAT', 'h', $later, 'FIELDS', 1, 'a'],
     ['HPEXPIREAT', 'h', 1, 'NX', 'FIELDS', 2, 'a', 'b']],
    [@hset, ['HGETEX', 'h', 'PXAT', 1, 'FIELDS', 1, 'a']],
    [@hset, ['HGETEX', 'h', 'EXAT', 1, 'FIELDS', 2, 'a', 'b']],
    [@hset, ['HGETEX', 'h', 'PXAT', $later, 'FIELDS', 1, 'a'],
     ['HGETEX', 'h', 'PERSIST', 'FIELDS', 2, 'a', 'b']],
    [@hset, ['HGETDEL', 'h', 'FIELDS', 2, 'a', 'z']],
    [@hset, ['HSETEX', 'h', 'PXAT', 1, 'FIELDS', 1, 'a', 5]],
    [@hset, ['HSETEX', 'h', 'PXAT', 1, 'FIELDS', 2, 'a', 5, 'b', 3]],
    [@hset, ['HSETEX', 'h', 'PXAT', 1, 'FIELDS', 1, 'z', 5]],

    # said so that a server of 7.4 knows it
    [@hset, ['HSETEX', 'h', 'PXAT', $later, 'FIELDS', 1, 'a', 4],
     "HSET h a 1 b 2\nMULTI\nHSET h a 4\nHPEXPIREAT h $later FIELDS 1 a\nEXEC"],
    [@hset, ['HSETEX', 'h', 'KEEPTTL', 'FIELDS', 1, 'a', 4],
     "HSET h a 1 b 2\nHSET h a 4"],
);


# The commands in all increments of a directory.
sub told {
    my ($dir) = @_;
    my $text = join '', map { slurp($_) } glob "$dir/*.incr.aof";
    my @told;

    while ($text =~ /\G\*(\d+)\r\n/gc) {
        my @argv;

        for (1 .. $1) {
            $text =~ /\G\$(\d+)\r\n/gc or die 'not a command';
            push @argv, substr $text, pos $text, $1;
            pos($text) += $1 + 2;
        }

        push @told, join ' ', @argv;
    }

    return grep { !/^SELECT/i } @told;
}


# Those between the last two marks.  Redis deletes fields one by one.
sub last_told {
    my ($dir, $mark) = @_;
    my @told;

    wait_for(20, sub { @told = told($dir); ($told[-1] // '') eq "SET mark $mark" });
    pop @told;
    @told = map { /^SET mark / ? () : $_ } splice @told, 1 + (grep {
        $told[$_] =~ /^SET mark /
    } 0 .. $#told)[-1];

    my $text = join "\n", @told;

    if ($text =~ /^MULTI\n(?:HDEL h \S+\n)+EXEC$/m) {
        $text =~ s/^MULTI\n|\nEXEC$//mg;
        1 while $text =~ s/^(HDEL h .*)\nHDEL h (\S+)$/$1 $2/m;
    }

    return $text;
}


# They are run by both, from nothing.
sub run {
    my ($r, $mark, @commands) = @_;
    my $dump;

    $r->run('DEL', qw(k l s z h));
    $r->run('SET', 'mark', $mark);

    for (@commands) {
        my @argv = map { $_ eq 'dump' ? $dump : $_ } @$_;
        my $reply = $r->command(@argv);
        $dump = $r->run(@argv) if $argv[0] eq 'DUMP';
    }

    $r->run('SET', 'mark', $mark + 1);
}


my $dir = tempdir();
chmod 0777, $dir;

my $ngx = KS::Nginx->start(resp => '', zone => "journal $dir/aof;");
my $r = $ngx->resp;
my $n = 0;

wait_for(20, sub { $ngx->log =~ /is rewritten/ });

for ([undef, @strings], ['redis-server', @fields]) {
    my ($name, @cases) = @$_;
    my $is = $name ? "$name of Debian 13" : 'redis-server';

    SKIP: {
        skip "there is no $is", scalar @cases
            if $name ? !KS::Redis::of_trixie($name) : !KS::Redis->available;

        my $aof = tempdir();
        my $redis = KS::Redis->start_of($name, '--dir', $aof, '--appendonly', 'yes');
        my $q = KS::RESP->new(port => $redis->port);

        for (@cases) {
            my @commands = @$_;
            my $want = ref $commands[-1] ? undef : pop @commands;

            $n += 2;
            run($r, $n, @commands);

            if (!defined $want) {
                run($q, $n, @commands);
                $want = last_told("$aof/appendonlydir", $n + 1);
            }

            is(last_told("$dir/aof", $n + 1), $want,
               join '; ', map { join ' ', map { s/[^ -~]/./gr } @$_ } @commands);
        }

        $redis->stop;
    }
}

$ngx->stop('stopped');

done_testing;
