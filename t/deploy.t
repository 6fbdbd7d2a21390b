# What containers, Kubernetes and systemd start keyspace by: the script of the
# image with its configuration, and the examples for the other two.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(capture free_port installed root slurp spawn_command spew
                stop_pid tempdir wait_for);

my $dir = tempdir();
my %port = map { $_ => free_port() } 8080, 8081, 6379;

# --- the image ---

my $text = slurp(root() . '/docker/nginx.conf');
my @modules = (KS::Nginx::module(), KS::Nginx::stream_modules());

ok($text =~ s/^load_module .*;\n//mg, 'the configuration of the image');
is(join(' ', sort $text =~ /^ +listen (\d+)/mg), '6379 8080 8081',
   'it listens on three ports');

$text =~ s/^( +listen )(\d+)/${1}127.0.0.1:$port{$2}/mg;
$text =~ s{/tmp/}{$dir/}g;
$text = join('', map { "load_module $_;\n" } @modules) . $text
    unless $ENV{KS_STATIC};
spew("$dir/nginx.conf", $text);

# nginx by its name, wherever it is
my ($bin) = KS::Nginx::binary_path() =~ m{(.*)/};

sub start_with {
    my %env = (PATH => "$bin:$ENV{PATH}", KEYSPACE_DIR => $dir, @_);
    return spawn_command("$dir/out", KS::Nginx::environment(%env), 'bash',
                         root() . '/docker/start', '-p', $dir, '-c',
                         "$dir/nginx.conf");
}

sub says {
    my %env = (PATH => "$bin:$ENV{PATH}", KEYSPACE_DIR => $dir, @_);
    my ($code, $out) = capture(30, KS::Nginx::environment(%env), 'bash',
                               root() . '/docker/start', '-p', $dir, '-t',
                               '-c', "$dir/nginx.conf");
    return $code ? $out : "good: $out";
}

sub ready { KS::HTTP->new(port => $port{8081})->request('GET', '/ready') }

spew("$dir/reader", "readonly-token\n");
chmod 0600, "$dir/reader";

my %env = (
    KEYSPACE_TOKEN               => 'full-access-token',
    KEYSPACE_READONLY_TOKEN_FILE => "$dir/reader",
    KEYSPACE_SIZE                => '16m',
    KEYSPACE_EVICTION            => 'noeviction',
    KEYSPACE_FILE                => "$dir/main.ks",
    KEYSPACE_METRICS             => 'on',
);
my $pid = start_with(%env);

ok(wait_for(30, sub { ready()->{status} == 200 }), 'it is ready')
    or diag(slurp("$dir/out"));
is(slurp("$dir/zone.conf"), <<"CONF", 'what the environment says');
keyspace_zone main 16m {
    token env:KEYSPACE_TOKEN;
    readonly_token file:$dir/reader;
    eviction noeviction;
    file $dir/main.ks;
    metrics on;
}
CONF

my $http = KS::HTTP->new(port => $port{8080}, token => 'full-access-token');
my $reader = KS::HTTP->new(port => $port{8080}, token => 'readonly-token');

is($http->run('SET', 'k', 'v'), 'OK', 'the token of the environment');
is($reader->run('GET', 'k'), 'v', 'that of a file');
like($reader->error('SET', 'k', 'w'), qr/NOPERM/, '... only reads');
like(KS::HTTP->new(port => $port{8081})->request('GET', '/metrics')->{body},
     qr/^redis_commands_total\{.*cmd="set".*\} 1$/m, 'it is measured');
is(KS::HTTP->new(port => $port{8081})->request('GET', '/get/k')->{status}, 404,
   'no keys where probes ask');
$_->close for $http, $reader;

stop_pid($pid, 'QUIT');
$pid = start_with(%env);
ok(wait_for(30, sub { ready()->{status} == 200 }), 'started anew');
is(KS::HTTP->new(port => $port{8080}, token => 'full-access-token')
       ->run('GET', 'k'), 'v', 'it goes on with its keys');
stop_pid($pid, 'QUIT');

like(says(), qr/KEYSPACE_TOKEN is not set/, 'it needs a token');
like(says(KEYSPACE_TOKEN => 'x', KEYSPACE_SIZE => '1m; } events {'),
     qr/KEYSPACE_SIZE has characters that are not allowed/,
     'no more than a word');
like(says(KEYSPACE_TOKEN_FILE => "$dir/none"),
     qr/KEYSPACE_TOKEN_FILE: \S+ cannot be read/, 'a file that is not there');
like(says(KEYSPACE_TOKEN => 'x', KEYSPACE_SIZE => 'huge'),
     qr/invalid .*size.*"huge"|"huge"/, 'nginx judges the rest');
like(says(KEYSPACE_TOKEN => 'x'), qr/^good/, 'all else has a default');
like(slurp("$dir/zone.conf"), qr/256m \{\n.*\n    eviction allkeys-lru;\n\}/,
     '... this one');


# --- what is read by others: compose, Kubernetes, docker build ---

my $script = slurp(root() . '/docker/start');

# the documents of a YAML file; none if nothing here reads YAML
sub documents {
    my ($code, $json) = capture(30, {}, 'python3', '-c', <<'CODE', root() . "/$_[0]");
import json, sys, yaml
print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))
CODE

    require JSON::PP;
    return $code ? () : @{ JSON::PP::decode_json($json) };
}

sub known {
    my ($name, @variables) = @_;

    is(join(' ', grep { !/^KEYSPACE_/ || $script !~ /\b\Q$_\E\b/ } @variables),
       '', "$name: the script knows all variables");
}

SKIP: {
    my ($service, $set) = documents('conf-examples/kubernetes/keyspace.yaml');

    skip 'there is no python3-yaml', 15 if !$service;

    my $c = $set->{spec}{template}{spec}{containers}[0];
    my %ports = map { $_->{name} => $_->{containerPort} } @{ $c->{ports} };

    is(join(' ', sort values %ports), '6379 8080 8081', 'the same ports');
    is_deeply([map { $_->{port} } @{ $service->{spec}{ports} }], [8080, 6379],
              'those of the service');

    my ($beside) = documents('conf-examples/kubernetes/sidecar.yaml');
    my $pod = $beside->{spec}{template}{spec};
    my ($side) = grep { $_->{name} eq 'keyspace' } @{ $pod->{containers} };

    for my $case (['a set', $c], ['a sidecar', $side]) {
        my ($name, $c) = @$case;

        is(join(' ', map { $c->{$_}{httpGet}{path} } qw(startupProbe
                                                        readinessProbe)),
           '/ready /ready', "$name: probes ask keyspace_ready");
        known($name, map { $_->{name} } @{ $c->{env} });
        ok($c->{securityContext}{readOnlyRootFilesystem},
           '... nothing is written to the image');
        ok((grep { $_->{mountPath} eq '/tmp' } @{ $c->{volumeMounts} }),
           '... but to /tmp');
    }

    my ($compose) = documents('docker/compose.yaml');
    my $s = $compose->{services}{keyspace};

    known('compose', keys %{ $s->{environment} });
    ok($s->{read_only} && $s->{tmpfs}[0] eq '/tmp',
       '... nothing is written to the image but to /tmp');
    is(join(' ', map { /:(\d+)$/ } @{ $s->{ports} }), '8080 6379',
       '... with the same ports');
    like($s->{environment}{KEYSPACE_FILE}, qr{^/data/}, '... and a volume');
    is($s->{volumes}[0], 'data:/data', '... which is there');
}

my $file = slurp(root() . '/docker/Dockerfile');
my @copied = map { split ' ', s/\\\n//gr }
    $file =~ /^COPY (?!--from)((?:.*\\\n)*.*) \S+$/mg;

ok(@copied > 5, 'the image is made of some files');
is(join(' ', grep { !-e root() . "/$_" } @copied), '', '... which are there');
like($file, qr/^HEALTHCHECK .*\n +\[.*8081.*\/ready/m, '... it tells its health');
like($file, qr/^USER (?!root)/m, '... and has another user than root');


# --- systemd ---

SKIP: {
    skip 'there is no systemd', 1 unless installed('systemd-analyze');

    mkdir "$dir/nginx.service.d";
    spew("$dir/nginx.service",
         "[Service]\nType=simple\nExecStart=/bin/true\n");
    spew("$dir/nginx.service.d/keyspace.conf",
         slurp(root() . '/conf-examples/systemd/keyspace.conf'));

    my ($code, $out) = capture(30, { SYSTEMD_UNIT_PATH => "$dir:" },
                               'systemd-analyze', 'verify',
                               "$dir/nginx.service");
    unlike($out, qr/keyspace\.conf/, 'systemd has nothing to say')
        or diag($out);
}

done_testing;
