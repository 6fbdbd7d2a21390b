# "upstream" of a zone: which lines are taken, and in which words others are
# refused, with no password in any message.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(capture spew tempdir slurp);

my $dir = tempdir();

spew("$dir/password", "secret-in-a-file\n");
spew("$dir/empty", " \n\n");


sub conf {
    my ($line) = @_;

    return <<"CONF";
load_module %MODULE%;
keyspace_zone main 1m { token t; upstream $line; }
events { }
http { access_log off; server { listen 127.0.0.1:%PORT%; location / { keyspace_rest main; } } }
CONF
}


my @taken = (
    'redis://127.0.0.1',
    'redis://127.0.0.1:6390',
    'redis://127.0.0.1:6390/0',
    'redis://127.0.0.1/',
    'redis://[::1]:6390',
    'redis://localhost',
    "redis://unix:$dir/redis.sock",
    'redis://app:pass%40word@127.0.0.1:1 redis://127.0.0.1:2',
    'redis://:p@ss@127.0.0.1',
    "redis://127.0.0.1 user=app password=file:$dir/password",
    'redis://127.0.0.1 mode=near writes=forward stale=10s timeout=3s connect_timeout=100ms',
    'redis://127.0.0.1 mode=near ttl=5s',
    'redis://127.0.0.1 mode=replica writes=refuse local_prefix=limit:,session: local_prefix=c:',
    'redis://127.0.0.1 writes=local',
    'redis://a.name.that.is.none.invalid resolver=127.0.0.1:5353,valid=5s,ipv6=off',
    'rediss://127.0.0.1 tls_verify=off',
    'rediss://127.0.0.1 tls_name=redis.example',
    'sentinel:store@127.0.0.1',
    'sentinel:store@127.0.0.1:26379,[::1]:26380,localhost mode=replica',
    "sentinel:store\@127.0.0.1 sentinel_user=watch sentinel_password=file:$dir/password user=app password=p",
    'sentinel:store@127.0.0.1 tls=on tls_verify=off',
    'sentinel:store@127.0.0.1 tls=store tls_name=redis.example',
    'sentinel:store@127.0.0.1 tls=off',
    'sentinel:store@a.name.that.is.none.invalid resolver=127.0.0.1:5353',
);

for my $line (@taken) {
    my ($code, $said) = KS::Nginx->check(conf => conf($line));
    is($code, 0, "taken: $line") or diag($said);
}

my @refused = (
    ['', qr/number of arguments|takes one value|begins with an address/],
    ['127.0.0.1:6379', qr/begins with an address: redis:\/\/host:port/],
    ['mode=near', qr/begins with an address/],
    ['redis://', qr/names no host/],
    ['redis://:6379', qr/names no host/],
    ['redis://127.0.0.1:0', qr/invalid port in address "127.0.0.1:0"/],
    ['redis://127.0.0.1:99999', qr/invalid port/],
    ['redis://127.0.0.1/1', qr/database 0 only/],
    ['redis://a.name.that.is.none.invalid', qr/host not found in address "a\.name/],
    ['redis://127.0.0.1 rediss://127.0.0.2', qr/either all redis:\/\/ or all rediss/],
    ['redis://127.0.0.1 redis://u:hidden@127.0.0.2',
     qr/the first address of "upstream" has the user and the password/],
    ['redis://127.0.0.1 mode=near redis://u:hidden@127.0.0.2', qr/come before its parameters/],
    ['redis://127.0.0.1 mode=far', qr/"mode=far".*it is "near" or "replica"/],
    ['redis://127.0.0.1 writes=no', qr/it is "forward", "refuse" or "local"/],
    ['redis://127.0.0.1 mode=near mode=near', qr/duplicate parameter "mode=near"/],
    ['redis://127.0.0.1 shards=3', qr/unknown parameter "shards=3"/],
    ['redis://127.0.0.1 stale=soon', qr/"stale=soon".*it is a time/],
    ['redis://127.0.0.1 timeout=0', qr/"timeout=0".*a time above 0/],
    ['redis://127.0.0.1 mode=replica ttl=5s', qr/"ttl", which is for "mode=near"/],
    ['redis://127.0.0.1 mode=replica writes=local', qr/another set of data/],
    ['redis://127.0.0.1 writes=local local_prefix=a:', qr/all writes are local/],
    ['redis://127.0.0.1 local_prefix=', qr/a prefix is empty/],
    ['redis://127.0.0.1 local_prefix=a:,,b:', qr/a prefix is empty/],
    ['redis://127.0.0.1 user=app', qr/a user without a password/],
    ['redis://app@127.0.0.1', qr/a user without a password/],
    ['redis://app:hidden@127.0.0.1 user=app', qr/names a user already/],
    ['redis://:hidden@127.0.0.1 password=hidden', qr/has a password already/],
    ['redis://127.0.0.1 password=hidden password=hidden', qr/has a password already/],
    ["redis://127.0.0.1 password=file:$dir/none", qr/cannot be opened/],
    ["redis://127.0.0.1 password=file:$dir/empty", qr/does not hold the password of "upstream"/],
    ['redis://127.0.0.1 password=', qr/it is empty/],
    ['redis://127.0.0.1 tls_ca=/ca.pem', qr/parameters of TLS, but its addresses are redis/],
    ['rediss://127.0.0.1 tls_ca=/none/ca.pem', qr/ca\.pem/],
    ['rediss://127.0.0.1 tls_cert=/c.pem', qr/only one of "tls_cert" and "tls_key"/],
    ['rediss://127.0.0.1 tls_verify=maybe', qr/it is "on" or "off"/],
    ['rediss://127.0.0.1 tls_verify=off tls_ca=/ca.pem', qr/makes no use of it/],
    ['sentinel:', qr/names no primary: sentinel:name\@host:port/],
    ['sentinel:127.0.0.1', qr/names no primary/],
    ['sentinel:@127.0.0.1', qr/names no primary/],
    ['sentinel:store@', qr/names no host/],
    ['sentinel:store@127.0.0.1,', qr/names no host/],
    ['sentinel:store@127.0.0.1:0', qr/invalid port/],
    ['sentinel:store@a.name.that.is.none.invalid', qr/host not found in address "a\.name/],
    ['sentinel:store@' . join(',', ('127.0.0.1') x 33), qr/more than 32 sentinels/],
    ['sentinel:store@127.0.0.1 sentinel:store@127.0.0.2', qr/one address, with all sentinels/],
    ['redis://127.0.0.1 sentinel:store@127.0.0.2', qr/one address, with all sentinels/],
    ['sentinel:store@127.0.0.1 redis://127.0.0.2', qr/has no other address: the sentinels name/],
    ['redis://127.0.0.1 mode=near sentinel:store@127.0.0.2', qr/come before its parameters/],
    ['redis://127.0.0.1 sentinel_user=a', qr/for an address "sentinel:name\@host"/],
    ['redis://127.0.0.1 sentinel_password=hidden', qr/for an address "sentinel:name\@host"/],
    ['redis://127.0.0.1 tls=on', qr/others have TLS as rediss/],
    ['sentinel:store@127.0.0.1 tls=maybe', qr/it is "on", "off" or "store"/],
    ['sentinel:store@127.0.0.1 tls_verify=off', qr/parameters of TLS, but not "tls=on"/],
    ['sentinel:store@127.0.0.1 sentinel_user=watch', qr/a user of the sentinels without a password/],
    ['sentinel:store@127.0.0.1 sentinel_password=', qr/it is empty/],
    ['redis://127.0.0.1 resolver=', qr/no name servers|host not found|resolver/],
);

for my $case (@refused) {
    my ($line, $words) = @$case;
    my ($code, $said) = KS::Nginx->check(conf => conf($line));

    isnt($code, 0, "refused: $line");
    like($said, $words, 'in words');
    unlike($said, qr/hidden/, 'without the password') if $line =~ /hidden/;
}

done_testing;
