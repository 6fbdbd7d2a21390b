#!/usr/bin/perl
#
# Commands that wait, over REST: the request is held until it has its reply, its
# time is over, or its client has gone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);
use KS::Nginx;
use KS::Proc qw(capture installed wait_for);
use KS::RESP qw(encode value);

my $ngx = KS::Nginx->start(size => '16m', workers => 4, resp => '',
                           server => 'listen 127.0.0.1:%PORT2% http2;');
my $r = $ngx->resp;

sub waiting { return ($r->run('INFO', 'clients') =~ /blocked_clients:(\d+)/)[0] }

sub ask {
    my ($path, $body, %fields) = @_;
    my $h = $ngx->client;

    $h->send($h->build('POST', $path, body => $body, headers =>
                     [map { "$_: $fields{$_}" } keys %fields]));

    return $h;
}

# A request that waits, once it does.
sub held {
    my $before = waiting();
    my $h = ask(@_);

    wait_for(10, sub { waiting() == $before + 1 }) or die "@_: no wait";

    return $h;
}

sub body { return $_[0]->response('POST')->{body} }


# --- one command ---

my $h = held('/', '["BLPOP","q",0]');
my $h2 = held('/blpop/q/0', '');
is($r->run('RPUSH', 'q', 'a b', 'c'), 2, 'a push');
is(body($h), '{"result":["q","a b"]}', 'the first request has its reply');
is(body($h2), '{"result":["q","c"]}', '... and the second, by its path');
is($r->run('EXISTS', 'q'), 0, '... and nothing is left');

$h = held('/', '["BLPOP","q",0]', 'Upstash-Encoding' => 'base64');
$r->run('RPUSH', 'q', "\xff\x00");
is(body($h), '{"result":["cQ==","/wA="]}', 'in base64');

$h = held('/', '["BZPOPMAX","z",0]', 'Upstash-Response-Format' => 'resp2');
$r->run('ZADD', 'z', 1.5, 'm');
is(body($h), "*3\r\n\$1\r\nz\r\n\$1\r\nm\r\n\$3\r\n1.5\r\n", 'in RESP2');

$h = held('/', '["BLPOP","q",0]');
$r->run('SET', 's', 1);
my $e = held('/', '["BLMOVE","q2","s","LEFT","LEFT",0]');
$r->run('RPUSH', 'q2', 1);
my $res = $e->response('POST');
is($res->{status}, 400, 'an error of a command that was served');
like($res->{body}, qr/WRONGTYPE/, '... is its reply');
$r->run('RPUSH', 'q', 1);
is(body($h), '{"result":["q","1"]}', '... and others have theirs');
$r->run('DEL', 'q2');


# --- time ---

my $start = time;
$res = ask('/', '["BLPOP","q",0.3]')->response('POST');
is($res->{body}, '{"result":null}', 'a time-out');
is($res->{status}, 200, '... is no error');
cmp_ok(time - $start, '>=', 0.3, '... and not before its time');
is(body(ask('/', '["BLPOP","q",-1]')), '{"error":"ERR timeout is negative"}',
   'a time-out that is none');


# --- pipelines ---

$h = held('/pipeline', '[["SET","a",1],["BLPOP","q",0],["INCR","a"],'
          . '["BLPOP","q",0.05],["INCR","a"],["BLPOP","q",0],["INCR","a"]]');
is($r->run('GET', 'a'), 1, 'a pipeline waits with a command');
$r->run('RPUSH', 'q', 'x');
ok(wait_for(10, sub { $r->run('GET', 'a') == 2 }), '... and goes on behind it');
ok(wait_for(10, sub { $r->run('GET', 'a') == 3 }), '... and behind a time-out');
ok(wait_for(10, sub { waiting() == 1 }), '... and waits again');
is($r->run('GET', 'a'), 3, '... each in its turn');
$r->run('RPUSH', 'q', 'y');
is(body($h), '[{"result":"OK"},{"result":["q","x"]},{"result":2},'
   . '{"result":null},{"result":3},{"result":["q","y"]},{"result":4}]',
   '... to its end');

is(body(ask('/multi-exec', '[["BLPOP","q",0],["BZPOPMIN","q",0]]')),
   '[{"result":null},{"result":null}]', 'a transaction does not wait');


# --- clients that go ---

held('/', '["BLPOP","q",0]')->close;
ok(wait_for(10, sub { waiting() == 0 }), 'a client that goes waits no more');
held('/pipeline', '[["BLPOP","q",0],["SET","never",1]]')->close;
ok(wait_for(10, sub { waiting() == 0 }), '... nor with a pipeline');
is($r->run('EXISTS', 'never'), 0, '... of which the rest is not run');
is($r->run('RPUSH', 'q', 1), 1, 'a push');
is($r->run('LPOP', 'q'), 1, '... is not taken by them');


# --- HTTP/2 ---

SKIP: {
    skip 'no curl', 2 if !installed('curl');

    my $pid = fork // die "fork: $!";

    if (!$pid) {
        exec 'curl', '-s', '-o', $ngx->dir . '/h2.out', '--http2-prior-knowledge',
            '-H', "Authorization: Bearer $KS::Nginx::TOKEN",
            '-d', '["BLPOP","q",0]', 'http://127.0.0.1:' . $ngx->port2 . '/';
    }

    ok(wait_for(10, sub { waiting() == 1 }), 'a request of HTTP/2');
    $r->run('RPUSH', 'q', 2);
    waitpid $pid, 0;
    is(KS::Proc::slurp($ngx->dir . '/h2.out'), '{"result":["q","2"]}',
       '... has its reply');
}


# --- a reload ---

my @held = map { held('/', '["BLPOP","q",0]') } 1 .. 4;
my %before = map { $_ => 1 } $ngx->workers;
kill 'HUP', $ngx->pid;
ok(wait_for(30, sub { grep { !$before{$_} } $ngx->workers }), 'a reload');
$r = $ngx->resp;
is(waiting(), 4, 'requests that wait are kept');
$r->run('RPUSH', 'q', 1 .. 4);
is(body($held[$_]), '{"result":["q","' . ($_ + 1) . '"]}',
   '... and get their replies') for 0 .. 3;
$_->close for @held;
ok(wait_for(30, sub { !grep { $before{$_} } $ngx->workers }),
   'then the old workers go');

like($ngx->resp->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is in order');

$ngx->stop;
done_testing;
