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

# a module, those that it wants, and a location of its own
my @others = (
    ['ngx_http_lua_module', ['ndk_http_module'],
     'location = /lua { content_by_lua_block {
          local t = {}
          for i = 1, 100 do t[i] = tostring(i) end
          ngx.print(_VERSION, " ", #table.concat(t), " ", pcall(error, "x"))
      } }',
     qr/^Lua 5\.1 192 falsex$/],
    ['ngx_http_js_module', [],
     'js_import njs.js;
      location = /js { js_content njs.hello; }', qr/^js 3$/],
    ['ngx_http_perl_module', [],
     q{location = /perl { perl 'sub {
          my $r = shift;
          $r->send_http_header("text/plain");
          $r->print("perl " . join("", map { $_ * 2 } 1 .. 3));
          return OK;
      }'; }}, qr/^perl 246$/],
    ['ngx_http_echo_module', [],
     'location = /echo { echo -n "echo $request_method"; }', qr/^echo GET$/],
    ['ngx_nchan_module', [],
     'location = /nchan { nchan_stub_status; }', qr/published messages: 0/],
    ['ngx_http_headers_more_filter_module', [],
     'location = /more { more_set_headers "X-More: yes"; return 200 more; }',
     qr/^more$/],
    ['ngx_http_modsecurity_module', [],
     q{location = /modsecurity {
          modsecurity on;
          modsecurity_rules 'SecRuleEngine On
              SecRule ARGS:a "@streq b" "id:1,phase:1,deny,status:403"';
          return 200 modsecurity;
      }}, qr/^modsecurity$/],
);

@others = grep { -f "$modules/$_->[0].so" } @others;

plan skip_all => "there are no other modules in $modules" if !@others;

my @stream = KS::Nginx::stream_modules();
my $ours = pop @stream;         # what is left is nginx's own

my $njs = 'export default { hello: r => r.return(200, "js " + [1, 2].reduce('
          . '(a, b) => a + b)) };';


# The text of a configuration; keyspace is first or last, or not there.
sub conf {
    my ($where, @with) = @_;
    my %seen;
    my @theirs = map { "$modules/$_.so" } grep { !$seen{$_}++ }
        map { @{$_->[1]}, $_->[0] } @with;
    my @keyspace = (KS::Nginx::module(), @stream, $ours);
    my @load = $where eq 'first' ? (@keyspace, @theirs)
             : $where eq 'last' ? (@theirs, @keyspace)
             : @theirs;

    # nginx's own stream is one of ours when the other modules want it
    my $load = join "\n", map { "load_module $_;" } @load;
    my $locations = join "\n", map { $_->[2] } @with;
    my ($zone, $rest, $resp) = ('', 'location / { return 404; }', '');

    if ($where ne 'none') {
        $zone = "keyspace_zone main 4m { token $KS::Nginx::TOKEN;
                     readonly_token $KS::Nginx::READONLY; }";
        $rest = 'location / { keyspace_rest main; }';
        $resp = 'stream { server { listen 127.0.0.1:%RESP%;
                     keyspace_resp main; } }';
    }

    return <<"CONF";
$load
worker_processes 1;
$zone
events { }
http {
    js_path %DIR%;
    access_log off;
    client_body_temp_path %DIR%/client;
    server {
        listen 127.0.0.1:%PORT%;
        $locations
        $rest
    }
}
$resp
CONF
}


sub start {
    my ($where, @with) = @_;
    my $conf = conf($where, @with);

    $conf =~ s/^ *js_path .*$//m if !grep { $_->[0] =~ /_js_/ } @with;

    my $ngx = KS::Nginx->new(conf => $conf);
    KS::Proc::spew($ngx->dir . '/njs.js', $njs);
    $ngx->launch;

    return $ngx;
}


sub reload {
    my ($ngx, $where, @with) = @_;
    my $conf = conf($where, @with);

    $conf =~ s/^ *js_path .*$//m if !grep { $_->[0] =~ /_js_/ } @with;

    return $ngx->reload(conf => $conf);
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

        for my $other (@with) {
            my ($path) = $other->[2] =~ m{location = (/\w+)};
            like($ngx->client(token => undef)->request('GET', $path)->{body},
                 $other->[3], "$other->[0] answers");
        }
    }
}


for my $where (qw(first last)) {
    for my $with (map({ [$_] } @others), [@others]) {
        my $name = @$with > 1 ? 'all of them' : $with->[0][0];

        subtest "$name, keyspace loaded $where" => sub {
            my $ngx = start($where, @$with);

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
