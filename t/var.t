# keyspace_var: variables that are the replies of commands.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use KS::Crowd qw(launch);
use KS::Nginx;
use KS::Proc qw(wait_for);

my $pairs = join "\n", map {
    "keyspace_var \$a$_ main get pair:$_:a;\n"
    . "keyspace_var \$b$_ main hget pair:$_:b f;"
} 0 .. 9;
my $shown = join ',', map { "\$a$_=\$b$_" } 0 .. 9;

my $ngx = KS::Nginx->start(
    workers => 2,
    resp => '',
    stream => <<'CONF',
    keyspace_var $s main get at:$server_port default=nothing;
    keyspace_var $e main lrange list 0 -1 item=1 default=none;
    keyspace_var $j main get json path=n;
    server { listen 127.0.0.1:%RESP2%; return "<$s $e $j>"; }
CONF
    http => <<"CONF",
    keyspace_var \$plain    main get text;
    keyspace_var \$plan     main hget plan:\$http_x_key tier default=free;
    keyspace_var \$count    main scard members;
    keyspace_var \$list     main lrange list 0 -1;
    keyspace_var \$first    main lrange list 0 -1 item=0;
    keyspace_var \$third    main lrange list 0 -1 default=none item=2;
    keyspace_var \$none     main get none;
    keyspace_var \$wrong    main llen text default=wrong;
    keyspace_var \$member   main sismember blocked \$arg_who;
    keyspace_var \$deep     main get json path=a.1.b default=-;
    keyspace_var \$object   main get json path=a;
    keyspace_var \$number   main get json path=n;
    keyspace_var \$lost     main get json path=x.y default=lost;
    keyspace_var \$nested   main get of:\$plain;
    keyspace_var \$script   main eval_ro "return redis.call('get', KEYS[1])" 1 text;
    keyspace_var \$literal  main get default=x default=y;
    keyspace_var \$by_uri   main get "page:\${uri}";
    keyspace_var \$later    main get late:\$late;
    keyspace_var \$empty    main get "";
    keyspace_var \$off      main get switch default=0;
    $pairs
    map \$off \$closed { default 0; 1 1; }
CONF
    locations => <<"CONF",
        location / { keyspace_rest main; }
        location = /values { return 200 "\$plain|\$plan|\$count|\$list|\$first|\$third|\$none|\$wrong"; }
        location = /json { return 200 "\$deep|\$object|\$number|\$lost"; }
        location = /member { return 200 \$member; }
        location = /nested { return 200 "\$nested|\$script|\$literal|\$empty"; }
        location = /pairs { return 200 "$shown"; }
        location /page/ { return 200 \$by_uri; }
        location = /moved { set \$x \$plain; rewrite ^ /page/two last; }
        location = /late { set \$early \$plain; set \$late yes; return 200 \$later; }
        location = /switch { if (\$closed) { return 503; } return 204; }
        location = /redirect { error_page 418 = \@other; if (\$plain) { return 418; } }
        location \@other { return 200 "other \$plain"; }
CONF
);
my $http = $ngx->client;

sub get {
    my ($path, @headers) = @_;
    my $r = $http->request('GET', $path, headers => \@headers);

    return $r->{status} == 200 ? $r->{body} : $r->{status};
}

is(get('/values'), "|free|0|[]||none||0", 'nothing is there');

$http->run(@$_) for
    ['SET', 'text', "a \"b\""], ['HSET', 'plan:k1', 'tier', 'gold'],
    ['SADD', 'members', 1, 2, 3], ['RPUSH', 'list', 'x', "y\"", 7],
    ['SADD', 'blocked', 'eve'], ['SET', 'of:a "b"', 'found'],
    ['SET', 'default=x', 'odd'], ['SET', 'page:/page/one', 'one'],
    ['SET', 'page:/page/two', 'two'], ['SET', 'late:yes', 'late'],
    ['SET', 'json', '{"a":[1,{"b":"text"}],"n":12.5,"x":null}'];

$ngx->allow(qr/"llen" in keyspace zone "main" failed: WRONGTYPE/);

is(get('/values', 'X-Key: k1'),
   q(a "b"|gold|3|["x","y\\"","7"]|x|7||wrong), 'values of all types');
is(get('/values', 'X-Key: k2') =~ s/^.*?\|(.*?)\|.*/$1/r, 'free', 'a default');
is(get('/json'), 'text|[1,{"b":"text"}]|12.5|lost', 'what lies in JSON');
is(get('/member?who=eve') . get('/member?who=bob'), '10',
   'an argument of the request');
is(get('/nested'), q(found|a "b"|odd|),
   'a variable of another one, a script, a name that looks like an option');
is(get('/page/one'), 'one', 'by the URI');
is(get('/moved'), 'two', 'a URI that is rewritten is looked up once more');
is(get('/late'), 'late', 'what is known late is looked at late');
is(get('/redirect'), q(other a "b"), 'an internal redirect');

is(get('/switch'), 204, 'a switch is off');
$http->run('SET', 'switch', 1);
is(get('/switch'), 503, 'it is on');

# All of a request are of one moment.

my $seed = 'local v = ARGV[1]
            for i = 0, 9 do
                redis.call("set", "pair:" .. i .. ":a", v)
                redis.call("hset", "pair:" .. i .. ":b", "f", v)
            end';
$http->run('EVAL', $seed, 0, 0);

my $mover = launch($ngx->dir, 'mover', sub {
    my $c = $ngx->client;
    my $parent = getppid;

    for (my $n = 1; $n < 100_000 && getppid == $parent; $n++) {
        $c->run('EVAL', $seed, 0, $n);
    }
});

my %seen;
my $torn = 0;
wait_for(60, sub { get('/pairs') !~ /^0=0/ });

for (1 .. 400) {
    my @values = split /[=,]/, get('/pairs');
    $torn++ if @values != 20 || grep { $_ ne $values[0] } @values;
    $seen{$values[0]} = 1;
}

kill 'KILL', $mover;
waitpid $mover, 0;

is($torn, 0, 'twenty variables of a request are of one moment');
cmp_ok(keys %seen, '>', 10, 'while their keys moved');

# --- a connection of stream ---

sub connected {
    my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $ngx->resp_port2, Timeout => 10);

    local $/;
    return scalar <$c>;
}

is(connected(), '<nothing y" 12.5>',
   'a connection of stream: a default, of a list, of JSON');
$http->run('SET', 'at:' . $ngx->resp_port2, 'here');
is(connected(), '<here y" 12.5>', 'the next one reads what is there now');

# --- a reload ---

ok($ngx->reload, 'a reload');
$http->close;
is(get('/values', 'X-Key: k1') =~ s/^.*?\|(.*?)\|.*/$1/r, 'gold',
   '... keeps what there is');
is(get('/switch'), 503, '... and what is switched');
is(connected(), '<here y" 12.5>', '... for stream as well');

$http->close;
$ngx->stop;

# --- what is refused ---

sub refused {
    my ($line, $why, $name) = @_;
    my ($code, $out) = KS::Nginx->check(http => $line);

    ok($code != 0 && $out =~ $why, $name) or diag($out);
}

refused('keyspace_var $x main set k v;', qr/"set" does not only read/,
        'a command that writes');
refused('keyspace_var $x main blpop k 0;', qr/"blpop" does not only read/,
        'one that waits');
refused('keyspace_var $x main xread block 0 streams k 0;',
        qr/"xread" does not only read/, 'one that may wait');
refused("keyspace_var \$x main $_;", qr/does not only read/, $_)
    for 'eval "return 1" 0', 'fcall f 0', 'getdel k', 'getex k', 'spop k',
        'sort k store d', 'publish c m', 'subscribe c', 'multi', 'flushall',
        'config set maxmemory 1', 'script load x', 'debug sleep 1', 'monitor';
refused('keyspace_var $x main nosuch k;', qr/unknown command "nosuch k"/,
        'an unknown one');
refused('keyspace_var $x main get;', qr/wrong number of arguments .*"get"/,
        'too few arguments');
refused('keyspace_var $x main get a b;', qr/wrong number of arguments .*"get"/,
        'too many');
refused('keyspace_var x main get a;', qr/invalid variable name "x"/, 'no $');
refused('keyspace_var $x main;', qr/names no command/, 'no command');
refused('keyspace_var $x nosuch get a;', qr/unknown keyspace zone "nosuch"/,
        'no zone of that name');
refused('keyspace_var $x main get a item=x;', qr/invalid number .*"item=x"/,
        'no number');
refused('keyspace_var $x main get $nosuch;', qr/unknown "nosuch" variable/,
        'an unknown variable');
refused('keyspace_var $uri main get a;', qr/duplicate "uri" variable/,
        'a variable of nginx');

{
    my ($code, $out) = KS::Nginx->check(
        resp => '', stream => 'keyspace_var $x main set k v;');

    ok($code != 0 && $out =~ qr/"set" does not only read/,
       'a command that writes, in stream') or diag($out);
}

done_testing;
