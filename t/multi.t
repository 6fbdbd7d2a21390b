# Transactions over REST: /multi-exec and texts of several commands.  All of
# one or nothing, and nobody sees the half of it, whatever the worker and the
# protocol.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Handle;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(slurp wait_for);

my $TOKEN = $KS::Nginx::TOKEN;
my $READONLY = $KS::Nginx::READONLY;

# says which command it was, and its error
my $DISCARDED = qr/^\{"error":"EXECABORT Transaction discarded because of (?#
                 )previous errors\. Command \d+: (?:ERR|NOPERM) [^"]+"\}$/;
my @RESP2 = (headers => ['Upstash-Response-Format: resp2']);
my @BASE64 = (headers => ['Upstash-Encoding: base64']);

# of 32 MB: keys are in several shards
my $ngx = KS::Nginx->start(
    size        => '32m',
    workers     => 2,
    http        => 'client_max_body_size 8m; keepalive_requests 1000000;',
    log_format  => '$request_method $uri $keyspace_command $keyspace_status',
    locations   => <<'CONF',
        location / { keyspace_rest main; }
        location /redis/ { keyspace_rest main; }
CONF
    resp        => '',
    resp_listen => 'reuseport',
);

my $http = $ngx->client;


# name, response, status, body
sub answer {
    my ($name, $r, $status, $body) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    if (ref $body) {
        like("$r->{status} $r->{body}", qr/^$status /, $name);
        like($r->{body}, $body, '... and what it says');
        return;
    }

    is("$r->{status} $r->{body}", "$status $body", $name);
}


sub batch {
    return '[' . join(',', map { KS::HTTP::array(@$_) } @_) . ']';
}


sub multi {
    my ($commands, %options) = @_;

    return $http->post(batch(@$commands), uri => '/multi-exec', %options);
}


subtest '/multi-exec' => sub {
    my $r = multi([['SET', 'k', 'v'], ['GET', 'k'], ['INCR', 'n'],
                   ['MGET', 'k', 'none'], ['KEYS', 'nothing*']]);

    answer('five commands', $r, 200, '[{"result":"OK"},{"result":"v"},'
           . '{"result":1},{"result":["v",null]},{"result":[]}]');
    like($r->{headers}{'content-type'}, qr{^application/json\b},
         'its content type');

    answer('one', multi([['GET', 'k']]), 200, '[{"result":"v"}]');
    answer('none', multi([]), 200, '[]');
    answer('with PUT', $http->request('PUT', '/multi-exec',
           body => '[["GET","k"]]'), 200, '[{"result":"v"}]');
    answer('below a prefix', $http->post('[["GET","k"]]',
           uri => '/redis/multi-exec'), 200, '[{"result":"v"}]');
    answer('PING, ECHO and SELECT', multi([['PING'], ['ECHO', 'e'],
           ['SELECT', 0]]), 200,
           '[{"result":"PONG"},{"result":"e"},{"result":"OK"}]');

    $r = multi([map { ['SET', "many$_", $_] } 1 .. 20_000]);
    is($r->{body}, '[' . join(',', ('{"result":"OK"}') x 20_000) . ']',
       'twenty thousand');
    is($http->run('GET', 'many20000'), '20000', '... were run');

    my $long = 'x' x 300_000;
    $http->request('POST', '/set/long', body => $long);
    answer('long replies', multi([(['GET', 'long']) x 5]), 200,
           '[' . join(',', (qq({"result":"$long"})) x 5) . ']');

    answer('all keys at once', multi([['FLUSHALL'], ['SET', 'a', 1],
           ['DBSIZE'], ['KEYS', '*'], ['FLUSHDB'], ['DBSIZE']]), 200,
           '[{"result":"OK"},{"result":"OK"},{"result":1},{"result":["a"]},'
           . '{"result":"OK"},{"result":0}]');
    answer('a SCAN', multi([['SET', 'a', 1], ['SCAN', 0, 'COUNT', 1000000]]),
           200, '[{"result":"OK"},{"result":["0",["a"]]}]');
};


subtest 'other forms of a reply' => sub {
    my @commands = (['SET', 'f', 'v'], ['GET', 'f'], ['INCR', 'f'],
                    ['MGET', 'f', 'none'], ['PING']);

    # Upstash's own stays JSON, too
    my $json = '[{"result":"OK"},{"result":"v"},{"error":"ERR value is not an '
             . 'integer or out of range"},{"result":["v",null]},'
             . '{"result":"PONG"}]';

    my $r = multi(\@commands, @RESP2);
    answer('RESP2', $r, 200, $json);
    is($r->{headers}{'content-type'}, 'application/json', 'its content type');
    answer('none as RESP2', multi([], @RESP2), 200, '[]');
    answer('what is discarded as RESP2', multi([['SET', 'f', 'w'], ['GET']],
           @RESP2), 400, $DISCARDED);

    answer('base64', multi(\@commands, @BASE64), 200,
           '[{"result":"OK"},{"result":"dg=="},{"error":"ERR value is not an '
           . 'integer or out of range"},{"result":["dg==",null]},{"result":"'
           . encode_base64('PONG', '') . '"}]');
    answer('what is discarded in base64', multi([['GET']], @BASE64), 400,
           $DISCARDED);

    answer('a text as RESP2', $http->post("GET f\nSTRLEN f", @RESP2), 200,
           '[{"result":"v"},{"result":1}]');
    answer('a text in base64', $http->post("GET f\nSTRLEN f", @BASE64), 200,
           '[{"result":"dg=="},{"result":1}]');
};


subtest 'an error of one' => sub {
    my $r = multi([['SET', 's', 'text'], ['INCR', 's'], ['SET', 't', 'after'],
                   ['EXPIRE', 's', 'x'], ['LPUSH', 's', 1], ['GET', 's']]);

    answer('is a reply among the others', $r, 200, '[{"result":"OK"},'
           . '{"error":"ERR value is not an integer or out of range"},'
           . '{"result":"OK"},'
           . '{"error":"ERR value is not an integer or out of range"},'
           . '{"error":"WRONGTYPE Operation against a key holding the wrong '
           . 'kind of value"},{"result":"text"}]');
    is($http->run('GET', 't'), 'after', 'and those behind it are run');
};


subtest 'a bad command' => sub {
    my @bad = (
        ['unknown',                     ['NOSUCH', 'x']],
        ['an unknown subcommand',       ['CONFIG', 'NOSUCH']],
        ['too few arguments',           ['GET']],
        ['too many arguments',          ['GET', 'a', 'b']],
        ['too long a key',              ['SET', 'k' x 65536, 'v']],
        ['a transaction in it',         ['MULTI']],
        ['EXEC',                        ['EXEC']],
        ['DISCARD',                     ['DISCARD']],
        ['WATCH',                       ['WATCH', 'k']],
        ['UNWATCH',                     ['UNWATCH']],
        ['AUTH',                        ['AUTH', $TOKEN]],
        ['HELLO',                       ['HELLO', 3]],
        ['QUIT',                        ['QUIT']],
        ['RESET',                       ['RESET']],
        ['CLIENT',                      ['CLIENT', 'ID']],
    );

    $http->run('SET', 'b', 'before');

    for (@bad) {
        my ($name, $command) = @$_;

        for my $place (0 .. 2) {
            my @commands = (['SET', 'b', 'changed'], ['INCR', 'bn']);
            splice @commands, $place, 0, $command;

            answer("$name, at $place", multi(\@commands), 400, $DISCARDED);
        }
    }

    is($http->run('GET', 'b'), 'before', 'nothing was changed');
    is($http->run('EXISTS', 'bn'), 0, 'and nothing was made');

    answer('a read-only token reads', multi([['GET', 'b'], ['STRLEN', 'b']],
           token => $READONLY), 200, '[{"result":"before"},{"result":6}]');
    answer('... but does not write', multi([['GET', 'b'], ['SET', 'b', 'x']],
           token => $READONLY), 400, $DISCARDED);
    answer('no token', multi([['GET', 'b']], token => 'x'), 401,
           '{"error":"WRONGPASS invalid or missing auth token"}');

    for my $bad ('', '{}', '["GET","b"]', '[["SET","b","x"],1]', '[[]]',
                 '[["SET","b","x"]', 'SET b x', '[["SET","b","x"],["SET",null]]')
    {
        my $r = $http->post($bad, uri => '/multi-exec');
        is($r->{status}, 400, "refused: [$bad]");
        like($r->{body}, qr/^\{"error":"ERR /, '... with one error');
    }

    is($http->run('GET', 'b'), 'before', 'nothing was changed');
    answer('GET is no transaction', $http->request('GET', '/multi-exec'), 400,
           '{"error":"ERR /pipeline and /multi-exec take their commands from '
           . 'the body of a POST"}');
};


subtest 'a text of several commands' => sub {
    answer('two', $http->post("SET x1 1\nINCR x1"), 200,
           '[{"result":"OK"},{"result":2}]');
    answer('with CRLF and blank lines',
           $http->post("\r\nSET x1 \"a\nb\"\r\n\r\n GET x1 \r\n"), 200,
           '[{"result":"OK"},{"result":"a\nb"}]');
    answer('with JSON over lines',
           $http->post("SET x2 {\n \"a\": [\n1]}\nGET x2\nSTRLEN x2"), 200,
           '[{"result":"OK"},{"result":"{\n \"a\": [\n1]}"},{"result":13}]');
    answer('one line is no transaction', $http->post("\nGET x1\n"), 200,
           '{"result":"a\nb"}');
    answer('an error of one', $http->post("SET x1 a\nINCR x1\nGET x1"), 200,
           '[{"result":"OK"},{"error":"ERR value is not an integer or out of '
           . 'range"},{"result":"a"}]');
    answer('a bad one', $http->post("SET x1 b\nGET\nSET x1 c"), 400,
           $DISCARDED);
    answer('what is no command text', $http->post("SET x1 b\nSET x1 \"c"), 400,
           '{"error":"ERR unbalanced quotes in request"}');
    is($http->run('GET', 'x1'), 'a', 'these have changed nothing');
    answer('a read-only token', $http->post("GET x1\nDEL x1",
           token => $READONLY), 400, $DISCARDED);

    my $text = join '', map { "SET line$_ {\"n\": $_}\n" } 1 .. 10_000;
    is($http->post($text)->{body},
       '[' . join(',', ('{"result":"OK"}') x 10_000) . ']', 'ten thousand');
    is($http->run('GET', 'line10000'), '{"n": 10000}', '... were run');
};


subtest 'no room' => sub {
    my $small = KS::Nginx->start(size => '4m',
                                 http => 'client_max_body_size 16m;');
    my $c = $small->client;
    my $v = 'v' x 100_000;
    my @commands = map { ['SET', "big$_", $v] } 1 .. 60;

    $c->run('SET', 'big1', 'small');

    my $r = $c->post(batch(['SET', 'first', 1], @commands, ['SET', 'last', 1]),
                     uri => '/multi-exec');
    answer('discards all', $r, 400, '{"error":"EXECABORT Transaction '
           . 'discarded because of: OOM command not allowed when used memory '
           . q(> 'maxmemory'."}));
    is($c->run('DBSIZE'), 1, 'nothing of it was kept');
    is($c->run('GET', 'big1'), 'small', 'nothing of it was lost');

    # what a transaction frees is free once it is committed
    $r = $c->post(batch(map { (['SET', "big$_", $v], ['DEL', "big$_"]) }
                        1 .. 60), uri => '/multi-exec');
    is($r->{status}, 400, 'room that it frees itself is not for it');
    is($c->run('DBSIZE'), 1, 'nothing of that was kept either')
        or diag(substr $r->{body}, 0, 300);
    like($c->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    $small->stop;

    $small = KS::Nginx->start(size => '4m', eviction => 'allkeys-lru',
                              http => 'client_max_body_size 16m;');
    $c = $small->client;
    $c->run('SET', "old$_", $v) for 1 .. 60;

    $r = $c->post(batch(map { (['SET', "new$_", $v], ['STRLEN', "new$_"],
                               ['INCR', 'count']) } 1 .. 15),
                  uri => '/multi-exec');
    answer('with eviction there is', $r, 200, '[' . join(',', map {
        qq({"result":"OK"},{"result":100000},{"result":$_}) } 1 .. 15) . ']');
    is($c->run('GET', 'count'), 15, 'each was run once');
    like($c->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    $small->stop;
};


# --- atomicity ---

# A process that runs code until it is told to end: what it found wrong, and
# how often it has looked.
sub start {
    my ($code) = @_;
    my $out = $ngx->dir . '/child' . int(rand 1e9);
    my $pid = fork // die "fork: $!";

    return { pid => $pid, out => $out } if $pid;

    my ($done, @faults) = (0);
    my $limit = time + 120;

    # no signal: it would end whatever it waits for
    eval {
        while (!-e "$out.end" && time < $limit) {
            my $fault = $code->();
            push @faults, $fault if defined $fault;
            $done++;
            last if @faults > 5;
        }
        1;
    } or push @faults, "died: $@";

    KS::Proc::spew($out, JSON::PP::encode_json({ done => $done,
                                                 faults => \@faults }));
    POSIX::_exit(0);
}


sub end {
    my ($child) = @_;

    KS::Proc::spew("$child->{out}.end", '');
    waitpid $child->{pid}, 0;

    return JSON::PP::decode_json(slurp($child->{out}));
}


my @KEYS = map { "atom:$_" } 1 .. 8;


# Changes all keys to the same value, by a batch of one kind; and reads them
# in the midst of it.
sub writer {
    my ($name, $send) = @_;
    my $n = 0;

    return sub {
        my $v = "$name-" . ++$n;
        my $got = $send->($v);

        return $got eq "$v" x @KEYS ? undef : "$name read $got, wrote $v";
    };
}


sub set_and_get {
    my ($v) = @_;

    return ((map { ['SET', $_, $v] } @KEYS), ['MGET', @KEYS]);
}


sub rest_writer {
    my $c = $ngx->client;

    return writer('rest', sub {
        my $r = $c->post(batch(set_and_get($_[0])), uri => '/multi-exec');
        return join '', @{KS::HTTP::decode($r)->[-1]{result}};
    });
}


sub text_writer {
    my $c = $ngx->client;

    return writer('text', sub {
        my $r = $c->post(join "\n", map { "@$_" } set_and_get($_[0]));
        return join '', @{KS::HTTP::decode($r)->[-1]{result}};
    });
}


sub resp_writer {
    my $c = $ngx->resp;

    return writer('resp', sub {
        my @replies = $c->replies(['MULTI'], set_and_get($_[0]), ['EXEC']);
        my $values = KS::RESP::plain(KS::RESP::value($replies[-1]));
        return join '', @{$values->[-1]};
    });
}


sub judge {
    my ($name, @values) = @_;
    my %seen = map { $_ // 'none' => 1 } @values;

    return keys %seen == 1 ? undef : "$name saw " . join ' ', sort keys %seen;
}


sub rest_reader {
    my $c = $ngx->client;

    return sub { judge('MGET', @{$c->run('MGET', @KEYS)}) };
}


sub multi_reader {
    my $c = $ngx->client;

    return sub {
        my $r = $c->post(batch(map { ['GET', $_] } @KEYS),
                         uri => '/multi-exec');
        judge('/multi-exec', map { $_->{result} } @{KS::HTTP::decode($r)});
    };
}


sub text_reader {
    my $c = $ngx->client;

    return sub {
        my $r = $c->post(join "\n", map { "GET $_" } @KEYS);
        judge('text', map { $_->{result} } @{KS::HTTP::decode($r)});
    };
}


sub resp_reader {
    my $c = $ngx->resp;

    return sub {
        my @replies = $c->replies(['MULTI'], (map { ['GET', $_] } @KEYS),
                                  ['EXEC']);
        judge('EXEC', @{KS::RESP::plain(KS::RESP::value($replies[-1]))});
    };
}


subtest 'all or nothing, seen from everywhere' => sub {
    $http->run('MSET', map { ($_ => 'first') } @KEYS);

    # several of each, so that both workers have some
    my @children = map { my $make = $_; map { start($make->()) } 1 .. 2 }
        \&rest_writer, \&text_writer, \&resp_writer, \&rest_reader,
        \&multi_reader, \&text_reader, \&resp_reader;

    sleep 4;

    my ($done, $least, @faults) = (0);

    for (map { end($_) } @children) {
        push @faults, @{$_->{faults}};
        $done += $_->{done};
        $least = $_->{done} if !defined $least || $_->{done} < $least;
    }

    is_deeply(\@faults, [], "$done batches, and none was seen in half");
    cmp_ok($least, '>', 0, 'all came to theirs');
};


# A worker that dies amid transactions has either done one or not begun it.
subtest 'kill -9' => sub {
    my @counters = map { "killed:$_" } 1 .. 20;
    my @commands = map { ['INCR', $_] } @counters;

    my $load = sub {
        my ($text) = @_;
        my $body = $text ? join "\n", map { "@$_" } @commands
                         : batch(@commands);
        my $c = $ngx->client;

        # a connection that dies with its worker
        return sub {
            my $r = $c->post($body, uri => $text ? '/' : '/multi-exec');
            return undef if $r->{status} == 0;
            return judge('INCR', map { $_->{result} // $r->{body} }
                                 @{KS::HTTP::decode($r)});
        };
    };

    $ngx->allow('exited on signal 9');

    my @children = map { start($load->($_ % 2)) } 1 .. 6;
    my (@torn, @slow);

    for my $i (1 .. 25) {
        sleep 0.01 + rand 0.03;

        my @before = $ngx->workers;
        my $victim = $before[rand @before];

        kill 'KILL', $victim;

        wait_for(20, sub {
            my @now = $ngx->workers;
            return @now == 2 && !grep { $_ == $victim } @now;
        }, 0.002) or push @slow, $i;

        my $c = $ngx->client;
        my $values;

        for (1 .. 50) {
            my $r = $c->command('MGET', @counters);
            last if $r->{status} && ($values = KS::HTTP::decode($r)->{result});
        }

        my $fault = judge("death $i", @{$values // ['no reply']});
        push @torn, $fault if defined $fault;
    }

    my @ends = map { end($_) } @children;

    is_deeply(\@slow, [], 'a new worker came each time');
    is_deeply(\@torn, [], 'after each death all of a transaction was there');
    is_deeply([map { @{$_->{faults}} } @ends], [], 'and in each reply');

    # that connection may have died with its worker
    $http = $ngx->client;

    my $n = $http->run('GET', $counters[0]);
    cmp_ok($n, '>', 25, "$n transactions");
    is_deeply($http->run('MGET', @counters), [($n) x @counters],
              'the counters agree');
    like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
};


# Counters that go up together: one that is begun again must not count twice,
# and one that is discarded not at all.
subtest 'nothing is run twice' => sub {
    my @counters = map { "counter:$_" } 1 .. 20;

    my $code = sub {
        my ($c, $discard) = @_;
        my @commands = ((map { ['INCR', $_] } @counters),
                        $discard ? ['NOSUCH'] : ['DBSIZE']);

        return sub {
            my $r = $c->post(batch(@commands), uri => '/multi-exec');

            if ($discard) {
                return $r->{status} == 400 ? undef : $r->{body};
            }

            my @n = map { $_->{result} // $r->{body} }
                @{KS::HTTP::decode($r)}[0 .. $#counters];
            return judge('INCR', @n);
        };
    };

    my @good = map { start($code->($ngx->client, 0)) } 1 .. 3;
    my @bad = map { start($code->($ngx->client, 1)) } 1 .. 2;

    sleep 2;

    my @ends = map { end($_) } @good, @bad;
    my $sum = 0;
    $sum += $_->{done} for @ends[0 .. 2];

    is_deeply([map { @{$_->{faults}} } @ends], [], 'the replies are right');
    is_deeply($http->run('MGET', @counters), [($sum) x @counters],
              "and so are the counters after $sum transactions");
};


subtest 'WATCH notices' => sub {
    my $c = $ngx->resp;

    for my $change (
        ['a /multi-exec', sub { multi([['SET', 'w', 2], ['GET', 'w']]) }],
        ['a text', sub { $http->post("SET w 3\nGET w") }])
    {
        my ($name, $code) = @$change;

        $c->run('SET', 'w', 1);
        $c->run('WATCH', 'w');
        $code->();
        is_deeply([$c->replies(['MULTI'], ['SET', 'w', 'x'], ['EXEC'])],
                  ["+OK\r\n", "+QUEUED\r\n", "*-1\r\n"], $name);
    }

    $c->run('SET', 'w', 1);
    $c->run('WATCH', 'w');
    multi([['SET', 'w', 2], ['NOSUCH']]);
    is_deeply([$c->replies(['MULTI'], ['GET', 'w'], ['EXEC'])],
              ["+OK\r\n", "+QUEUED\r\n", "*1\r\n\$1\r\n1\r\n"],
              'but none that was discarded');
};


subtest 'the log' => sub {
    multi([['SET', 'l', 'v']], uri => '/redis/multi-exec');
    multi([['INCR', 'l']], uri => '/redis/multi-exec');
    multi([['NOSUCH']], uri => '/redis/multi-exec');

    my @lines;
    wait_for(10, sub {
        @lines = grep { m{^POST /redis/multi-exec multi-exec} }
                 split /\n/, $ngx->access_log;
        return @lines >= 4;
    });
    is_deeply([map { (split)[-1] } @lines[-3 .. -1]],
              [qw(ok error error)], 'says what became of them');
};


is(scalar(my @workers = $ngx->workers), 2, 'the workers live');
like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
$http->close;
$ngx->stop;
done_testing;
