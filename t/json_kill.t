# Documents while workers are killed: each client knows its own, and whatever a
# command whose reply was lost was to do to them, to one or to two at once, has been
# done wholly or not at all.  Of a document that all share, two numbers that move
# together are never seen apart.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep);

use KS::Crowd qw(connection launch);
use KS::Nginx;
use KS::Proc qw(slurp spew tempdir wait_for);

my $kills = $ENV{KS_KILLS} // 60;
my $seed = $ENV{KS_SEED} // time;
my $json = JSON::PP->new->canonical->allow_nonref;

note("KS_SEED=$seed");
srand $seed;


# What is done to a document, in place, and the command that does it.
my @changes = (
    sub { my ($k, $d) = @_;
          my ($f, $v) = ('k' . int rand 40, text(rand(10) < 1 ? 5000 : 300));
          $d->{map}{$f} = $v;
          return ['JSON.SET', $k, "\$.map.$f", $json->encode($v)] },
    sub { my ($k, $d) = @_;
          my $f = 'k' . int rand 40;
          delete $d->{map}{$f};
          return ['JSON.DEL', $k, "\$.map.$f"] },
    sub { my ($k, $d) = @_;
          $d->{deep}{a}{b}{n} += 3;
          return ['JSON.NUMINCRBY', $k, '$.deep.a.b.n', 3] },
    sub { my ($k, $d) = @_;
          $_->{n} += 1000 for $d, $d->{deep}{a}{b};
          return ['JSON.NUMINCRBY', $k, '$..n', 1000] },
    sub { my ($k, $d) = @_;
          my @v = map { rand(2) < 1 ? int rand 1e9 : text(100) } 0 .. rand 4;
          push @{$d->{list}}, @v;
          return ['JSON.ARRAPPEND', $k, '$.list', map { $json->encode($_) } @v] },
    sub { my ($k, $d) = @_;
          my $at = int rand(1 + @{$d->{list}});
          my $v = { id => int rand 100, of => [text(50)] };
          splice @{$d->{list}}, $at, 0, $v;
          return ['JSON.ARRINSERT', $k, '$.list', $at, $json->encode($v)] },
    sub { my ($k, $d) = @_;
          pop @{$d->{list}};
          return ['JSON.ARRPOP', $k, '$.list'] },
    sub { my ($k, $d) = @_;
          shift @{$d->{list}};
          return ['JSON.ARRPOP', $k, '$.list', 0] },
    sub { my ($k, $d) = @_;
          my $n = @{$d->{list}};
          $d->{list} = [@{$d->{list}}[0 .. ($n > 40 ? 39 : $n - 1)]];
          return ['JSON.ARRTRIM', $k, '$.list', 0, 39] },
    sub { my ($k, $d) = @_;
          my $more = text(500);
          $d->{text} .= $more;
          return ['JSON.STRAPPEND', $k, '$.text', $json->encode($more)] },
    sub { my ($k, $d) = @_;
          $d->{flag} = $d->{flag} ? JSON::PP::false : JSON::PP::true;
          return ['JSON.TOGGLE', $k, '$.flag'] },
    sub { my ($k, $d) = @_;
          my %more = map { ('k' . int rand 40 => rand(3) < 1 ? undef : text(100)) } 1 .. 5;
          defined $more{$_} ? ($d->{map}{$_} = $more{$_}) : delete $d->{map}{$_}
              for keys %more;
          return ['JSON.MERGE', $k, '$', $json->encode({ map => \%more })] },
    sub { my ($k, $d) = @_;
          $d->{map} = {} if rand(4) < 1;
          return %{$d->{map}} ? ['JSON.GET', $k] : ['JSON.CLEAR', $k, '$.map'] },
);


my $dir = tempdir();
my $ngx = KS::Nginx->start(size => '32m', workers => 3, resp => '');

$ngx->allow('exited on signal 9');

my $used = used();

$ngx->resp->run('JSON.SET', 'shared', '$', '{"a":{"v":0},"b":[{"v":0}],"c":"' . 'z' x 3000 . '"}');

my @clients = map { launch($dir, $_, \&client) } 1 .. 4;

for (1 .. $kills) {
    sleep 0.01 + rand 0.05;

    my @workers = $ngx->workers;
    my $victim = $workers[rand @workers] or next;

    kill 'KILL', $victim;
    wait_for(20, sub {
        my @now = $ngx->workers;
        return @now >= 3 && !grep { $_ == $victim } @now;
    }, 0.002) or die 'no new worker came';
}

spew("$dir/stop", '');
waitpid $_, 0 for @clients;

my ($done, $lost, @faults) = (0, 0);

for my $id (1 .. 4) {
    my ($end, @said) = reverse split /\n/, slurp("$dir/$id");

    like($end, qr/^\d+ \d+$/, "client $id came to its end");
    my ($n, $l) = split / /, $end;
    $done += $n;
    $lost += $l;
    push @faults, @said;
}

is("@faults", '', 'each change was done wholly or not at all');
cmp_ok($done, '>', $kills, 'there were many');
cmp_ok($lost, '>', 0, 'and some whose reply was lost');
note("$done commands, $lost replies lost");

my $r = $ngx->resp;

like($r->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is in order');
like($r->run('JSON.GET', 'shared', '$..v'), qr/^\[(\d+),\1\]$/, 'the two numbers are one');
$r->run('FLUSHALL');
ok(wait_for(20, sub { used() <= $used + 65536 }), 'nothing leaks');
$ngx->stop('the error log holds nothing but those deaths');

done_testing;


sub used {
    return ($ngx->resp->run('INFO', 'memory') =~ /^used_memory:(\d+)/m)[0];
}


# --- a client ---

sub text { return join '', map { ('a' .. 'z', '"', "\\", "\n")[rand 29] } 1 .. rand $_[0] }


sub document {
    return {
        n => int rand 100, deep => { a => { b => { n => int rand 100 } } },
        list => [map { int rand 10000 } 1 .. rand 60], text => text(200),
        map => { map { ("k$_" => text(400)) } 1 .. rand 30 },
        flag => rand(2) < 1 ? JSON::PP::true : JSON::PP::false,
    };
}


# The next commands, which are one change, and the documents behind it.
sub choose {
    my ($id, $docs) = @_;
    my @keys = map { "c$id:$_" } 0 .. 4;
    my ($k, $l) = @keys[map { ($_, ($_ + 1 + int rand 4) % 5) } int rand 5];
    my %new = map { ($_ => $docs->{$_} && $json->decode($docs->{$_})) } $k, $l;
    my $n = rand 100;
    my @commands;

    if (!$new{$k} || $n < 4) {
        $new{$k} = document();
        @commands = ['JSON.SET', $k, '$', $json->encode($new{$k})];
        delete $new{$l};

    } elsif ($n < 8) {
        @new{$k, $l} = (document(), document());
        @commands = ['JSON.MSET', map { ($_, '$', $json->encode($new{$_})) } $k, $l];

    } elsif ($n < 10) {
        $new{$k} = undef;
        @commands = ['JSON.DEL', $k];
        delete $new{$l};

    } elsif ($n < 25 && $new{$l}) {
        @commands = (['MULTI'], map({ $changes[rand @changes]->($_, $new{$_}) } $k, $l),
                     ['EXEC']);

    } else {
        @commands = $changes[rand @changes]->($k, $new{$k});
        delete $new{$l};
    }

    return (\@commands, { map { ($_ => $new{$_} && $json->encode($new{$_})) } keys %new });
}


# The documents as they are, in the same form.
sub documents {
    my ($c, @keys) = @_;
    my @texts = eval { map { $c->run('JSON.GET', $_) } @keys };

    return if $@;
    return { map { ($keys[$_] => $texts[$_] && $json->encode($json->decode($texts[$_]))) }
             0 .. $#keys };
}


sub same {
    my ($have, $want) = @_;
    return !grep { ($have->{$_} // '') ne ($want->{$_} // '') } keys %$have;
}


sub client {
    my ($id, $out) = @_;
    my ($c, %docs, $done, $lost);

    srand $seed + $id;
    $done = $lost = 0;

    while (!-e "$dir/stop") {
        $c //= connection($ngx) or next;

        my ($commands, $new) = choose($id, \%docs);
        my @replies = eval { $c->replies(@$commands,
            ['JSON.NUMINCRBY', 'shared', '$..v', 1]) };

        if (@replies == @$commands + 1) {
            print $out "@{$commands->[0]}[0, 1]: $_" for grep { /^-/ } @replies;
            print $out "two numbers apart: $replies[-1]"
                if $replies[-1] !~ /\[(\d+),\1\]/;
            %docs = (%docs, %$new);
            $done++;

        } else {
            undef $c;
            $lost++;

            my $now;
            for (1 .. 400) {
                $c //= connection($ngx) or next;
                $now = documents($c, sort keys %$new) and last;
                undef $c;
            }

            if ($now && same($now, $new)) {
                %docs = (%docs, %$new);

            } elsif (!$now || !same($now, \%docs)) {
                print $out 'in part: ', join(' ', map { "@$_[0 .. ($#$_ > 2 ? 2 : $#$_)]" }
                                             @$commands), "\n";
                last;
            }
        }

        if ($c && rand(20) < 1) {
            my $now = documents($c, map { "c$id:$_" } 0 .. 4);
            print $out "a document is not what it was\n" if $now && !same($now, \%docs);
        }
    }

    print $out "$done $lost\n";
}
