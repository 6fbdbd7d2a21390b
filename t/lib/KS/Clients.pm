# The programs below t/clients, which people's own libraries drive: run as a
# part of the test that calls them.

package KS::Clients;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use KS::Proc qw(capture installed root wait_for);

our @EXPORT_OK = qw(check_left run_tap want_npm want_python);


# A program whose output is TAP, as tests of ours.
sub run_tap {
    my (@command) = @_;
    my ($code, $out) = capture(300, {}, @command);
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
