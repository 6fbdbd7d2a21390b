# The Debian packages in a tree of their own: installed, used, upgraded, removed
# and purged.
#
# KS_DEBS is the directory with the packages (make deb BUILD=...; the default is
# build/deb), KS_DEB_TREE a tree of the Debian that they are for:
#
#   debootstrap --variant=minbase --include=nginx,libnginx-mod-stream,libcjson1 bookworm TREE
#
# What is installed there is gone afterwards.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;

use KS::Proc qw(capture free_port root slurp spew wait_for);
use KS::RESP;

my $tree = $ENV{KS_DEB_TREE};
my $debs = $ENV{KS_DEBS} // root() . '/build/deb';

plan skip_all => 'KS_DEB_TREE names no tree of Debian' unless $tree && -d $tree;
plan skip_all => 'only root can install packages' if $> != 0;

my ($http) = glob "$debs/libnginx-mod-http-keyspace_*.deb";
my ($stream) = glob "$debs/libnginx-mod-stream-keyspace_*.deb";
plan skip_all => "there are no packages in $debs: make deb" unless $http && $stream;

my $port = free_port();
my $resp = free_port();

my $dir = '/tmp/keyspace-debs';
my ($pid, $mounted, $saved);


# a command in the tree: its exit code, and what it said
sub run { return capture(120, { DEBIAN_FRONTEND => 'noninteractive',
                                PATH => '/usr/sbin:/usr/bin:/sbin:/bin' },
                         'chroot', $tree, @_) }

sub works {
    my ($name, @command) = @_;
    my ($code, $out) = run(@command);

    is($code, 0, $name) or diag($out);
    return $out;
}

sub curl {
    my ($path) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
                                  Timeout => 10) or return "connect: $!";

    print $s "GET $path HTTP/1.0\r\nAuthorization: Bearer t\r\n\r\n";
    local $/;
    return (split /\r\n\r\n/, scalar <$s>)[1];
}

sub start {
    works('nginx starts', 'nginx');
    ($pid) = slurp("$tree/run/nginx.pid") =~ /(\d+)/;
}

sub stop {
    return unless $pid;
    kill 'QUIT', $pid;
    wait_for(30, sub { !kill 0, $pid });
    undef $pid;
}

END {
    stop();

    spew("$tree/etc/nginx/nginx.conf", $saved) if $saved;

    if ($mounted) {
        run('rm', '-rf', $dir);
        system('umount', "$tree/proc");
    }
}


# a file of a zone gets its name by /proc
$mounted = (capture(10, {}, 'mount', '-t', 'proc', 'proc', "$tree/proc"))[0]
           == 0;
plan skip_all => 'there is no /proc to be had in the tree' unless $mounted;

# a policy that starts no service, as in a container
spew("$tree/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");
chmod 0755, "$tree/usr/sbin/policy-rc.d";

mkdir "$tree$dir";
system('cp', $http, $stream, "$tree$dir") == 0 or die "cp: $?";
my @names = map { s{.*/}{$dir/}r } $http, $stream;

run('dpkg', '--purge', 'libnginx-mod-stream-keyspace',
    'libnginx-mod-http-keyspace');

works('both are installed', 'dpkg', '-i', @names);
ok(-l "$tree/etc/nginx/modules-enabled/50-mod-http-keyspace.conf",
   'the module is enabled');
ok(-l "$tree/etc/nginx/modules-enabled/70-mod-stream-keyspace.conf",
   '... and that of stream, behind the one that it needs');
ok(-d "$tree/var/lib/nginx/keyspace", 'there is a directory for files');
is((stat "$tree/var/lib/nginx/keyspace")[2] & 07777, 0700,
   '... which is nobody else\'s');
ok(-e "$tree/usr/share/doc/libnginx-mod-http-keyspace/examples/quickstart.conf",
   'there are examples');

works('nginx takes the modules', 'nginx', '-t');

# what an operator would write, beside what Debian has
my $conf = slurp("$tree/etc/nginx/nginx.conf");
$saved = $conf;
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

# An upgrade with nginx running, and a restart behind it.
my $said = works('an upgrade', 'dpkg', '-i', @names);
like($said, qr/a running nginx goes on with the modules/, 'it says what to do');
is(curl('/get/k'), '{"result":"v"}', 'nginx goes on meanwhile');
stop();
start();
is(curl('/get/k'), '{"result":"v"}', 'the keys are there after a restart');
stop();

# What is removed is not loaded, and keeps its data until it is purged.
works('they are removed', 'dpkg', '--remove', 'libnginx-mod-stream-keyspace',
      'libnginx-mod-http-keyspace');
spew("$tree/etc/nginx/nginx.conf", $saved);
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
works('nginx is as before', 'nginx', '-t');

done_testing;
