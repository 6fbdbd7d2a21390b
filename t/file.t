# A zone in a file: what becomes of it when nginx ends, is killed, upgraded,
# started with another size, or with a file that is not to be trusted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use KS::Nginx;
use KS::Proc qw(tempdir capture slurp spew wait_for installed alive);

my $dir = tempdir();
my $file = "$dir/main.ks";
my $TOKEN = $KS::Nginx::TOKEN;

chmod 0700, $dir;


sub begin {
    my (%options) = @_;

    return KS::Nginx->new(size => '8m', workers => 2, resp => '',
                          zone => "file $file;",
                          http => 'client_max_body_size 32m;', %options);
}


sub start {
    my $ngx = begin(@_);

    $ngx->launch;

    return $ngx;
}


# nginx does not start, and says so; once more it would, when that is mended
sub refused {
    my ($name, $why, %options) = @_;
    my $ngx = begin(%options);
    my ($code, $out) = capture(30, KS::Nginx::environment(), $ngx->command);

    isnt($code, 0, "$name: nginx does not start");
    like((grep { /emerg/ } split /\n/, $ngx->log)[0] // '', $why,
         '... and says why');
}


sub goes_on {
    my ($name, %options) = @_;
    my $ngx = start(%options);

    is($ngx->client->run('GET', 'k'), 'v', $name);
    like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/,
         '... and the zone is whole');
    $ngx->stop;

    return $ngx;
}


subtest 'a stop and a start' => sub {
    my $ngx = start();
    my $c = $ngx->client;

    like($ngx->log, qr/begins empty, in a new file "\Q$file\E"/, 'a new file');
    is(sprintf('%04o', (stat $file)[2] & 07777), '0600',
       '... that is nobody else\'s');

    $c->run('SET', 'k', 'v');
    $c->run('SET', 'ttl', 'v', 'PX', 5_000_000);
    $c->run('RPUSH', 'list', 1 .. 500);
    $c->run('HSET', 'hash', map { ("f$_", 'v' x $_) } 1 .. 200);
    $c->run('HPEXPIRE', 'hash', 5_000_000, 'FIELDS', 1, 'f1');
    $c->run('ZADD', 'zset', map { ($_, "m$_") } 1 .. 300);
    $c->run('SADD', 'set', map { "m$_" } 1 .. 300);
    $c->run('XADD', 'stream', '1-1', 'f', 'v');
    $c->run('SET', 'long', 'l' x 300_000);
    $c->run('FUNCTION', 'LOAD',
            "#!lua name=lib\nredis.register_function('f', function() return 7 end)");
    my $sha = $c->run('SCRIPT', 'LOAD', 'return 8');

    $ngx->halt;
    like($ngx->log, qr/zone "main" is closed: its file "\Q$file\E" is whole/,
         'it is closed');

    $ngx->launch;
    $c = $ngx->client;
    like($ngx->log, qr/goes on with the 8 keys of its file/,
         'all keys are there');

    is($c->run('GET', 'k'), 'v', 'a string');
    cmp_ok($c->run('PTTL', 'ttl'), '>', 4_000_000, 'a TTL');
    is_deeply($c->run('LRANGE', 'list', 0, -1), [1 .. 500], 'a list');
    is($c->run('HGET', 'hash', 'f200'), 'v' x 200, 'a hash');
    cmp_ok($c->run('HPTTL', 'hash', 'FIELDS', 1, 'f1')->[0], '>', 4_000_000,
           'the TTL of a field');
    is($c->run('ZSCORE', 'zset', 'm77'), '77', 'a sorted set');
    is($c->run('SCARD', 'set'), 300, 'a set');
    is($c->run('XLEN', 'stream'), 1, 'a stream');
    is($c->run('STRLEN', 'long'), 300_000, 'a long string');
    is($c->run('FCALL', 'f', 0), 7, 'a function');
    is($c->run('EVALSHA', $sha, 0), 8, 'a script');
    cmp_ok(($c->run('INFO', 'server') =~ /uptime_in_seconds:(\d+)/)[0], '<', 60,
           'the time up begins anew');
    like($c->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

    ok($ngx->crash, 'all processes are killed');
    $ngx->launch;
    $c = $ngx->client;
    is($c->run('GET', 'k'), 'v', 'the keys are there');
    like($c->run('MEMORY', 'DOCTOR'), qr/^ok/, 'and the zone is whole');

    $ngx->stop;
};


# What processes have in the zone ends with them.
subtest 'clients of before' => sub {
    my $ngx = start();
    my $c = $ngx->resp;
    my $waits = $ngx->resp;

    $ngx->resp->replies(['SUBSCRIBE', 'channel']);
    my $listens = $ngx->resp;
    $listens->replies(['SUBSCRIBE', 'channel']);
    $waits->send(KS::RESP::encode('BLPOP', 'queue', 0));
    ok(wait_for(10, sub { $c->run('INFO', 'clients') =~ /blocked_clients:1/ }),
       'one waits');
    is($c->run('PUBSUB', 'NUMSUB', 'channel')->[1], 1, 'one listens');
    $c->run('CLIENT', 'PAUSE', 100_000, 'WRITE');

    $ngx->crash;
    $ngx->launch;
    $c = $ngx->resp;

    is($c->run('PUBSUB', 'NUMSUB', 'channel')->[1], 0, 'nobody listens');
    is($c->run('PUBLISH', 'channel', 'm'), 0, '... nor hears');
    is($c->run('RPUSH', 'queue', 'x'), 1, 'nothing is paused');
    is($c->run('LLEN', 'queue'), 1, 'nobody waits');
    $c->run('DEL', 'queue');
    $ngx->stop;
};


subtest 'a test of the configuration' => sub {
    my $ngx = start();

    # nothing else can touch it meanwhile
    $ngx->freeze;
    my $before = join ' ', (stat $file)[7, 9, 10];
    my ($code, $out) = capture(30, KS::Nginx::environment(), $ngx->command('-t'));

    is($code, 0, 'while another runs');
    is(join(' ', (stat $file)[7, 9, 10]), $before,
       '... it does not touch the file');
    $ngx->thaw;
    is($ngx->client->run('GET', 'k'), 'v', '... which is served');
    $ngx->stop;

    my $new = begin(zone => "file $dir/other.ks;");
    ($code, $out) = capture(30, KS::Nginx::environment(), $new->command('-t'));
    is($code, 0, 'of a new file');
    ok(! -e "$dir/other.ks", '... which is not made');

    for (["file $file on_fault=ignore;", qr/invalid parameter "on_fault=ignore".*"refuse" or "aside"/],
         ["file $file a=b;", qr/unknown parameter "a=b"/],
         ['file "";', qr/"file" needs the path of a file/],
         ["file $file; file $file;", qr/"file" is duplicate/]) {
        ($code, $out) = KS::Nginx->check(zone => $_->[0]);
        isnt($code, 0, $_->[0]);
        like($out, $_->[1], '... is an error');
    }

    ($code, $out) = KS::Nginx->check(
        zone => "file $file;",
        main => "keyspace_zone twin 8m { file $file; token off; }");
    isnt($code, 0, 'two zones in one file');
    like($out, qr/file "\Q$file\E" is that of keyspace zone "twin" already/,
         '... are an error');
};


# A zone of 8g has 600 MB of layout.
subtest 'a test of a large zone' => sub {
    my ($code, $out) = KS::Nginx->check(size => '8g');

    is($code, 0, 'is a test');

    my $ngx = KS::Nginx->new(size => '8g');
    ($code, $out) = capture(60, { %{KS::Nginx::environment()} }, 'sh', '-c',
                            'ulimit -v 2000000; exec "$@"', 'sh', $ngx->command('-t'));

    SKIP: {
        skip 'sanitizers reserve more', 1 if $ENV{KS_PRELOAD};
        is($code, 0, 'it takes no memory for it');
    }
};


subtest 'two masters' => sub {
    my $ngx = start();

    refused('a second one', qr/its file "\Q$file\E" is in use by another nginx/);
    is($ngx->client->run('GET', 'k'), 'v', 'the first one goes on');
    $ngx->stop;
};


subtest 'faults' => sub {
    rename $file, "$dir/kept" or die;
    symlink "$dir/kept", $file;
    refused('a link', qr/is a symbolic link/);
    unlink $file;
    rename "$dir/kept", $file;

    chmod 0644, $file;
    refused('a mode', qr/has mode 0644/);
    chmod 0600, $file;

    SKIP: {
        skip 'only root gives files away', 2 if $> != 0;
        chown 65534, -1, $file;
        refused('an owner', qr/belongs to user 65534/);
        chown 0, -1, $file;
    }

    spew("$dir/foreign", 'something else' x 1000);
    chmod 0600, "$dir/foreign";
    refused('a foreign file', qr/is not the file of a keyspace zone/,
            zone => "file $dir/foreign on_fault=aside;");
    is(slurp("$dir/foreign"), 'something else' x 1000, 'it is left alone');

    mkdir "$dir/open";
    chmod 0777, "$dir/open";
    refused('a directory of all', qr/in a directory in which others may write/,
            zone => "file $dir/open/main.ks;");
    refused('no directory', qr/its directory: No such file/,
            zone => "file $dir/none/main.ks;");

    goes_on('nothing has become of the file');
};


# A copy of a file that is in use stands for all that cannot be trusted.
subtest 'a file that cannot be trusted' => sub {
    my $ngx = start();

    $ngx->crash;
    system('cp', $file, "$dir/copy") == 0 or die;

    refused('a copy', qr/is a copy of a file that was in use.*; move it away, or set "on_fault=aside"/,
            zone => "file $dir/copy;");

    my $copy = start(zone => "file $dir/copy on_fault=aside;");
    is($copy->client->run('DBSIZE'), 0, 'set aside, the zone begins empty');
    like($copy->log, qr/\[error\].*"main" begins empty: its file "\Q$dir\E\/copy" is a copy .* kept as "\Q$dir\E\/copy.old.1"/,
         '... which is told');
    $copy->stop;
    is(-s "$dir/copy.old.1", -s $file, 'the file is kept');

    truncate $file, 5000;
    refused('a torn file', qr/is torn: it has another length/);
    $ngx = start(zone => "file $file on_fault=aside;");
    is($ngx->client->run('DBSIZE'), 0, 'set aside');
    $ngx->client->run('SET', 'k', 'v');
    $ngx->stop;
};


# What an upgrade to a build does that lays out zones in another way: the file is
# not for it.  The zone gets a snapshot while nginx runs.
subtest 'a snapshot takes the place of a file that is set aside' => sub {
    my $theirs = tempdir();             # of the workers
    my $rdb = "$theirs/place.rdb";
    my $ngx = start(zone => "file $dir/place;");

    chmod 0777, $theirs;

    $ngx->client->run('SET', 'k', 'kept');
    ok($ngx->reload(zone => "file $dir/place on_fault=aside; snapshot $rdb;"),
       'a reload that adds a snapshot');
    is($ngx->client->run('SAVE'), 'OK', 'SAVE');
    $ngx->stop;

    truncate "$dir/place", 5000;
    $ngx = start(zone => "file $dir/place on_fault=aside; snapshot $rdb;");
    is($ngx->client->run('GET', 'k'), 'kept', 'the keys are there');
    like($ngx->log, qr/kept as "\Q$dir\E\/place.old.1"/, '... and the file is');
    $ngx->stop;
};


subtest 'another size' => sub {
    my $ngx = start();
    my $c = $ngx->client;
    my @workers = $ngx->workers;

    $c->pipeline(map { ['SET', "key$_", 'v' x 1200, 'EX', 5000] } 1 .. 1000);
    $ngx->{options}{size} = '16m';
    $ngx->write_config;
    kill 'HUP', $ngx->pid;
    ok(wait_for(20, sub { $ngx->log =~ /emerg/ }), 'a reload is refused');
    like($ngx->log, qr/has 8388608 bytes and cannot have 16777216 after a reload: a restart carries its keys over/,
         '... with a line that says how');
    is_deeply([$ngx->workers], \@workers, '... and the workers stay');

    $ngx->{options}{zone} = "file $dir/elsewhere.ks;";
    $ngx->{options}{size} = '8m';
    $ngx->write_config;
    kill 'HUP', $ngx->pid;
    ok(wait_for(20, sub { $ngx->log =~ /cannot go from file \S+ to file \S+ by a reload/ }),
       'another file by a reload is refused, too');

    $ngx->allow('reload');
    $ngx->stop;

    $ngx = start(size => '16m');
    like($ngx->log, qr/changes its size from 8388608 to 16777216 bytes: up to 1001 keys are carried over/,
         'a restart carries them over');
    $c = $ngx->client;
    is($c->run('DBSIZE'), 1001, 'all of them');
    is($c->run('GET', 'key77'), 'v' x 1200, '... with their values');
    cmp_ok($c->run('TTL', 'key77'), '>', 3000, '... and TTLs');
    like($c->run('INFO', 'memory'), qr/maxmemory:16777216/,
         'into a larger zone');
    like($c->run('MEMORY', 'DOCTOR'), qr/^ok/, '... that is whole');
    $ngx->stop;
    ok(! -e "$file.new", 'nothing is left over');

    refused('too small', qr/1048576 bytes are too few for what is in its file "\Q$file\E", which stays/,
            size => '1m', eviction => 'noeviction');
    goes_on('the file has stayed', size => '16m');

    $ngx = start(size => '1m', eviction => 'allkeys-lru');
    $c = $ngx->client;
    my ($all, $evicted) = $ngx->log =~ /\[warn\].*has 1048576 bytes now: of (\d+) keys (\d+) were evicted to fit/;
    is($all, 1001, 'an evicting policy makes them fit');
    cmp_ok($evicted // 0, '>', 0, '... by evicting');
    is($c->run('DBSIZE'), 1001 - ($evicted // 0), '... as many as it says');
    like($c->run('MEMORY', 'DOCTOR'), qr/^ok/, '... and the zone is whole');
    $c->run('SET', 'k', 'v');
    $ngx->stop;
    goes_on('and goes on', size => '1m');
    unlink $file;
};


subtest 'no room' => sub {
    my $mount = "$dir/small";

    mkdir $mount;
    plan skip_all => 'only root mounts'
        if $> != 0 || system("mount -t tmpfs -o size=12m,mode=700 tmpfs $mount 2>/dev/null") != 0;

    my $done = eval {
        refused('a full filesystem', qr/has no room for \d+ bytes: No space left/,
                size => '16m', zone => "file $mount/main.ks;");
        ok(! -e "$mount/main.ks" && ! -e "$mount/main.ks.new",
           'nothing is left there');

        # once it is made, no store needs a block
        my $ngx = start(zone => "file $mount/main.ks;", eviction => 'allkeys-lru');
        system("dd if=/dev/zero of=$mount/rest bs=1k 2>/dev/null");
        $ngx->client->pipeline(map { ['SET', "key$_", 'v' x 5000] } 1 .. 3000);
        like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/,
             'a zone in a full filesystem serves');
        $ngx->stop;

        system("mount -o remount,ro $mount") == 0 or die 'remount';
        refused('a filesystem that is read-only', qr/cannot be opened: Read-only file system/,
                zone => "file $mount/main.ks;");
        1;
    };

    my $why = $@;
    system("umount -l $mount");
    ok($done, 'done') or diag($why);
};


# A build of the module under another path is loaded beside the old one, where
# there is no listener that belongs to that.
subtest 'another build' => sub {
    plan skip_all => 'the module is built in' if $ENV{KS_STATIC};

    my $ngx = start(zone => "file $dir/build.ks;", resp => undef);

    $ngx->client->run('SET', 'k', 'v');
    system('cp', KS::Nginx::module(), "$dir/module.so") == 0 or die;

    local $ENV{KS_MODULE} = "$dir/module.so";

    for my $time (1 .. 2) {
        ok($ngx->reload, "reload $time");
        is($ngx->client->run('GET', 'k'), 'v', '... keeps the keys');
    }

    $ngx->halt;
    like($ngx->log, qr/zone "main" is closed/, 'the file is closed');
    $ngx->launch;
    is($ngx->client->run('GET', 'k'), 'v', '... and goes on');
    $ngx->stop;
};


subtest 'a zone that is taken out' => sub {
    my $ngx = start(main => "keyspace_zone more 4m { token off; file $dir/more.ks; }",
                    locations => 'location / { keyspace_rest main; } location /more/ { keyspace_rest more; }');

    is($ngx->client->request('GET', '/more/set/a/1')->{status}, 200,
       'a second zone');
    ok($ngx->reload(main => '', locations => 'location / { keyspace_rest main; }'),
       'goes');
    like($ngx->log, qr/\[notice\].*"more" is no longer configured: the \d+ keys that it holds stay in its file/,
         '... and its keys stay');
    ok($ngx->reload(main => "keyspace_zone more 4m { token off; file $dir/more.ks; }"),
       'and comes again');
    like($ngx->log, qr/"more" goes on with the \d+ keys of its file/,
         '... with its keys');
    $ngx->stop;
};


done_testing;
