# Other modules of nginx beside ours, loaded before or after, with scripts on
# both sides: their Lua is LuaJIT, ours is not, and neither sees the other's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(capture root);

plan skip_all => 'our modules are built in' if $ENV{KS_STATIC};

my ($modules) = (capture(30, {}, KS::Nginx::binary_path(), '-V'))[1]
    =~ /--modules-path=(\S+)/;

plan skip_all => 'nginx does not say where its modules are'
    if !defined $modules;

# What each other module has here: those that it wants, directives of http, of
# the server (they are in force where keyspace answers, too), of keyspace's
# location, and of RESP's server, a location of its own with what that says, a
# block of main, and a header of keyspace's own replies.
my @others = (
    { name => 'ngx_http_lua_module', wants => ['ndk_http_module'],
      server => 'header_filter_by_lua_block { ngx.header["X-Lua"] = "1" }',
      header => ['x-lua', '1'],
      location => 'location = /lua { content_by_lua_block {
          local t = {}
          for i = 1, 100 do t[i] = tostring(i) end
          ngx.print(_VERSION, " ", #table.concat(t), " ", pcall(error, "x"))
      } }',
      says => qr/^Lua 5\.1 192 falsex$/ },
    { name => 'ngx_http_js_module',
      http => 'js_path %DIR%; js_import njs.js;',
      rest => 'js_header_filter njs.header;', header => ['x-js', '7'],
      location => 'location = /js { js_content njs.hello; }',
      says => qr/^js 3$/ },
    { name => 'ngx_stream_js_module',
      stream => 'js_path %DIR%; js_import njs.js; js_access njs.access;' },
    { name => 'ngx_http_perl_module',
      http => q{perl_set $by_perl 'sub { return "p" . 2 * 3 }';},
      server => 'add_header X-Perl $by_perl;', header => ['x-perl', 'p6'],
      location => q{location = /perl { perl 'sub {
          my $r = shift;
          $r->send_http_header("text/plain");
          $r->print("perl " . join("", map { $_ * 2 } 1 .. 3));
          return OK;
      }'; }},
      says => qr/^perl 246$/ },
    { name => 'ngx_http_echo_module',
      location => 'location = /echo { echo -n "echo $request_method"; }',
      says => qr/^echo GET$/ },
    { name => 'ngx_nchan_module',
      location => 'location = /nchan { nchan_stub_status; }',
      says => qr/published messages: 0/ },
    { name => 'ngx_http_headers_more_filter_module',
      server => 'more_set_headers "X-More: yes";', header => ['x-more', 'yes'],
      location => 'location = /more { return 200 more; }', says => qr/^more$/ },
    { name => 'ngx_http_modsecurity_module',
      server => q{modsecurity on;
          modsecurity_rules 'SecRuleEngine On
              SecRule ARGS:a "@streq b" "id:1,phase:1,deny,status:403"';},
      location => 'location = /modsecurity { return 200 modsecurity; }',
      says => qr/^modsecurity$/, refused => '/get/k?a=b' },
    { name => 'ngx_http_brotli_filter_module',
      server => 'brotli on; brotli_types application/json;
                 brotli_min_length 1;', encoding => 'br' },
    { name => 'ngx_http_brotli_static_module',
      location => 'location = /file.txt { root %DIR%; brotli_static always; }',
      says => qr/^brotli$/ },
    { name => 'ngx_http_subs_filter_module',
      location => 'location = /subs { default_type text/html;
                       subs_filter one two; return 200 "one for one"; }',
      says => qr/^two for two$/ },
    { name => 'ngx_http_set_misc_module', wants => ['ndk_http_module'],
      location => 'location = /misc { set_md5 $sum keyspace; return 200 $sum; }',
      says => qr/^386afb47/ },
    { name => 'ngx_http_srcache_filter_module',
      location => 'location = /srcache { srcache_ignore_content_encoding on;
                       srcache_fetch GET /get/none; return 204; }',
      says => qr/^$/ },
    { name => 'ngx_http_memc_module',
      http => 'upstream memcached { server 127.0.0.1:9; }' },
    { name => 'ngx_http_cache_purge_module',
      http => 'proxy_cache_path %DIR%/cache keys_zone=c:1m;',
      location => 'location = /purged { proxy_pass http://127.0.0.1:%PORT%/static;
                       proxy_cache c; proxy_cache_key k; proxy_cache_valid 1h;
                       proxy_cache_purge PURGE from all; }',
      says => qr/^static$/ },
    { name => 'ngx_http_upstream_fair_module',
      http => 'upstream fair { server 127.0.0.1:%PORT%; fair; }',
      location => 'location = /fair { proxy_pass http://fair/static; }',
      says => qr/^static$/ },
    { name => 'ngx_http_dav_ext_module',
      location => 'location = /dav.xml { root %DIR%; dav_methods PUT;
                       dav_ext_methods PROPFIND OPTIONS; }',
      says => qr{getcontentlength>8<}, method => ['PROPFIND', 207] },
    { name => 'ngx_http_fancyindex_module',
      location => 'location /list/ { root %DIR%; fancyindex on; }',
      says => qr/in-the-list/ },
    { name => 'ngx_http_xslt_filter_module',
      location => 'location = /file.xml { root %DIR%; types { text/xml xml; }
                       xslt_stylesheet %DIR%/file.xslt; }',
      says => qr/sheet of style: b/ },
    { name => 'ngx_http_image_filter_module',
      location => 'location = /image { image_filter size; empty_gif; }',
      says => qr/"width": 1, "height": 1/ },
    { name => 'ngx_http_uploadprogress_module',
      http => 'upload_progress up 1m;',
      location => 'location = /progress { report_uploads up; }',
      says => qr/"state" : "starting"/, path => '/progress?X-Progress-ID=1' },
    { name => 'ngx_http_geoip_module' },
    { name => 'ngx_http_geoip2_module' },
    { name => 'ngx_stream_geoip2_module' },
    { name => 'ngx_http_auth_pam_module' },
    { name => 'ngx_mail_module',
      main => 'mail { auth_http 127.0.0.1:9; server_name localhost;
                   server { listen 127.0.0.1:%PORT2%; protocol imap; } }' },
    { name => 'ngx_rtmp_module',
      main => 'rtmp { server { listen 127.0.0.1:%RESP2%;
                   application live { live on; } } }',
      location => 'location = /rtmp { rtmp_stat all; }',
      says => qr{<rtmp>.*<name>live</name>}s },
);

@others = grep { -f "$modules/$_->{name}.so" } @others;

plan skip_all => "there are no other modules in $modules" if !@others;

my @stream = KS::Nginx::stream_modules();
my $ours = pop @stream;         # what is left is nginx's own

# what they find in %DIR%
my %files = (
    'njs.js' => 'export default { hello: r => r.return(200, "js " + [1, 2].reduce('
        . '(a, b) => a + b)), header: r => { r.headersOut["X-JS"] = 3 + 4; }, '
        . 'access: s => s.allow() };',
    'file.txt.br' => 'brotli',
    'file.xml' => '<a>b</a>',
    'dav.xml' => '<a>b</a>',
    'file.xslt' => '<x:stylesheet version="1.0" '
        . 'xmlns:x="http://www.w3.org/1999/XSL/Transform"><x:output method="text"/>'
        . '<x:template match="/a">sheet of style: <x:value-of select="."/>'
        . '</x:template></x:stylesheet>',
    'list/in-the-list' => '',
);

# what they have of a kind, in a configuration
sub lines {
    my ($kind, @with) = @_;

    return join "\n        ", map { $_->{$kind} // () } @with;
}


# The text of a configuration; keyspace is first or last, or not there.
sub conf {
    my ($where, @with) = @_;
    my %seen;
    my @theirs = map { "$modules/$_.so" } grep { !$seen{$_}++ }
        map { @{$_->{wants} // []}, $_->{name} } @with;

    # nginx's own stream comes before whatever needs it
    my @early = grep { !/ngx_stream_\w+_module/ } @theirs;
    my @late = grep { /ngx_stream_\w+_module/ } @theirs;
    my @keyspace = (KS::Nginx::module(), $ours);
    my @load = $where eq 'first' ? (@stream, @keyspace, @early, @late)
             : $where eq 'last' ? (@stream, @early, @late, @keyspace)
             : (@stream, @early, @late);

    my %of = map { $_ => lines($_, @with) } qw(main http server rest location stream);
    my $load = join "\n", map { "load_module $_;" } @load;
    my ($zone, $rules, $rest, $resp) = ('', '', 'location / { return 404; }', '');

    if ($where ne 'none') {
        $zone = "keyspace_zone main 4m { token $KS::Nginx::TOKEN;
                     readonly_token $KS::Nginx::READONLY; }";
        $rules = 'keyspace_limit_rule two zone=main key=$arg_k rate=2r/h;';
        $rest = "location / { keyspace_rest main; $of{rest} }" . '
                 location = /limited { keyspace_limit two; empty_gif; }
                 location = /session { keyspace_session main cookie=s secure=off;
                     add_header X-Session $keyspace_session_created;
                     empty_gif; }';
        $resp = "stream { server { listen 127.0.0.1:%RESP%;
                     keyspace_resp main; $of{stream} } }";
    }

    return <<"CONF";
$load
worker_processes 1;
$zone
events { }
$of{main}
http {
    $of{http}
    $rules
    access_log off;
    client_body_temp_path %DIR%/client;
    proxy_temp_path %DIR%/proxy;
    server {
        listen 127.0.0.1:%PORT%;
        location = /static { return 200 static; }
        $of{server}
        $of{location}
        $rest
    }
}
$resp
CONF
}


sub start {
    my ($where, @with) = @_;
    my $ngx = KS::Nginx->new(conf => conf($where, @with));

    mkdir $ngx->dir . '/list';
    KS::Proc::spew($ngx->dir . "/$_", $files{$_}) for keys %files;
    $ngx->launch;

    return $ngx;
}


sub reload {
    my ($ngx, $where, @with) = @_;

    return $ngx->reload(conf => conf($where, @with));
}


# What another module does, and ours where that is in force.
sub beside {
    my ($ngx, $other) = @_;
    my $name = $other->{name};
    my $plain = $ngx->client(token => undef);

    if ($other->{says}) {
        my ($path) = $other->{location} =~ m{location (?:= )?(/[\w./]+)};
        my ($method, $status) = @{$other->{method} // ['GET', undef]};
        my $r = $plain->request($method, $other->{path} // $path);

        like($r->{body}, $other->{says}, "$name answers");
        is($r->{status}, $status, '... as it should') if $status;
    }

    if ($other->{header}) {
        my ($header, $value) = @{$other->{header}};
        my $r = $ngx->client->request('GET', '/get/k');

        is($r->{headers}{$header}, $value, "$name at a reply of keyspace");
        like($r->{body}, qr/^\{"result":"v\d"\}$/, '... which is whole');
    }

    if ($other->{encoding}) {
        my $r = $ngx->client->request('GET', '/get/k', headers =>
                    ["Accept-Encoding: $other->{encoding}"]);

        is($r->{headers}{'content-encoding'}, $other->{encoding},
           "$name packs a reply of keyspace");
    }

    is($plain->request('GET', $other->{refused})->{status}, 403,
       "$name refuses a command") if $other->{refused};
}


sub limits_and_sessions {
    my ($ngx) = @_;
    my $plain = $ngx->client(token => undef);
    my $key = 'k' . int rand 1e9;

    is(join(' ', map { $plain->request('GET', "/limited?k=$key")->{status} }
                 1 .. 3), '200 200 429', 'a limit');

    my $r = $plain->request('GET', '/session');
    my ($cookie) = ($r->{headers}{'set-cookie'} // '') =~ /^(s=[\w-]+)/;
    ok($cookie, 'a session begins');

    $r = $plain->request('GET', '/session', headers => ["Cookie: $cookie"]);
    is($r->{status}, 200, '... and goes on');
    is($r->{headers}{'set-cookie'}, undef, '... with the same cookie');
}


# Both sides at work, one after the other and back.
sub at_work {
    my ($ngx, @with) = @_;
    my ($http, $resp) = ($ngx->client, $ngx->resp);
    my $reader = $ngx->client(token => $KS::Nginx::READONLY);
    my $script = 'local t = {} for i = 1, 100 do t[i] = tostring(i) end '
        . 'return {#table.concat(t), cjson.encode({1, "a"}), '
        . 'cmsgpack.unpack(cmsgpack.pack("x")), '
        . 'select(2, pcall(error, "y")), redis.call("GET", KEYS[1])}';

    for my $round (1, 2) {
        $http->run('SET', 'k', "v$round");

        my $want = [192, '[1,"a"]', 'x', 'y', "v$round"];

        is_deeply($http->run('EVAL', $script, 1, 'k'), $want,
                  'a script over REST');
        is_deeply($resp->run('EVAL', $script, 1, 'k'), $want, 'and over RESP');
        is($reader->run('EVAL', 'return 1', 0), 1, 'one that may only read');
        like($http->error('EVAL', 'return nofunction()', 0),
             qr/attempt to call|nonexistent global/, 'one that fails');

        beside($ngx, $_) for @with;
    }

    limits_and_sessions($ngx);
}


for my $where (qw(first last)) {
    for my $with (map({ [$_] } @others), [@others]) {
        my $name = @$with > 1 ? 'all of them' : $with->[0]{name};

        subtest "$name, keyspace loaded $where" => sub {
            my $ngx = start($where, @$with);

            at_work($ngx, @$with);
            ok(reload($ngx, $where, @$with), 'a reload');
            at_work($ngx, @$with);
            $ngx->stop;
        };
    }
}


subtest 'a reload that adds keyspace' => sub {
    my $ngx = start('none', @others);

    ok(reload($ngx, 'last', @others), 'taken over');
    at_work($ngx, @others);
    ok(reload($ngx, 'first', @others), 'and so it is in another order');
    at_work($ngx, @others);
    $ngx->stop;
};


subtest 'a reload that adds the others' => sub {
    my $ngx = start('first');

    at_work($ngx);
    ok(reload($ngx, 'first', @others), 'taken over');
    at_work($ngx, @others);
    ok(reload($ngx, 'first'), 'and so it is when they go');
    at_work($ngx);
    $ngx->stop;
};


subtest 'what is visible' => sub {
    my %visible;

    for my $so (KS::Nginx::module(), $ours) {
        my ($code, $said) = capture(30, {}, 'nm', '-D', '--defined-only', $so);
        plan skip_all => 'there is no nm' if $code != 0;
        $visible{$so} = [$said =~ / (\w+)$/mg];
    }

    is_deeply([sort @{$visible{$ours}}],
              [qw(ngx_module_names ngx_module_order ngx_modules)],
              'of the module of stream: what nginx looks up');

    my ($listed) = KS::Proc::slurp(root()
        . '/src/nginx/ngx_http_keyspace_module.map') =~ /global:(.*)local:/s;

    is_deeply([sort @{$visible{KS::Nginx::module()}}],
              [sort $listed =~ /(\w+);/g],
              'of the module of HTTP: that, and what the other one calls');
};

done_testing;
