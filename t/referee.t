# Real Redis is the referee: random commands, the same to the module and to
# redis-server, and every reply is compared.  Here on strings and keys, and then
# of all types together; t/referee_*.t have one type each.  See KS::Play.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Play;
use KS::Random::Mixed;

plan skip_all => 'there is no redis-server' unless KS::Redis::available();

# In what a row of COMMAND is another than that of 7.0.
my @EXCEPT = (
    # 7.2 takes WITHSCORE
    [qr/^z(?:rev)?rank$/, sub { s/ :3 / :-3 / }],

    # 7.2 takes a name alone
    [qr/^command\|getkeys/, sub { s/ :-4 / :-3 / }],

    # 7.2 lets scripts run these
    [qr/^b(?:[lr]pop|lmove|rpoplpush|zpop(?:min|max))$/, sub { s/\+noscript  // }],

    # ... and this, which it calls blocking
    [qr/^wait$/, sub { s/\+noscript/+blocking/; s/\(\+\@conn/(+\@blocking  +\@conn/ }],

    # 7.2 has these tips
    [qr/^(?:client\|setname|config\|rewrite|acl\|(?:deluser|save|setuser))$/, sub {
        s/([*~])\(\) /$1(\$24 request_policy:all_nodes  /
        && s/(all_nodes  )/$1\$29 response_policy:all_succeeded ) / }],
);

# Rows that a Redis from 8.0 on has otherwise than 7.2: flags, tips, notes.
my $NEWER = qr/^(?:config\|resetstat|hp?expire(?:at)?
                   |georadius(?:bymember)?|latency\|reset|msetnx
                   |randomkey|scan
                   |sinterstore|xread(?:group)?)$/x;

# What 7.2 calls deprecated, in the form of docs().
my %RETIRED = (map({ $_ => '$6 2.6.12 ' } qw(psetex setex setnx)),
               quit => '$5 7.2.0 ');


# What random sequences found once.
my @FOUND = (
    'SET k m ; WATCH k ; SETBIT k 4 1 ; MULTI ; PING ; EXEC',
    'SET k m ; WATCH k ; SETBIT k 4 0 ; MULTI ; PING ; EXEC',
    'SET k m ; WATCH k ; SETBIT k 8 0 ; MULTI ; PING ; EXEC',
    'SET k 63 ; WATCH k ; SETBIT k 5 1 ; OBJECT ENCODING k ; MULTI ; PING'
        . ' ; EXEC',
    'SET k 63 ; WATCH k ; BITFIELD k SET u8 0 54 ; OBJECT ENCODING k'
        . ' ; MULTI ; PING ; EXEC',
    'SET k m ; WATCH k ; APPEND k x ; MULTI ; PING ; EXEC',
    'SET k m ; WATCH k ; SETRANGE k 0 m ; MULTI ; PING ; EXEC',
    'WATCH k ; SETBIT k 0 0 ; MULTI ; PING ; EXEC',
    'SET k m ; WATCH k ; BITFIELD k SET u8 0 109 ; MULTI ; PING ; EXEC',
    'SET k m ; WATCH k ; BITFIELD k SET u8 0 110 ; MULTI ; PING ; EXEC',
    'SET k m ; WATCH k ; BITFIELD k INCRBY u8 8 0 ; MULTI ; PING ; EXEC',
    'SET k m ; WATCH k ; BITFIELD k OVERFLOW FAIL INCRBY u8 0 200'
        . ' ; MULTI ; PING ; EXEC',
    'COMMAND GETKEYS PFMERGE k',
    'COMMAND GETKEYS EVAL x 0',
    'COMMAND GETKEYS EVAL x 2 k',
    'COMMAND LIST FILTERBY MODULE x',
    'GEOADD g 13.361389 38.115556 m ; GEOPOS g m',
    'GEOADD g 13.361389 38.115556 m ; GEOSEARCH g FROMMEMBER m BYRADIUS 1 km'
        . ' WITHCOORD',
);


subtest 'what COMMAND says' => sub { attributes(KS::Play->new) };

subtest 'what was found' => sub { found(KS::Play->new) };

subtest 'strings' => sub { KS::Play->new->rounds(24) };

subtest 'all types' => sub {
    my $play = KS::Play->new(singles => 300, batched => 1200,
        doors => ['RESP2', 'RESP3'],
        command => \&KS::Random::Mixed::command,
        before => \&KS::Random::Mixed::seed,
        after => \&KS::Random::Mixed::state);

    $play->{referee}{keys} = [KS::Random::Mixed::keys_of_all()];
    KS::Random::Mixed::dumps($play->{referee}{redis});
    $play->rounds(30);
};

done_testing;


# COMMAND INFO, but for the subcommands, which are rows of their own, and what
# COMMAND DOCS knows of history; in no order where Redis has none.
sub attributes {
    my ($play) = @_;
    my $r = $play->{referee};
    my @names = map { lc } KS::RESP::texts($r->single(['COMMAND', 'LIST']));

    for my $door ('RESP2', 'RESP3') {
        $r->enter($door);

        for my $name (sort @names) {
            my ($want, $got) = both($r, 'INFO', $name);

            $_ = row($_) for $want, $got;
            next if $want eq 'none';            # newer than the referee
            next if $r->{newer} && $name =~ $NEWER;

            for my $except (grep { $name =~ $_->[0] } @EXCEPT) {
                $except->[1]->() for $want;
            }

            is($got, $want, "$door: $name");
            
            ($want, $got) = map { docs($_) } both($r, 'DOCS', $name);
            $want =~ s/\$6 2\.9\.50/\$5 3.0.0/;    # so 7.2 calls that version
            $want =~ s/none$/$RETIRED{$name}/ if $RETIRED{$name};
            is($got, $want, "$door: docs of $name");
        }
    }

    $play->{ngx}->stop;
}


# Each line begins with nothing there.
sub found {
    my ($play) = @_;
    my $r = $play->{referee};

    for my $door ('RESP2', 'RESP3') {
        $r->enter($door);

        for my $line (@FOUND) {
            my @commands = map { [split ' '] } split / ; /, $line;

            $r->reset;

            my ($d) = grep { $_ } map { $r->compare($_) } @commands;

            ok(!$d, "$door: $line")
                or diag(KS::Referee::show_bytes($d->{want}), "\n",
                        KS::Referee::show_bytes($d->{got}));
        }
    }

    $play->{ngx}->stop;
}


sub both {
    my ($r, @argv) = @_;

    return (($r->{redis}->replies(['COMMAND', @argv]))[0],
            $r->single(['COMMAND', @argv]));
}


sub row {
    my ($row) = KS::RESP::elements($_[0]);

    return 'none' if !defined $row || $row !~ /^\*\d/;
    return join ' ', map { sorted($_) } (KS::RESP::elements($row))[0 .. 8];
}


# The reply with what is in it sorted, and without the notes of key
# specifications.
sub sorted {
    my ($bytes) = @_;
    my ($type) = $bytes =~ /^([*~%])\d/ or return $bytes =~ s/\s+/ /gr;
    my @in = KS::RESP::elements($bytes);

    splice @in, 0, 2 if @in && $in[0] =~ /^\$5\r\nnotes/;
    @in = map { sorted($_) } @in;
    @in = map { join ' ', splice @in, 0, 2 } 1 .. @in / 2 if $type eq '%';

    return "$type(" . join(' ', sort @in) . ')';
}


sub docs {
    my %doc = map { s/\r\n/ /gr } KS::RESP::elements(
                  (KS::RESP::elements($_[0]))[1]);

    return join ' ', map { $_ . ($doc{$_} // 'none') }
                         '$5 since ', '$5 group ', '$16 deprecated_since ';
}
