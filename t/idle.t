# Idle costs nothing: in ten seconds without traffic no worker wakes up, be
# there keys that stay, keys that expire much later, keys that have expired,
# clients that wait, or clients that subscribe.

use strict;
use warnings;

# more files than a process often may have open
BEGIN {
    my $limit = `sh -c 'ulimit -n'`;

    exec 'sh', '-c', 'ulimit -n 4096 && exec "$@"', 'sh', $^X, $0
        if $limit =~ /^\d+$/ && $limit < 4096;
}

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use KS::Nginx;
use KS::RESP;
use KS::Proc qw(slurp wait_for);

my @waiting;
my @subscribers;

my %zones = (
    'an empty zone'             => sub { },
    'keys that stay'            => sub {
        $_[0]->pipeline(map { ['SET', "k$_", 'v'] } 1 .. 1000);
    },
    'keys that expire later'    => sub {
        $_[0]->pipeline(map { ['SET', "k$_", 'v', 'EX', 3600 + $_] }
                        1 .. 1000);
    },
    'keys that have expired'    => sub {
        $_[0]->pipeline(map { ['SET', "k$_", 'v', 'PX', 1 + $_ % 200] }
                        1 .. 1000);
        $_[0]->run('SET', 'stays', 'v');
    },
    'values that were removed'  => sub {
        $_[0]->run('SET', 'large', 'v' x 800_000);
        $_[0]->run('DEL', 'large');
        $_[0]->run('SET', 'k', 'v');
    },
);

# 1,000 of them, of two protocols, some with a time that is far away
$zones{'clients that wait'} = sub {
    my ($http, $ngx) = @_;

    for my $i (1 .. 950) {
        my $c = $ngx->resp;
        $c->send(KS::RESP::encode('BLPOP', "q$i", $i % 2 ? 0 : 3600));
        push @waiting, $c;
    }

    for my $i (1 .. 50) {
        my $c = $ngx->client;
        $c->send($c->build('POST', '/', body => "[\"BLPOP\",\"q$i\",0]"));
        push @waiting, $c;
    }

    wait_for(30, sub {
        my $c = $ngx->resp;
        my $n = $c->run('INFO', 'clients') =~ /blocked_clients:1000\b/;
        $c->close;
        return $n;
    }) or die 'they do not wait';
};

# 1,000 of them: channels that all have, channels of their own, and patterns
$zones{'clients that subscribe'} = sub {
    my ($http, $ngx) = @_;

    for my $i (1 .. 1000) {
        my $c = $ngx->resp;
        $c->run('SUBSCRIBE', 'all');
        $c->run('PSUBSCRIBE', "own$i*") if $i % 3 == 0;
        $c->run('SSUBSCRIBE', "shard$i") if $i % 3 == 1;
        push @subscribers, $c;
    }

    $http->run('PUBLISH', 'all', 'before') == 1000
        or die 'they do not subscribe';
    $_->reply for @subscribers;
};

my %ngx;

for my $name (sort keys %zones) {
    my $ngx = $ngx{$name} = KS::Nginx->start(
        size => '4m', workers => 2, resp => '', connections => 2000);
    my $http = $ngx->client;

    $zones{$name}->($http, $ngx);
    $http->close;
}

# all that is due happens first: the log of wake-ups comes to a stop
for my $name (sort keys %ngx) {
    my $last = '';

    ok(wait_for(30, sub {
        my $now = switches($ngx{$name});
        my $same = $now eq $last;
        $last = $now;
        return $same;
    }, 1.5), "$name: the workers come to rest");
}

my %before = map { $_ => switches($ngx{$_}) } keys %ngx;

sleep 10;

for my $name (sort keys %ngx) {
    is(switches($ngx{$name}), $before{$name},
       "$name: nobody woke up in ten seconds");
}

is($ngx{'keys that have expired'}->client->run('DBSIZE'), 1,
   'and the expired keys are gone');

is($ngx{'clients that subscribe'}->client->run('PUBLISH', 'all', 'after'),
   1000, 'all that subscribe are still there');
is(scalar(grep { $_->reply eq KS::RESP::encode('message', 'all', 'after') }
          @subscribers), 1000, '... and are told');

$_->close for @subscribers;
$ngx{$_}->stop for sort keys %ngx;
done_testing;


# how often each process was switched, so far
sub switches {
    my ($ngx) = @_;

    return join ' ', map {
        my $text = slurp("/proc/$_/status") // '';
        my $sum = 0;
        $sum += $1 while $text =~ /ctxt_switches:\s+(\d+)/g;
        "$_:$sum"
    } $ngx->pid, $ngx->workers;
}
