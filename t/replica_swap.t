# All keys of the primary come anew while clients of an edge wait, watch and track:
# beside the keys that are there, in their place, and after reads had ended. Whoever
# waits for what has come is woken, nobody is told of a half, and nobody is forgotten.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Nginx;
use KS::Proc qw(wait_for);
use KS::Redis;
use KS::Replica qw(proxy does differs info same_place);
use KS::Stream;

plan skip_all => 'no redis-server' unless KS::Redis::available();

my $EACH = 6;                   # connections of a kind, over both workers


sub client { return KS::RESP->new(port => $_[0]->port) }
sub up { return (info($_[0], 'master_link_status') // '') eq 'up' }


# a command of which there is no reply yet
sub waits {
    my ($ngx, @argv) = @_;

    return map {
        my $c = $ngx->resp;

        $c->send(KS::RESP::encode(@argv));
        $c;
    } 1 .. $EACH;
}


sub reply_of {
    my $bytes = $_[0]->reply;

    return defined $bytes ? KS::RESP::plain(KS::RESP::value($bytes))
                          : 'no reply';
}


# all that is there without waiting
sub idle {
    my ($c) = @_;

    return !IO::Select->new($c->{socket})->can_read(0) && $c->{in} eq '';
}


# n replies of one command, joined
sub same {
    my ($what, $text, @clients) = @_;

    is_deeply([map { join ' ', flat(reply_of($_)) } @clients],
              [($text) x @clients], $what);
}

sub flat { return map { ref $_ ? flat(@$_) : $_ // 'null' } @_ }


for my $mode ('beside', 'in place', 'down') {
    my $redis = KS::Redis->start('--repl-diskless-sync-delay', 0,
                                 '--repl-backlog-size', 16384);
    my $proxy = proxy($redis->port);
    my $r = client($redis);

    $r->replies(map { ['SET', "fill:$_", 'x' x 1000] } 1 .. 7000)
        if $mode eq 'in place';
    $r->run('XADD', 's', '5-0', 'f', 'old');
    $r->run('XADD', 'still', '5-0', 'f', 'old');
    $r->run('MSET', 'watched', 1, 'tracked', 1);

    my $ngx = KS::Nginx->start(resp => '', workers => 2,
        size => $mode eq 'in place' ? '16m' : '64m',
        resp_listen => 'reuseport',
        locations => "location / { keyspace_rest main; }\n"
                     . 'location = /events { keyspace_events main stream=s; }',
        zone => "upstream redis://127.0.0.1:$proxy->{port} mode=replica "
                . 'writes=refuse local_prefix=limit: '
                . ($mode eq 'down' ? 'stale=500ms;' : ';'));

    $ngx->allow(qr/keyspace zone "main": |upstream ".*" of keyspace zone/);

    my $edge = $ngx->resp;

    ok(wait_for(30, sub { up($edge) }), "$mode: it is up");
    ok(wait_for(30, sub { same_place($r, $edge) }), 'and has all');


    # --- who waits ---

    my @has = waits($ngx, 'XREAD', 'BLOCK', 0, 'STREAMS', 's', '$');
    my @comes = waits($ngx, 'XREAD', 'BLOCK', 0, 'STREAMS', 'still', 'comes',
                      '$', '$');
    my @stays = waits($ngx, 'XREAD', 'BLOCK', 0, 'STREAMS', 'still', '$');
    my @local = waits($ngx, 'BLPOP', 'limit:q', 0);
    my @watch = map { $ngx->resp } 1 .. $EACH;
    my @track = map { $ngx->resp } 1 .. 2 * $EACH;
    my @sub = map { $ngx->resp } 1 .. $EACH;
    my @sse = map { KS::Stream->open($ngx, '/events', token => undef,
                        headers => ['Accept: text/event-stream']) } 1 .. $EACH;

    for my $c (@watch) {
        $c->run('WATCH', 'watched');
        $c->run('MULTI');
        $c->run('GET', 'watched');
    }

    for my $i (0 .. $#track) {
        $track[$i]->replies(['HELLO', 3],
            ['CLIENT', 'TRACKING', 'ON',
             $i % 2 ? ('BCAST', 'PREFIX', 'tracked') : ()], ['GET', 'tracked']);
    }

    $_->run('SUBSCRIBE', 'news') for @sub;

    for my $s (@sse) {
        ok(wait_for(20, sub { $s->event(0.01); defined $s->{retry} }),
           'a listener');
    }

    ok(wait_for(20, sub { info($edge, 'blocked_clients', 'clients')
                          == 4 * $EACH }), 'all wait');
    is(info($edge, 'keyspace_upstream_full_syncs', 'stats'), 1, 'so far');


    # --- all keys come anew ---

    does($proxy, 'cut');
    ok(wait_for(20, sub { !up($edge) }), 'the link is down');

    if ($mode eq 'down') {
        ok(wait_for(20, sub { $edge->command('GET', 'tracked')
                              =~ /^-MASTERDOWN/ }), 'and nobody reads');
        is($edge->run('SET', 'limit:k', 'v'), 'OK', 'but local keys, of which');
        is($edge->run('GET', 'limit:k'), 'v', 'one is written and read');
        like($edge->error('MGET', 'limit:k', 'tracked'), qr/^(?:CROSSSLOT|MASTERDOWN)/,
             'not together with others');
    }

    $r->run('SET', "fill:$_", 'y' x 1000) for 1 .. 100;
    $r->run('XADD', 's', '7-0', 'f', 'new');
    $r->run('XADD', 'comes', '1-0', 'f', 'first');
    $r->run('MSET', 'watched', 2, 'tracked', 2);
    does($proxy, 'pass');

    ok(wait_for(30, sub { up($edge)
            && info($edge, 'keyspace_upstream_full_syncs', 'stats') == 2 }),
       'all keys come anew');
    my $beside = $ngx->log !~ /take the place of those that are there/;
    is($beside ? 'beside' : 'in place', $mode eq 'in place' ? $mode : 'beside',
       'as they should');

    same('who waits for more of a stream has it', 's 7-0 f new', @has);
    same('and for a stream that was not there', 'comes 1-0 f first', @comes);

    for my $c (@watch) {
        is($c->run('EXEC'), undef, 'what was watched has changed');
    }

    is_deeply([map { $_->reply } @track],
              [(">2\r\n\$10\r\ninvalidate\r\n_\r\n") x @track],
              'who tracks is told that all has');

    for my $s (@sse) {
        my $e = $s->next(30) // {};

        is($e->{data}, '{"f":"new"}', 'an event') or diag explain $e;
    }


    # --- the others go on waiting ---

    ok(!(grep { !idle($_) } @stays, @local, @sub), 'the others wait');
    $r->run('XADD', 'still', '6-0', 'f', 'more');
    same('until there is more', 'still 6-0 f more', @stays);
    $r->run('PUBLISH', 'news', 'text');
    same('or a message comes', 'message news text', @sub);
    $edge->run('RPUSH', 'limit:q', 1 .. $EACH);

    is_deeply([sort map { join ' ', flat(reply_of($_)) } @local],
              [map { "limit:q $_" } 1 .. $EACH], 'or something local');
    is(info($edge, 'blocked_clients', 'clients'), 0, 'nobody waits any more');
    is_deeply([differs($r, $edge)], [],
              'and both are the same');

    $_->close for @sub;             # whom a worker keeps until they go
    $ngx->stop;
    $redis->stop;
}

done_testing;
