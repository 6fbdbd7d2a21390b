# What a key is, asked by the same commands of any server: its type, when it
# expires, and its value in an order that does not depend on the server.

package KS::Look;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(look);

my %value = (
    string => sub { my ($r, $key) = @_; $r->run('GET', $key) },
    list   => sub { my ($r, $key) = @_; @{$r->run('LRANGE', $key, 0, -1)} },
    set    => sub { my ($r, $key) = @_; sort @{$r->run('SMEMBERS', $key)} },
    zset   => \&zset,
    hash   => \&hash,
    stream => \&stream,
    'ReJSON-RL' => sub { my ($r, $key) = @_; $r->run('JSON.GET', $key) },
);


sub look {
    my ($r, $key) = @_;
    my $type = $r->run('TYPE', $key);
    my @value = $value{$type} ? $value{$type}->($r, $key) : ();

    return join "\n", $type, $r->run('PEXPIRETIME', $key), @value;
}


sub zset {
    my ($r, $key) = @_;
    my @z = @{$r->run('ZRANGE', $key, 0, -1, 'WITHSCORES')};

    return map { ($z[2 * $_], sprintf '%.17g', $z[2 * $_ + 1]) } 0 .. $#z / 2;
}


sub hash {
    my ($r, $key) = @_;
    my %h = @{$r->run('HGETALL', $key)};

    return map { ($_, $h{$_}) } sort keys %h;
}


# Its entries, and of each group what is pending, but for the times.
sub stream {
    my ($r, $key) = @_;
    my @groups = map { my %g = @$_; $g{name} }
        @{$r->run('XINFO', 'GROUPS', $key)};

    return map({ ($_->[0], @{$_->[1]}) } @{$r->run('XRANGE', $key, '-', '+')}),
           map({ my $g = $_;
                 ($g, map { @$_[0, 1, 3] } @{$r->run('XPENDING', $key, $g,
                                                     '-', '+', 1_000_000)})
               } @groups);
}


1;
