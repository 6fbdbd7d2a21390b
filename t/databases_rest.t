# Several zones behind one keyspace_rest: databases.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use KS::HTTP;
use KS::Nginx;
use KS::Stream;

my $ngx = KS::Nginx->start(size => '8m', resp => '', databases => 3,
    server => 'location /one/ { keyspace_rest main; }
        location /other/ { keyspace_rest closed main; }',
    main => 'keyspace_zone closed 2m { token anothers-token-0123456789; }');
my $http = $ngx->client;
my $json = JSON::PP->new->allow_nonref->canonical;


# a command in a database: what the reply says
sub in {
    my ($db, @argv) = @_;
    my $uri = pop @argv if ref $argv[-1];
    my $r = $http->post(KS::HTTP::array(@argv), uri => ($uri ? $$uri : '/')
                                                     . "?_db=$db");

    return said($r);
}

sub said {
    my ($r) = @_;
    my $v = $json->decode($r->{body});

    return exists $v->{error} ? "$r->{status} $v->{error}"
         : ref $v->{result} ? $json->encode($v->{result}) : $v->{result};
}


is(in(0, 'SET', 'k', 'zero'), 'OK', '_db=0');
is(in(1, 'SET', 'k', 'one'), 'OK', '_db=1');
is(in(0, 'GET', 'k'), 'zero', 'the first');
is(in(1, 'GET', 'k'), 'one', 'the second');
is(in(2, 'GET', 'k'), undef, 'the third');
is($http->run('GET', 'k'), 'zero', 'none said: the first');

is(said($http->request('GET', '/get/k?_db=1')), 'one', 'with a path');
is(said($http->request('GET', '/set/p/v?_db=2&EX=100')), 'OK', 'and options');
is(in(2, 'TTL', 'p') > 90, 1, 'which count');
is(said($http->request('GET', '/get/k?%5Fdb=1')), 'one', 'the name encoded');
is(said($http->request('GET', '/get/k', headers => ['Keyspace-Db: 1'])), 'one',
   'with a field');
is(said($http->request('GET', '/get/k?_db=0', headers => ['Keyspace-Db: 1'])), 'zero',
   'which the query goes before');

for my $db (3, -1, 'x', '', '99999999999999999999') {
    is(in($db, 'GET', 'k'), '400 ERR DB index is out of range', "_db=$db");
}

is(in(1, 'GET', 'k', \'/one/'), '400 ERR DB index is out of range',
   'a location with one zone');
is(in(0, 'GET', 'k', \'/one/'), 'zero', 'which has database 0');

my $r = $http->post('[["SET","a","1"],["GET","k"]]', uri => '/multi-exec?_db=1');
is($r->{body}, '[{"result":"OK"},{"result":"one"}]', 'a transaction');
$r = $http->post('[["GET","a"],["MOVE","a","2"],["GET","a"]]',
                 uri => '/pipeline?_db=1');
is($r->{body}, '[{"result":"1"},{"result":1},{"result":null}]', 'a pipeline');
is(in(2, 'GET', 'a'), '1', 'that has moved a key');
like($http->post('[["SET","a","1"],["SELECT","2"]]',
                 uri => '/multi-exec?_db=1')->{body},
     qr/EXECABORT .*a transaction or a script stays in its database/,
     'SELECT in a transaction');
like(in(1, 'SELECT', 2), qr/^400 ERR 'select' is for connections/, 'SELECT');
is(in(1, 'SELECT', 1), 'OK', 'SELECT of its own');
is(in(1, 'COPY', 'k', 'copy', 'DB', 0), 1, 'COPY');
is(in(0, 'GET', 'copy'), 'one', 'has come');
like(in(1, 'INFO', 'keyspace'), qr/^# Keyspace\r\ndb0:keys=2,.*\r\ndb1:keys=1,.*\r\ndb2:keys=2,/,
     'INFO keyspace');
like(in(1, 'CLIENT', 'INFO'), qr/ db=1 /, 'CLIENT INFO');
is(in(1, 'EVAL', "return redis.call('GET', 'k')", 0), 'one', 'a script');

# streams hear the zone that they name, and no other

sub stream {
    my ($path) = @_;
    my $s = KS::Stream->open($ngx, $path);

    is($s->{status}, 200, $path);
    return ($s, $s->event);
}

for my $db (0, 1) {
    my ($s, $first) = stream("/subscribe/ch?_db=$db");

    is($first, 'subscribe,ch,1', 'begins');
    is(in(1 - $db, 'PUBLISH', 'ch', 'not here'), 0, 'has no ears elsewhere');
    is(in($db, 'PUBLISH', 'ch', "in $db"), 1, 'but here');
    is($s->event, "message,ch,in $db", 'and hears that alone');
    $s->close;

    ($s, $first) = stream("/psubscribe/c*?_db=$db");
    is($first, 'psubscribe,c*,1', 'a pattern');
    is(in(1 - $db, 'PUBLISH', 'ch', 'not here'), 0, 'is deaf for others');
    is(in($db, 'PUBLISH', 'ch', 'here'), 1, 'not for its own');
    is($s->event, 'pmessage,c*,ch,here', 'which comes');
    $s->close;

    ($s, $first) = stream("/monitor?_db=$db");
    is($first, '"OK"', 'begins');
    in(1 - $db, 'GET', 'elsewhere');
    in($db, 'GET', "seen in $db");
    like($s->event, qr/\[$db .*GET.*seen in $db/, 'shows one zone');
    $s->close;
}

my ($field) = KS::Stream->open($ngx, '/subscribe/ch',
                               headers => ['Keyspace-Db: 2']);
is($field->event, 'subscribe,ch,1', 'a stream by the field');
is(in(2, 'PUBLISH', 'ch', 'x'), 1, 'is in that zone');
$field->close;

is(KS::Stream->open($ngx, '/subscribe/ch?_db=3')->{status}, 400,
   'a stream of no database');

# a token of one zone alone

is(in(1, 'GET', 'k', \'/other/'), 'zero', 'a token that the second one knows');
like(in(0, 'GET', 'k', \'/other/'), qr/^401 WRONGPASS/, 'and the first does not');
like(in(1, 'MOVE', 'k', 0, \'/other/'), qr/^400 NOPERM database 0 does not know/,
     'MOVE to there');
like(in(1, 'FLUSHALL', \'/other/'), qr/^400 NOPERM database 0 does not know/,
     'FLUSHALL');
is(in(0, 'EXISTS', 'k'), 1, 'have changed nothing');
is(in(2, 'FLUSHALL'), 'OK', 'FLUSHALL of those that do');
is(join(' ', map { in($_, 'DBSIZE') } 0 .. 2), '0 0 0', 'empties all');

$ngx->stop;
done_testing;
