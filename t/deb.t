# The Debian packages in a tree of their own: built, installed, tried, upgraded,
# removed and purged.
#
# KS_DEB_TREE is a fresh tree of the Debian that they are for, which stays as it
# is: the test works in copies of it.
#
#   debootstrap --variant=minbase --include=nginx,libnginx-mod-stream,libcjson1,curl,redis-tools \
#       bookworm DIR
#
# KS_DEBS is a directory with packages for that Debian.  Without it they are
# built in a copy of the tree, which installs what building needs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use KS::Proc qw(capture free_port installed root slurp spew tempdir wait_for);
use KS::RESP;

my $fresh = $ENV{KS_DEB_TREE};

plan skip_all => 'KS_DEB_TREE names no tree of Debian' unless $fresh && -d $fresh;
plan skip_all => 'only root can install packages' if $> != 0;

my ($id) = slurp("$fresh/etc/os-release") =~ /^VERSION_ID="?(\d+)/m;
my $port = free_port();
my $resp = free_port();

my $dir = '/tmp/keyspace-debs';     # in a tree
my ($tree, $pid, @mounted);


# --- trees ---

# a command in the tree: its exit code, and what it said
sub run_for {
    my ($seconds, @command) = @_;

    return capture($seconds, { DEBIAN_FRONTEND => 'noninteractive', LC_ALL => 'C',
                               PATH => '/usr/sbin:/usr/bin:/sbin:/bin' },
                   'chroot', $tree, @command);
}

sub run { return run_for(120, @_) }

sub works {
    my ($name, @command) = @_;
    my ($code, $out) = run(@command);

    is($code, 0, $name) or diag($out);
    return $out;
}

# A copy of the fresh tree, to work in; no service is started there.
sub enter {
    $tree = tempdir() . '/tree';
    system('cp', '-a', '--reflink=auto', $fresh, $tree) == 0 or die "cp: $?";
    mkdir "$tree$dir";

    spew("$tree/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");
    chmod 0755, "$tree/usr/sbin/policy-rc.d";

    # a file of a zone gets its name by /proc
    my ($code) = capture(10, {}, 'mount', '-t', 'proc', 'proc', "$tree/proc");
    return 0 if $code;
    push @mounted, "$tree/proc";

    return 1;
}

END {
    my $status = $?;

    stop();
    system('umount', $_) for @mounted;
    $? = $status;
}


# --- nginx in it ---

sub curl {
    my ($path) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
                                  Timeout => 10) or return "connect: $!";

    print $s "GET $path HTTP/1.0\r\nAuthorization: Bearer t\r\n\r\n";
    local $/;
    return (split /\r\n\r\n/, scalar <$s>)[1];
}

sub master { return slurp("$tree/run/nginx.pid") =~ /(\d+)/ ? $1 : 0 }

# by its path, which an upgrade of the binary needs
sub start {
    works('nginx starts', '/usr/sbin/nginx');
    $pid = master();
}

sub ends {
    my ($master) = @_;

    kill 'QUIT', $master;
    return wait_for(60, sub { !kill 0, $master });
}

sub stop {
    ends($pid) if $pid;
    undef $pid;
}

# the same packages as a later version, in the tree
sub later {
    my @names;

    for my $name (@_) {
        my $work = tempdir() . '/deb';

        system('dpkg-deb', '-R', $name, $work) == 0 or die "dpkg-deb: $?";
        my $control = slurp("$work/DEBIAN/control");
        $control =~ s/^(Version: .*)\+1$/$1+2/m;
        $control =~ s/(keyspace \(= .*)\+1\)/$1+2)/;
        spew("$work/DEBIAN/control", $control);

        my $to = $name =~ s{.*/}{$dir/later-}r;
        capture(60, {}, 'dpkg-deb', '-b', $work, "$tree$to");
        push @names, $to;
    }

    return @names;
}


# --- the packages ---

sub debs {
    my ($where) = @_;

    return map { glob "$where/libnginx-mod-$_-keyspace_*~deb$id+1_*.deb" }
        qw(http stream);
}

my $debs = $ENV{KS_DEBS} // tempdir();

if (!$ENV{KS_DEBS}) {
    enter() or plan skip_all => 'there is no /proc to be had in the tree';

    system('cp', '-L', '/etc/resolv.conf', "$tree/etc/");
    system('cd ' . root() . " && tar cf - --exclude=./build --exclude=node_modules"
           . " --exclude=./.git . | tar xf - -C '$tree$dir'") == 0
        or die 'no copy of the sources';

    my ($code) = run_for(300, 'sh', '-c', 'apt-get update -qq && '
        . 'apt-get install -y -qq --no-install-recommends make');
    plan skip_all => 'nothing can be installed in the tree' if $code;

    ($code, my $said) = run_for(2400, 'make', '-C', $dir, 'deb');

    if ($code) {
        fail('they are built');
        diag(substr $said, -3000);
        done_testing;
        exit 1;
    }

    system('sh', '-c', "cp '$tree$dir'/build/deb/*.deb '$debs'");
}

my ($http, $stream) = debs($debs);
plan skip_all => "there are no packages for Debian $id in $debs: make deb"
    unless $http && $stream;

SKIP: {
    skip 'there is no lintian', 1 if !installed('lintian');

    my (undef, $said) = capture(300, { LC_ALL => 'C' }, 'lintian',
        '--allow-root', '--fail-on', 'error,warning', $http, $stream);
    unlike($said, qr/^[EW]:/m, 'lintian finds no fault');
}

enter() or plan skip_all => 'there is no /proc to be had in the tree';

system('cp', $http, $stream, "$tree$dir") == 0 or die "cp: $?";
my @names = map { s{.*/}{$dir/}r } $http, $stream;
my @later = later($http, $stream);


# --- installed ---

works('both are installed', 'dpkg', '-i', @names);
ok(-l "$tree/etc/nginx/modules-enabled/50-mod-http-keyspace.conf",
   'the module is enabled');
ok(-l "$tree/etc/nginx/modules-enabled/70-mod-stream-keyspace.conf",
   '... and that of stream, behind the one that it needs');
ok(-d "$tree/var/lib/nginx/keyspace", 'there is a directory for files');
is((stat "$tree/var/lib/nginx/keyspace")[2] & 07777, 0700,
   '... which is nobody else\'s');

my $docs = "$tree/usr/share/doc/libnginx-mod-http-keyspace";
ok(-e "$docs/examples/quickstart.conf", 'there are examples');
ok(-e "$docs/docs/zone.md.gz" || -e "$docs/docs/zone.md", '... and the docs');

works('nginx takes the modules', 'nginx', '-t');

SKIP: {
    skip 'the tree has no curl or no redis-cli', 1
        unless -x "$tree/usr/bin/curl" && -x "$tree/usr/bin/redis-cli";

    system('cp', root() . '/.ci/debian/tests/commands', "$tree$dir/");

    my ($a, $b) = (free_port(), free_port());
    my $said = works('the test of the package', 'env', "PORT=$a",
                     "RESP_PORT=$b", "AUTOPKGTEST_TMP=$dir/adt",
                     "$dir/commands");
    is(() = $said =~ /^ok: /mg, 5, '... has tried all');
}


# --- upgraded ---

# what an operator would write, beside what Debian has
my $debian = slurp("$tree/etc/nginx/nginx.conf");
my $conf = $debian;
$conf =~ s/^http \{/keyspace_zone main 16m {
    token t;
    file  \/var\/lib\/nginx\/keyspace\/main.ks;
}
http {
    server { listen 127.0.0.1:$port; location \/ { keyspace_rest main; } }/m;
$conf =~ s{^\s*include /etc/nginx/sites-enabled.*$}{}m;
$conf .= "stream { server { listen 127.0.0.1:$resp; keyspace_resp main; } }\n";
spew("$tree/etc/nginx/nginx.conf", $conf);

start();
is(curl('/set/k/v'), '{"result":"OK"}', 'a command over HTTP');
is(KS::RESP->new(port => $resp, token => 't')->run('GET', 'k'), 'v',
   '... and one over RESP');

# with nginx running
my $said = works('an upgrade', 'dpkg', '-i', @later);
like($said, qr/a running nginx goes on with the modules/, 'it says what to do');
is(curl('/get/k'), '{"result":"v"}', 'nginx goes on meanwhile');
like(works('the version', 'dpkg-query', '-W', '-f', '${Version}',
           'libnginx-mod-http-keyspace'), qr/\+2$/, 'is the later one');

# the upgrade of a binary: Debian's nginx does this when it is upgraded itself
my $old = $pid;
kill 'USR2', $old;
ok(wait_for(60, sub { -e "$tree/run/nginx.pid.oldbin" && master()
                      && master() != $old }), 'a new nginx beside the old one');
$pid = master();
ok(ends($old), '... takes over');
is(curl('/get/k'), '{"result":"v"}', '... with the keys');

stop();
start();
is(curl('/get/k'), '{"result":"v"}', 'and so does one after a restart');
stop();


# --- removed and purged ---

# What is removed is not loaded, and keeps its data until it is purged.
works('they are removed', 'dpkg', '--remove', 'libnginx-mod-stream-keyspace',
      'libnginx-mod-http-keyspace');
spew("$tree/etc/nginx/nginx.conf", $debian);
works('nginx is as before', 'nginx', '-t');
ok(-e "$tree/var/lib/nginx/keyspace/main.ks", 'the zone\'s file is kept');

works('they are installed again', 'dpkg', '-i', @names);
ok(-l "$tree/etc/nginx/modules-enabled/50-mod-http-keyspace.conf",
   'and enabled again');

works('they are purged', 'dpkg', '--purge', 'libnginx-mod-stream-keyspace',
      'libnginx-mod-http-keyspace');
ok(!-e "$tree/var/lib/nginx/keyspace", 'nothing is left of them');
is_deeply([glob "$tree/etc/nginx/modules-enabled/*keyspace*"], [],
          '... not even a link');
is((run('find', '/usr', '/etc', '/var', '-xdev', '-iname', '*keyspace*'))[1], '',
   '... nor a file');
works('nginx is as before', 'nginx', '-t');

done_testing;
