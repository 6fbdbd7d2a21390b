# Random commands on places, as rows for %KS::Random::COMMANDS and %MAKE.
#
# No two members are likely to be equally far from anywhere: which of them
# comes first is for nobody to say.  So distances, which are hardly different
# places, are stored where nothing is searched.

package KS::Random::Geo;

use strict;
use warnings;

use KS::Random;

our (%COMMANDS, %MAKE);

my @places = ('g1' .. 'g4', 'key:{tag}');
my @distances = ('d1', 'd2');           # where distances are stored
my @others = ('k1', 'k2');              # of other types, mostly
my @centres = ([13.361389, 38.115556], [15.087269, 37.502669], [0, 0],
               [-0.1, 51.5], [180, 0], [-180, 10], [179.9, -66.5],
               [-179.9, -67], [45, 85], [-120, 84.9], [100, -84.5], [30, 66],
               [30, 80.1], [-75, -80.5], [90, 45], [-90, -45], [0.001, -0.001]);
my @odd = ('', ' 1', 'abc', 'nan', 'inf', '-inf', '1e400', '0x10', '+3', '181',
           '-180.0001', '85.0512', '90', "1\0", '1e1', '--1');
my @noise = ('', 'x', 'NX', 'XX', 'CH', 'STORE', 'STOREDIST', 'COUNT', 'ANY',
             'ASC', 'WITHDIST', 'BYBOX', 'BYRADIUS', 'FROMMEMBER',
             'FROMLONLAT', 'm', 'km', '0', '1', '-1', 'm1', 'g1');

*pick = \&KS::Random::pick;
*chance = \&KS::Random::chance;
*some = \&KS::Random::some;
*shuffle = \&KS::Random::shuffle;


sub key    { return chance(96) ? pick(@places) : pick(@others, 'none') }
sub any    { return chance(70) ? key() : pick(@distances) }
sub member { return chance(90) ? 'm' . int rand 60 : pick('', "b\0\xff", 'z') }
sub unit   { return chance(97) ? pick('m', 'km', 'ft', 'mi', 'KM', 'M')
                               : pick('', 'x', 'mm', 'k') }


# A coordinate that is on the map, with enough digits to be the only one.
sub near {
    my ($at, $scale, $limit) = @_;
    my $v = $at + (rand(2) - 1) * $scale;

    $v = $limit - rand 0.5  if $v > $limit;
    $v = -$limit + rand 0.5 if $v < -$limit;

    return sprintf '%.' . pick(6, 9, 12, 15) . 'f', $v;
}


sub place {
    my $centre = pick(@centres);
    my $scale = pick(0.01, 0.1, 1, 10, 90);

    return (pick(@odd), near(0, 80, 85))                  if chance(0.7);
    return (near(0, 170, 180), pick(@odd))                if chance(0.7);
    return (pick(180, -180), near($centre->[1], 10, 85))  if chance(2);
    return (near($centre->[0], 10, 180),
            pick('85.05112878', '-85.05112878'))          if chance(2);
    return (near($centre->[0], $scale, 180), near($centre->[1], $scale, 85));
}


# where a search is around
sub middle {
    return @{pick(@centres)} if chance(30);
    return place();
}


sub length_of {
    return pick(0, '', 'x', -1, 'nan', '1e5', '0.5') if chance(4);
    return sprintf '%.3f', 10 ** rand 7.5            if chance(80);
    return pick(1, 100, 20000000, 100000, 5000);
}


sub radius { return (length_of(), unit()) }
sub box    { return (length_of(), length_of(), unit()) }


sub count {
    return ('COUNT', chance(95) ? pick(1, 2, 3, 10, 1000)
                                : pick(0, -1, 'x', '', 1.5),
            chance(35) ? pick('ANY', 'any') : ());
}


sub options {
    my ($with) = @_;
    my @o;

    push @o, [pick('ASC', 'asc')]       if chance(30);
    push @o, [pick('DESC', 'desc')]     if chance(20);
    push @o, [count()]                  if chance(40);
    push @o, ['ANY']                    if chance(2);
    push @o, [pick(@noise)]             if chance(2);

    if (chance($with)) {
        push @o, ['WITHDIST']           if chance(60);
        push @o, ['WITHHASH']           if chance(40);
        push @o, [pick('WITHCOORD', 'withcoord')] if chance(40);
    }

    return @o;
}


sub flat { return map { @$_ } shuffle(@_) }


sub search {
    my @o = @_;

    push @o, chance(40) ? ['FROMMEMBER', member()] : ['FROMLONLAT', middle()]
        if chance(98);
    push @o, chance(50) ? ['BYRADIUS', radius()] : ['BYBOX', box()]
        if chance(98);
    push @o, ['FROMMEMBER', member()]   if chance(1);
    push @o, ['FROMLONLAT', middle()]   if chance(1);
    push @o, ['BYRADIUS', radius()]     if chance(1);

    return flat(@o);
}


sub store {
    return options(60) if chance(70);
    return (options(5), target(), chance(5) ? target() : ());
}


sub target {
    return chance(60) ? [pick('STORE', 'store'), key()]
                      : ['STOREDIST', pick(@distances)];
}


sub search_store {
    return (key(), key(), search(options(4))) if chance(70);
    return (pick(@distances), key(), search(options(4), ['STOREDIST']));
}


sub add {
    my @o;

    push @o, pick('NX', 'XX', 'nx')     if chance(20);
    push @o, 'CH'                       if chance(20);
    push @o, pick('NX', 'XX')           if chance(3);

    my $n = chance(95) ? 1 + int rand 8 : pick(60, 127, 129, 200);
    my $m = $n > 8 ? 0 : undef;

    return (key(), shuffle(@o),
            map { (place(), defined $m ? 'm' . $m++ : member()) } 1 .. $n);
}


# scores that are no geohashes
sub strange {
    return pick(0, 1, -1, -5.5, 0.5, '4503599627370496', '9007199254740992',
                '1e18', '1e19', '1e20', '-1e18', '-1e19', 'inf', '-inf',
                int rand 4503599627370496, '18446744073709551615');
}


%COMMANDS = (
    GEOADD               => [14, \&add],
    GEODIST              => [4, sub { (any(), member(), member(),
                                      chance(60) ? unit() : (),
                                      chance(2) ? pick(@noise) : ()) }],
    GEOHASH              => [3, sub { (any(), some(4, \&member)) }],
    GEOPOS               => [3, sub { (any(), some(4, \&member)) }],
    GEOSEARCH            => [14, sub { (key(), search(options(60))) }],
    GEOSEARCHSTORE       => [6, \&search_store],
    GEORADIUS            => [8, sub { (key(), middle(), radius(),
                                      flat(store())) }],
    GEORADIUS_RO         => [4, sub { (key(), middle(), radius(),
                                      flat(chance(3) ? store()
                                                     : options(60))) }],
    GEORADIUSBYMEMBER    => [8, sub { (key(), member(), radius(),
                                      flat(store())) }],
    GEORADIUSBYMEMBER_RO => [4, sub { (key(), member(), radius(),
                                      flat(chance(3) ? store()
                                                     : options(60))) }],

    ZADD                 => [1, sub { (key(), strange(), member()) }],
    ZREM                 => [3, sub { (key(), some(3, \&member)) }],
    ZCARD                => [1, sub { (any()) }],
    ZSCORE               => [4, sub { (any(), member()) }],
    ZRANGE               => [4, sub { (any(), 0, -1,
                                      chance(70) ? 'WITHSCORES' : ()) }],
);

%MAKE = (geo => sub { ['GEOADD', add()] });

1;
