# A zone in a file loses nothing: all processes are killed at once, again and
# again, at any instant of a mixed load, and the binary is upgraded, forth and
# back, under load.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use KS::App;
use KS::Info;
use KS::Load;
use KS::Nginx;
use KS::Proc qw(tempdir slurp spew wait_for);
use KS::RESP;

my $kills = $ENV{KS_KILLS} // 20;
my $upgrades = $ENV{KS_UPGRADES} // 6;
my $seed = $ENV{KS_SEED} // time;

note("KS_SEED=$seed");
srand $seed;

my $app = KS::App->start;


sub start {
    my $dir = tempdir();

    return KS::Nginx->start(
        size => '32m', workers => 3, resp => '',
        zone => "file $dir/main.ks;",
        http => <<'CONF',
            keepalive_requests 1000000;
            client_max_body_size 8m;
            client_body_buffer_size 2m;
            keyspace_limit_rule few zone=main key=$arg_k rate=5r/s;
            keyspace_limit_rule many zone=main key=$arg_k rate=1000r/m
                                algorithm=sliding_window;
CONF
        daemon => 1, locations => $app->conf(<<'CONF'), @_);
            location / { keyspace_rest main; }
            location /limited { keyspace_limit few many; return 204; }
            location /app {
                keyspace_session main secure=off;
                proxy_pass http://127.0.0.1:%APP%;
            }
CONF
}


# --- clients of every type: what one has is changed in one transaction ---

my @KINDS = (
    # how one more comes, and how many there are
    [[qw(RPUSH list %n)],          [qw(LLEN list)]],
    [[qw(HSET hash f%n %n)],       [qw(HLEN hash)]],
    [[qw(ZADD zset %n m%n)],       [qw(ZCARD zset)]],
    [[qw(SADD set m%n)],           [qw(SCARD set)]],
    [[qw(XADD stream %n-1 f %n)],  [qw(XLEN stream)]],
    [[qw(APPEND string x)],        [qw(STRLEN string)]],
    [['EVAL', "redis.call('HSET', KEYS[1], 'c', 1) return redis.call('HINCRBY', KEYS[1], 'n', 1)", 1, 'script'],
     [qw(HGET script n)]],
);
my @KEYS = qw(list hash zset set stream string script);
my $MOST = 300;


sub typed {
    my ($words, $name, $n) = @_;

    return [map {
        my $w = s/%n/$n/r;
        (grep { $w eq $_ } @KEYS) ? "$name:$w" : $w
    } @$words];
}


# One who counts: the number that was acknowledged last.
sub count {
    my ($ngx, $dir, $name, $out) = @_;
    my ($n, $c) = (0);

    until (-e "$dir/stop") {
        $c //= eval { $ngx->resp(timeout => 20) };

        if (!$c) {
            sleep 0.005;
            next;
        }

        my $next = $n >= $MOST ? 0 : $n + 1;
        my @commands = $next == 0
            ? (['DEL', map { "$name:$_" } @KEYS])
            : map { typed($_->[0], $name, $next) } @KINDS;

        my @replies = $c->replies(['MULTI'], @commands, ['EXEC']);

        if (@replies == @commands + 2) {
            die "not done: $replies[-1]" if $replies[-1] !~ /^\*\d/;
            $n = $next;
            next;
        }

        # it was done or not, and wholly
        $c = undef;
        my ($now, $fault) = look($ngx, $name);
        die $fault if $fault;
        die "$now instead of $n or $next" if $now != $n && $now != $next;
        $n = $now;
        print $out "died\n";
    }

    print $out "$n\n";
}


sub look {
    my ($ngx, $name) = @_;
    my @counts;

    for (1 .. 2000) {
        my $c = eval { $ngx->resp(timeout => 20) };
        my @replies = $c ? $c->replies(['MULTI'],
            (map { typed($_->[1], $name) } @KINDS), ['EXEC']) : ();

        if (@replies == @KINDS + 2) {
            @counts = map { ref $_ ? $_->{text} : $_ // 0 }
                      @{KS::RESP::value($replies[-1])};
            last;
        }

        sleep 0.005;
    }

    return (-1, "nobody answers $name") if !@counts;
    my %seen = map { $_ => 1 } @counts;

    return ($counts[0], keys %seen == 1 ? undef : "in part: @counts");
}


# Limits and sessions are used all the time; a session that was begun is there.
sub browse {
    my ($ngx, $dir, $name, $out) = @_;
    my $b;

    until (-e "$dir/stop") {
        my $http = $ngx->client(token => undef, timeout => 10);

        $http->request('GET', "/limited?k=$_") for 1 .. 3;
        $b = KS::App::browser($http);
        eval { $b->get('/app', KS::App::session("set user=$name n=1")); 1 };
        sleep 0.01;
    }

    print $out "0\n";
}


sub launch {
    my ($dir, $name, $code, @args) = @_;
    my $pid = fork // die "fork: $!";

    return $pid if $pid;

    open my $out, '>', "$dir/$name" or POSIX::_exit(1);
    $out->autoflush(1);
    eval { $code->(@args, $name, $out); 1 } or print $out "FAULT $@";
    close $out;
    POSIX::_exit(0);
}


sub clients {
    my ($ngx) = @_;
    my $dir = tempdir();
    my @names = qw(t1 t2);
    my @pids = ((map { launch($dir, $_, \&count, $ngx, $dir) } @names),
                launch($dir, 'b', \&browse, $ngx, $dir));

    return { dir => $dir, names => \@names, pids => \@pids, ngx => $ngx };
}


sub judge {
    my ($clients) = @_;
    my $died = 0;

    spew("$clients->{dir}/stop", '');
    waitpid $_, 0 for @{$clients->{pids}};

    for my $name (@{$clients->{names}}) {
        my $text = slurp("$clients->{dir}/$name");
        my ($n) = $text =~ /^(\d+)$/m;
        my ($now, $fault) = look($clients->{ngx}, $name);

        $died += () = $text =~ /^died$/mg;
        is($fault // '', '', "what $name has is whole");
        is($now, $n // $text, '... and is what was acknowledged');
    }

    return $died;
}


# --- deaths of all ---

subtest "$kills deaths of all processes" => sub {
    my $ngx = start();
    my $clients = clients($ngx);
    my $load = KS::Load->new($ngx, clients => 2, heavy => 1, retry => 'reread',
                             seed => $seed, looks => 4000);
    my ($left, $faulty) = (0, '');

    for my $i (1 .. $kills) {
        sleep 0.05 + rand 0.3;

        $left++ unless $ngx->crash;
        $ngx->launch;

        my $text = $ngx->client->run('MEMORY', 'DOCTOR');
        $faulty ||= "after $i: $text" if $text !~ /^ok/;
    }

    my $sum = $load->stop;

    is($left, 0, 'all were dead each time');
    is($faulty, '', 'the zone was whole each time');
    is_deeply($sum->{faults}, [],
              "$sum->{done} commands over REST, none was seen in half");
    cmp_ok($sum->{broken}, '>', 0, "$sum->{broken} connections had died");

    my @bad = $load->verify;
    ok(!@bad, 'every acknowledged write reads back')
        or diag(join "\n", @bad[0 .. ($#bad > 9 ? 9 : $#bad)]);

    note(judge($clients) . ' transactions over RESP were cut off');
    like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');

    # nothing leaked
    my $used = KS::Info::used($ngx->client);
    $ngx->client->run('FLUSHALL');
    ok(wait_for(10, sub { KS::Info::used($ngx->client) < $used }, 0.1),
       'it can be emptied');
    my $empty = KS::Info::used($ngx->client);
    $ngx->client->run('SET', 'k', 'v');
    cmp_ok(KS::Info::used($ngx->client) - $empty, '<', 65536, 'and filled');
    like($ngx->client->run('MEMORY', 'DOCTOR'), qr/^ok/, '... and is whole');

    $ngx->stop('the error log holds no fault');
};


# --- upgrades ---

subtest "$upgrades upgrades of the binary, and as many taken back" => sub {
    my $ngx = start();
    my $http = $ngx->client;

    $http->pipeline(map { ['SET', "old$_", "value$_"] } 1 .. 2000);
    $http->close;

    my $load = KS::Load->new($ngx, clients => 3, retry => 'unread', seed => $seed);
    my ($late, $not, $faulty) = (0, 0, '');

    for my $i (1 .. 2 * $upgrades) {
        my $new = $ngx->upgrade;

        if (!$new) {
            $late++;
            last;
        }

        sleep rand 0.2;
        $not++ unless $ngx->settle($i % 2 == 0);

        my $text = $ngx->client->run('MEMORY', 'DOCTOR');
        $faulty ||= "after $i: $text" if $text !~ /^ok/;
    }

    my $sum = $load->stop;

    is($late, 0,
       'each began') or diag($ngx->log =~ s/.*(\[emerg\].*?)\n.*/$1/sr);
    is($not, 0, 'each came to its end');
    is($faulty, '', 'the zone was whole all the time');
    is_deeply($sum->{faults}, [], "$sum->{done} requests, none failed");

    my @bad = $load->verify;
    ok(!@bad,
       'each was done once') or diag(join "\n", @bad[0 .. ($#bad > 9 ? 9 : $#bad)]);

    $http = $ngx->client;
    is_deeply($http->run('MGET', map { "old$_" } 1 .. 2000),
              [map { "value$_" } 1 .. 2000], 'no key is lost');
    $http->close;
    $ngx->stop('the error log holds no fault');
};


# --- two masters at a time ---

# a Redis client of a worker of one of them
sub client_of {
    my ($ngx, @workers) = @_;
    my %is = map { $_ => 1 } @workers;

    for (1 .. 500) {
        my $c = $ngx->resp;
        my ($pid) = $c->run('INFO', 'server') =~ /process_id:(\d+)/;
        return $c if $is{$pid};
    }

    die "no connection to @workers";
}


subtest 'the old and the new workers' => sub {
    my $ngx = start(workers => 2);
    my @old = $ngx->workers;
    my $new = $ngx->upgrade;
    my @new = KS::Proc::children($new);

    is(scalar(grep { my $n = $_; grep { $n == $_ } @old } @new), 0,
       'are others');

    for (['old', \@old, 'new', \@new], ['new', \@new, 'old', \@old]) {
        my ($a_name, $a, $b_name, $b) = @$_;
        my $listens = client_of($ngx, @$a);
        my $waits = client_of($ngx, @$a);
        my $acts = client_of($ngx, @$b);

        $acts->run('SET', 'key', $b_name);
        is($waits->run('GET', 'key'), $b_name,
           "$a_name workers have what the $b_name ones store");

        $listens->replies(['SUBSCRIBE', 'news']);
        is($acts->run('PUBLISH', 'news', 'm'), 1,
           '... a message of theirs has a reader');
        like($listens->reply // '', qr/message.*news.*m/s, '... who is woken');

        $waits->send(KS::RESP::encode('BLPOP', 'queue', 30));
        ok(wait_for(10, sub { $acts->run('INFO', 'clients') =~ /blocked_clients:1/ }),
           '... who waits');
        $acts->run('RPUSH', 'queue', 'x');
        like($waits->reply // '', qr/queue.*x/s, '... is served');
    }

    # the old ones go, and those who come after them meet the new ones
    ok($ngx->settle, 'the old ones end');
    my $again = $ngx->upgrade;
    my @again = KS::Proc::children($again);
    my $listens = client_of($ngx, @again);

    $listens->replies(['SUBSCRIBE', 'news']);
    is(client_of($ngx, @new)->run('PUBLISH', 'news', 'once more'), 1,
       'once more');
    like($listens->reply // '', qr/once more/, '... with others');
    $listens->close;
    ok($ngx->settle('back'), 'it is taken back');
    is($ngx->resp->run('GET', 'key'), 'old', 'the keys are there');
    $ngx->stop('the error log holds no fault');
};


$app->stop;
done_testing;
