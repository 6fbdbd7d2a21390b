# Users and rights, with redis-server as the referee: random rules to both, what
# ACL tells of them, and what becomes of random commands in a user's name.
#
# Redis 7.0 words its errors otherwise and shows rules in another order: beside
# it only verdicts are compared.  The redis-server of KS_TRIXIE says all as we
# do.  KS_SEED and KS_ROUNDS are as in KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(installed);
use KS::Redis;
use KS::RESP;

my $SEED = $ENV{KS_SEED} // 20260711;
my $ROUNDS = $ENV{KS_ROUNDS} // 60;

my @USERS = qw(ann bob eve default);
my @KEYS = qw(k1 k2 r1 w1 x);
my @CHANNELS = qw(c1 d1 e);

# words with %k (a key), %c (a channel)
my @COMMANDS = map { [split / /] } split /\n/, <<'COMMANDS';
GET %k
get %k
SET %k v
SET %k v GET
SET %k v EX 100
GETSET %k v
GETDEL %k
GETEX %k
MGET %k %k %k
MSET %k v %k v
DEL %k %k
UNLINK %k
EXISTS %k %k
TYPE %k
TTL %k
TOUCH %k
EXPIRE %k 1000
PERSIST %k
COPY %k %k
RENAME %k %k
DUMP %k
OBJECT ENCODING %k
OBJECT HELP
STRLEN %k
APPEND %k v
INCR %k
BITFIELD %k GET u8 0
BITFIELD %k SET u8 0 1
BITCOUNT %k
LPUSH %k a
LRANGE %k 0 1
LMOVE %k %k LEFT RIGHT
LMPOP 2 %k %k LEFT
RPOPLPUSH %k %k
SADD %k a
SMOVE %k %k a
SUNION %k %k
SINTERSTORE %k %k %k
SINTERCARD 2 %k %k
HSET %k f v
HGET %k f
ZADD %k 1 a
ZRANGESTORE %k %k 0 1
ZUNIONSTORE %k 2 %k %k
ZDIFF 2 %k %k
SORT %k
SORT %k STORE %k
SORT_RO %k
GEORADIUS %k 1 1 1 m STORE %k
GEORADIUS_RO %k 1 1 1 m
GEOSEARCHSTORE %k %k FROMLONLAT 1 1 BYRADIUS 1 m
XADD %k 5-5 f v
XREAD STREAMS %k %k 0 0
XGROUP CREATE %k g $ MKSTREAM
XINFO STREAM %k
PFADD %k a
PFCOUNT %k %k
PFMERGE %k %k
WATCH %k
UNWATCH
EVAL return{} 2 %k %k
EVAL_RO return{} 1 %k
FCALL nosuch 1 %k
SCRIPT EXISTS a
FUNCTION LIST
PUBLISH %c m
SPUBLISH %c m
SUBSCRIBE %c
PSUBSCRIBE %c*
SSUBSCRIBE %c
UNSUBSCRIBE %c
PUBSUB CHANNELS
KEYS %k
SCAN 0
DBSIZE
RANDOMKEY
PING
ECHO hello
SELECT 0
TIME
COMMAND COUNT
CONFIG GET save
CONFIG RESETSTAT
CLIENT ID
CLIENT GETNAME
CLIENT SETNAME n
ACL WHOAMI
ACL CAT nosuch
ACL GETUSER nosuch
MEMORY USAGE %k
SLOWLOG LEN
LATENCY RESET
INFO server
HELLO
AUTH nosuch nosuch
COMMANDS

# what a client may not send in between, or what replies by the server
my %DRY = map { $_ => 1 } qw(SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE HELLO
    RANDOMKEY TIME INFO PUBSUB DUMP COMMAND CONFIG CLIENT MEMORY SLOWLOG FUNCTION
    OBJECT AUTH LATENCY SCAN KEYS DBSIZE PUBLISH SPUBLISH GEORADIUS_RO XINFO);

my @RULES = qw(on off nopass resetpass reset allkeys resetkeys allchannels
    resetchannels allcommands nocommands clearselectors sanitize-payload
    skip-sanitize-payload +@all -@all);

my @NAMES = qw(get set config config|get client client|id nosuch config|nosuch
    get|k1 select|0 config|get|x mget object|encoding xinfo acl acl|whoami
    publish GET Config|GET sort eval script|exists memory|usage command|count
    get| config| | @ @nosuch);

my @PATTERNS = ('k*', 'k1', '*', 'r?', 'w[12]', 'x', '', '[k', 'a b', 'kk*');

sub pick { $_[rand @_] }

sub password {
    my @passwords = ('p', 'q', '', 'long password');

    return pick(@passwords);
}


my ($WORDS, @CATEGORIES);

sub rule {
    my ($inner) = @_;
    my $n = int rand 100;

    return pick(@RULES) if $n < 12 && !$inner;
    return pick('+', '-') . '@' . pick(@CATEGORIES) if $n < 30;
    return pick('+', '+', '-') . pick(@NAMES) if $n < 50;
    return pick('~', '~', '%R~', '%W~', '%RW~', '%rw~', '%WR~', '%~', '%X~',
                '%RR~', '%', '') . pick(@PATTERNS) if $n < 72;
    return '&' . pick('c*', 'c1', '*', 'd?', '', 'x y') if $n < 82;
    return pick('allkeys', 'resetkeys', 'allchannels', '+@all', '-@all', 'bad')
        if $n < 88 || $inner;
    return pick('>', '>', '<') . password() if $n < 93;
    return pick('#', '!') . pick('ab', '0' x 64, 'f' x 64, 'G' x 64)
        if $n < 95;

    my @in = map { rule(1) } 1 .. 1 + rand 3;
    @in = grep { !/ / && length } @in;

    return $n < 97 || !$WORDS ? '(' . join(' ', @in) . ')'
         : $n < 99 ? ('(' . join(' ', @in[0 .. $#in / 2]),
                      join(' ', @in[$#in / 2 + 1 .. $#in]) . ')')
                   : '(' . join ' ', @in;
}


sub command {
    return map { s/%k/pick(@KEYS)/er =~ s/%c/pick(@CHANNELS)/er } @{pick(@COMMANDS)};
}


# A verdict without its words.
sub verdict {
    my ($reply) = @_;

    return $reply =~ /^-NOPERM|^-NOAUTH|^-EXECABORT.*perm|^-ERR ACL failure|^-ERR The user exec/
           ? 'denied'
         : $reply =~ /^-(?:ERR (?:BY|GET) option)/ ? 'denied' : 'allowed';
}


sub dry {
    my ($reply) = @_;

    return $reply =~ /has no perm/ ? 'denied' : $reply;
}


# The two servers, and the seed of a round that they differ in.
sub play {
    my ($redis, $words) = @_;

    # "default" is the same in both

    $redis->replies(['ACL', 'SETUSER', 'default', 'resetpass',
                     ">$KS::Nginx::TOKEN"]);
    $WORDS = $words;

    my $ngx = KS::Nginx->start(size => '16m', resp => '', workers => 2);
    my ($ours) = $ngx->two_workers;
    my ($names) = map { KS::RESP::plain(KS::RESP::value($_)) }
                  $redis->replies(['ACL', 'CAT']);

    @CATEGORIES = @$names;

    is_deeply($ours->run('ACL', 'CAT'), $names, 'the categories');
    categories($ours, $redis);

    note("KS_SEED=$SEED");

    for my $round (0 .. $ROUNDS - 1) {
        my $differ = round($ngx, $ours, $redis, $words, $SEED + $round);

        if (defined $differ) {
            fail("round with KS_SEED=" . ($SEED + $round) . ' KS_ROUNDS=1');
            diag($differ);
            last;
        }
    }

    pass('rounds');
    $ngx->stop;
}


# Who belongs to what, of the commands that both have.
sub categories {
    my ($ours, $redis) = @_;
    my %newer = map { $_ => 1 } $WORDS ? () : ('wait');
    my %theirs = map { $_ => 1 } map { @{KS::RESP::plain(KS::RESP::value($_))} }
                 $redis->replies(['COMMAND', 'LIST']);
    my %mine = map { $_ => 1 } @{$ours->run('COMMAND', 'LIST')};

    # subcommands are in no list of 7.0: they are known by their categories

    for my $category (@CATEGORIES) {
        my %in = map { $_ => 1 } map { @{KS::RESP::plain(KS::RESP::value($_))} }
                 $redis->replies(['ACL', 'CAT', $category]);
        my %have = map { $_ => 1 } @{$ours->run('ACL', 'CAT', $category)};

        my @more = sort grep { !$in{$_} && !$newer{$_} && $theirs{$_ =~ s/\|.*//r}
                               && known($redis, $_) } keys %have;
        my @less = sort grep { !$have{$_} && $mine{$_ =~ s/\|.*//r}
                               && known($ours, $_) } keys %in;

        is("+@more -@less", '+ -', "category $category");
    }
}


sub known {
    my ($server, $name) = @_;
    my ($reply) = $server->replies(['COMMAND', 'INFO', $name]);

    return $reply !~ /^\*1\r\n[*\$]-1/;
}


sub both {
    my ($ours, $redis, @argv) = @_;

    return ($ours->replies(\@argv))[0], ($redis->replies(\@argv))[0];
}


sub told {
    my ($what, $argv, $mine, $theirs) = @_;

    return "$what: " . join(' ', map { "'$_'" } @$argv)
           . "\nours:   $mine\nredis's: $theirs";
}


sub round {
    my ($ngx, $ours, $redis, $words, $seed) = @_;
    my @users = @USERS[0 .. 2];

    srand $seed;

    both($ours, $redis, 'ACL', 'DELUSER', @users);
    both($ours, $redis, 'FLUSHALL');

    for (1 .. 14) {
        my @argv = ('ACL', 'SETUSER', pick(@users), map { rule() } 1 .. 1 + rand 5);
        my ($mine, $theirs) = both($ours, $redis, @argv);

        $mine eq $theirs or return told('SETUSER', \@argv, $mine, $theirs);
    }

    if ($words) {
        for my $argv (['ACL', 'LIST'], ['ACL', 'USERS'],
                      map { ['ACL', 'GETUSER', $_] } @users) {
            my ($mine, $theirs) = both($ours, $redis, @$argv);

            $mine eq $theirs or return told('shown', $argv, $mine, $theirs);
        }
    }

    for (1 .. 150) {
        my @argv = ('ACL', 'DRYRUN', pick(@users), command());
        my ($mine, $theirs) = both($ours, $redis, @argv);

        ($mine, $theirs) = (dry($mine), dry($theirs)) unless $words;
        $mine eq $theirs or return told('DRYRUN', \@argv, $mine, $theirs);
    }

    return real($ngx, $redis, $words, pick(@users));
}


# As the user: alone, in MULTI, in a script; and rights that change meanwhile.
sub real {
    my ($ngx, $redis, $words, $user) = @_;
    my $ours = $ngx->resp(token => undef);
    my $admin = $ngx->resp;
    my $theirs = KS::RESP->new(port => $redis->port);
    my $password = 'secret';

    both($admin, $redis, 'ACL', 'SETUSER', $user, 'on', ">$password");
    both($ours, $theirs, 'AUTH', $user, $password);

    for my $n (1 .. 60) {
        my @argv = command();

        next if $DRY{uc $argv[0]};

        @argv = ('EVAL', 'return redis.call(unpack(ARGV))', 0, @argv)
            if $n % 5 == 0;

        if ($n % 7 == 0) {
            both($ours, $theirs, 'MULTI');
            my ($m, $t) = both($ours, $theirs, @argv);
            verdict($m) eq verdict($t) or return told('MULTI', \@argv, $m, $t);

            my @rules = (pick('+', '-') . pick('@all', '@read', '@write', 'get'),
                         'resetkeys', '~' . pick('k*', 'r*', '*'));
            both($admin, $redis, 'ACL', 'SETUSER', $user, @rules);

            @argv = ('EXEC');
        }

        my ($m, $t) = both($ours, $theirs, @argv);

        $_ = join ' ', verdict($_), /ACLs rules changed.*reason: ([^\r]*)/
            for $words ? () : ($m, $t);
        ($m, $t) = map { /^-(NOPERM|ERR ACL)|because of: NOPERM/ || /rules changed/ ? $_ : 'allowed' }
                   ($m, $t) if $words;
        s/ script: .*// for $m, $t;
        $m = $t if !$words && $m =~ /changed|^allowed/ && $argv[0] eq 'EXEC';

        $m eq $t or return told("as $user", \@argv, $m, $t);
    }

    $_->close for $ours, $theirs, $admin;

    return undef;
}


plan skip_all => 'redis-server is not installed' unless installed('redis-server');

subtest 'verdicts, beside the redis-server of this system' => sub {
    my $redis = KS::Redis->start;

    play($redis, $redis->since('7.2'));
    $redis->stop;
};

subtest 'words, beside Redis 8.0' => sub {
    plan skip_all => 'KS_TRIXIE names no tree of Debian 13'
        unless KS::Redis::of_trixie('redis-server');

    my $redis = KS::Redis->start_of('redis-server');

    play($redis, 1);
    $redis->stop;
};

done_testing;
