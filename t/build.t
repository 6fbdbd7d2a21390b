# The addon file: what nginx's own configure makes of it when the modules are
# built into an nginx that has little, and one that has much.  Only the objects
# that know nginx are compiled; make lint sees the others with the same eyes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Proc qw(capture installed root slurp spew tempdir);

my $source = $ENV{NGINX_SRC} || '/usr/share/nginx/src';

plan skip_all => "there are no nginx sources in $source" if !-d $source;

my $module = root();
my @minimal = qw(--without-http-cache --without-http_rewrite_module
                 --without-pcre --without-http_gzip_module
                 --without-http_upstream_zone_module);
my @full = qw(--with-compat --with-debug --with-threads --with-stream
              --with-http_ssl_module --with-http_v2_module
              --with-stream_ssl_module);


# A tree of its own, configured: (whether, where, what was said)
sub configured {
    my (@options) = @_;
    my $dir = tempdir();

    system("cd '$source' && tar cf - --exclude=./.git --exclude=./objs . "
           . "| tar xf - -C '$dir'") == 0 or die 'no copy of the sources';

    my $configure = -x "$dir/configure" ? './configure' : 'auto/configure';
    my ($code, $said) = capture(1200, {}, 'bash', '-c',
        "cd '$dir' && $configure \"\$\@\"", 'sh', @options);

    return ($code == 0, $dir, $said);
}


sub modules {
    my ($dir) = @_;

    return slurp("$dir/objs/ngx_modules.c") =~ /^    "(\w+)"/mg;
}


# The objects made of src/nginx, in that tree, or of some of these.
sub compiled {
    my ($dir, $some) = @_;
    my @objects = slurp("$dir/objs/Makefile")
        =~ m{^(objs/(?:addon/nginx|src/nginx)/\w+\.o):}mg;

    @objects = grep { /$some/ } @objects if $some;
    ok(@objects > ($some ? 10 : 20), 'it knows our sources');

    return capture(1200, {}, 'make', '-C', $dir, '-f', 'objs/Makefile', '-j2',
                   @objects);
}


my @compilers = grep { installed($_) } qw(gcc clang);

for my $case (['little', 0, @minimal], ['much', 1, @full]) {
    my ($name, $stream, @options) = @$case;
    my $cc = $compilers[$stream] // $compilers[0];

    subtest "built into an nginx that has $name, by $cc" => sub {
        my ($ok, $dir, $said) = configured("--with-cc=$cc", @options,
                                           "--add-module=$module");
        ok($ok, 'configured') or diag($said), return;

        my %at;
        my @modules = modules($dir);
        @at{@modules} = 0 .. $#modules;

        ok(defined $at{"ngx_$_"}, "ngx_$_ is in it")
            for qw(keyspace_module http_keyspace_module
                   http_keyspace_limit_module http_keyspace_session_module);
        is(!!defined $at{ngx_stream_keyspace_module}, !!$stream,
           'the one of stream only where there is stream');

        cmp_ok($at{ngx_http_keyspace_session_module}, '<',
               $at{ngx_http_headers_filter_module},
               'sessions see what add_header adds');
        cmp_ok($at{ngx_http_keyspace_limit_module}, '>',
               $at{ngx_http_headers_filter_module},
               'limits come before all filters');
        like(slurp("$dir/objs/Makefile"), qr/^CFLAGS = .*-fno-semantic-interposition/m,
             'functions can be inlined');

        my @names = (capture(30, {}, 'nm', '-g', '--defined-only',
            "$dir/objs/keyspace_lua/libkeyspace_lua.a"))[1]
            =~ /^[0-9a-f]+ [A-Z] (\w+)$/mg;
        ok(@names > 150, 'Lua goes into it');
        is_deeply([grep { !/^keyspace_/ } @names], [],
                  'under names that no other Lua has');

        my ($code, $out) = compiled($dir);
        is($code, 0, 'compiled without a warning') or diag($out);
    };
}


subtest 'the listener, where nothing has TLS' => sub {
    my ($ok, $dir, $said) = configured('--with-cc=gcc', @minimal,
                                       '--with-stream',
                                       "--add-module=$module");
    ok($ok, 'configured') or diag($said), return;

    my ($code, $out) = compiled($dir, qr/ngx_stream_keyspace/);
    is($code, 0, 'compiled without a warning') or diag($out);
};


# What the file asks of nginx's configure, which sources it and tells what there
# is: (the status of it, the types of modules with how they are linked).
sub asked {
    my ($dir, $http, $stream, $link) = @_;

    return capture(60, {}, 'sh', '-c',
        "cd '$dir' && HTTP=$http STREAM=$stream ngx_module_link=$link "
        . "NGX_OBJS=objs CC=cc ngx_addon_dir='$module' && . '$module/config'");
}


subtest 'what is a part of nginx, and what a module' => sub {
    my $dir = tempdir();

    mkdir "$dir/$_" or die "$dir/$_: $!" for qw(auto objs);
    spew("$dir/auto/feature", "ngx_found=yes\n");
    spew("$dir/auto/module", qq(echo "\$ngx_module_type \$ngx_module_link"\n));

    my @inside = ('HTTP ADDON', 'HTTP_AUX_FILTER ADDON',
                  'HTTP_INIT_FILTER ADDON');

    for my $case (
        ['NO',      'ADDON',   @inside],
        ['YES',     'ADDON',   @inside, 'STREAM ADDON'],
        ['DYNAMIC', 'ADDON',   @inside, 'STREAM DYNAMIC'],
        ['NO',      'DYNAMIC', 'HTTP DYNAMIC'],
        ['YES',     'DYNAMIC', 'HTTP DYNAMIC', 'STREAM DYNAMIC'],
        ['DYNAMIC', 'DYNAMIC', 'HTTP DYNAMIC', 'STREAM DYNAMIC'])
    {
        my ($stream, $link, @want) = @$case;
        my ($code, $said) = asked($dir, 'YES', $stream, $link);

        is($code, 0, "$link, where stream is $stream");
        is_deeply([$said =~ /^([A-Z_]+ [A-Z]+)$/mg], \@want, '... as it is to be')
            or diag($said);
    }

    my ($code, $said) = asked($dir, 'NO', 'YES', 'ADDON');

    isnt($code, 0, 'nothing, without HTTP');
    like($said, qr/needs nginx's HTTP/, '... and why');
};


subtest 'Lua that cannot be had is told of' => sub {
    my $dir = tempdir();

    for my $case ([{ LUA_SRC => $dir }, qr/no sources of Lua in LUA_SRC=/],
                  [{ LUA_LIB => '/bin/true', LUA_INC => $dir },
                   qr/is not of Lua 5\.4/],
                  [{ LUA_LIB => '/bin/true' }, qr/is no library of Lua/])
    {
        my ($env, $why) = @$case;
        my ($code, $said) = capture(60, $env, "$module/.ci/lua", "$dir/lua");

        isnt($code, 0, join ' ', 'refused:', %$env);
        like($said, $why, 'and why');
        ok(!-e "$dir/lua/libkeyspace_lua.a", 'nothing is left to link');
    }
};


# KS_LUA_SRC: a tree of Lua's sources
SKIP: {
    skip 'KS_LUA_SRC names no sources of Lua', 1 if !$ENV{KS_LUA_SRC};

    subtest 'Lua from its sources' => sub {
        my $dir = tempdir();
        my ($code, $said) = capture(1200, { LUA_SRC => $ENV{KS_LUA_SRC} },
                                    "$module/.ci/lua", "$dir/lua");

        is($code, 0, 'compiled') or diag($said);

        my @names = (capture(30, {}, 'nm', '-g', '--defined-only',
            "$dir/lua/libkeyspace_lua.a"))[1] =~ /^[0-9a-f]+ [A-Z] (\w+)$/mg;
        ok(@names > 150, 'it is whole');
        is_deeply([grep { !/^keyspace_/ } @names], [],
                  'under names that no other Lua has');
    };
}

done_testing;
