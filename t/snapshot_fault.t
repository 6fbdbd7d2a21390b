# Snapshots on a disk that fails: each call of the helper's, at its beginning
# and later.  The last good file stays, the error is told, all else goes on, and
# the next snapshot is made.  Then the loading of a file that cannot be read.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO ENOSPC EDQUOT);
use Test::More;

use KS::Disk;
use KS::Nginx;
use KS::Proc qw(slurp tempdir);

plan skip_all => 'there is no C compiler' unless KS::Disk::available();

my $dir = tempdir();
chmod 0777, $dir;

my $file = "$dir/main.rdb";
my $disk = KS::Disk->new;
my $ngx = KS::Nginx->start(size => '64m', resp => '', workers => 2,
                           env => $disk->env, zone => "snapshot $file;");
my $r = $ngx->resp;


sub status { return ($r->run('INFO', 'persistence') =~ /^rdb_last_bgsave_status:(\w+)/m)[0] }
sub files { return join ' ', sort map { s{.*/}{}r } glob "$dir/*" }

# more than is written at a time
$r->run('SET', "key:$_", "$_-" . 'x' x 100_000) for 1 .. 60;
is($r->run('SAVE'), 'OK', 'a first one');

my $n = 0;

for (['write', '.rdb.new', EIO], ['write', '.rdb.new', EIO, pass => 3],
     ['write', '.rdb.new', ENOSPC, pass => 1], ['write', '.rdb.new', EDQUOT, pass => 5],
     ['fsync', '.rdb.new', EIO], ['close', '.rdb.new', EIO],
     ['rename', '.rdb.new', EIO], ['rename', '.rdb.new', ENOSPC])
{
    my ($call, $part, $errno, %options) = @$_;
    my $is = "$call() fails ($errno)" . (%options ? " after $options{pass}" : '');
    my $was = slurp($file);
    my $log = length $ngx->log;

    $r->run('SET', 'n', ++$n);
    $disk->fail($call, $part, $errno, %options);
    like($r->error('SAVE'), qr/^ERR the snapshot was not made/, $is);
    is($disk->failed, 1, 'once');
    is(status(), 'err', 'INFO says so');
    like(substr($ngx->log, $log), qr/failed: \Q$call\E\(\).*\($errno: /, 'and the log');
    ok(slurp($file) eq $was, 'the last one is what it was');
    is(files(), 'main.rdb', 'and nothing is beside it');
    is($r->run('GET', 'n'), $n, 'clients go on');

    $disk->mend;
    is($r->run('SAVE'), 'OK', 'the next one is made');
    is(status(), 'ok', 'and INFO says so');
}

# its name is there, but perhaps not on the disk
$disk->fail('fsync', $dir, EIO, pass => 1);
like($r->error('SAVE'), qr/^ERR the snapshot was not made/, 'fsync() of the directory fails');
is($disk->failed, 1, 'once');
is(files(), 'main.rdb', 'there is one');

# what is written in part is written on
$disk->fail('short', '.rdb.new', 0, times => 1000);
$r->run('SET', 'n', 'short');
is($r->run('SAVE'), 'OK', 'writes that do less than they are asked for');
cmp_ok($disk->failed, '>', 4, 'some did');
$disk->mend;
my $keys = $r->run('DBSIZE');
my $value = $r->run('GET', 'key:7');
$ngx->crash;
$ngx->launch;
$r = $ngx->resp;
is($r->run('DBSIZE'), $keys, 'it is loaded');
is($r->run('GET', 'n'), 'short', 'it is the last one');
ok($r->run('GET', 'key:7') eq $value, 'and whole');

# it cannot be read
$ngx->crash;
$ngx->allow(qr/does not start: /);

for my $pass (0, 1, 5) {
    $disk->fail('pread', 'main.rdb', EIO, pass => $pass);
    ok(!eval { $ngx->launch; 1 }, "pread() fails after $pass: nginx does not start");
    like($@, $pass ? qr/main\.rdb" cannot be loaded: the file cannot be read at byte \d+.*: Input\/output error/
                   : qr/read\(\) "\Q$file\E" failed: Input\/output error/, 'and says why');
}

$disk->mend;
$ngx->launch;
is($ngx->resp->run('DBSIZE'), $keys, 'when it can, all is there');
$ngx->stop;

done_testing;
