# Functions in all workers: known at once, kept over a reload and deaths, rolled
# back when they are ended.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Redis;
use KS::RESP;


# --- helpers ---

sub start {
    return KS::Nginx->start(size => '64m', workers => 2, resp => '',
                            resp_listen => 'reuseport', @_);
}


# a library with a function of the same name
sub lib {
    my ($name, $body, $flags) = @_;

    return "#!lua name=$name\nredis.register_function{function_name='$name', "
        . "callback=function(KEYS, ARGV) $body end, flags={" . ($flags // '')
        . '}}';
}


sub finish {
    my ($ngx, @clients) = @_;

    $_->close for @clients;
    like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    $ngx->stop;
}


# --- all workers ---

subtest 'libraries are known to all workers' => sub {
    my $ngx = start();
    my ($a, $b) = $ngx->two_workers;

    is($a->run('FUNCTION', 'LOAD', lib('f', 'return "one " .. ARGV[1]')), 'f',
       'LOAD in one');
    is($b->run('FCALL', 'f', 0, 'x'), 'one x', 'FCALL in the other');
    is($a->run('FCALL', 'f', 0, 'y'), 'one y', '... and in the same');
    is($ngx->client->run('FCALL', 'f', 0, 'z'), 'one z', '... and over REST');

    is($b->run('FUNCTION', 'LOAD', 'REPLACE', lib('f', 'return "two"')), 'f',
       'another in its place');

    my @clients = map { $ngx->resp } 1 .. 40;
    is(scalar(grep { $_->run('FCALL', 'f', 0) eq 'two' } @clients), 40,
       'on forty connections');
    $_->close for @clients;

    is($a->run('FUNCTION', 'FLUSH'), 'OK', 'FLUSH in one');
    is($b->error('FCALL', 'f', 0), 'ERR Function not found', 'is felt');

    finish($ngx, $a, $b);
};


subtest 'libraries outlive a reload, workers and a flush of the keys' => sub {
    my $ngx = start();
    my $http = $ngx->client;
    my $dump;

    $http->run('FUNCTION', 'LOAD', lib('f', 'return redis.call("INCR", "n")'));
    is($http->run('FCALL', 'f', 0), 1, 'before');
    $dump = $http->run('FUNCTION', 'LIST', 'WITHCODE');
    $http->close;

    ok($ngx->reload, 'a reload');
    is($http->run('FCALL', 'f', 0), 2, 'after it');
    $http->close;

    my %before = map { $_ => 1 } $ngx->workers;
    kill 'KILL', keys %before;
    ok(wait_for(20, sub {
        my @now = $ngx->workers;
        return @now == 2 && !grep { $before{$_} } @now;
    }), 'new workers in the place of killed ones');

    is($http->run('FCALL', 'f', 0), 3, '... know it too');
    is_deeply($http->run('FUNCTION', 'LIST', 'WITHCODE'), $dump,
              '... and all about it');
    is($http->run('FLUSHALL'), 'OK', 'FLUSHALL');
    is($http->run('FCALL', 'f', 0), 1, '... is of keys');
    $http->close;

    $ngx->allow('exited on signal 9');
    finish($ngx);
};


# --- ends ---

subtest 'functions that are ended' => sub {
    my $ngx = start(zone => 'script_timeout 500ms;');
    my $c = $ngx->resp;

    $c->run('FUNCTION', 'LOAD', lib('slow', 'redis.call("SET", "gone", 1) '
                                            . 'while true do end'));
    $c->run('FUNCTION', 'LOAD', lib('fails', 'redis.call("SET", "kept", 1) '
                                             . 'error("x")'));

    like($c->error('FCALL', 'slow', 0), qr/script_timeout/, 'one that is slow');
    is($c->run('EXISTS', 'gone'), 0, '... never was');
    like($c->error('FCALL', 'fails', 0),
         qr/^ERR user_function:2: x script: fails, on \@user_function:2\.$/,
         'one that fails');
    is($c->run('EXISTS', 'kept'), 1, '... keeps what it wrote');

    like($c->error('FUNCTION', 'LOAD', "#!lua name=x\nwhile true do end"),
         qr/script_timeout/, 'a library that is slow');
    is_deeply($c->run('FUNCTION', 'LIST', 'LIBRARYNAME', 'x'), [], '... is none');

    my @r = $c->replies(['MULTI'],
        ['FUNCTION', 'LOAD', 'REPLACE', lib('fails', 'return "new"')],
        ['FCALL', 'fails', 0], ['SET', 'gone', 1], ['FCALL', 'slow', 0],
        ['EXEC']);
    like($r[-1], qr/^-.*script_timeout/, 'in MULTI');
    is($c->run('EXISTS', 'gone'), 0, '... nothing of it was');
    like($c->error('FCALL', 'fails', 0), qr/^ERR user_function:2: x /,
         '... and nothing was loaded');

    @r = $c->replies(['MULTI'],
        ['FUNCTION', 'LOAD', 'REPLACE', lib('fails', 'return "new"')],
        ['FCALL', 'fails', 0], ['EXEC']);
    is($r[-1], "*2\r\n\$5\r\nfails\r\n\$3\r\nnew\r\n", 'one that ends well');
    is($c->run('FCALL', 'fails', 0), 'new', '... is there');

    finish($ngx, $c);
};


subtest 'FUNCTION KILL' => sub {
    my $ngx = start(zone => 'script_timeout 60s;');
    my ($a, $b) = $ngx->two_workers;

    $a->run('FUNCTION', 'LOAD', lib('slow', 'redis.call("SET", "gone", 1) '
                                            . 'while true do end'));
    is($b->error('FUNCTION', 'KILL'),
       'NOTBUSY No scripts in execution right now.', 'nothing runs');

    $a->send(KS::RESP::encode('FCALL', 'slow', 0));
    ok(wait_for(30, sub {
        return $b->command('FUNCTION', 'KILL') eq "+OK\r\n";
    }), 'of another worker');
    like($a->reply, qr/^-ERR .*rolled back/, '... ends it');
    is($a->run('EXISTS', 'gone'), 0, '... and it never was');

    finish($ngx, $a, $b);
};


# What FUNCTION STATS says of the function that runs, once one does, without the
# time; that must have grown.
sub running {
    my ($c) = @_;
    my ($name, $command);

    for my $least (0, 1) {
        wait_for(30, sub {
            my %s = @{$c->run('FUNCTION', 'STATS')};
            my %r = @{$s{running_script} // []};

            ($name, $command) = @r{'name', 'command'};
            return defined $name && $r{duration_ms} >= $least;
        }) or return 'nothing';
    }

    return "$name: @$command";
}

sub stats { return {@{$_[0]->run('FUNCTION', 'STATS')}}->{running_script} }


subtest 'FUNCTION STATS' => sub {
    my $ngx = start(zone => 'script_timeout 60s;');
    my ($a, $b) = $ngx->two_workers;
    my @call = ('FCALL', 'slow', 2, 'key', "k\r\n", 'x', '');

    $a->run('FUNCTION', 'LOAD', lib('slow', 'while true do end'));
    is(stats($b), undef, 'nothing runs');

    $a->send(KS::RESP::encode(@call));
    is(running($b), "slow: @call", 'one runs in another worker');

    SKIP: {
        skip('there is no redis-server', 1) unless KS::Redis::available();

        my $redis = KS::Redis->start('--busy-reply-threshold', 1);
        my ($p, $q) = map { KS::RESP->new(port => $redis->port) } 1 .. 2;

        $p->run('FUNCTION', 'LOAD', lib('slow', 'while true do end'));
        $p->send(KS::RESP::encode(@call));
        is(running($q), running($b), '... as in Redis');
        $redis->stop;
    }

    $b->run('FUNCTION', 'KILL');
    $a->reply;
    is(stats($b), undef, '... and it has ended');

    $a->send(KS::RESP::encode('FCALL', 'slow', 0, 'x' x 100_000));
    is(running($b), 'slow: FCALL slow 0 ' . 'x' x 456,
       'of a long command the beginning');
    $b->run('FUNCTION', 'KILL');
    $a->reply;

    my $sha = $a->run('SCRIPT', 'LOAD', 'while true do end');

    $a->send(KS::RESP::encode('EVALSHA', $sha, 0));
    select undef, undef, undef, 0.1;
    is(stats($b), undef, 'a script is no function');
    ok(wait_for(30, sub { $b->command('SCRIPT', 'KILL') eq "+OK\r\n" }),
       '... and is ended');
    $a->reply;

    my $id = $a->run('INFO', 'server') =~ /process_id:(\d+)/ && $1;

    $a->send(KS::RESP::encode(@call));
    is(running($b), "slow: @call", 'one runs again');
    kill 'KILL', $id;
    ok(wait_for(30, sub { !KS::Proc::alive($id) }), 'its worker dies');
    is(stats($b), undef, '... and it runs no more');

    $ngx->allow('exited on signal 9');
    finish($ngx, $a, $b);
};


subtest 'two run at a time' => sub {
    my $ngx = start(zone => 'script_timeout 60s;', workers => 3);
    my %of;

    # a client of each worker
    for (1 .. 200) {
        my $c = $ngx->resp;

        $of{$1} //= $c if $c->run('INFO', 'server') =~ /process_id:(\d+)/;
        last if keys %of == 3;
    }

    my ($a, $b, $c) = values %of;

    $a->run('FUNCTION', 'LOAD', lib('slow', 'while true do end'));
    $a->run('FUNCTION', 'LOAD', lib('short', 'for i = 1, 30000000 do end'));
    $a->send(KS::RESP::encode('FCALL', 'slow', 0));
    is(running($c), 'slow: FCALL slow 0', 'one runs');
    is($b->run('FCALL', 'short', 0), undef, '... and another, to its end');
    is($c->command('FUNCTION', 'KILL'), "+OK\r\n",
       'the one that goes on can be ended');
    like($a->reply, qr/^-ERR .*rolled back/, '... and is');

    finish($ngx, $a, $b, $c);
};


subtest 'a worker dies in a function' => sub {
    my $ngx = start(zone => 'script_timeout 600s;', size => '16m');
    my $c = $ngx->resp;

    $c->run('FUNCTION', 'LOAD', lib('slow', 'for i = 1, 100 do '
        . 'redis.call("SET", "gone" .. i, i) end while true do end'));

    my @workers = $ngx->workers;
    my %before = map { $_ => ticks($_) } @workers;
    my $busy;

    $c->send(KS::RESP::encode('FCALL', 'slow', 0));

    # the one that takes the processor's time, be it little at a time
    ok(wait_for(300, sub {
        ($busy) = grep { ticks($_) - $before{$_} > 20 } @workers;
        return $busy;
    }), 'one is busy');

    kill 'KILL', $busy;
    $c->close;

    my $http = $ngx->client;
    is($http->run('DBSIZE'), 0, 'nothing of it was');
    is($http->run('FUNCTION', 'DELETE', 'slow'), 'OK', 'the library was');
    $http->close;

    $ngx->allow('exited on signal 9');
    finish($ngx);
};


# --- rights ---

subtest 'read-only tokens' => sub {
    my $ngx = start();
    my $c = $ngx->resp;
    my $r = $ngx->resp(token => $KS::Nginx::READONLY);

    $c->run('FUNCTION', 'LOAD', lib('w', 'return redis.call("SET", "k", 1)'));
    $c->run('FUNCTION', 'LOAD', lib('r', 'return redis.call("GET", "k")',
                                    "'no-writes'"));
    $c->run('SET', 'k', 'v');

    is($r->run('FCALL', 'r', 0), 'v', 'reads');
    is($r->run('FCALL_RO', 'r', 0), 'v', '... with FCALL_RO');
    like($r->error('FCALL', 'w', 0), qr/^ERR ACL failure /, 'does not write');
    like($r->error('FUNCTION', 'LOAD', lib('x', 'return 1')), qr/^NOPERM /,
         'does not load');
    like($r->error('FUNCTION', 'FLUSH'), qr/^NOPERM /, 'nor flush');
    is(scalar @{$c->run('FUNCTION', 'LIST')}, 2, '... and nothing was');
    is($c->run('GET', 'k'), 'v', 'nothing has changed');

    finish($ngx, $c, $r);
};


done_testing;


# of the processor's time that a process has taken
sub ticks {
    my ($pid) = @_;
    my $stat = KS::Proc::slurp("/proc/$pid/stat") // return 0;
    my @f = split ' ', substr $stat, 2 + rindex $stat, ')';

    return $f[11] + $f[12];
}
