# Edges of an edge: a zone that follows another zone, which follows a redis-server
# or is the primary itself.  Changes and messages come all the way down, over kills
# and reloads in the middle, and writes go all the way up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Look qw(look);
use KS::Nginx;
use KS::Proc qw(tempdir wait_for);
use KS::RESP;
use KS::Redis;

my $dir = tempdir();
chmod 0777, $dir;


sub edge_of {
    my ($port, $more, $password) = @_;
    my $secret = $password ? " password=$password" : '';
    my $ngx = KS::Nginx->start(size => '32m', resp => '', workers => 2,
        locations => 'location = /metrics { keyspace_metrics; }'
                     . ' location / { keyspace_rest main; }',
        zone => "upstream redis://127.0.0.1:$port mode=replica$secret;$more");

    $ngx->allow(qr/exited on signal 9/);
    $ngx->allow(qr/keyspace zone "main"|of keyspace zone "main"/);

    return $ngx;
}

sub info {
    my ($ngx, $field) = @_;
    my $text = eval { $ngx->resp->run('INFO', 'replication') } // '';
    return $text =~ /^$field:([^\r\n]*)/m ? $1 : '';
}

sub follows {
    my ($ngx) = @_;
    return wait_for(60, sub { info($ngx, 'master_link_status') eq 'up' });
}

sub keys_of {
    my ($r) = @_;
    return { map { $_ => look($r, $_) } @{ $r->run('KEYS', '*') } };
}

# A marker that is written at the top, and all keys when it is at the bottom.
my $marks = 0;

sub same {
    my ($top, $ngx, $name) = @_;
    my $mark = ++$marks;

    $top->run('SET', 'mark', $mark);
    ok(wait_for(60, sub {
        (eval { $ngx->resp->run('GET', 'mark') } // '') eq $mark
    }), "$name: the last change is there");

    is_deeply(keys_of($ngx->resp), keys_of($top), "$name: they are the same");
}

sub fill {
    my ($r, $from) = @_;

    $r->replies(map {
        (['SET', "s:$_", $_, 'EX', 5000], ['RPUSH', 'l:' . $_ % 5, $_],
         ['SPOP', 'set'], ['SADD', 'set', $_, $_ * 2], ['LPOP', 'l:1'],
         ['ZADD', 'z', $_, "m$_"], ['XADD', 'x', '*', 'n', $_],
         ['HSET', 'h', "f$_", $_], ['MULTI'], ['INCR', 'one'],
         ['INCR', 'two'], ['EXEC'],
         ['EVAL', 'return redis.call("INCR", "three")', 0],
         ['PUBLISH', 'news', "n$_"])
    } $from .. $from + 99);
}


# --- two of ours: a primary and what only it knows ---

{
    my $top = KS::Nginx->start(size => '32m', resp => '', workers => 2,
        locations => 'location = /metrics { keyspace_metrics; }'
                     . ' location / { keyspace_rest main; }',
        zone => "replicas $dir;");
    my $edge = edge_of($top->resp_port, '', $KS::Nginx::TOKEN);
    my $r = $top->resp;

    ok(follows($edge), 'an edge of a zone');

    my $sub = $edge->resp;
    $sub->run('SUBSCRIBE', 'news');

    fill($r, 0);
    $r->run('JSON.SET', 'doc', '$', '{"a":[1,2.5,"x"]}');
    $r->run('JSON.NUMINCRBY', 'doc', '$.a[0]', 41);
    $r->run('HSET', 'brief', 'f', 1, 'g', 2);
    $r->run('HEXPIRE', 'brief', 5000, 'FIELDS', 1, 'f');
    $r->run('CL.THROTTLE', 'throttle', 5, 10, 60);
    same($r, $edge, 'of a zone');

    my $e = $edge->resp;

    is($e->run('JSON.GET', 'doc'), '{"a":[42,2.5,"x"]}', 'a document');
    cmp_ok($e->run('HTTL', 'brief', 'FIELDS', 1, 'f')->[0], '>', 4000,
           'when a field expires');
    is_deeply($sub->heard('n99'), [map { "n$_" } 0 .. 99],
              'messages, each once');

    is($e->run('INCR', 'written'), 1, 'a write goes up');
    is($r->run('GET', 'written'), 1, '... to the primary');
    is($e->run('GET', 'written'), 1, '... and is seen at once');

    my $said = $edge->client->request('GET', '/metrics')->{body};
    my ($offset) = $said =~ /^redis_slave_repl_offset\{zone="main"\} (\d+)$/m;
    like($said, qr/^redis_master_link_up\{zone="main"\} 1$/m,
         'the link is a metric');
    like($said, qr/^redis_master_sync_in_progress\{zone="main"\} 0$/m,
         '... which does not load');
    like($said, qr/^redis_master_last_io_seconds_ago\{zone="main"\} \d+$/m,
         '... and is heard of');
    cmp_ok($offset, '>', 1000, '... so far');
    like($said, qr/^redis_instance_info\{.*role="slave"/m,
         'and its role is a label, as in INFO');

    # it says each second what it has
    wait_for(30, sub {
        $said = $top->client->request('GET', '/metrics')->{body};
        $said =~ /^redis_connected_slave_offset_bytes\{.*\} (\d+)$/m && $1 > 1000;
    });
    unlike($said, qr/^redis_master_link_up\{/m, 'who follows nobody has none');
    like($said, qr/^redis_instance_info\{.*role="master"/m, '... and is a master');
    cmp_ok($said =~ /^redis_connected_slave_offset_bytes\{.*\} (\d+)$/m && $1,
           '>', 1000, '... but a replica');

    my $before = join ' ', sort $top->workers;
    kill 'KILL', $top->workers;
    $top->allow(qr/exited on signal 9/);
    wait_for(30, sub { join(' ', sort $top->workers) ne $before });
    $r = $top->resp;

    fill($r, 100);
    ok(follows($edge), 'it follows again');
    same($r, $edge, 'after the death of all workers');
    is($edge->resp->run('INFO', 'stats')
           =~ /^keyspace_upstream_full_syncs:(\d+)/m && $1, 1,
       '... from where it was');

    $top->reload;
    $r = $top->resp;
    fill($r, 200);
    same($r, $edge, 'over a reload');

    $_->stop for $edge, $top;
}


# --- three: redis-server, an edge, and an edge of that ---

SKIP: {
    skip 'no redis-server', 1 unless KS::Redis::available();

    my $redis = KS::Redis->start;
    my $r = KS::RESP->new(port => $redis->port);

    fill($r, 0);

    my $middle = edge_of($redis->port, " replicas $dir/middle;");
    ok(follows($middle), 'an edge of redis-server');

    my $edge = edge_of($middle->resp_port, '', $KS::Nginx::TOKEN);
    ok(follows($edge), '... and one of it');
    same($r, $edge, 'two steps');

    my $sub = $edge->resp;
    $sub->run('SUBSCRIBE', 'news');
    fill($r, 100);
    is_deeply($sub->heard('n199'), [map { "n$_" } 100 .. 199],
              'messages, each once');
    same($r, $edge, 'two steps, what follows');

    is($edge->resp->run('INCR', 'deep'), 1, 'a write goes up two steps');
    is($r->run('GET', 'deep'), 1, '... to the very top');
    ok(wait_for(30, sub { ($edge->resp->run('GET', 'deep') // 0) == 1 }),
       '... and comes down');

    for my $round (1 .. 3) {
        kill 'KILL', ($middle->workers)[$round % 2];
        kill 'KILL', ($edge->workers)[0] if $round == 2;
        fill($r, 100 * $round + 100);
        ok(follows($middle) && follows($edge), "round $round: they follow");
        same($r, $edge, "round $round");
    }

    # the file of all keys comes again, to the middle and from there

    $r->run('CONFIG', 'SET', 'repl-backlog-size', 16_384);
    kill 'STOP', $middle->workers;
    fill($r, 1000) for 1 .. 3;
    kill 'CONT', $middle->workers;
    same($r, $edge, 'after all that');

    $_->stop for $edge, $middle;
    $redis->stop;
}

done_testing;
