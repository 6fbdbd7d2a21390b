# COMMAND DOCS: what each command takes, with real Redis as the referee: the same
# arguments by the same names, of the same types, in the same order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(min sum0);
use Test::More;

use KS::Nginx;
use KS::Proc qw(capture root slurp);
use KS::RESP;
use KS::Redis;

# These take more here than in the Redis that is the referee: options of newer
# ones, or of Valkey.
my %MORE = map { $_ => 1 } qw(set bitop zunion zinter zunionstore zinterstore
                              geosearch geosearchstore xadd xtrim);

# Where all may be left out alone and not together, or the command says how many
# it wants.
my %ARITY = map { $_ => 1 } qw(client|kill cl.throttle cluster debug geosearch
                               geosearchstore);

my $ngx = KS::Nginx->start(size => '16m', resp => '');
my $c = $ngx->resp;
my %ours = docs(sub { $c->replies(@_) });
my %arity = map { arities($_) } @{$c->run('COMMAND')};


subtest 'a row is of a command' => sub {
    my $rows = slurp(root() . '/src/commands/ks_syntax_rows.h');
    my @names = $rows =~ /^SYNTAX\("([^"]+)"/mg;

    cmp_ok(scalar @names, '>', 200, scalar(@names) . ' rows');
    is("@names", join(' ', sort @names), 'they are sorted');
    is(join(' ', grep { !$ours{$_} } @names), '', 'each is of a command');
    is(join(' ', grep { !$ours{$_}{arguments} } @names), '',
       '... which has its arguments');
};


subtest 'as many as there must be' => sub {
    for my $name (sort keys %arity) {
        my $words = 1 + ($name =~ tr/|//);
        my $least = $words + least(@{$ours{$name}{arguments} // []});

        next if $ours{$name}{subcommands} || $ARITY{$name};
        is($least, abs $arity{$name}, $name);
    }
};


for my $program (undef, 'redis-server') {
    subtest 'beside Redis' . ($program ? ' 8.0' : '') => sub {
        plan skip_all => 'there is no redis-server'
            unless $program ? KS::Redis::of_trixie($program)
                            : KS::Redis::available();

        my $redis = KS::Redis->start_of($program);
        my %theirs = docs(sub { $redis->replies(@_) });

        for my $name (grep { $theirs{$_} } sort keys %ours) {
            my ($want, $got) = map { $_->{$name}{arguments} // [] }
                                   \%theirs, \%ours;

            if ($redis->since('7.2') && !$MORE{$name}) {
                is(text($got), text($want), $name);
                next;
            }

            my %has = map { $_ => 1 } words(@$got);
            is(join(' ', grep { !$has{$_} } words(@$want)), '',
               "$name has all words");
        }

        $redis->stop;
    };
}


subtest 'redis-cli 8.0 shows them' => sub {
    my @cli = KS::Redis::of_trixie('redis-cli');

    plan skip_all => 'KS_TRIXIE names no tree of Debian 13' unless @cli;

    for my $case (
        ['cl.throttle', 'CL.THROTTLE key max-burst count period [quantity]'],
        ['zadd', 'ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member'
                 . ' [score member ...]'],
        ['client tracking', 'CLIENT TRACKING ON|OFF [REDIRECT client-id]'
                            . ' [PREFIX prefix [PREFIX prefix ...]] [BCAST]'],
    ) {
        my ($command, $want) = @$case;
        my ($code, $out) = capture(30, { REDISCLI_AUTH => $KS::Nginx::TOKEN },
                                   @cli, '-p', $ngx->resp_port, 'help',
                                   split / /, $command);

        like($out =~ s/\e\[\d+m//gr, qr/^ +\Q$want\E/m, $command);
    }
};


subtest 'by other ways' => sub {
    my $http = $ngx->client;
    my $rest = $http->run('COMMAND', 'DOCS', 'GETRANGE');

    is_deeply($rest->[1][-1][1],
              [name => 'start', type => 'integer', display_text => 'start'],
              'over REST');
    $c->run('HELLO', 3);
    like($c->command('COMMAND', 'DOCS', 'SORT'),
         qr/%6\r\n.*\$3\r\nGET\r\n\$5\r\nflags\r\n~3\r\n\+optional\r\n/s,
         'in RESP3 maps and sets');
};

$c->close;
$ngx->stop;
done_testing;


# The commands and subcommands of a server: name => { summary => ..., ... }.
sub docs {
    my ($replies) = @_;
    my ($bytes) = $replies->(['COMMAND', 'DOCS']);

    return named(KS::RESP::plain(KS::RESP::value($bytes)));
}


sub named {
    my ($list) = @_;
    my @all = @$list;
    my %docs;

    while (my ($name, $fields) = splice @all, 0, 2) {
        $docs{$name} = { @$fields };
        %docs = (%docs, named($docs{$name}{subcommands} // []));
    }

    return %docs;
}


sub arities {
    my ($row) = @_;

    return ($row->[0] => $row->[1], map { arities($_) } @{$row->[9] // []});
}


# How many arguments a command has at least.
sub least {
    return sum0(map { at_least({ @$_ }) } @_);
}

sub at_least {
    my ($arg) = @_;
    my $word = defined $arg->{token} ? 1 : 0;

    return 0      if grep { $_ eq 'optional' } @{$arg->{flags} // []};
    return $word  if $arg->{type} eq 'pure-token';
    return $word + least(@{$arg->{arguments}}) if $arg->{type} eq 'block';
    return $word + 1 if $arg->{type} ne 'oneof';

    return $word + min(map { at_least({ @$_ }) } @{$arg->{arguments}});
}


# Arguments as a text, without the versions that they came with.
sub text {
    my ($args) = @_;

    return join "\n", map {
        my %a = @$_;

        join(' ', map {
            $_ eq 'flags' ? "flags=@{$a{flags}}" : "$_=$a{$_}"
        } grep { defined $a{$_} }
          qw(name type display_text key_spec_index token flags))
            . ($a{arguments} ? ' (' . text($a{arguments}) . ')' : '')
    } @$args;
}


# The words that a command knows.
sub words {
    return map {
        my %a = @$_;
        (defined $a{token} ? $a{token} : ()), words(@{$a{arguments} // []})
    } @_;
}
