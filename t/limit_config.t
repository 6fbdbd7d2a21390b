# The directives of rate limits: what is accepted, and what is refused with
# which words.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;

my $GOOD = 'keyspace_limit_rule api zone=main key=$remote_addr rate=5r/s;';


# A configuration with these in http and in a location.
sub check {
    my ($http, $location) = @_;
    $location //= '';

    return KS::Nginx->check(conf => <<"CONF");
load_module %MODULE%;
keyspace_zone main 1m { token t; }
keyspace_zone other 1m { token t; }
events { }
http {
    access_log off;
    $http
    server { listen 127.0.0.1:%PORT%; location / { $location } }
}
CONF
}


sub rule { "keyspace_limit_rule api zone=main key=\$uri $_[0];" }


my @refused = (
    ['no zone', 'keyspace_limit_rule api key=$uri rate=1r/s;', '',
     qr/rule "api" must have the parameter "zone"/],
    ['no key', 'keyspace_limit_rule api zone=main rate=1r/s;', '',
     qr/rule "api" must have the parameter "key"/],
    ['an empty key', 'keyspace_limit_rule api zone=main key= rate=1r/s;', '',
     qr/invalid parameter "key=" of keyspace limit rule "api": .* empty/],
    ['no rate', 'keyspace_limit_rule api zone=main key=$uri;', '',
     qr/rule "api" must have the parameter "rate"/],
    ['a name alone', 'keyspace_limit_rule api;', '',
     qr/number of arguments/],
    ['no zone of that name', 'keyspace_limit_rule api zone=nosuch key=$uri '
     . 'rate=1r/s;', '', qr/unknown keyspace zone "nosuch" in .*nginx\.conf:\d/],
    ['a bad name', $GOOD =~ s/api/a:b/r, '', qr/invalid name "a:b"/],
    ['the name off', $GOOD =~ s/api/off/r, '', qr/invalid name "off"/],
    ['a long name', $GOOD =~ s/api/'x' x 65/er, '', qr/invalid name "x+"/],
    ['a rule twice', "$GOOD\n$GOOD", '',
     qr/duplicate keyspace limit rule "api", declared in .*nginx\.conf:\d/],
    ['an unknown parameter', rule('rate=1r/s nosuch=1'), '',
     qr/unknown parameter "nosuch=1" of keyspace limit rule "api"/],
    ['an unknown variable', 'keyspace_limit_rule api zone=main key=$nosuch '
     . 'rate=1r/s;', '', qr/unknown "nosuch" variable/],

    (map { ["the rate $_", rule("rate=$_"), '',
            qr{invalid parameter "rate=\Q$_\E" of keyspace limit rule "api": .*100r/m} ]
    } '', '0r/s', '1', '1r', '1r/', '/s', 'r/s', '1r/x', '1r/0s', '-1r/s',
      '1.5r/s', '1r/s2', '1r/ss', '1r/367d', '1x/s', '1r/mss', '1r/S',
      '9999999999999999999999r/s', '1r/9999999999999999999999d'),

    ['an algorithm', rule('rate=1r/s algorithm=leaky'), '',
     qr/is one of fixed_window, sliding_window, token_bucket, gcra/],
    ['burst with a window', rule('rate=1r/s burst=1 algorithm=fixed_window'),
     '', qr/no "burst" with the algorithm "fixed_window"/],
    ['burst with the default', rule('rate=1r/s burst=1'), '',
     qr/no "burst" with the algorithm "sliding_window"/],
    ['an empty bucket', rule('rate=1r/s burst=0 algorithm=token_bucket'), '',
     qr/must be 1 or more/],
    ['a burst', rule('rate=1r/s burst=x algorithm=gcra'), '',
     qr/"burst=x" .*: burst is a number/],
    ['a rate too fast for gcra', rule('rate=1000001r/ms algorithm=gcra'), '',
     qr/one in a nanosecond/],
    ['a cost', rule('rate=1r/s cost=x'), '', qr/"cost=x" .*: cost is a number/],
    ['no cost', rule('rate=1r/s cost=0'), '', qr/"cost=0" .*: cost is a number/],
    ['on_error', rule('rate=1r/s on_error=fail'), '',
     qr/it is "pass" or "reject"/],
    ['a long prefix', rule('rate=1r/s prefix=' . 'p' x 257), '',
     qr/is too long/],

    (map { ["$_ twice", rule("rate=1r/s algorithm=gcra $_ $_"), '',
            qr/duplicate parameter "\Q$_\E" of keyspace limit rule "api"/]
    } 'burst=1', 'cost=2', 'cost=$arg_c', 'prefix=x', 'prefix=',
      'on_error=pass'),
    ['zone twice', rule('rate=1r/s zone=main'), '', qr/duplicate parameter "zone=main"/],
    ['key twice', rule('rate=1r/s key=$uri'), '', qr/duplicate parameter "key=\$uri"/],
    ['rate twice', rule('rate=1r/s rate=$arg_r'), '', qr/duplicate/],
    ['rates twice', rule('rate=$arg_r rate=1r/s'), '', qr/duplicate/],
    ['algorithm twice', rule('rate=1r/s algorithm=gcra algorithm=gcra'), '',
     qr/duplicate/],

    ['an unknown rule', $GOOD, 'keyspace_limit nosuch;',
     qr/unknown keyspace limit rule "nosuch" in .*nginx\.conf:\d/],
    ['no rule', $GOOD, 'keyspace_limit;', qr/number of arguments/],
    ['one twice', $GOOD, 'keyspace_limit api api;',
     qr/rule "api" is named twice/],
    ['in two lines', $GOOD, 'keyspace_limit api; keyspace_limit api;',
     qr/rule "api" is named twice/],
    ['off and a rule', $GOOD, 'keyspace_limit off; keyspace_limit api;',
     qr/is "off" already/],
    ['a rule and off', $GOOD, 'keyspace_limit api; keyspace_limit off;',
     qr/"keyspace_limit" directive is duplicate/],
    ['two zones', $GOOD . 'keyspace_limit_rule b zone=other key=$uri '
     . 'rate=1r/s;', 'keyspace_limit api b;',
     qr/rules "api" and "b" are used together, but in different zones/],
    ['a status', $GOOD, 'keyspace_limit_status 200;',
     qr/keyspace_limit_status|must be equal to or greater than 400|value must/],
    ['a flag', $GOOD, 'keyspace_limit_dry_run 1;', qr/must be "on" or "off"/],
    ['another', $GOOD, 'keyspace_limit_headers yes;',
     qr/must be "on" or "off"/],
    ['a level', $GOOD, 'keyspace_limit_log_level loud;',
     qr/invalid value "loud"/],
    ['a rule in a location', '', $GOOD, qr/is not allowed here/],
);

for (@refused) {
    my ($name, $http, $location, $message) = @$_;
    my ($code, $said) = check($http, $location);

    isnt($code, 0, "$name: refused");
    like($said, $message, '... with these words');
    unlike($said, qr/exited|Segmentation|Sanitizer/, '... by nginx');
}

my @accepted = (
    ['a rule', $GOOD, 'keyspace_limit api;'],
    ['one that is declared later', 'server { listen 127.0.0.1:%PORT2%; '
     . "keyspace_limit api; }\n$GOOD", ''],
    (map { ["the rate $_", rule("rate=$_"), 'keyspace_limit api;'] }
     '1r/ms', '1/s', '100r/m', '1r/366d', '5r/10s', '7r/1500ms',
     '1000000000000r/d', '$arg_rate', '1r/$arg_unit'),
    ['a bucket', rule('rate=1r/s algorithm=token_bucket burst=10'), ''],
    ['gcra', rule('rate=1000000r/ms algorithm=gcra burst=0'), ''],
    ['all parameters', rule('rate=$arg_r algorithm=gcra burst=5 '
     . 'cost=$content_length prefix=x/ on_error=reject'), 'keyspace_limit api;'],
    ['no prefix', rule('rate=1r/s prefix='), ''],
    ['all directives', "$GOOD keyspace_limit api;", 'keyspace_limit off; '
     . 'keyspace_limit_status 503; keyspace_limit_dry_run on; '
     . 'keyspace_limit_headers off; keyspace_limit_log_level info;'],
    ['rules in lines', $GOOD . 'keyspace_limit_rule b zone=main key=$uri '
     . 'rate=1r/s;', 'keyspace_limit api; keyspace_limit b;'],
);

for (@accepted) {
    my ($name, $http, $location) = @$_;
    my ($code, $said) = check($http, $location);

    is($code, 0, "$name: accepted") or diag($said);
}

done_testing;
