# A power failure: the zone's file has pages of any moment since it was opened,
# and another boot of the machine finds it.  It is told from one that was closed;
# then the last snapshot takes over, and the file is kept as it is.

use strict;
use warnings;
no warnings 'portable';                 # the polynomial of a sum

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(slurp spew tempdir);

use constant PAGE => 4096;
use constant HEAD => 104;               # bytes of a head, before its sum

plan skip_all => 'the machine does not tell its boot'
    unless -r '/proc/sys/kernel/random/boot_id';

my $seed = $ENV{KS_SEED} // time;
my $rounds = $ENV{KS_ROUNDS} // 4;
my $boot = slurp('/proc/sys/kernel/random/boot_id') =~ s/\n//r;
my $other = $boot =~ tr/0-9a-f/1-9a-f0/r;

note("KS_SEED=$seed");
srand $seed;

my $dir = tempdir();
chmod 0700, $dir;
my $shots = tempdir();
chmod 0777, $shots;

my $file = "$dir/zone.ks";
my $zone = "file $file on_fault=aside; snapshot $shots/main.rdb;";


# Redis's, bit by bit.
sub crc64 {
    my $crc = 0;

    for my $byte (unpack 'C*', $_[0]) {
        $crc ^= $byte;
        $crc = $crc & 1 ? $crc >> 1 ^ 0x95ac9329ac4bc9b5 : $crc >> 1 for 1 .. 8;
    }

    return $crc;
}


# The file as a disk may have it: each page is that of now, or of one of the
# moments before; but for the header, which was there before any of them.
sub lose_power {
    my (@moments) = @_;
    my $bytes = slurp($file);
    my $old = 0;

    for (my $at = PAGE; $at < length $bytes; $at += PAGE) {
        my $from = $moments[rand 2 * @moments] // next;

        next if substr($from, $at, PAGE) eq substr $bytes, $at, PAGE;
        substr($bytes, $at, PAGE) = substr $from, $at, PAGE;
        $old++;
    }

    my $n = 0;

    for my $at (0, 512) {
        my $head = substr $bytes, $at, HEAD;

        next if $head !~ s/\Q$boot\E/$other/;
        substr($bytes, $at, HEAD + 8) = $head . pack 'Q<', crc64($head);
        $n++;
    }

    # the same file, so that it is no copy
    open my $f, '+<', $file or die "$file: $!";
    syswrite $f, $bytes or die "$file: $!";
    close $f;

    return ($bytes, $old, $n);
}


for my $round (1 .. $rounds) {
    unlink glob "$dir/*";
    unlink glob "$shots/*";

    my $ngx = KS::Nginx->start(size => '8m', resp => '', workers => 2, zone => $zone);
    my $r = $ngx->resp;
    my @moments = slurp($file);

    for my $part (1 .. 4) {
        $r->run('SET', "key:$part:$_", 'v' x rand 500) for 1 .. 500;
        $r->run('HSET', "hash:$part", map { ("f$_", 'w' x rand 50) } 1 .. 200);
        $r->run('DEL', map { "key:$part:" . int rand 500 } 1 .. 50);
        push @moments, slurp($file);

        if ($part == 2) {
            $r->run('SET', 'saved', $round);
            is($r->run('SAVE'), 'OK', 'a snapshot');
        }
    }

    my $saved = grep { !/^(?:key|hash):[34]\b/ } @{$r->run('KEYS', '*')};

    $r->run('SET', 'lost', 1);
    $ngx->crash;

    my ($bytes, $old, $n) = lose_power(@moments);
    cmp_ok($old, '>', 10, "$old pages are of before");
    cmp_ok($n, '>', 0, 'and the boot is another one');

    $ngx->launch;
    $r = $ngx->resp;
    is($r->run('GET', 'saved'), $round, 'the snapshot takes over');
    is($r->run('EXISTS', 'lost'), 0, 'what came later is not there');
    is($r->run('DBSIZE'), $saved, 'all that it had is');
    like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

    my @said = $ngx->log =~ /^\d.*\[error\].*("main" begins empty: its file "\Q$file\E" .*)/gm;
    is(@said, 1, 'the log has one line of it') or diag($ngx->log);
    like($said[0], qr/was in use when the machine went down.*it is kept as "\Q$file\E\.old\.1"/, 'which says why, and where it is');
    ok(slurp("$file.old.1") eq $bytes, 'the file is kept as it was');
    $ngx->allow(qr/begins empty: its file/);

    # without "aside" somebody has to look
    $ngx->stop;
    next if $round > 1;

    unlink $file;
    rename "$file.old.1", $file or die;
    ok(!eval { KS::Nginx->start(size => '8m', resp => '', zone => $zone =~ s/ on_fault=aside//r)->stop; 1 },
       'without "aside" nginx does not start');
    like($@, qr/does not start: its file "\Q$file\E" was in use when the machine went down.*move it away, or set "on_fault=aside"/,
         'and says why');
    ok(slurp($file) eq $bytes, 'the file stays as it was');
}

# one that was closed is good in another boot
unlink glob "$dir/*";
my $ngx = KS::Nginx->start(size => '8m', resp => '', zone => $zone);
$ngx->resp->run('SET', 'k', 'closed');
$ngx->halt;
lose_power();
$ngx->launch;
is($ngx->resp->run('GET', 'k'), 'closed', 'a file that was closed is gone on with in another boot');
$ngx->stop;

done_testing;
