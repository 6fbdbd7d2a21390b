# keyspace_events as a long poll: an answer in JSON as soon as there is something,
# or when the time is over, and nothing is lost between two of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(wait_for);

my $json = JSON::PP->new->utf8;


sub start {
    my ($events, %options) = @_;

    return KS::Nginx->start(size => '16m', workers => 2,
                            locations => "location / { keyspace_rest main; }\n"
                                         . $events, %options);
}


# Asks, and takes the answer later.
sub ask {
    my ($ngx, $path, @headers) = @_;
    my $http = KS::HTTP->new(port => $ngx->port);

    $http->send($http->build('GET', $path, headers => [@headers]));

    return $http;
}


sub answer {
    my ($http) = @_;
    my $r = $http->response('GET');

    $http->close;

    return $r->{status} == 200 ? $json->decode($r->{body}) : $r->{status};
}


sub poll { return answer(ask(@_)) }


# Until so many requests are held.
sub held {
    my ($ngx, $n) = @_;
    my $http = KS::HTTP->new(port => $ngx->port);

    # which is one itself
    return wait_for(30, sub {
        $http->request('GET', '/status')->{body} =~ /Writing: (\d+)/
            && $1 == $n + 1;
    });
}


subtest 'answers' => sub {
    my $ngx = start(<<'CONF');
        location /log { keyspace_events main stream=log; }
        location /all {
            keyspace_events main stream=log from=start event=kind data=x;
        }
        location /two { keyspace_events main stream=log stream=two; }
        location /news { keyspace_events main channel=news pattern=o*; }
        location /of { keyspace_events main stream=of:$arg_who; }
        location /shut { keyspace_events main stream=log; deny all; }
        location = /status { stub_status; }
CONF
    my $http = $ngx->client;

    my $r = KS::HTTP->new(port => $ngx->port)->request('GET', '/log?wait=0');
    is($r->{headers}{'content-type'}, 'application/json', 'its type');
    is($r->{headers}{'cache-control'}, 'no-store', 'nothing stores it');
    is($r->{body}, "{\"events\":[],\"last_event_id\":\"0-0\"}\n", 'nothing');

    $http->run('XADD', 'log', "$_-0", 'kind', 'k', 'x', $_) for 1 .. 3;
    is_deeply(poll($ngx, '/all?wait=0'), {
        events => [map { { id => "$_-0", event => 'k', data => "$_" } } 1 .. 3],
        last_event_id => '3-0',
    }, 'what there is comes at once');
    is_deeply(poll($ngx, '/log?last_event_id=2-0'), {
        events => [{ id => '3-0', data => { kind => 'k', x => '3' } }],
        last_event_id => '3-0',
    }, '... behind an id');
    is_deeply(poll($ngx, '/log', 'Last-Event-ID: 2-0')->{last_event_id},
              '3-0', '... in the header');

    my $t = time;
    is_deeply(poll($ngx, '/log?wait=1'),
              { events => [], last_event_id => '3-0' }, 'nothing comes');
    cmp_ok(time - $t, '>=', 0.9, '... for a second');

    my $waits = ask($ngx, '/log?wait=60');
    my $other = ask($ngx, '/log?wait=60&last_event_id=3-0');
    ok(held($ngx, 2), 'two wait');
    $http->run('XADD', 'log', '4-0', 'x', "\xe2\x82\xac");
    is_deeply(answer($waits), {
        events => [{ id => '4-0', data => { x => "\x{20ac}" } }],
        last_event_id => '4-0',
    }, 'one that comes is told at once');
    is(answer($other)->{last_event_id}, '4-0', '... to all');

    is_deeply(poll($ngx, '/two?last_event_id=3-0.0-0'), {
        events => [{ id => '4-0.0-0', data => { x => "\x{20ac}" } }],
        last_event_id => '4-0.0-0',
    }, 'two streams');

    my $news = ask($ngx, '/news?wait=60');
    ok(wait_for(20, sub {
        $http->run('PUBSUB', 'NUMSUB', 'news')->[1] == 1
    }), 'it subscribes');
    $http->run('PUBLISH', 'news', "a\nb");
    is_deeply(answer($news), { events => [{ data => "a\nb" }] }, 'a channel');
    $news = ask($ngx, '/news?wait=60');
    ok(wait_for(20, sub {
        $http->run('PUBSUB', 'NUMSUB', 'news')->[1] == 1
    }), 'it subscribes again');
    $http->run('PUBLISH', 'other', 'x' x 70_000);
    is_deeply(answer($news), { events => [{ data => {
        channel => 'other', message => 'x' x 70_000
    } }] }, 'a pattern, and a long message');
    ok(wait_for(20, sub {
        $http->run('PUBSUB', 'NUMSUB', 'news')->[1] == 0
    }), 'and leaves');
    is_deeply(poll($ngx, '/news?last_event_id=1'),
              { events => [{ event => 'gap',
                             data => { reason => 'channel' } }] },
              'a channel has nothing of before');
    is_deeply(poll($ngx, '/log?last_event_id=x'),
              { events => [{ event => 'gap', data => { reason => 'id' } }],
                last_event_id => '4-0' }, 'an id that is none');

    $http->run('XTRIM', 'log', 'MAXLEN', 1);
    is_deeply([map { [@$_{qw(id event)}] }
               @{poll($ngx, '/log?last_event_id=1-0')->{events}}],
              [['1-0', 'gap'], ['4-0', undef]], 'trimmed');

    for my $t (['/log?wait=x', 400], ['/log?wait=-1', 400], ['/of', 404],
               ['/shut', 403])
    {
        is(poll($ngx, $t->[0]), $t->[1], "@$t");
    }

    # a client that goes while it waits
    $waits = ask($ngx, '/news?wait=60');
    ok(wait_for(20, sub {
        $http->run('PUBSUB', 'NUMSUB', 'news')->[1] == 1
    }), 'one waits');
    $waits->close;
    ok(wait_for(20, sub {
        $http->run('PUBSUB', 'NUMSUB', 'news')->[1] == 0
    }), '... and goes');

    # a worker that shuts down does not keep those that can come again
    $waits = ask($ngx, '/log?wait=60');
    ok(held($ngx, 1), 'one waits again');
    $t = time;
    ok($ngx->reload, 'a reload');
    is_deeply(answer($waits), { events => [], last_event_id => '4-0' },
              '... answers');
    cmp_ok(time - $t, '<', 55, '... before the time is over');
    $ngx->stop;
};


subtest 'one after the other' => sub {
    my $ngx = start('location /log { keyspace_events main stream=log; }');
    my $http = $ngx->client;
    my ($id, $n, @got) = ('0-0', 0);

    for my $round (1 .. 60) {
        for (1 .. rand 20) {
            $n++;

            # a worker that shuts down may close the connection
            until (eval { $http->run('XADD', 'log', "$n-0", 'n', $n); 1 }) {
                $http->close;
                last if $@ =~ /equal or smaller/;
            }
        }

        if ($round % 15 == 0) {
            kill 'HUP', $ngx->pid;
            $http->close;
        }

        my $r = poll($ngx, "/log?wait=0&last_event_id=$id");

        ref $r or next;
        $id = $r->{last_event_id};
        push @got, map { $_->{event} // $_->{data}{n} } @{$r->{events}};
    }

    while (@got < $n) {
        my $r = poll($ngx, "/log?wait=1&last_event_id=$id");
        my @more = map { $_->{event} // $_->{data}{n} } @{$r->{events}};

        last unless @more;
        push @got, @more;
        $id = $r->{last_event_id};
    }

    is_deeply(\@got, [1 .. $n], 'each once, in order');
    $ngx->stop;
};


done_testing;
