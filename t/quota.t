# What users may use: rates, commands and bytes of a day and a month, memory, the
# size of a command; what is counted, and what tells it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes;

use KS::Nginx;
use KS::RESP;

my $all = 'rights ~* &* +@all;';

my $users = <<"CONF";
    user day    { token day-token;    $all commands 10/d; }
    user month  { token month-token;  $all commands 12/month; commands 100/day; }
    user bytes  { token bytes-token;  $all bandwidth 1000/d; bandwidth 1g/month; }
    user rate   { token rate-token;   $all rate 2r/h burst=1; }
    user memory { token memory-token; $all memory 1; }
    user size   { token size-token;   $all max_request_size 20; }
    user seen   { token seen-token;   $all usage on; }
    user free   { token free-token;   $all }
    user weak   { token weak-token;   rights ~* +get +acl|usage; usage on; }
CONF

my $ngx = KS::Nginx->start(
    size    => '16m',
    workers => 2,
    resp    => '',
    main    => 'worker_shutdown_timeout 1s;',
    zone    => $users,
    locations => 'location / { keyspace_rest main; } '
                 . 'location = /metrics { keyspace_metrics; }',
);

my $admin = $ngx->resp;


sub as {
    my ($user) = @_;
    my $c = $ngx->resp(token => undef);

    is(($c->replies(['AUTH', $user, "$user-token"]))[0], "+OK\r\n", $user);

    return $c;
}


sub rest { $ngx->client(token => "$_[0]-token") }


sub usage { my %u = @{$admin->run('ACL', 'USAGE', $_[0])}; \%u }


subtest 'commands of a day' => sub {
    my $c = as('day');

    is($c->run('SET', 'n', 0), 'OK', 'the first');
    $c->run('PING') for 1 .. 20;
    is($c->run('CLIENT', 'SETNAME', 'x'), 'OK', 'what is free');
    $c->run('INCR', 'n') for 1 .. 8;

    is(usage('day')->{commands}, 9, 'nine are counted');
    is(rest('day')->run('INCR', 'n'), 9, 'REST is the same user');

    my $said = qr/^ERR max daily request limit exceeded\. Limit: 10, Usage: 10\.$/;
    like($c->error('INCR', 'n'), $said, 'RESP is refused');
    like(rest('day')->error('INCR', 'n'), $said, 'and so is REST');
    like($c->error('MULTI'), $said, 'and MULTI');
    is($c->run('PING'), 'PONG', 'PING is free');
    like($c->run('INFO', 'server'), qr/redis_version/, 'INFO as well');
    is($admin->run('GET', 'n'), 9, 'nothing has happened');
    is($admin->run('ACL', 'WHOAMI'), 'default', 'others go on');

    my $u = usage('day');
    is($u->{'commands-day'}, 10, 'ten of the day');
    is($u->{'commands-day-limit'}, 10, 'of ten');
    is($u->{'commands-month'}, 10, 'ten of the month');
    is($u->{refused}, 3, 'three refused');
    is($u->{'day-ends'} % 86400, 0, 'the day ends at midnight, UTC');
    ok($u->{'day-ends'} > time && $u->{'day-ends'} <= time + 86400, 'the next one');

    my @end = gmtime $u->{'month-ends'};
    is("@end[0 .. 3]", '0 0 0 1', 'the month with its last day');

    is($admin->run('ACL', 'USAGE', 'day', 'RESET'), 'OK', 'it begins anew');
    is($c->run('INCR', 'n'), 10, 'and goes on');
    is(usage('day')->{commands}, 11, 'the sum stays');
    is(usage('day')->{'commands-day'}, 1, 'that of the day does not');
};


subtest 'transactions and scripts pass as a whole' => sub {
    my $c = as('month');
    my $said = qr/ERR max requests limit exceeded\. Limit: 12, Usage: \d+\.$/;

    $admin->run('SET', 'm', 0);

    # MULTI, EXEC and what is between them
    $c->run('MULTI');
    $c->run('INCR', 'm') for 1 .. 2;
    is_deeply($c->run('EXEC'), [1, 2], 'a transaction');
    is(usage('month')->{commands}, 4, 'four commands');

    my $script = 'for i = 1, ARGV[1] do redis.call("INCR", KEYS[1]) end return "x"';
    is($c->run('EVAL', $script, 1, 'm', 3), 'x', 'a script');
    is(usage('month')->{commands}, 8, 'with its commands four more');

    like($c->error('EVAL', $script, 1, 'm', 4), $said, 'one that is too long');
    is($admin->run('GET', 'm'), 5, '... has done nothing');
    is(usage('month')->{commands}, 8, '... and used nothing');

    my @five = (['INCR', 'm']) x 5;
    my $body = '[' . join(',', map { KS::HTTP::array(@$_) } @five) . ']';
    my $r = rest('month')->post($body, uri => '/multi-exec');
    like($r->{body}, qr/EXECABORT .*ERR max requests limit exceeded/,
         'a transaction by REST that is too long');
    is($admin->run('GET', 'm'), 5, '... has done nothing');

    my $p = rest('month')->pipeline(@five);
    is(scalar(grep { exists $_->{result} } @$p), 4, 'of a pipeline what is left');
    like($p->[4]{error}, $said, '... and no more');
    is($admin->run('GET', 'm'), 9, 'it counts');
};


subtest 'bytes' => sub {
    my $c = as('bytes');
    my $before = usage('bytes');

    $c->run('SET', 'b', 'x' x 100);
    my $after = usage('bytes');
    my $sent = length "*3\r\n\$3\r\nSET\r\n\$1\r\nb\r\n\$100\r\n" . 'x' x 100 . "\r\n";

    is($after->{'bytes-in'} - $before->{'bytes-in'}, $sent, 'in, to the byte');
    is($after->{'bytes-out'} - $before->{'bytes-out'}, length "+OK\r\n", 'and out');

    my $n = 0;
    $n++ while $n < 50 && ($c->replies(['GET', 'b']))[0] =~ /^\$/;

    # what is left decides; the last reply may go beyond
    my $u = usage('bytes');
    is($n, 10, 'as many replies as there is room for');
    like($c->error('GET', 'b'), qr/^ERR max daily bandwidth limit exceeded\. Limit: 1000 bytes, Usage: \d+ bytes\.$/,
         'then none');
    ok($u->{'bytes-out-day'} >= 1000 && $u->{'bytes-out-day'} < 1300, 'counted');
    is($u->{'bytes-out-month-limit'}, 1024 ** 3, 'a month has its own');

    my $before_rest = usage('seen');
    my $answer = rest('seen')->post('["ECHO","' . 'y' x 50 . '"]');
    my $rest = usage('seen');
    is($rest->{'bytes-out'} - $before_rest->{'bytes-out'}, length $answer->{body},
       'a body of REST');
    ok($rest->{'bytes-in'} - $before_rest->{'bytes-in'} > 60, 'a request of REST');
};


subtest 'a rate' => sub {
    my $c = as('rate');

    is($c->run('SET', 'r', 1), 'OK', 'the first');
    is($c->run('GET', 'r'), 1, 'the second at once');
    like($c->error('GET', 'r'), qr/^ERR max commands per hour exceeded\. Limit: 2\.$/,
         'not the third');
    is($admin->run('ACL', 'USAGE', 'rate', 'RESET'), 'OK', 'begin anew');
    is($c->run('GET', 'r'), 1, 'it may again');
};


subtest 'memory and sizes' => sub {
    my $c = as('memory');

    like($c->error('SET', 'k', 'v'),
         qr/^ERR DB capacity quota exceeded\. Threshold: 1 bytes, Usage: \d+ bytes\.$/,
         'nothing that needs memory');
    is($c->run('GET', 'n'), 10, 'reads');
    is($c->run('DEL', 'nothing'), 0, 'and what frees');

    my $s = as('size');
    is($s->run('SET', 'k', 'x' x 16), 'OK', 'twenty bytes');
    like($s->error('SET', 'k', 'x' x 17),
         qr/^ERR max request size exceeded\. Limit: 20 bytes, Actual: 21 bytes\.$/,
         'and one more');
    like(rest('size')->error('SET', 'k', 'x' x 17), qr/^ERR max request size/, 'REST');
};


subtest 'clients that wait' => sub {
    my $c = as('seen');
    my $before = usage('seen')->{commands};

    $c->send(KS::RESP::encode('BLPOP', 'list', 0));
    KS::Proc::wait_for(10, sub {
        usage('seen')->{commands} == $before + 1
    });
    $admin->run('RPUSH', 'list', 'v');
    like($c->reply, qr/list\r\n\$1\r\nv/, 'it is served');
    is(usage('seen')->{commands}, $before + 1, 'and counts once');
};


subtest 'who is told' => sub {
    my $c = as('weak');

    my %own = @{$c->run('ACL', 'USAGE')};
    is($own{user}, 'weak', 'its own');
    is($own{commands}, 0, 'nothing yet');
    like($c->error('ACL', 'USAGE', 'day'), qr/^NOPERM /, 'not that of others');
    like($c->error('ACL', 'USAGE', 'weak', 'RESET'), qr/^NOPERM /, 'nor begin anew');

    like($admin->error('ACL', 'USAGE', 'free'), qr/^ERR what user 'free' uses is not/,
         'a user without quotas');
    is($admin->run('ACL', 'USAGE', 'nobody'), undef, 'no user');
    like($admin->error('ACL', 'USAGE', 'day', 'SET'), qr/^ERR syntax/, 'no such word');
    like($admin->error('ACL', 'USAGE', 'day', 'RESET', 'x'), qr/^ERR syntax/, 'too much');

    my %u = %{usage('seen')};
    ok($u{'zone-gb-hours'} >= 0, 'hours of the zone');
    ok($u{'zone-memory'} > 0, 'and its memory');
};


subtest 'metrics' => sub {
    my $text = $ngx->client->request('GET', '/metrics')->{body};
    my $u = usage('day');

    like($text, qr/^keyspace_user_commands_total\{zone="main",user="day"\} $u->{commands}$/m,
         'commands');
    like($text, qr/^keyspace_user_refused_total\{zone="main",user="day"\} $u->{refused}$/m,
         'refused ones');
    like($text, qr/^keyspace_user_output_bytes_total\{zone="main",user="bytes"\} [1-9]/m,
         'bytes');
    like($text, qr/^keyspace_user_quota_limit\{zone="main",user="day",quota="commands-day"\} 10$/m,
         'a quota');
    like($text, qr/^keyspace_user_quota_used\{zone="main",user="day",quota="commands-day"\} 1$/m,
         'and what is used of it');
    unlike($text, qr/user="free"/, 'only of users with quotas');
    like($text, qr/^keyspace_memory_byte_seconds_total\{zone="main"\} [\d.e+-]+$/m, 'GB-hours');
    like($text, qr/^redis_aof_enabled\{zone="main"\} 0$/m, 'no journal');

    my $json = KS::HTTP::decode($ngx->client->request('GET', '/metrics?format=json'));
    is($json->{main}{users}{day}{commands}, $u->{commands}, 'as JSON');
    is($json->{main}{users}{day}{commands_day}, 1, '... of the day');

    my $s = $ngx->resp;
    $s->run('SUBSCRIBE', 'c1');
    $s->send(KS::RESP::encode('PSUBSCRIBE', 'p*'));
    $s->reply;
    $text = $ngx->client->request('GET', '/metrics')->{body};
    like($text, qr/^redis_pubsub_channels\{zone="main"\} 1$/m, 'channels');
    like($text, qr/^redis_pubsub_patterns\{zone="main"\} 1$/m, 'patterns');
};


subtest 'rules that change, and reloads' => sub {
    my $c = as('day');

    $admin->run('ACL', 'SETUSER', 'day', '-get');
    is(usage('day')->{'commands-day-limit'}, 10, 'SETUSER leaves quotas');
    $admin->run('ACL', 'DELUSER', 'day');
    is($admin->run('ACL', 'USAGE', 'day'), undef, 'no user, no usage');
    $admin->run('ACL', 'SETUSER', 'day', 'on', '>day-token', '~*', '+@all');
    is(usage('day')->{commands}, 11, 'one of that name goes on');

    $users =~ s/commands 10\/d/commands 3\/d/;
    $users =~ s/^\s+user seen .*\n//m;
    $ngx->reload(zone => $users);
    $admin = $ngx->resp;

    is(usage('day')->{'commands-day-limit'}, 3, 'another quota');
    is(usage('day')->{commands}, 11, 'what was used stays');
    is($admin->run('ACL', 'USAGE', 'seen'), undef, 'a user that is gone');
};


$ngx->stop;


subtest 'what is refused' => sub {
    my $rate = qr/"rate" of a user is a number and a period/;
    my $number = qr/"commands" of a user is a number for a day or a month/;
    my $size = qr/"bandwidth" of a user is a size for a day or a month/;

    for my $case (
        ['rate x', $rate], ['rate 0r/s', $rate], ['rate 10', $rate],
        ['rate 1r/s burst', qr/there may be "burst="/],
        ['rate 1r/s burst=x', qr/there may be "burst="/],
        ['rate 1r/s burst=1 x', qr/takes a rate and "burst="/],
        ['rate 1r/s; rate 2r/s', qr/"rate" is duplicate in user/],
        ['commands 10', $number], ['commands 0/d', $number],
        ['commands x/d', $number], ['commands 10/week', $number],
        ['commands 1/d; commands 2/day', qr/said twice/],
        ['bandwidth 10g', $size], ['bandwidth x/d', $size],
        ['bandwidth 0/month', $size],
        ['bandwidth 1/d; bandwidth 2/day', qr/said twice/],
        ['memory x', qr/a quota of a user is a size/],
        ['max_request_size 0', qr/a quota of a user is a size/],
        ['usage off', qr/"usage" of a user is "on"/],
    ) {
        my ($line, $want) = @$case;
        my ($code, $out) = KS::Nginx->check(
            zone => "user a { token t1; rights +get; $line; }");

        isnt($code, 0, $line);
        like($out, $want, '... and why');
    }

    my ($code, $out) = KS::Nginx->check(
        size => '1m',
        zone => join '', map { "user u$_ { token t$_; usage on; }\n" } 1 .. 9);
    isnt($code, 0, 'more users than meters');
    like($out, qr/can count the usage of 8 users, and no more/, '... and why');
};

done_testing;
