# The journal on a disk that fails: each call of the helper's for the increment,
# for a base and for the manifest.  The error is told, reads go on, writes do or do
# not, as on_error says, and when the disk is good again all of it is there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO ENOSPC);
use Test::More;

use KS::Disk;
use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(capture installed slurp tempdir wait_for);
use KS::RESP;
use KS::Redis;

plan skip_all => 'there is no C compiler' unless KS::Disk::available();

my ($ngx, $r, $dir);
my $disk = KS::Disk->new;
my $n = 0;


sub begin {
    my ($options) = @_;

    $dir = tempdir();
    chmod 0777, $dir;
    $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2, daemon => 1,
                            env => $disk->env, zone => "journal $dir/aof $options;",
                            locations => 'location / { keyspace_rest main; } '
                                . 'location /metrics { keyspace_metrics; }');
    $r = $ngx->resp;
    wait_for(20, sub { $ngx->log =~ /is rewritten/ });
}


# The errno of the last error, as INFO and the page of metrics tell it.
sub last_errno {
    my ($page) = $ngx->client->request('GET', '/metrics')->{body}
        =~ /^keyspace_journal_last_errno\{[^}]*\} (\d+)$/m;

    return [info()->{keyspace_journal_last_errno}, $page];
}


sub info { return { $r->run('INFO', 'persistence') =~ /^(\w+):(\S*)\r?$/mg } }


# More than one turn of the helper's, of every kind.
sub fill {
    for (1 .. 40) {
        $n++;
        $r->replies(['SET', "key:$n", 'x' x ($n % 3000)], ['INCR', 'count'],
                    ['RPUSH', 'list', $n], ['SADD', 'set', $n],
                    ['MULTI'], ['HSET', 'hash', $n, $n], ['INCR', 'both'], ['EXEC']);
    }
}


sub keys_of {
    my ($of) = @_;
    return { map { $_ => look($of, $_) } @{$of->run('KEYS', '*')} };
}


# All of it is on the disk, and good: for redis-check-aof, redis-server and a start.
sub whole {
    my ($name) = @_;

    ok(wait_for(90, sub { $r->command('SET', 'whole', ++$n) eq "+OK\r\n"
                          && $r->run('WAITAOF', 1, 0, 5000)->[0] }),
       "$name: all comes to the disk");
    is(info()->{aof_last_write_status}, 'ok', '... and INFO says so');

    my $want = keys_of($r);

    SKIP: {
        skip 'there is no redis-server', 2
            unless KS::Redis->available && installed('redis-check-aof');

        my $copy = tempdir();

        system('cp', '-r', "$dir/aof", "$copy/aof") == 0 or die "cp: $?";

        my ($code, $said) = capture(60, {}, 'redis-check-aof',
                                    "$copy/aof/appendonly.aof.manifest");
        is($code, 0, '... redis-check-aof finds it good') or diag($said);

        my $redis = KS::Redis->start('--dir', $copy, '--appendonly', 'yes',
                                     '--appenddirname', 'aof');
        my $q = KS::RESP->new(port => $redis->port);

        wait_for(60, sub { (eval { $q->run('PING') } // '') eq 'PONG' });
        is_deeply(keys_of($q), $want, '... and redis-server has it');
        $redis->stop;
    }

    $ngx->crash;
    $ngx->launch;
    $r = $ngx->resp;
    is_deeply(keys_of($r), $want, '... and a start has it');
}


# Until the call has failed so often.
sub failed {
    my ($times, $name) = @_;

    ok(wait_for(30, sub { $disk->failed >= $times }), $name);
}


# --- the increment, when writes are to stop ---

for my $mode (qw(always everysec)) {
    begin("sync=$mode auto=off");
    is_deeply(last_errno(), [0, 0], "$mode: no error so far");
    fill();

    for (['pwrite', EIO], ['pwrite', ENOSPC], ['ftruncate', EIO]) {
        my ($call, $errno, %options) = @$_;
        my $is = "$mode: $call() fails ($errno)";
        my $log = length $ngx->log;

        # the commands below are the first that it fails for
        wait_for(60, sub { $r->run('WAITAOF', 1, 0, 5000)->[0] });
        $disk->fail($call, '.incr.aof', $errno, times => 1000, %options);

        my $c = $ngx->resp;
        $c->send(KS::RESP::encode('SET', 'waits', $n)
                 . KS::RESP::encode('SET', 'waits too', $n));

        failed(1, $is);
        ok(wait_for(20, sub { info()->{aof_last_write_status} eq 'err' }), '... INFO says so');
        like($r->error('SET', 'x', 1), qr/^MISCONF Errors writing to the AOF file/,
             '... writes are refused');
        like($r->error('PING'), qr/^MISCONF/, '... and so is PING');
        is($r->run('GET', 'count'), $r->run('LLEN', 'list'), '... reads are not');
        like(substr($ngx->log, $log), qr/writing failed; commands that write are refused.*\($errno: /,
             '... and the log has the error');
        is_deeply(last_errno(), [$errno + 0, $errno + 0], '... INFO and metrics have its errno');
        $disk->mend;
        is($c->reply, "+OK\r\n", '... when it can, what waited is answered');
        ok(wait_for(20, sub { $r->command('SET', 'x', 2) eq "+OK\r\n" }), '... and writes go on');
        like(substr($ngx->log, $log), qr/can be written again/, '... which the log tells');
        is_deeply(last_errno(), [$errno + 0, $errno + 0], '... and the errno is still told');
        fill();
    }

    $disk->fail('pshort', '.incr.aof', 0, times => 5);
    fill();
    failed(1, "$mode: writes that do less than they are asked for");
    $disk->mend;

    # what is on the disk then, nobody knows

    $disk->fail('fdatasync', '.incr.aof', EIO, times => 2);
    fill() if $mode eq 'everysec';
    $ngx->resp->send(KS::RESP::encode('SET', 'waits', $n));
    failed(1, "$mode: fdatasync() fails");
    ok(wait_for(20, sub { $ngx->log =~ /$_/ }), "... the log says: $_")
        for qr/failed; commands that write are refused.*\(5: /;
    $disk->mend;
    whole($mode);
    $ngx->stop('stopped');
}


# --- when they are to go on ---

for my $call (qw(pwrite fdatasync)) {
    begin('sync=everysec auto=off on_error=continue');
    fill();
    $disk->fail($call, '.incr.aof', EIO, times => 3);
    fill();
    failed(1, "continue: $call() fails");
    is($r->run('SET', 'x', 1), 'OK', '... writes go on');
    fill();
    $disk->mend;
    whole("continue, $call()");
    $ngx->stop('stopped');
}


# --- a base, the increment behind it, and the manifest ---

begin('sync=everysec auto=off');
fill();

for (['write', '.base.rdb.new', EIO], ['fsync', '.base.rdb.new', EIO],
     ['pwrite', '.base.rdb.new', EIO], ['rename', '.base.rdb.new', ENOSPC],
     ['fsync', '.incr.aof', EIO], ['renameat', 'manifest', EIO],
     ['renameat', 'manifest', EIO, pass => 1], ['fsync', 'manifest', EIO],
     ['write', 'manifest', ENOSPC])
{
    my ($call, $part, $errno, %options) = @$_;
    my $is = "$call() of $part fails" . (%options ? ', later' : '');
    my $log = length $ngx->log;

    # fields that expire are a reason to go back to the head of the base
    if ($call eq 'pwrite') {
        $r->run('HSET', 'timed', 'f', 1);
        $r->run('HEXPIRE', 'timed', 5000, 'FIELDS', 1, 'f');
    }

    fill();
    my $ended = info()->{aof_rewrites};
    $disk->fail($call, $part, $errno, times => 1000, %options);
    $r->run('BGREWRITEAOF');
    failed(1, $is);

    # where the increment may have lost bytes another rewriting begins at once,
    # which has an increment of its own, and is good

    ok(wait_for(20, sub { my $i = info();
                          $i->{aof_last_bgrewrite_status} eq 'err'
                          || ($part eq '.incr.aof'
                              && $i->{aof_rewrites} > $ended) }),
       '... INFO says so');
    like(substr($ngx->log, $log), qr/could not be rewritten: .*\($errno: /, '... and the log');
    $disk->mend;
    fill();
    is($r->run('WAITAOF', 1, 0, 20_000)->[0], 1, '... the increment goes on');
    $r->run('DEL', 'timed');

    my $done = info()->{aof_rewrites};
    $r->run('BGREWRITEAOF');
    ok(wait_for(20, sub { my $i = info();
                          $i->{aof_last_bgrewrite_status} eq 'ok'
                          && $i->{aof_rewrites} > $done }),
       '... and the next one is done');
}

whole('rewritings');
$ngx->stop('stopped');

done_testing;
