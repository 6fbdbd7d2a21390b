# The programs below t/clients, which people's own libraries drive: run as a
# part of the test that calls them.

package KS::Clients;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use KS::Nginx;
use KS::Proc qw(capture installed root spew tempdir wait_for);
use KS::Redis;

our @EXPORT_OK = qw(check_left run_on run_tap servers start_nginx want_npm
                    want_php want_program want_python);

my $TOKEN = $KS::Nginx::TOKEN;


# An nginx for programs that find a Redis with two databases, whose connections
# come to both workers.
sub start_nginx {
    return KS::Nginx->start(
        size        => '32m',
        workers     => 2,
        databases   => 2,
        resp        => '',
        resp_listen => 'reuseport',
    );
}


# The servers that a program is run on: a redis-server, if there is one, and then
# the module's, which has to serve it as well.  Each is started anew in the midst
# of a program by a command: the redis-server itself, with what it has stored,
# and nginx by a reload whose old workers are told to stop, and have.
sub servers {
    my ($ngx) = @_;
    my $dir = tempdir();
    my $master = $ngx->pid;
    my @servers;

    if (KS::Redis->available) {
        my $redis = KS::Redis->start('--requirepass', $TOKEN,
            '--save', '3600 1', '--databases', 2,
            '--enable-debug-command', 'local');
        my $cli = "REDISCLI_AUTH=$TOKEN redis-cli -p " . $redis->port;

        spew("$dir/redis", <<"SH");
$cli debug restart 2>&1 | grep ERR && exit 1
for i in \$(seq 300); do
    $cli ping 2> /dev/null | grep -q PONG && exit 0
    sleep 0.1
done
exit 1
SH
        push @servers, { name => 'redis-server', port => $redis->port,
                         restart => "sh $dir/redis", redis => $redis };
    }

    spew("$dir/nginx", <<"SH");
pids() { ps -o pid= --ppid $master | xargs; }
old=" \$(pids) "
kill -HUP $master || exit 1
for i in \$(seq 300); do
    for pid in \$(pids); do
        case "\$old" in *" \$pid "*) continue ;; esac
        kill -TERM \$old 2> /dev/null
        break 2
    done
    sleep 0.1
done
for i in \$(seq 300); do
    left=
    for pid in \$old; do kill -0 \$pid 2> /dev/null && left=1; done
    [ "\$left" ] || exit 0
    sleep 0.1
done
exit 1
SH
    push @servers, { name => 'keyspace', port => $ngx->resp_port,
                     restart => "sh $dir/nginx" };

    return @servers;
}


# Runs a program on one of them; behind its own arguments come the port and the
# token, and KS_RESTART is the command that starts the server anew.
sub run_on {
    my ($server, @command) = @_;

    local $ENV{KS_RESTART} = $server->{restart};
    local $ENV{KS_SERVER} = $server->{name};

    run_tap(@command, $server->{port}, $TOKEN);
}


# A program whose output is TAP, as tests of ours.
sub run_tap {
    my (@command) = @_;
    my ($code, $out) = capture(600, {}, @command);
    my $n = 0;

    while ($out =~ /^(not )?ok \d+ - (.*)$/mg) {
        my ($not, $name) = ($1, $2);

        $n++;

        if ($name =~ /^(.*) # SKIP (.*)/) {
            SKIP: { skip("$1: $2", 1) }
            next;
        }

        ok(!$not, $name);
    }

    ok($n && $out =~ /^1\.\.$n$/m && $code == 0, "$n tests came to their end")
        or diag($out);
}


# Installs what t/clients/package.json asks for, if the package is not there;
# without node or npm all tests of the caller's plan are left out.
sub want_npm {
    my ($package) = @_;
    my $clients = root() . '/t/clients';

    plan skip_all => 'there is no node' unless installed('node');
    return if -d "$clients/node_modules/$package";
    plan skip_all => 'there is no npm' unless installed('npm');

    my ($code, $out) = capture(300, {}, 'npm', 'ci', '--prefix', $clients);
    is($code, 0, 'npm ci') or diag($out);
}


# A Python that has the module, rather the system's own, which has Debian's
# packages; without one all tests of the caller's plan are left out.
sub want_python {
    my ($module) = @_;
    my ($python) = grep {
        -x && (capture(20, {}, $_, '-c', "import $module"))[0] == 0
    } '/usr/bin/python3', '/usr/local/bin/python3';

    plan skip_all => "there is no python3 with $module" unless $python;

    return $python;
}


# Without this program all tests of the caller's plan are left out.
sub want_program {
    my ($program) = @_;

    plan skip_all => "there is no $program" unless installed($program);
}


# A PHP that has what is asked for: an extension, or a file to be included.
sub want_php {
    my (@wanted) = @_;

    want_program('php');

    for (@wanted) {
        my ($code) = capture(20, {}, 'php', '-r', m{/}
            ? "exit(stream_resolve_include_path('$_') ? 0 : 1);"
            : "exit(extension_loaded('$_') ? 0 : 1);");

        plan skip_all => "PHP has no $_" if $code;
    }
}


# Nothing is left of the clients when they are gone.
sub check_left {
    my ($ngx) = @_;
    my $http = $ngx->client;

    ok(wait_for(20, sub {
        !@{$http->run('PUBSUB', 'CHANNELS')}
            && $http->run('PUBSUB', 'NUMPAT') == 0
            && !@{$http->run('PUBSUB', 'SHARDCHANNELS')}
            && $http->run('INFO', 'clients') =~ /blocked_clients:0\r/
    }), 'nobody subscribes or waits any more');
    like($http->run('MEMORY', 'DOCTOR'), qr/^ok/, 'the zone is whole');
    $http->close;
}


1;
