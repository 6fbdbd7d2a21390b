# An nginx with the module, for one test.
#
#   my $ngx = KS::Nginx->start(size => '16m', workers => 2);
#   my $http = $ngx->client;
#   my $redis = $ngx->resp;         # with resp => '' among the options
#   ...
#   $ngx->stop;             # checks the error log, as a test of its own
#
# KS_MODULE names another module to load (the one of stream lies beside it),
# KS_NGINX another nginx (with KS_STATIC=1 one that the modules are built into),
# KS_PRELOAD libraries to preload (a sanitizer's), KS_KEEP=1 leaves the
# directories.

package KS::Nginx;

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IO::Socket::INET;
use Test::More ();

use KS::HTTP;
use KS::RESP;
use KS::Proc qw(tempdir free_port wait_for spawn_command stop_pid children
                slurp spew root alive capture program_paths);

our $TOKEN = 'test-token-0123456789';
our $READONLY = 'readonly-token-0123456789';

my $owner = $$;
my %started;
my %masters;        # that no process of the test is the parent of


sub binary { $ENV{KS_NGINX} || 'nginx' }
sub module { $ENV{KS_MODULE} || root() . '/build/ngx_http_keyspace_module.so' }


# The module of stream, and before it nginx's own stream where that is one.
sub stream_modules {
    my $ours = module();
    my $said = (capture(30, environment(), binary_path(), '-V'))[1];
    my ($path) = $said =~ /--modules-path=(\S+)/;

    $ours =~ s{[^/]*$}{ngx_stream_keyspace_module.so};

    return $said =~ /--with-stream=dynamic/
        ? ("$path/ngx_stream_module.so", $ours) : ($ours);
}


sub environment {
    my (%more) = @_;
    my %env = (
        ASAN_OPTIONS  => 'detect_leaks=0:abort_on_error=0:exitcode=99',
        UBSAN_OPTIONS => 'print_stacktrace=1',
        %more,
    );

    # a sanitizer's comes first
    $env{LD_PRELOAD} = join ':', grep { $_ } $ENV{KS_PRELOAD}, $env{LD_PRELOAD};

    return \%env;
}


# what: size, connections (of a worker), eviction, tokens (undef: one of each kind), zone (lines more in
# the zone's block), workers, main, events, http, server (text more in each),
# locations (instead of "location /"), log_format, access_log (true: nginx's
# own format), resp (lines in a server of stream for Redis clients; without it
# there is none), resp_listen (parameters of its listen), stream (text more in
# the stream block), databases (so many zones stand behind keyspace_resp: main,
# db1 and so on, each with that size, zone, where %ZONE% is its name, and
# tokens), conf (the whole text), env, level (of error_log).  In each text %PORT%, %PORT2%, %RESP%, %RESP2%,
# %DIR%, %MODULE% and %STREAM% (load_module lines) stand for what they say.
#
# daemon => 1: a master of its own, which is what can be upgraded.
#
# prefix => { path => text } makes it a prefix as an operator has it, with
# these files in it, of which conf/nginx.conf is the configuration: that one
# says all by itself.
sub config {
    my ($self) = @_;
    my %o = %{$self->{options}};
    my $text = $o{conf};

    if (!defined $text) {
        my $zone = $o{zone} // '';

        # a script may have to wait for a processor
        $zone .= ' script_timeout 60s;' if $zone !~ /\bscript_timeout\b/;

        my $tokens = $o{tokens}
            // "token $TOKEN;\n    readonly_token $READONLY;";
        my $eviction = $o{eviction} ? "eviction $o{eviction};" : '';
        my $size = $o{size} // '16m';
        my $connections = $o{connections} // 512;
        my $workers = $o{workers} // 1;

        $_ //= '' for @o{qw(main events http server)};

        my $format = $o{log_format} ? "log_format t '$o{log_format}';" : '';
        my $log = $o{log_format} ? '%DIR%/access.log t'
                : $o{access_log} ? '%DIR%/access.log' : 'off';

        my ($load, $stream) = ('', '');
        my @more = map { "db$_" } 1 .. ($o{databases} // 1) - 1;
        my $more = join '', map { " $_" } @more;
        my $locations = $o{locations}
            // "location / { keyspace_rest main$more; }";
        my $own = sub { my ($name) = @_; $zone =~ s/%ZONE%/$name/gr };
        my $zones = join '', map { <<"CONF" } @more;
keyspace_zone $_ $size {
    $tokens
    @{[$own->($_)]}
}
CONF

        if (defined $o{resp}) {
            $_ //= '' for @o{qw(stream resp_listen)};
            $load = '%STREAM%';
            $stream = <<"CONF";
stream {
    server {
        listen 127.0.0.1:%RESP% $o{resp_listen};
        keyspace_resp main$more;
        $o{resp}
    }
    $o{stream}
}
CONF
        }

        $text = <<"CONF";
load_module %MODULE%;
$load
worker_processes $workers;
$o{main}
keyspace_zone main $size {
    $eviction
    $tokens
    @{[$own->('main')]}
}
${zones}events {
    worker_connections $connections;
    $o{events}
}
http {
    $format
    access_log $log;
    $o{http}
    server {
        listen 127.0.0.1:%PORT%;
        $o{server}
        $locations
    }
}
$stream
CONF
    }

    my %value = (PORT => $self->{port}, PORT2 => $self->{port2},
                 RESP => $self->{resp}, RESP2 => $self->{resp2},
                 DIR => $self->{dir}, MODULE => module());

    $value{STREAM} = join "\n", map { "load_module $_;" } stream_modules()
        if $text =~ /%STREAM%/;
    $value{STREAM} = '' if $ENV{KS_STATIC};

    # what is built in is not loaded
    $text =~ s/^load_module [^;]*;//mg if $ENV{KS_STATIC};
    $text =~ s/%(PORT2?|RESP2?|DIR|MODULE|STREAM)%/$value{$1}/g;

    return $text;
}


sub write_config {
    my ($self) = @_;
    my $files = $self->{options}{prefix};

    if (!$files) {
        spew("$self->{dir}/nginx.conf", $self->config);
        return;
    }

    for my $path (sort keys %$files) {
        make_path(dirname("$self->{dir}/$path"));
        spew("$self->{dir}/$path", $files->{$path});
    }
}


# The directories of a prefix, and the modules where they belong.
sub make_prefix {
    my ($self) = @_;

    mkdir "$self->{dir}/$_" for qw(conf html modules tmp);
    chmod 0777, "$self->{dir}/tmp";

    for my $module (module(), stream_modules()) {
        my ($name) = $module =~ m{([^/]+)$};
        symlink $module, "$self->{dir}/modules/$name";
    }
}


sub globals {
    my ($self) = @_;
    my $dir = $self->{dir};

    return 'daemon off;' if $self->{options}{prefix};

    my $level = $self->{options}{level} // 'info';

    my $daemon = $self->{options}{daemon} ? 'on' : 'off';

    return "daemon $daemon; pid $dir/nginx.pid; "
           . "error_log $dir/error.log $level;";
}


sub new {
    my ($class, %options) = @_;
    my $self = bless {
        dir     => tempdir(),
        port    => $options{port} // free_port(),
        port2   => free_port(),
        resp    => $options{resp_port} // free_port(),
        resp2   => free_port(),
        options => \%options,
        allowed => [],
    }, $class;

    # a body in a temporary file lands here
    mkdir "$self->{dir}/$_" for qw(logs client proxy fastcgi uwsgi scgi);
    chmod 0777, "$self->{dir}/client";

    my $http = $options{http} // '';
    $options{http} = join "\n", $http,
        "client_body_temp_path %DIR%/client;",
        map { "${_}_temp_path %DIR%/$_;" } qw(proxy fastcgi uwsgi scgi);

    $self->make_prefix if $options{prefix};
    $self->write_config;

    return $self;
}


sub start {
    my ($class, %options) = @_;
    my $self = $class->new(%options);

    $self->launch;

    return $self;
}


sub binary_path {
    return binary() if binary() =~ m{/};

    return (program_paths(binary()))[0] // croak "there is no " . binary();
}


sub command {
    my ($self, @more) = @_;
    my $nginx = binary_path();

    my ($conf, $log) = $self->{options}{prefix}
        ? ('conf/nginx.conf', 'logs/error.log')
        : ("$self->{dir}/nginx.conf", "$self->{dir}/error.log");

    return ($nginx, '-p', $self->{dir}, '-c', $conf, '-e', $log,
            '-g', $self->globals, @more);
}


sub launch {
    my ($self) = @_;

    my @command = (environment(%{$self->{options}{env} // {}}),
                   $self->command);

    if ($self->{options}{daemon}) {
        my ($code, $out) = capture(60, @command);

        croak "nginx does not start:\n$out" . $self->log if $code != 0;
        ($self->{pid}) = slurp("$self->{dir}/nginx.pid") =~ /(\d+)/;
        $masters{$self->{pid}} = 1;

    } else {
        $self->{pid} = spawn_command("$self->{dir}/stderr", @command);
    }

    $started{$self->{pid}} = $self;

    my $up = wait_for(30, sub {
        return -1 if !alive($self->{pid});
        return 0 if !$self->accepts;

        # the master listens before it has its workers
        return $self->complete($self->{pid});
    }) // 0;

    croak "nginx does not start:\n" . $self->log if $up != 1;
}


sub accepts {
    my ($self) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{port}) ? 1 : 0;
}


# nginx -t: (exit code, what it said)
sub check {
    my ($class, %options) = @_;
    my $self = $class->new(%options);
    my ($code, $out) = capture(30, environment(%{$options{env} // {}}),
                               $self->command('-t'));

    return ($code, $out . (slurp("$self->{dir}/error.log") // ''));
}


sub port { $_[0]{port} }
sub port2 { $_[0]{port2} }
sub resp_port { $_[0]{resp} }
sub resp_port2 { $_[0]{resp2} }
sub pid  { $_[0]{pid} }
sub dir  { $_[0]{dir} }


sub workers {
    my ($self) = @_;

    return grep { $_ != ($self->{upgrade} // 0) } children($self->{pid});
}


# Whether a master has all its workers, and all processes that it has made have
# begun: they then give themselves names of their own.
sub complete {
    my ($self, $master) = @_;
    my @names = map { slurp("/proc/$_/cmdline") // '' }
                grep { $_ != ($self->{upgrade} // 0) } children($master);

    return !(grep { !/^nginx: (?:worker|cache \w+) process/ } @names)
           && grep({ /^nginx: worker / } @names)
              >= ($self->{options}{workers} // 1);
}


# Its workers, or these, stand still, all of them when it returns; thaw() lets
# them go on.
sub freeze {
    my ($self, @pids) = @_;

    $self->{frozen} = [@pids ? @pids : $self->workers];
    kill 'STOP', @{$self->{frozen}};

    return wait_for(30, sub {
        !grep { (slurp("/proc/$_/stat") // '') !~ /\) T / } @{$self->{frozen}}
    });
}


sub thaw {
    my ($self) = @_;

    kill 'CONT', @{$self->{frozen}};
}


# The death of all processes at once; launch() starts it again.
sub crash {
    my ($self) = @_;
    my @pids = ($self->{pid}, $self->workers);

    kill 'KILL', @pids;
    delete $started{$self->{pid}};
    stop_pid($self->{pid}, 'KILL');

    return wait_for(30, sub { !grep { alive($_) } @pids });
}


# An end in order, and no more; launch() starts it again.
sub halt {
    my ($self) = @_;
    my $pid = $self->{pid};

    delete $started{$pid};
    kill 'QUIT', $pid;
    wait_for(30, sub { !alive($pid) });
    stop_pid($pid, 'QUIT');
}


# The binary is executed once more; when both masters have their workers.  The
# pid of the new one, which ends with this test.
sub upgrade {
    my ($self) = @_;

    kill 'USR2', $self->{pid};

    return $self->{upgrade} = wait_for(30, sub {
        my ($new) = (slurp("$self->{dir}/nginx.pid") // '') =~ /^(\d+)$/;

        return 0 if !$new || $new == $self->{pid};
        $masters{$new} = 1;
        return $self->complete($new) ? $new : 0;
    });
}


# The old one ends, or (back) the new one.
sub settle {
    my ($self, $back) = @_;
    my $new = delete $self->{upgrade};
    my $old = $self->{pid};

    if ($back) {
        kill 'QUIT', $new;
        delete $masters{$new};
        return wait_for(30, sub {
            !alive($new) && ! -e "$self->{dir}/nginx.pid.oldbin"
        });
    }

    $self->halt;
    $self->{pid} = $new;
    $started{$new} = $self;

    return !alive($old);
}


sub client {
    my ($self, %options) = @_;

    return KS::HTTP->new(port => $self->{port}, token => $TOKEN, %options);
}


# A Redis client that has logged in, unless token => undef says otherwise.
sub resp {
    my ($self, %options) = @_;

    return KS::RESP->new(port => $self->{resp}, token => $TOKEN, %options);
}


# The clients of a Redis client's own worker: inside of EXEC it asks no other.
sub beside {
    my ($c) = @_;

    $c->run('MULTI');
    $c->run('CLIENT', 'LIST');

    return $c->run('EXEC')->[0];
}


# Two Redis clients of different workers.
sub two_workers {
    my ($self) = @_;
    my $a = $self->resp;
    my $id = $a->run('CLIENT', 'ID');

    for (1 .. 200) {
        my $b = $self->resp;
        return ($a, $b) if beside($b) !~ /^id=$id /m;
    }

    die 'all connections are of one worker';
}


# A new configuration, taken over: returns when the old workers are gone.
sub reload {
    my ($self, %options) = @_;
    my %before = map { $_ => 1 } $self->workers;

    %{$self->{options}} = (%{$self->{options}}, %options);
    $self->write_config;

    kill 'HUP', $self->{pid};

    return wait_for(30, sub {
        return !(grep { $before{$_} } $self->workers)
               && $self->complete($self->{pid});
    }) || 0;
}


sub log {
    my ($self) = @_;

    return join '', map { slurp("$self->{dir}/$_") // '' }
        qw(error.log logs/error.log stderr);
}


sub access_log {
    my ($self) = @_;

    return join '', map { slurp("$self->{dir}/$_") // '' }
        qw(access.log logs/access.log);
}


# Lines of these patterns are no fault in this test.
sub allow {
    my ($self, @patterns) = @_;

    push @{$self->{allowed}}, @patterns;
}


sub faults {
    my ($self) = @_;
    my @bad = grep {
        /\[(?:alert|emerg|crit)\]|Sanitizer|runtime error:|exited on signal/
    } split /\n/, $self->log;

    for my $p (@{$self->{allowed}}) {
        @bad = grep { !/$p/ } @bad;
    }

    return @bad;
}


# Ends it; as a test: that its log holds no fault.
sub stop {
    my ($self, $name) = @_;

    return unless $started{$self->{pid}};

    $self->halt;
    delete $masters{$self->{pid}};

    my @faults = $self->faults;
    Test::More::ok(!@faults, $name // 'the error log holds no fault')
        or Test::More::diag(join "\n", @faults[0 .. ($#faults > 9 ? 9 : $#faults)]);
}


END {
    if ($$ == $owner) {
        my $status = $?;
        stop_pid($_, 'TERM') for keys %started;
        kill 'TERM', grep { alive($_) } keys %masters;
        $? = $status;
    }
}


1;
