# Every command of the table, with users that have no right for it: for the
# command itself, for its keys, for its channels; alone, in a transaction, in a
# script, by REST.  None of them does anything.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Nginx;

my $ngx = KS::Nginx->start(
    size    => '16m',
    resp    => '',
    zone    => <<'CONF',
    user nothing { token nothing-token; rights ~* &* -@all; }
    user nokeys  { token nokeys-token;  rights &* +@all; }
    user nochan  { token nochan-token;  rights ~* +@all; }
    user lua     { token lua-token;     rights ~* &* -@all +eval +multi +exec +discard; }
CONF
);

my $admin = $ngx->resp;

# what a client needs to log in, or to leave
my %free = map { $_ => 1 } qw(auth hello quit reset);


# All rows: name, with that of its subcommand, and arity.  What has subcommands is
# a command only if it can come without one.
sub rows {
    my @rows;

    for my $c (@{$admin->run('COMMAND')}) {
        my ($name, $arity) = @$c;
        my @sub = map { [@$_[0, 1]] } @{$c->[9] // []};

        push @rows, @sub;
        push @rows, [$name, $arity] if !@sub || $arity == -1;
    }

    return @rows;
}


# As short as it may be, with arguments that could be keys, numbers, channels.
sub argv {
    my ($name, $arity) = @{$_[0]};
    my @argv = split /\|/, $name;
    my $n = abs $arity;

    push @argv, 1 while @argv < $n;

    return @argv;
}


# Commands that come with a number of keys, or with words, as they need to be.
my %words = (
    eval => ['return 1', 1, 'k'], eval_ro => ['return 1', 1, 'k'],
    evalsha => ['0' x 40, 1, 'k'], evalsha_ro => ['0' x 40, 1, 'k'],
    fcall => ['f', 1, 'k'], fcall_ro => ['f', 1, 'k'],
    xread => ['STREAMS', 'k', 0], xreadgroup => ['GROUP', 'g', 'c', 'STREAMS', 'k', '>'],
    sort => ['k', 'STORE', 'k2'], georadius => ['k', 1, 1, 1, 'm', 'STORE', 'k2'],
    migrate => ['127.0.0.1', 1, 'k', 0, 1],
);

my @rows = rows();
cmp_ok(scalar @rows, '>', 250, scalar(@rows) . ' commands');


sub client {
    my $c = $ngx->resp(token => undef);
    $c->replies(['AUTH', $_[0], "$_[0]-token"]);

    return $c;
}


my $before = $admin->run('SET', 'k', 'v') && $admin->run('DBSIZE');


subtest 'no command' => sub {
    my $c = client('nothing');
    my $lua = client('lua');
    my $http = $ngx->client(token => 'nothing-token');
    my @open;

    for my $row (@rows) {
        my $name = $row->[0];
        my @argv = argv($row);

        next if $free{$name};

        my ($reply) = $c->replies(\@argv);
        my $rest = $http->post(KS::HTTP::array(@argv));
        my ($in) = $lua->replies(['EVAL', 'return redis.call(unpack(ARGV))', 0, @argv]);

        push @open, "$name: $reply" if $reply !~ /^-(?:EXECABORT .*)?NOPERM /;
        push @open, "$name by REST: $rest->{body}" if $rest->{body} !~ /NOPERM /;
        push @open, "$name in a script: $in"
            if $in !~ /ACL failure in script|not allowed from|Unknown Redis command/
            && !grep { $name eq $_ } qw(eval);

        my ($queued) = ($lua->replies(['MULTI'], \@argv, ['DISCARD']))[1];
        push @open, "$name in MULTI: $queued"
            if $queued !~ /NOPERM /
            && !grep { $name eq $_ } qw(eval multi exec discard);
    }

    is("@open", '', 'each is denied, in each way');
};


subtest 'no keys' => sub {
    my $c = client('nokeys');
    my $http = $ngx->client(token => 'nokeys-token');
    my ($keyed, @open) = 0;

    for my $row (@rows) {
        my $name = $row->[0];
        my @argv = $words{$name} ? ($name, @{$words{$name}}) : argv($row);
        my ($keys) = $admin->replies(['COMMAND', 'GETKEYS', @argv]);

        next if $keys !~ /^\*[1-9]/;

        $keyed++;
        my ($reply) = $c->replies(\@argv);
        my $rest = $http->post(KS::HTTP::array(@argv));

        push @open, "$name: $reply" if $reply !~ /^-NOPERM No permissions to access a key/;
        push @open, "$name by REST: $rest->{body}"
            if $rest->{body} !~ /NOPERM No permissions to access a key/;
    }

    is("@open", '', 'each command with keys is denied');
    cmp_ok($keyed, '>', 150, "$keyed of them");
};


subtest 'no channels' => sub {
    my $c = client('nochan');
    my @argv = map { [$_, 'c'] } qw(SUBSCRIBE PSUBSCRIBE SSUBSCRIBE);
    push @argv, map { [$_, 'c', 'm'] } qw(PUBLISH SPUBLISH);

    for my $argv (@argv) {
        like(($c->replies($argv))[0], qr/^-NOPERM No permissions to access a channel/,
             $argv->[0]);
    }

    my $http = $ngx->client(token => 'nochan-token');
    like($http->post('["PUBLISH","c","m"]')->{body}, qr/NOPERM/, 'PUBLISH by REST');
    like($http->request('GET', '/subscribe/c')->{body}, qr/NOPERM/, 'SUBSCRIBE by REST');
};


is($admin->run('DBSIZE'), $before, 'no key came');
is($admin->run('GET', 'k'), 'v', 'none went, and none has changed');

$ngx->stop;
done_testing;
