# Quotas to the command: 8 clients over two workers use up what a user may, while
# workers are killed and nginx is reloaded.  As many commands succeed as the quota
# says: none is lost with a worker, and none is counted twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use Test::More;

use KS::Crowd qw(launch);
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(wait_for);

my $LIMIT = 4000;
my $CLIENTS = 8;
my $KILLS = $ENV{KS_KILLS} || 6;
my $RELOADS = $ENV{KS_RELOADS} || 2;

my $dir = tempdir(CLEANUP => 1);
my $ngx = KS::Nginx->start(
    size    => '16m',
    workers => 2,
    resp    => '',
    main    => 'worker_shutdown_timeout 1s;',
    zone    => "user app { token app-token; rights ~* +\@all; commands $LIMIT/d; }",
);

$ngx->allow(qr/exited on signal 9/);

my $SCRIPT = 'redis.call("INCR", KEYS[1]); return redis.call("INCR", KEYS[2])';


sub connection {
    my $c = eval { $ngx->resp(token => undef, timeout => 20) } or return;
    my ($in) = $c->replies(['AUTH', 'app', 'app-token']);

    return defined $in && $in eq "+OK\r\n" ? $c : undef;
}


# A transaction by REST: undef if there was no answer.
sub transaction {
    my ($n) = @_;
    my $http = $ngx->client(token => 'app-token');
    my $body = '[' . join(',', map { KS::HTTP::array('INCR', $_) } "m:$n", 'multi')
               . ']';
    my $r = eval { $http->post($body, uri => '/multi-exec') };

    return $r && $r->{body};
}


# Commands of four forms, until none has passed for a while.
sub client {
    my ($n) = @_;
    my $over = 0;
    my $c;

    srand $n;

    while ($over < 20) {
        my $form = int rand 4;

        $c //= connection();
        select(undef, undef, undef, 0.01), next if !$c;

        my ($last) = $form == 0 ? $c->replies(['INCR', "one:$n"])
                   : $form == 1 ? ($c->replies((['INCR', 'all']) x 5))[4]
                   : $form == 2 ? $c->replies(['EVAL', $SCRIPT, 2, "e:$n", 'script'])
                   : transaction($n);

        if (!defined $last) {
            undef $c;

        } elsif ($last =~ /limit exceeded/) {
            $over++;

        } else {
            $over = 0;
        }
    }
}


my @pids = map { launch($dir, $_, sub { client($_[0]) }) } 1 .. $CLIENTS;

sub used {
    my %u = eval { @{$ngx->resp->run('ACL', 'USAGE', 'app')} };

    return $u{'commands-day'} // 0;
}

my ($kills, $reloads) = (0, 0);

while ($kills + $reloads < $KILLS + $RELOADS) {
    my $at = $LIMIT * ($kills + $reloads) / ($KILLS + $RELOADS + 1);

    last if !wait_for(30, sub { used() >= $at });

    if ($reloads * $KILLS < $kills * $RELOADS) {
        $ngx->reload;
        $reloads++;

    } else {
        my @w = $ngx->workers;
        $kills += kill 'KILL', $w[rand @w];
        wait_for(30, sub { 2 <= $ngx->workers });
    }
}

is($kills, $KILLS, 'workers were killed');
is($reloads, $RELOADS, 'nginx was reloaded');

for my $pid (@pids) {
    ok(wait_for(60, sub { waitpid($pid, 1) == $pid }), 'a client has come to the end');
}

my $admin = $ngx->resp;
my %u = @{$admin->run('ACL', 'USAGE', 'app')};
is($u{'commands-day'}, $LIMIT, 'the quota is used up to the command');

# What has happened is what was counted.
my %sum = map { $_ => 0 } qw(one e m);

for my $key (@{$admin->run('KEYS', '*:*')}) {
    my ($form) = $key =~ /^(\w+):/;
    $sum{$form} += $admin->run('GET', $key);
}

my %all = map { $_ => $admin->run('GET', $_) // 0 } qw(all script multi);

is($sum{e}, $all{script}, 'each script as a whole');
is($sum{m}, $all{multi}, 'each transaction as well');
ok(!(grep { $_ == 0 } $sum{one}, values %all), 'there were some of each form');
is($sum{one} + $all{all} + 3 * $all{script} + 2 * $all{multi}, $LIMIT,
   'exactly as many as the quota says');

$ngx->stop;
done_testing;
