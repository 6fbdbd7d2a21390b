# What is counted and timed of commands: by commands, and as metrics for
# Prometheus and as JSON; over all workers, kills and reloads.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use POSIX qw(sysconf _SC_CLK_TCK);
use Test::More;
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture children free_port installed root slurp spawn_command spew
                stop_pid tempdir wait_for);

my $metrics = 'location = /metrics { keyspace_metrics; } '
    . 'location = /main { keyspace_metrics main; } '
    . 'location = /limited { keyspace_limit few; } '
    . 'location / { keyspace_rest main; }';

my $ngx = KS::Nginx->start(size => '32m', workers => 2, resp => '',
                           resp_listen => 'reuseport', zone => 'metrics on; script_timeout 30s; '
                               . 'metrics_prefix user:vip: user: "odd\\"";',
                           http => 'keyspace_limit_rule few zone=main '
                               . 'key=$arg_who rate=3r/h;',
                           locations => $metrics);
my ($a, $b) = $ngx->two_workers;
my $http = $ngx->client;

sub scrape {
    my ($path, @headers) = @_;
    my $reply = KS::HTTP->new(port => $ngx->port)
        ->request('GET', $path, headers => \@headers);

    is($reply->{status}, 200, "$path is there");

    return $reply;
}


# the samples of a text, by name and labels without the zone's
sub samples {
    my ($text) = @_;
    my %sample;

    for (grep { !/^#/ } split /\n/, $text) {
        my ($name, $labels, $value) = /^(\w+)\{(.*)\} (\S+)$/ or die $_;

        $labels =~ s/zone="main",?//;
        $sample{$name . ($labels ne '' ? "{$labels}" : '')} = $value;
    }

    return \%sample;
}


sub info {
    my ($section) = @_;
    my %field = map { /^([^:#]+):(.*?)\r?$/ ? ($1, $2) : () }
        split /\n/, $a->run('INFO', $section);

    return \%field;
}


sub stat_of {
    my ($name) = @_;
    my %stat = map { split /=/ } split /,/,
        info('commandstats')->{"cmdstat_$name"} // '';

    return \%stat;
}


subtest 'counts of both workers, and of REST' => sub {
    $a->run('SET', 'k', $_) for 1 .. 10;
    $b->run('SET', 'k', $_) for 1 .. 7;
    $http->run('SET', 'k', $_) for 1 .. 3;
    $a->error('GET');
    $a->error('INCR', 'k', 'x');
    $b->run('LPUSH', 'l', 1);
    $b->error('INCR', 'l');
    $a->run('EVAL', "redis.call('GET','k') redis.call('GET','k')", 0);
    $a->error('EVAL', "redis.call('INCR','l')", 0);

    my $set = stat_of('set');
    is($set->{calls}, 20, 'SET was run so often');
    is($set->{failed_calls}, 0, 'and never failed');
    cmp_ok($set->{usec}, '>', 0, 'it took a while');

    is(stat_of('get')->{calls}, 2, 'GET by a script');
    is(stat_of('get')->{rejected_calls}, 1, 'and refused');
    is(stat_of('incr')->{failed_calls}, 2, 'INCR of a list');
    is(stat_of('incr')->{rejected_calls}, 1, 'or with too much');
    is(stat_of('eval')->{calls}, 2, 'EVAL');
    is(stat_of('eval')->{failed_calls}, 1, 'and one failed');

    my $errors = info('errorstats');
    is($errors->{errorstat_ERR}, 'count=2', 'two errors of arity');
    is($errors->{errorstat_WRONGTYPE}, 'count=2', 'each error is one');
    is(info('stats')->{total_error_replies}, 4, 'and all of them');

    like(info('latencystats')->{latency_percentiles_usec_set},
         qr/^p50=[\d.]+,p99=[\d.]+,p99\.9=[\d.]+$/, 'percentiles');

    ok(!exists info('default')->{cmdstat_set}, 'not by default');
    ok(exists info('all')->{cmdstat_set}, 'but with all');
    ok(exists info('default')->{errorstat_ERR}, 'errors are');
};


# what the kernel says of both workers, which is told in hundredths of a second
subtest 'INFO cpu' => sub {
    my $before = info('cpu');

    is_deeply([sort keys %$before], [qw(used_cpu_sys used_cpu_user)], 'fields');
    like($before->{$_}, qr/^\d+\.\d{6}$/, $_) for sort keys %$before;

    ok(wait_for(60, sub {
        $_->run('EVAL', 'for i = 1, 300000 do local x = i % 7 end', 0) for $a, $b;
        return info('cpu')->{used_cpu_user} >= $before->{used_cpu_user} + 0.1;
    }), 'it grows with work');

    my $sum = 0;

    for my $pid ($ngx->workers) {
        my ($user) = slurp("/proc/$pid/stat") =~ /^.*\) \S+(?: \S+){10} (\d+)/;
        $sum += $user;
    }

    my $said = info('cpu')->{used_cpu_user};

    cmp_ok($said, '>', 0.9 * $sum / sysconf(_SC_CLK_TCK), 'of both workers');
    ok(exists info('default')->{used_cpu_sys}, 'by default');
};


subtest 'EXEC' => sub {
    $a->run('CONFIG', 'RESETSTAT');
    is(stat_of('set')->{calls}, undef, 'all starts over');

    $a->run('MULTI');
    $a->run('SET', 'k', 1);
    $a->run('INCR', 'l');
    $a->run('EXEC');

    is(stat_of('set')->{calls}, 1, 'a command in it');
    is(stat_of('incr')->{failed_calls}, 1, 'one that failed');
    is(stat_of('exec')->{calls}, 1, 'and itself');
    is(stat_of('exec')->{failed_calls}, 0, 'which did not fail');
    is(info('errorstats')->{errorstat_WRONGTYPE}, 'count=1', 'one error');
};


subtest 'LATENCY HISTOGRAM' => sub {
    my %all = @{$a->run('LATENCY', 'HISTOGRAM')};
    my %one = @{$a->run('LATENCY', 'HISTOGRAM', 'SET', 'NOSUCH', 'get')};

    is_deeply([sort keys %one], ['set'], 'those that were run');
    ok(exists $all{exec} && exists $all{'config|resetstat'}, 'or all of them');

    my %set = @{$one{set}};
    my @times = @{$set{histogram_usec}};

    is($set{calls}, 1, 'its calls');
    is($times[-1], 1, 'which all are in the histogram');
    ok(!($times[0] & $times[0] - 1), 'by powers of two');

    my %config = @{$a->run('LATENCY', 'HISTOGRAM', 'config')};
    ok(exists $config{'config|resetstat'}, 'with a command its subcommands');
};


subtest 'LATENCY by events' => sub {
    my $slow = "local n = 0 for i = 1, 3000000 do n = n + i end return 1";

    is_deeply($a->run('LATENCY', 'LATEST'), [], 'nothing is watched');

    $a->run('CONFIG', 'SET', 'latency-monitor-threshold', 1);
    $b->run('EVAL', $slow, 0);
    $a->run('EVAL', $slow, 0);
    $a->run('CONFIG', 'SET', 'latency-monitor-threshold', 0);
    $a->run('EVAL', $slow, 0);

    my ($latest, @more) = @{$a->run('LATENCY', 'LATEST')};
    my @history = @{$a->run('LATENCY', 'HISTORY', 'command')};

    is(@more, 0, 'one event');
    is($latest->[0], 'command', 'by its name');
    cmp_ok($latest->[3], '>=', $latest->[2], 'the longest of them');
    is(scalar(grep { $_->[1] >= 1 } @history), @history, 'each was slow');
    cmp_ok(scalar @history, '<=', 2, 'and watched');
    is($history[-1][1], $latest->[2], 'and the last is the last');
    is_deeply($a->run('LATENCY', 'HISTORY', 'nosuch'), [], 'another event');
    like($a->run('LATENCY', 'DOCTOR'), qr/command: \d+ samples?, /,
         'in words');

    my @graph = split /\n/, $b->run('LATENCY', 'GRAPH', 'Command');
    like($graph[0], qr/^command - high \d+ ms, low \d+ ms \(all time high \d+ ms\)$/,
         'a drawing');
    is($graph[1], '-' x 80, 'below a line');
    is_deeply([grep { length != @history } @graph[2 .. 5]], [],
              'with a column for each');
    like($graph[5], qr/^[_o#|]+$/, 'that stands on the ground');
    like($graph[7], qr/^\d+$/, 'and has its age');
    like($a->error('LATENCY', 'GRAPH', 'nosuch'),
         qr/^ERR No samples available for event 'nosuch'$/, 'another event');

    is($a->run('LATENCY', 'RESET', 'fast-command'), 0, 'nothing to forget');
    is($a->run('LATENCY', 'RESET'), 1, 'forgotten');
    is_deeply($a->run('LATENCY', 'LATEST'), [], 'nothing is left');
};


subtest 'SLOWLOG' => sub {
    $a->run('SLOWLOG', 'RESET');
    is($a->run('SLOWLOG', 'LEN'), 0, 'empty');

    $a->run('CONFIG', 'SET', 'slowlog-log-slower-than', 0);
    $b->run('CLIENT', 'SETNAME', 'bob');
    $b->run('SET', 'slow', 'x' x 200);
    $a->error('AUTH', 'someone', 'secret-password');
    $a->error('HELLO', 3, 'AUTH', 'someone', 'secret-password');
    $a->run('RPUSH', 'many', 1 .. 40);
    $http->run('SET', 'rest', 1);
    $a->run('EVAL', "redis.call('SET','inner',1)", 0);
    $a->run('CONFIG', 'SET', 'slowlog-log-slower-than', -1);
    $a->run('SET', 'fast', 1);

    my @log = reverse @{$a->run('SLOWLOG', 'GET', -1)};
    my %by = map { ($_->[3][0] . ' ' . ($_->[3][1] // ''), $_) } @log;

    is($log[$_][0], $log[0][0] + $_, 'numbers ascend') for 1 .. $#log;
    ok(!exists $by{'SET fast'}, 'off');

    my $slow = $by{'SET slow'};
    is($slow->[3][2], 'x' x 128 . '... (72 more bytes)', 'a long argument');
    is($slow->[5], 'bob', 'the name of the client');
    is($slow->[4], '127.0.0.1:' . $b->{socket}->sockport, 'and its address');

    is_deeply($by{'AUTH (redacted)'}[3], ['AUTH', '(redacted)', '(redacted)'],
              'no password');
    is_deeply($by{'HELLO 3'}[3],
              ['HELLO', 3, 'AUTH', '(redacted)', '(redacted)'], 'nor here');

    my $many = $by{'RPUSH many'}[3];
    is(@$many, 32, 'many arguments');
    is($many->[31], '... (11 more arguments)', 'are cut off');

    ok(exists $by{'SET rest'}, 'by REST');
    is($by{'SET inner'}[4], '?:0', 'by a script');
    ok(exists $by{"EVAL redis.call('SET','inner',1)"}, 'and the script');

    is(@{$b->run('SLOWLOG', 'GET', 2)}, 2, 'two of them, by the other worker');
    is(@{$b->run('SLOWLOG', 'GET', 0)}, 0, 'none of them');
    like($a->error('SLOWLOG', 'GET', -2),
         qr/^ERR count should be greater than or equal to -1$/, 'too few');

    $a->run('CONFIG', 'SET', 'slowlog-max-len', 3);
    is($a->run('SLOWLOG', 'LEN'), 3, 'a shorter one');
    $a->run('CONFIG', 'SET', 'slowlog-max-len', 128);
    like($a->error('CONFIG', 'SET', 'slowlog-log-slower-than', -2),
         qr/must be between -1 and/, 'a time that is none');

    $a->run('SLOWLOG', 'RESET');
    is($a->run('SLOWLOG', 'LEN'), 0, 'forgotten');
};


subtest 'Prometheus' => sub {
    $a->run('CONFIG', 'RESETSTAT');
    $a->run('SET', 'k', $_) for 1 .. 5;
    $http->run('GET', 'k');
    $a->run('EVAL', "redis.call('GET','k')", 0);
    $a->error('INCR', 'l');

    my $reply = scrape('/metrics');
    my $s = samples($reply->{body});

    is($reply->{headers}{'content-type'},
       'text/plain; version=0.0.4; charset=utf-8', 'its type');
    is($reply->{headers}{'cache-control'}, 'no-store', 'not to be kept');

    is($s->{redis_up}, 1, 'it is up');
    is($s->{'redis_commands_total{cmd="set"}'}, 5, 'calls');
    is($s->{'redis_commands_failed_calls_total{cmd="incr"}'}, 1, 'failures');
    is($s->{'redis_errors_total{err="WRONGTYPE"}'}, 1, 'errors by code');
    is($s->{'keyspace_commands_by_door_total{door="rest"}'}, 1, 'by REST');
    is($s->{'keyspace_commands_by_door_total{door="script"}'}, 1,
       'by a script');
    is($s->{'redis_db_keys{db="db0"}'}, $a->run('DBSIZE'), 'keys');
    is($s->{redis_connected_clients}, 2, 'clients');

    my $h = 'keyspace_command_duration_seconds';
    my @le = map { /cmd="set",le="([^"]+)"/ ? $1 : () }
        ($reply->{body} =~ /^${h}_bucket\{(.*)\}/mg);

    is($s->{"${h}_count{cmd=\"set\"}"}, 5, 'a histogram');
    is($s->{"${h}_bucket{cmd=\"set\",le=\"+Inf\"}"}, 5, 'up to its end');
    is(@le, 22, 'of so many steps');
    is($le[-1], '+Inf', 'the last of which has all');

    my $open = scrape('/main', 'Accept: '
                      . 'application/openmetrics-text;version=1.0.0,*/*;q=0.1');

    like($open->{headers}{'content-type'}, qr{^application/openmetrics-text},
         'OpenMetrics');
    like($open->{body}, qr/^# TYPE redis_commands counter$/m,
         'has its own names of families');
    like($open->{body}, qr/\n# EOF\n\z/, 'and an end');

    SKIP: {
        skip 'there is no promtool', 1 unless installed('promtool');

        spew($ngx->dir . '/text', $reply->{body});
        my ($code, $out) = capture(30, {}, 'sh', '-c',
            "promtool check metrics < '" . $ngx->dir . "/text' 2>&1");

        is($code . $out, 0, 'promtool finds nothing');
    }
};


subtest 'the network' => sub {
    $a->run('CONFIG', 'RESETSTAT');
    $a->run('SET', 'large', 'x' x 50_000);
    $http->run('GET', 'large');
    $a->run('GET', 'large');

    my $s = samples(scrape('/metrics')->{body});
    my $of = sub { $s->{"keyspace_net_$_[0]_bytes_total{door=\"$_[1]\"}"} };

    for (['input', 'resp', 50_000], ['output', 'resp', 50_000],
         ['output', 'rest', 50_000], ['input', 'rest', 30])
    {
        my ($way, $door, $least) = @$_;

        cmp_ok($of->($way, $door), '>=', $least, "$way of $door");
        cmp_ok($of->($way, $door), '<', $least + 8000, '... and no more');
    }

    is($s->{redis_net_output_bytes_total},
       $of->('output', 'rest') + $of->('output', 'resp'), 'and all of it');

    my $info = info('stats');
    cmp_ok($info->{total_net_input_bytes}, '>=', 50_000, 'INFO has it');
    like($info->{$_}, qr/^[\d.]+$/, $_)
        for qw(instantaneous_ops_per_sec instantaneous_input_kbps
               instantaneous_output_kbps);

    for (1 .. 200) {
        $b->run('GET', 'k') for 1 .. 10;
        last if info('stats')->{instantaneous_ops_per_sec} > 0;
    }

    cmp_ok(info('stats')->{instantaneous_ops_per_sec}, '>', 0,
           'what happens now');
};


subtest 'limits and prefixes' => sub {
    $a->run('CONFIG', 'RESETSTAT');

    my $client = KS::HTTP->new(port => $ngx->port);
    $client->request('GET', '/limited?who=ada') for 1 .. 5;
    $client->request('GET', '/limited?who=bob');

    $a->run('SET', 'user:1', 1);
    $a->run('GET', 'user:1') for 1 .. 3;
    $b->run('GET', 'user:2');
    $b->run('GET', 'user:vip:1');
    $b->run('GET', 'odd"1');
    $b->run('GET', 'other');

    my $s = samples(scrape('/metrics')->{body});

    is($s->{'keyspace_limit_passed_total{rule="few"}'}, 4, 'passed');
    is($s->{'keyspace_limit_rejected_total{rule="few"}'}, 2, 'rejected');
    is($s->{'keyspace_prefix_hits_total{prefix="user:"}'}, 3, 'hits');
    is($s->{'keyspace_prefix_misses_total{prefix="user:"}'}, 1, 'misses');
    is($s->{'keyspace_prefix_misses_total{prefix="user:vip:"}'}, 1,
       'the first prefix that fits');
    is($s->{'keyspace_prefix_misses_total{prefix="odd\\""}'}, 1, 'quoted');

    my $json = decode_json(scrape('/metrics?format=json')->{body})->{main};
    is_deeply($json->{limits}{few}, { passed => 4, rejected => 2 }, 'JSON');
    is_deeply($json->{prefixes}{'user:'}, { hits => 3, misses => 1 },
              'of both');
};


subtest 'JSON' => sub {
    $a->run('CONFIG', 'RESETSTAT');
    $a->run('SET', 'k', $_) for 1 .. 5;
    $a->error('INCR', 'l');

    my $reply = scrape('/metrics?format=json');
    my $json = decode_json($reply->{body});

    is($reply->{headers}{'content-type'}, 'application/json', 'its type');
    is($json->{main}{commands}{set}{calls}, 5, 'calls');
    is($json->{main}{errors}{WRONGTYPE}, 1, 'errors');
    is($json->{main}{keys}, $a->run('DBSIZE'), 'keys');
    is($json->{main}{maxmemory_policy}, 'noeviction', 'the policy');

    my $client = KS::HTTP->new(port => $ngx->port);
    is($client->request('GET', '/metrics?format=xml')->{status}, 400,
       'another format');
    is($client->request('POST', '/metrics', body => 'x')->{status}, 405,
       'another method');
    is($client->request('HEAD', '/metrics')->{body} // '', '', 'HEAD');
};


# the dashboard and the alerts name series that are there

subtest 'dashboard and alerts' => sub {
    my $dir = root() . '/conf-examples';
    my $rules = slurp("$dir/prometheus/keyspace.rules.yml");
    my $board = decode_json(slurp("$dir/grafana/keyspace.json"));
    my %known = map { $_ => 1 }
        scrape('/metrics')->{body} =~ /^# TYPE (\S+)/mg;
    my @asked = map { $_->{expr} } map { @{$_->{targets} // []} }
        @{$board->{panels}};

    $rules =~ s/^#.*$//mg;
    cmp_ok(scalar @asked, '>', 20, 'what the dashboard asks for');

    my %named = map { s/_bucket$//r => 1 }
        map { /\b((?:redis|keyspace)_\w+)/g } @asked,
        $rules =~ /^        expr: (.*?)^        (?:for|labels):/msg;

    is(join(' ', grep { !$known{$_} } sort keys %named), '', 'is there');

    SKIP: {
        skip 'there is no promtool', 1 unless installed('promtool');

        my ($code, $out) = capture(30, {}, 'promtool', 'check', 'rules',
                                   "$dir/prometheus/keyspace.rules.yml");

        is($code, 0, 'promtool reads the rules') or diag($out);
    }
};


# Each alert fires when its series, with the labels that a scrape has, go as is
# said here, once in a minute: from, by how much more, how often.

SKIP: {
    skip 'there is no promtool', 1 unless installed('promtool');

    subtest 'alerts fire' => sub {
        my $rules = root() . '/conf-examples/prometheus/keyspace.rules.yml';
        my $text = scrape('/metrics')->{body};
        my %goes = (
            redis_memory_used_bytes => '95+0x40',
            redis_memory_max_bytes => '100+0x40',
            redis_instance_info => '1+0x40',
            'redis_errors_total err=OOM' => '0+60x40',
            redis_evicted_keys_total => '0+6000x40',
            redis_db_keys => '1000+0x40',
            'keyspace_command_duration_seconds_bucket le=0.262144' => '0+0x40',
            'keyspace_command_duration_seconds_bucket le=+Inf' => '0+60x40',
            keyspace_lock_wait_seconds_total => '0+60x40',
            redis_commands_total => '0+60x40',
            redis_commands_failed_calls_total => '0+30x40',
            redis_rejected_connections_total => '0+1x40',
            redis_rdb_last_bgsave_status => '0+0x40',
            redis_aof_last_write_status => '0+0x40',
            redis_aof_last_bgrewrite_status => '0+0x40',
            redis_master_link_up => '0+0x40',
            keyspace_recovered_locks_total => '0+1x40',
            keyspace_limit_errors_total => '0+1x40',
        );
        my @series = (q({series: 'up{job="keyspace",instance="i"}', values: '0+0x40'}));

        for my $what (sort keys %goes) {
            my ($name, $label, $value) = split /[ =]/, $what;
            my ($labels) = $text =~ /^$name\{(.*)\} /m;

            # only who follows another store has one, without more labels
            $labels //= 'zone="main"' if $name eq 'redis_master_link_up';

            ok(defined $labels, "$name is there") or next;
            $labels =~ s/\b$label="[^"]*"/$label="$value"/ if defined $label;
            push @series,
                qq({series: '$name\{$labels,job="keyspace",instance="i"}', )
                . "values: '$goes{$what}'}";
        }

        my @alerts = slurp($rules) =~ /- alert: (\w+)/g;
        my $test = join "\n", 'rule_files:', "  - $rules",
            'evaluation_interval: 1m', 'tests:', '  - interval: 1m',
            '    input_series:', (map { "      - $_" } @series),
            '    promql_expr_test:',
            q(      - expr: 'count by (alertname) (ALERTS{alertstate="firing"})'),
            '        eval_time: 35m', '        exp_samples:',
            (map { "          - {labels: '{alertname=\"$_\"}', value: 1}" } @alerts),
            '';

        spew($ngx->dir . '/alerts.yml', $test);
        my ($code, $out) = capture(60, {}, 'promtool', 'test', 'rules',
                                   $ngx->dir . '/alerts.yml');

        cmp_ok(scalar @alerts, '>', 10, 'the alerts');
        is($code, 0, 'all of them fire') or diag($out);
    };
}


# what redis_exporter reads over RESP are the same figures

SKIP: {
    skip 'there is no redis_exporter', 1
        unless installed('prometheus-redis-exporter');

    subtest 'redis_exporter' => sub {
        my $port = free_port();
        my $pid = spawn_command(
            $ngx->dir . '/exporter', {}, 'prometheus-redis-exporter',
            '-web.listen-address',
            "127.0.0.1:$port", '-redis.addr',
            'redis://127.0.0.1:' . $ngx->resp_port, '-redis.password',
            $KS::Nginx::TOKEN, '-include-system-metrics=false');
        my $client = KS::HTTP->new(port => $port);
        my $theirs;

        ok(wait_for(20, sub {
            $theirs = eval { $client->request('GET', '/metrics')->{body} };
            defined $theirs && $theirs =~ /^redis_up 1$/m;
        }), 'it reads them');

        my %theirs = map { /^(redis_\S+) (\S+)$/ ? ($1, $2) : () }
            split /\n/, $theirs // '';
        my $ours = samples(scrape('/metrics')->{body});

        for my $name ('redis_commands_total{cmd="set"}',
                      'redis_commands_duration_seconds_total{cmd="set"}',
                      'redis_commands_failed_calls_total{cmd="incr"}',
                      'redis_commands_rejected_calls_total{cmd="incr"}',
                      'redis_db_keys{db="db0"}',
                      'redis_db_keys_expiring{db="db0"}',
                      'redis_keyspace_hits_total',
                      'redis_memory_max_bytes', 'redis_blocked_clients')
        {
            my $digits = $name =~ /seconds/ ? '%.6f' : '%d';

            ok(exists $theirs{$name}, "$name is known there");
            is(sprintf($digits, $ours->{$name} // -1),
               sprintf($digits, $theirs{$name} // -2), 'and the same')
                unless $name =~ /seconds/;
            cmp_ok(abs(($ours->{$name} // -1) - ($theirs{$name} // -2)), '<',
                   2e-6, 'and the same, but for what it rounds')
                if $name =~ /seconds/;
        }

        stop_pid($pid);
    };
}


subtest 'memory' => sub {
    $a->run('SET', 'k', 'v');

    my %stats = @{$a->run('MEMORY', 'STATS')};
    my %info = %{info('memory')};

    is($stats{'total.allocated'}, $info{used_memory}, 'what is in use');
    is($stats{'keys.count'}, $a->run('DBSIZE'), 'keys');
    is($stats{'dataset.bytes'} + $stats{'overhead.total'},
       $stats{'total.allocated'}, 'data and the rest');
    like($stats{'dataset.percentage'}, qr/^\d+(\.\d+)?$/, 'a part of it');
    is({@{$stats{'db.0'}}}->{'overhead.hashtable.expires'}, 0, 'a database');

    like($a->run('MEMORY', 'MALLOC-STATS'), qr/^in use: +\d+, [\d.]+ %$/m,
         'in words');
    is($a->run('MEMORY', 'PURGE'), 'OK', 'nothing to give back');
    like($a->run('LOLWUT'), qr{^[/\\]{40}\n.*\nRedis ver\. 7\.2\.0 }s,
         'a maze');
    is((split /\n/, $a->run('LOLWUT', 'VERSION', 5, 3, 2))[1] =~ tr{/\\}{},
       3, 'of that size');
    is((split /\n/, $a->run('LOLWUT', 999_999, 1))[0] =~ tr{/\\}{}, 128,
       'no larger one');
    like($a->error('LOLWUT', 'VERSION', 'x'), qr/not an integer/, 'or none');
};


subtest 'kills and reloads' => sub {
    my $before = stat_of('set')->{calls};

    $ngx->allow('exited on signal 9');

    for my $round (1 .. 4) {
        my ($pid) = children($ngx->pid);
        my $c = $ngx->resp;

        $c->run('SET', 'k', $_) for 1 .. 50;

        if ($round % 2) {
            kill KILL => $pid;
            wait_for(30, sub {
                my @workers = children($ngx->pid);

                @workers == 2 && !grep { $_ == $pid } @workers;
            });

        } else {
            $ngx->reload;
        }
    }

    ($a, $b) = $ngx->two_workers;
    is(stat_of('set')->{calls}, $before + 200, 'no count is lost');
};


$ngx->stop;


subtest 'without "metrics on"' => sub {
    $ngx = KS::Nginx->start(size => '8m', resp => '',
                            locations => $metrics =~ s/keyspace_limit few;//r);
    $a = $ngx->resp;
    $a->run('SET', 'k', 1);

    my $wrong = qr/^ERR commands of this zone are not timed: its block has no/;

    like($a->error('SLOWLOG', 'GET'), $wrong, 'no slow log');
    like($a->error('SLOWLOG', 'LEN'), $wrong, 'no number');
    like($a->error('SLOWLOG', 'RESET'), $wrong, 'nothing to forget');
    like($a->error('LATENCY', 'HISTOGRAM'), $wrong, 'no histogram');

    ok(!exists info('all')->{cmdstat_set}, 'no counts');
    is(samples(scrape('/metrics')->{body})->{'redis_db_keys{db="db0"}'}, 1,
       'but what is there always');
    ok(!exists decode_json(scrape('/metrics?format=json')->{body})
           ->{main}{commands}, 'in each form');

    $ngx->stop;
};


for (['metrics_prefix;', qr/metrics_prefix/],
     ['metrics_prefix ' . join(' ', map { "p$_" } 1 .. 17) . ';',
      qr/more than 16 prefixes/],
     ['metrics_prefix ' . 'p' x 80 . ';', qr/it has 1 to 79 bytes/],
     ['metrics maybe;', qr/invalid value "maybe" in "metrics"/],
     ['metrics on; metrics on;', qr/"metrics" is duplicate/])
{
    my ($zone, $says) = @$_;

    my ($code, $out) = KS::Nginx->check(size => '8m', zone => $zone);

    ok($code != 0 && $out =~ $says, $zone) or diag($out);
}

done_testing;
