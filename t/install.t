# From the build to a running nginx: where make install puts what was built,
# what a reload says of a build that came in between, what a start says of its
# zones, and what "make run" says when it cannot.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use KS::Nginx;
use KS::Proc qw(capture children free_port root slurp spew stop_pid tempdir
                wait_for);

my $root = root();
my $build = $ENV{KS_BUILD} || "$root/build";


subtest 'where an nginx looks for modules' => sub {
    my $dir = tempdir();
    my $asked = sub {
        my ($env, @args) = @_;
        my ($code, $said) = capture(30, $env, "$root/.ci/modules", @args);
        chomp $said;
        return $said;
    };

    is($asked->({}, $dir), '/usr/local/nginx/modules', 'one of no options');
    is($asked->({}, $dir, '--with-debug', '--prefix=/opt/nginx'),
       '/opt/nginx/modules', 'below its prefix');
    is($asked->({}, $dir, '--modules-path=/lib/n', '--prefix=/opt/nginx'),
       '/lib/n', 'where it was told');
    is($asked->({}, $dir, '--modules-path=mods', '--prefix=/opt/nginx'),
       '/opt/nginx/mods', 'where it was told, below its prefix');

    mkdir "$dir/objs";
    spew("$dir/objs/ngx_auto_config.h",
         qq{#define NGX_CONFIGURE " --prefix=/srv/n --with-compat"\n});
    is($asked->({}, $dir), '/srv/n/modules', 'a tree that is configured');

    spew("$dir/nginx", "#!/bin/sh\n"
         . "echo 'configure arguments: --prefix=/a --modules-path=/b' >&2\n");
    chmod 0755, "$dir/nginx";
    is($asked->({ NGINX => "$dir/nginx" }, '/usr/share/nginx/src'), '/b',
       'an nginx that is named');
};


SKIP: {
    skip 'the modules are not there', 1
        if !-f "$build/ngx_http_keyspace_module.so";

    subtest 'make install' => sub {
        my $dest = tempdir();
        my %before = map { $_ => (stat $_)[9] }
            glob "$build/*.so $build/*.a $build/flags $build/tree";
        my ($code, $said) = capture(120, { MAKEFLAGS => '' }, 'make', '-C',
            $root, 'install', "BUILD=$build", "DESTDIR=$dest", 'CC=false',
            'MODULES=/modules', 'NGINX_SRC=/nonexistent');

        is($code, 0, 'done, with other settings than the build had')
            or diag($said);
        like($said, qr/restart it, or upgrade its binary/, 'what is next');

        for my $name (qw(ngx_http_keyspace_module ngx_stream_keyspace_module))
        {
            ok(slurp("$dest/modules/$name.so") eq slurp("$build/$name.so"),
               "$name is what was built");
        }

        is_deeply({ map { $_ => (stat $_)[9] } keys %before }, \%before,
                  'nothing was built for it');
    };
}


# A copy of a module, of another build; in place of what is there, as install
# does it.
sub other_build {
    my ($from, $to) = @_;
    my $bytes = slurp($from);

    my $n = $bytes =~ s/(\d\.\d\.\d build )[0-9a-f]{8}\0/${1}another1\0/g;
    spew("$to.new", $bytes);
    rename "$to.new", $to or die "rename: $!";

    return $n;
}


SKIP: {
    skip 'the modules are built in', 1 if $ENV{KS_STATIC};

    subtest 'a reload with another build on the disk' => sub {
        my $http_so = KS::Nginx::module();
        my ($stream_so) = (KS::Nginx::stream_modules())[-1];
        my $ngx = KS::Nginx->new;
        my $dir = $ngx->dir;
        my $text = $ngx->config;

        spew("$dir/http.so", slurp($http_so));
        $text =~ s{^load_module .*;}{load_module $dir/http.so;};
        $ngx->{options}{conf} = $text;
        $ngx->write_config;
        $ngx->launch;

        my ($old) = $ngx->log =~ /keyspace (\d\S* build [0-9a-f]{8})\b/;
        ok($old, 'a start says which build it is');

        my ($layout) = slurp("$root/src/memory/ks_layout.h")
            =~ /^#define KS_ZONE_VERSION +(\d+)$/m;
        like($ngx->log, qr/ \Q$old\E, zones of layout $layout$/m,
             '... and how it lays out zones');

        ok($ngx->reload, 'a reload with nothing new');
        unlike($ngx->log, qr/goes on after this reload/, 'has nothing to say');

        ok(other_build($http_so, "$dir/http.so"), 'another build comes');
        ok($ngx->reload, 'a reload');

        ok(wait_for(10, sub { $ngx->log =~ /goes on after this reload/ }),
           'tells of it');
        like($ngx->log, qr/\[warn\].* keyspace \Q$old\E goes on after this reload, although "\Q$dir\E\/http.so" now holds \d\S* build another1: /,
             'the old build, and the new one');
        is($ngx->client->run('PING'), 'PONG', 'it works');

        # one half that is new does not work with one that is old
        other_build($stream_so, "$dir/stream.so");
        my @theirs = KS::Nginx::stream_modules();
        pop @theirs;
        my $load = join '', map { "load_module $_;\n" } @theirs,
            "$dir/stream.so";
        (my $with = $text) =~ s{^(load_module .*;\n)}{$1$load};
        $with .= "stream { server { listen 127.0.0.1:%RESP%; "
            . "keyspace_resp main; } }\n";

        $ngx->{options}{conf} = $with;
        $ngx->write_config;
        $ngx->allow(qr/which is another build: install both/);
        kill 'HUP', $ngx->pid;
        ok(wait_for(10, sub { $ngx->log =~ /which is another build: install both/ }),
           'the two modules of different builds are refused');
        is($ngx->client->run('PING'), 'PONG', 'and the old ones go on');

        $ngx->stop;
    };
}


subtest 'a start says that its zones are empty' => sub {
    my $ngx = KS::Nginx->start;

    like($ngx->log, qr/\[notice\].* keyspace zone "main" begins empty(?!:)/,
         'at the first');
    is($ngx->client->run('SET', 'k', 'v'), 'OK', 'a key');

    ok($ngx->reload, 'a reload');
    is(scalar(() = $ngx->log =~ /begins empty/g), 1, 'is no start');
    is($ngx->client->run('GET', 'k'), 'v', 'it keeps the key');
    $ngx->stop;
};


# only a daemon's binary can be upgraded; what is here goes with the test
my @daemons;

END {
    my $status = $?;
    kill 'TERM', grep { KS::Proc::alive($_) } @daemons;
    $? = $status;
}

subtest 'an upgrade of the binary says so, too' => sub {
    my $ngx = KS::Nginx->new;
    my $dir = $ngx->dir;
    my ($code, $said) = capture(60, KS::Nginx::environment(),
                                map { s/daemon off/daemon on/r } $ngx->command);

    is($code, 0, 'a daemon') or diag($said), return;
    ok(wait_for(30, sub { $ngx->accepts && slurp("$dir/nginx.pid") }), 'is up');

    my $old = 0 + slurp("$dir/nginx.pid");
    push @daemons, $old;
    is($ngx->client->run('SET', 'k', 'v'), 'OK', 'a key');

    kill 'USR2', $old;
    ok(wait_for(60, sub { $ngx->log =~ /begins empty: the keys of the nginx before this one stay with its own/ }),
       'the new one has begun empty, and why');
    ok(wait_for(30, sub { (slurp("$dir/nginx.pid") || $old) != $old }),
       'it is there');

    my $new = 0 + slurp("$dir/nginx.pid");
    push @daemons, $new;

    kill 'QUIT', $new;
    ok(wait_for(30, sub { !KS::Proc::alive($new) }), 'it goes');
    is($ngx->client->run('GET', 'k'), 'v', 'the old one has its key');

    kill 'QUIT', $old;
    ok(wait_for(30, sub { !KS::Proc::alive($old) }), 'and goes as well');
    is_deeply([$ngx->faults], [], 'the error log holds no fault');
};


subtest 'nginx -t says nothing of that' => sub {
    my ($code, $said) = KS::Nginx->check;

    is($code, 0, 'it is good');
    unlike($said, qr/begins empty|keyspace \d/, 'and nothing begins');
};


# make run, without the building
sub run_example {
    my ($nginx, $dir, $port, $resp) = @_;
    my $ours = KS::Nginx::module();
    (my $stream = $ours) =~ s{[^/]*$}{ngx_stream_keyspace_module.so};
    my @theirs = KS::Nginx::stream_modules();

    return capture(60, {}, 'bash', '-c', 'cd "$1" && shift && "$@"', 'sh',
                   $root, '.ci/start', $nginx, $dir, $port, $resp,
                   @theirs > 1 ? $theirs[0] : '', $ours, $stream);
}


SKIP: {
    skip 'the modules are built in', 1 if $ENV{KS_STATIC};

    subtest 'make run' => sub {
        my $dir = tempdir();
        my ($port, $resp) = (free_port(), free_port());
        my ($code, $said);

        ($code, $said) = run_example('nonginx', $dir, $port, $resp);
        isnt($code, 0, 'without an nginx');
        like($said, qr{^there is no nonginx: install nginx, or say NGINX=}m,
             'it says so');

        my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                          LocalPort => 0, Listen => 5);
        my $p = $taken->sockport;

        ($code, $said) = run_example(KS::Nginx::binary_path(), $dir, $p,
                                     $resp);
        isnt($code, 0, 'with a port that is taken');
        like($said, qr/^port $p is in use: .*"make run PORT=/m, 'it says so');

        ($code, $said) = run_example(KS::Nginx::binary_path(), $dir, $port,
                                     $p);
        like($said, qr/^port $p is in use: .*"make run RESP_PORT=/m,
             'the other one, too');

        ($code, $said) = run_example(KS::Nginx::binary_path(), $dir, $port,
                                     $resp);
        is($code, 0, 'with ports that are free') or diag($said);
        like($said, qr{127\.0\.0\.1:$port.*redis-cli -p $resp }s,
             'they are in what it tells to try');
        is(KS::HTTP->new(port => $port, token => 'quickstart')->run('PING'),
           'PONG', 'HTTP');
        is(KS::RESP->new(port => $resp, token => 'quickstart')->run('PING'),
           'PONG', 'and Redis clients');

        my $pid = 0 + slurp("$dir/logs/nginx.pid");
        kill 'QUIT', $pid;
        ok(wait_for(20, sub { !KS::Proc::alive($pid) }), 'and it ends');
    };
}


subtest 'another kind of machine' => sub {
    for my $case (['-m32'], ['-mx32'],
                  ['-U__BYTE_ORDER__', '-D__BYTE_ORDER__=4321'])
    {
        my ($code, $said) = capture(60, {}, 'gcc', @$case, '-fsyntax-only',
                                    "$root/src/memory/ks_base.h");

        plan skip_all => 'there is no gcc for x86' if $said =~ /unrecognized/;
        isnt($code, 0, "@$case: refused");
        like($said, qr/keyspace is for 64-bit little-endian machines/,
             'with the reason');
    }
};

done_testing;
