# What a zone begins with: append-only files of redis-server and valkey-server,
# written while random commands of all types ran there, and rewritten meanwhile.
# Each key is compared with what a server of the same kind makes of the same
# files.  Then files that are torn, damaged, or hold what a zone cannot.
#
#   KS_SEED=n     (printed)
#   KS_ROUNDS=n   how many random commands

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(slurp spew tempdir wait_for);
use KS::RESP;
use KS::Random::Group;
use KS::Random::Mixed;
use KS::Redis;

plan skip_all => 'there is no redis-server' unless KS::Redis->available;

my $seed = $ENV{KS_SEED} // 20240229;
my $rounds = $ENV{KS_ROUNDS} // 6000;

note("KS_SEED=$seed");

my $LIBRARY = "#!lua name=lib\nredis.register_function('f', function(k, a)"
            . " redis.call('SADD', k[1], unpack(a))"
            . " return redis.call('SPOP', k[1]) end)";


# Some commands that chance does not come upon.
sub special {
    my ($n) = @_;

    return (
        ['EVAL', "for i = 1, 9 do redis.call('ZINCRBY', KEYS[1], i / 7, 'm' .. i % 4) end"
                 . " return redis.call('INCRBYFLOAT', KEYS[2], ARGV[1])",
         2, "zscript", "fscript", $n / 3],
        ['FCALL', 'f', 1, 'sfunction', map { $n * $_ % 31 } 1 .. 6],
        ['HSET', "h$n", map { ("field $_", $_ * $n) } 1 .. 1 + $n % 200],
        ['HINCRBYFLOAT', 'hfloat', 'f', '0.1'],
        ['SET', "brief$n", $n, 'PX', 1 + $n % 3],
        ['SET', "kept$n", $n, 'PX', 2], ['PERSIST', "kept$n"],
        ['RPUSH', "l$n", map { 'e' x ($_ * $_ % 300) } 1 .. $n % 50 + 1],
        ['LMOVE', "l$n", 'lmoved', 'LEFT', 'RIGHT'],
        ['SETRANGE', 'large', 1_000_000 + $n * 1000, 'x' x 5000],
        ['XADD', 'xlong', 'MAXLEN', '~', 500, '*', 'n', $n, 'text', 'x' x ($n % 90)],
        ['GETEX', 'fscript', 'EX', 5000 + $n],
        $n % 7 ? () : (['FUNCTION', 'LOAD', 'REPLACE', $LIBRARY],
                       ['SCRIPT', 'LOAD', "return $n"]),
    );
}


# So many random commands, a part of them in transactions.
sub play {
    my ($redis, $n) = @_;
    my @commands;
    my $command = sub {
        return [KS::Random::choose(\%KS::Random::Group::COMMANDS)] if rand(6) < 1;
        return (KS::Random::Mixed::command())[0];
    };

    for (1 .. $n) {
        my $c = $command->();

        # everything would be gone again and again
        next if $c->[0] =~ /^flush/i && rand(20) > 1;
        push @commands, $c;
        push @commands, special($_) if $_ % 40 == 0;

        if (@commands > 200) {
            $redis->replies(@commands);
            @commands = ();
        }
    }

    $redis->replies(@commands, ['DISCARD']);
}


# Rewrites the file, while commands go on.
sub rewrite {
    my ($redis) = @_;

    $redis->run('BGREWRITEAOF');
    play($redis, 50);
    wait_for(60, sub {
        my $info = $redis->run('INFO', 'persistence');

        $info =~ /aof_rewrite_in_progress:0/ && $info =~ /aof_rewrite_scheduled:0/
    }) or die 'the file is not rewritten';
}


sub state {
    my ($r) = @_;

    return map { $_ => look($r, $_) } @{$r->run('KEYS', '*')};
}


# What is not the same here and there.
sub differing {
    my ($r, $was) = @_;
    my %is = state($r);
    my %all = (%is, %$was);

    return join ', ', grep { ($is{$_} // '') ne ($was->{$_} // '') } sort keys %all;
}


# An nginx that begins with that file, or the log of one that does not start.
sub nginx { return KS::Nginx->start(size => '64m', resp => '', zone => "load $_[0];") }


sub refused {
    my ($what) = @_;

    return 'it has started' if eval { nginx($what)->stop; 1 };
    return $@;
}


# --- files of others ---

my $dir;                            # one of them

for my $name (undef, 'redis-server', 'valkey-server') {
    my $is = $name ? "$name of Debian 13" : 'redis-server';

    if ($name && !KS::Redis::of_trixie($name)) {
        SKIP: { skip "there is no $is", 12 }
        next;
    }

    for my $preamble ('yes', 'no') {
        my @options = ('--appendonly', 'yes', '--appendfsync', 'no',
            '--aof-use-rdb-preamble', $preamble,
            '--aof-timestamp-enabled', $preamble,
            '--auto-aof-rewrite-percentage', 0);
        my $redis = KS::Redis->start_of($name, @options);

        srand $seed;
        KS::Random::Mixed::dumps($redis);
        KS::Random::Mixed::seed();
        $redis->run('FUNCTION', 'LOAD', 'REPLACE', $LIBRARY);
        play($redis, $rounds / 3);
        rewrite($redis);
        play($redis, $rounds / 3);
        rewrite($redis);
        play($redis, $rounds / 3);

        sleep 0.01;
        my $keys = @{$redis->run('KEYS', '*')};
        my $from = "$redis->{dir}/appendonlydir";

        # it has not written all (XREADGROUP counts what is read again)
        $redis->stop;
        my $other = KS::Redis->start_of($name, @options, '--dir', $redis->{dir});
        wait_for(60, sub { ($other->run('PING') // '') eq 'PONG' });
        my %was = state(KS::RESP->new(port => $other->port));
        my $ngx = nginx($from);
        my $r = $ngx->resp;

        cmp_ok($keys, '>', 50, "$is has written keys, preamble $preamble");
        is(scalar keys %was, $keys, 'and reads them');
        is(differing($r, \%was), '', 'all are here, and what they are there');
        is(join(' ', sort map { $_->[1] } @{$r->run('FUNCTION', 'LIST')}), 'lib',
           'the functions as well');
        like($ngx->log, qr/has loaded "\Q$from\E": .* \d+ commands/, 'the log says so');
        like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
        $ngx->stop;

        if (!$dir && $preamble eq 'yes') {
            $dir = tempdir();
            spew("$dir/" . s{.*/}{}r, slurp($_)) for glob "$from/*";
        }

        $other->stop;
    }
}


# --- single files, torn and damaged ---

my ($base) = glob "$dir/*.base.rdb";
my ($incr) = glob "$dir/*.incr.aof";
my $rdb = slurp($base);
my $aof = slurp($incr);
my $file = "$dir/old.aof";

my $ngx = nginx($dir);
my %was = state($ngx->resp);
$ngx->stop;

spew($file, $rdb . $aof);
$ngx = nginx($file);
is(differing($ngx->resp, \%was), '', 'a file that begins with an RDB file');
$ngx->stop;

my $more = "*2\r\n\$4\r\nINCR\r\n\$9\r\nnot there\r\n";
spew($incr, $aof . substr $more, 0, 20);
$ngx = nginx($dir);
is(differing($ngx->resp, \%was), '', 'a tail that is torn is left out');
like($ngx->log, qr/\[warn\].*"\Q$incr\E" has a torn tail: its last 20 bytes, from byte @{[length $aof]} on, .* were left out/,
     'as the log says');
is(-s $incr, length($aof) + 20, 'the file stays as it is');
$ngx->stop;

spew($incr, "*1\r\n\$5\r\nMULTI\r\n$more" . $aof);
like(refused($dir), qr/"\Q$incr\E" cannot be loaded: MULTI inside of a transaction at byte/,
     'a transaction that does not end');

spew($incr, $aof . "x$more");
like(refused($dir), qr/"\Q$incr\E" cannot be loaded: a command does not begin here at byte @{[length $aof]}\b/,
     'a byte that is wrong: refused, with the place');
spew($incr, $aof);

my $manifest = slurp("$dir/appendonly.aof.manifest");
my $next = ($incr =~ /(\d+)\.incr/)[0] + 1;

spew("$dir/next.aof", $more);
spew("$dir/appendonly.aof.manifest", "${manifest}file next.aof seq $next type i\n");
$ngx = nginx($dir);
is($ngx->resp->run('GET', 'not there'), 1, 'a second increment');
$ngx->stop;

spew($incr, substr $aof, 0, -1);
like(refused($dir), qr/"\Q$incr\E" cannot be loaded: the file ends too early, and is not the last one/,
     'an increment that is torn, and not the last one');
spew($incr, $aof);
spew("$dir/appendonly.aof.manifest", $manifest . "file x seq @{[$next + 1]} type i\n");
like(refused($dir), qr/the manifest of "[^"]*": line \d+: the increment behind \d+ is \d+/,
     'an increment that is missing in the manifest');
spew("$dir/appendonly.aof.manifest", $manifest . "file x seq $next type i\n");
like(refused($dir), qr/open\(\) "[^"]*\/x" failed: No such file/,
     'one that is missing');
unlink "$dir/appendonly.aof.manifest";
like(refused($dir), qr/has no manifest/, 'no manifest');


# --- what a zone cannot hold ---

my $cannot = "*1\r\n\$8\r\nFLUSHALL\r\n*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n"
           . "*3\r\n\$6\r\nBF.ADD\r\n\$1\r\na\r\n\$1\r\nb\r\n"
           . "*2\r\n\$6\r\nSELECT\r\n\$1\r\n7\r\n$more$more"
           . "*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n$more";

spew($file, $cannot);
my $log = refused($file);
like($log, qr/cannot be loaded: a zone cannot run command "bf\.add" at byte 41/,
     'a command that is not known: refused, with the place');
like($log, qr/holds what a zone cannot: 1 of command "bf\.add", 2 of commands for other databases than 0;/,
     'and it is said how many');
$ngx = nginx("$file skip");
is($ngx->resp->run('GET', 'not there'), 1, 'or left out');
like($ngx->log, qr/\[warn\].*left out .*: 1 of command "bf\.add", 2 of commands for other databases/,
     'as the log says');
$ngx->stop;

spew($file, "*3\r\n\$5\r\nRPUSH\r\n\$1\r\na\r\n\$1\r\nb\r\n*2\r\n\$4\r\nINCR\r\n\$1\r\na\r\n");
like(refused($file), qr/cannot be loaded: "incr" fails: WRONGTYPE .* at byte 29/,
     'a command that fails');

done_testing;
