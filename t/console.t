# The console: its page, what it asks for and of whom, and each of its views in a
# browser, with keys and values that try to be more than data.
#
# KS_SHOTS=DIR keeps pictures of the views there; KS_KEYS is how many keys the
# browser is shown.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;
use KS::Clients qw(run_tap);
use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(installed root slurp tempdir);

my $ngx = KS::Nginx->start(
    size => '256m', workers => 2, resp => '',
    zone => <<'CONF',
    metrics on; script_timeout 30s;
    user app { token app-token; rights "~* &* +@all -@dangerous"; commands 1000000/d; }
    user far { token far-token; rights "~* +@all"; deny all; }
CONF
    http => <<'CONF',
    keyspace_limit_rule window zone=main key=$arg_who rate=5r/h;
    keyspace_limit_rule bucket zone=main key=$arg_who rate=10r/h
                        algorithm=token_bucket;
    keyspace_limit_rule even zone=main key=$arg_who rate=10r/h burst=9
                        algorithm=gcra;
    keyspace_limit_rule first zone=main key=$arg_who rate=10r/h
                        algorithm=fixed_window;
CONF
    locations => <<'CONF');
    keyspace_cors *;
    location /redis/ { keyspace_rest main; }
    location /console/ { keyspace_console main; }
    location /own/ { keyspace_console main user=default; }
    location /look/ { keyspace_console main user=reader; }
    location /app/ { keyspace_console main user=app; }
    location /far/ { keyspace_console main user=far; }
    location /guarded/ {
        keyspace_console main;
        auth_basic "the console";
        auth_basic_user_file %DIR%/users;
    }
    location = /limited { keyspace_limit window bucket even first; }
    location = /visit {
        keyspace_session main secure=off;
        add_header Keyspace-Session "set user=ada" always;
    }
CONF

my $client = KS::HTTP->new(port => $ngx->port);
my $page = $client->request('GET', '/console/');


sub ask {
    my ($path, $body, @headers) = @_;

    return $client->request('POST', $path, body => $body,
                            headers => ['Keyspace-Console: 1', @headers]);
}


sub token { "Keyspace-Token: $_[0]" }


subtest 'the page' => sub {
    my $head = $page->{headers};
    my $csp = $head->{'content-security-policy'};

    is($page->{status}, 200, 'it is there');
    is($head->{'content-type'}, 'text/html; charset=utf-8', 'as HTML');
    cmp_ok(length $page->{body}, '<', 200 * 1024, 'and is no large one');
    like($page->{body}, qr{\A<!doctype html>.*</html>\n\z}s, 'all of it');

    like($csp, qr/^default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+';/,
         'its own script and style alone');
    like($csp, qr/frame-ancestors 'none'/, 'in no frame');
    unlike($csp, qr/unsafe|\*/, 'with no exception');
    is($head->{'cache-control'}, 'no-store', 'not to be kept');
    is($head->{'x-content-type-options'}, 'nosniff', 'nothing else');
    ok(!exists $head->{'access-control-allow-origin'}, 'for no other site');

    my ($before, $script) = $page->{body} =~ m{\A(.*)<script type="module">(.*)</script>}s;
    unlike($before, qr{<script|\son\w+=|\ssrc=|url\(|\@import|https?:(?!//www\.w3\.org/2000/svg)},
           'no foreign resource, no handler in an attribute');
    unlike($script, qr/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/,
           'nothing is parsed by the script');

    is($client->request('GET', '/console')->{status}, 301,
       'without its slash it is somewhere else');
    is($client->request('HEAD', '/console/')->{body} // '', '', 'HEAD');
    is($client->request('POST', '/console/', body => 'x')->{status}, 405,
       'nothing else');
    is($client->request('GET', '/console/other')->{status}, 404,
       'there is one page');
};


subtest 'who may ask' => sub {
    my $full = token($KS::Nginx::TOKEN);
    my $about = ask('/console/api/about', '', $full);

    is($about->{status}, 200, 'with a token');
    is(decode_json($about->{body})->{writes}, JSON::PP::true, 'for all');
    is_deeply([map { $_->{algorithm} } @{decode_json($about->{body})->{limits}}],
              [qw(sliding_window token_bucket gcra fixed_window)], 'the rules');
    is_deeply(decode_json($about->{body})->{sessions}, ['session:'],
              'the sessions');

    is(ask('/console/api/', '["SET","a","1"]', $full)->{body},
       '{"result":"OK"}', 'a command');
    is(ask('/console/api/about', '')->{status}, 401, 'no token');
    is(ask('/console/api/', '["GET","a"]', token('nosuch'))->{status}, 401,
       'a wrong one');
    is(ask("/console/api/?_token=$KS::Nginx::TOKEN", '["GET","a"]')->{status},
       401, 'never in the address');
    is(ask('/console/api/', '["GET","a"]',
           "Authorization: Bearer $KS::Nginx::TOKEN")->{status}, 401,
       'nor in a field that is nginx\'s');

    my $reads = token($KS::Nginx::READONLY);
    is(decode_json(ask('/console/api/about', '', $reads)->{body})->{writes},
       JSON::PP::false, 'a token that reads');
    is(ask('/console/api/', '["GET","a"]', $reads)->{body},
       '{"result":"1"}', 'may read');
    like(ask('/console/api/', '["SET","a","2"]', $reads)->{body},
         qr/^\{"error":"NOPERM/, 'and not write');
    like(ask('/console/api/multi-exec', '[["DEL","a"]]', $reads)->{body},
         qr/NOPERM/, 'not in a transaction either');

    is(ask('/own/api/', '["SET","a","3"]')->{status}, 200,
       'the user of the location');
    like(ask('/look/api/', '["SET","a","4"]')->{body}, qr/NOPERM/,
         'which may be one that reads');
    is(ask('/look/api/', '["SET","a","5"]', $full)->{status}, 200,
       'a token is more');
    is(ask('/look/api/', '["GET","a"]', token('nosuch'))->{status}, 401,
       'a wrong token is none');

    is($client->request('GET', '/guarded/')->{status}, 401, 'nginx guards');
    like($client->request('GET', '/guarded/')->{body}, qr/<html>/,
         'as it does');
    is(ask('/guarded/api/about', '', $full)->{status}, 401, 'both of them');
};


subtest 'other sites' => sub {
    my $status = sub {
        $client->request('POST', '/own/api/', body => '["SET","b","1"]',
                         headers => [@_])->{status};
    };
    my $own = 'Keyspace-Console: 1';

    is($status->(), 403, 'a form of anybody');
    is($status->($own, 'Sec-Fetch-Site: cross-site'), 403, 'another site');
    is($status->($own, 'Sec-Fetch-Site: same-site'), 403, 'a neighbour');
    is($status->($own, 'Sec-Fetch-Site: same-origin'), 200, 'the page');
    is($status->($own, 'Origin: http://evil.example'), 403, 'by its origin');
    is($status->($own, 'Origin: null'), 403, 'of none');
    is($status->($own, "Origin: http://localhost"), 200, 'the page again');
    is($status->($own, "Origin: http://localhost.evil.example"), 403,
       'one that begins like it');

    my $flight = $client->request('OPTIONS', '/own/api/', headers => [
        'Origin: http://evil.example', 'Access-Control-Request-Method: POST',
        'Access-Control-Request-Headers: keyspace-console']);

    is($flight->{status}, 405, 'a preflight is not answered');
    ok(!exists $flight->{headers}{'access-control-allow-origin'},
       'whatever CORS there is around');
    is($client->request('GET', '/own/api/get/a', headers => [$own])->{status},
       405, 'nothing by GET');
};


SKIP: {
    skip 'there is no browser', 1 unless installed('chromedriver');

    $client->request('GET', "/limited?who=$_") for ('ada') x 6, ('bob') x 2;
    $client->request('GET', '/visit') for 1 .. 3;

    run_tap('python3', root() . '/t/clients/console.py',
            'http://127.0.0.1:' . $ngx->port, tempdir(),
            $ENV{KS_KEYS} // 1_000_000, $ENV{KS_SHOTS} // '');
}


subtest 'a user of the zone' => sub {
    my $whoami = '["ACL","WHOAMI"]';

    $client = KS::HTTP->new(port => $ngx->port);

    like(ask('/app/api/', $whoami)->{body}, qr/"app"/, 'without a token');
    like(ask('/app/api/', '["FLUSHALL"]')->{body}, qr/NOPERM User app/, 'its rights');
    like(ask('/app/api/', $whoami, "Keyspace-Token: $KS::Nginx::TOKEN")->{body},
         qr/"default"/, 'with a token that of the token');
    is(ask('/far/api/', $whoami)->{status}, 403, 'from where it may not come');

    my $admin = $ngx->resp;
    $admin->run('ACL', 'SETUSER', 'app', 'off');
    is(ask('/app/api/', $whoami)->{status}, 401, 'it is off');
    $admin->run('ACL', 'SETUSER', 'app', 'on');
    like(ask('/app/api/', $whoami)->{body}, qr/"app"/, 'and on again');
};


for (['location /c { keyspace_console main; }', qr/ends with a slash/],
     ['location = /c/ { keyspace_console main; }', qr/ends with a slash/],
     ['location ~ /c/ { keyspace_console main; }', qr/ends with a slash/],
     ['location /c/ { keyspace_console main; keyspace_console main; }',
      qr/"keyspace_console" directive is duplicate/],
     ['location /c/ { keyspace_rest main; keyspace_console main; }',
      qr/stands beside another directive/],
     ['location /c/ { keyspace_console main; keyspace_rest main; }',
      qr/is duplicate|stands beside another directive/],
     ['location /c/ { keyspace_console main user=nobody; }',
      qr/keyspace zone "main" has no user "nobody", which a directive names/],
     ['location /c/ { keyspace_console main user=; }',
      qr/invalid parameter "user=" of keyspace_console: it is default, reader/],
     ['location /c/ { keyspace_console nosuch; }', qr/nosuch/])
{
    my ($locations, $says) = @$_;
    my ($code, $out) = KS::Nginx->check(size => '8m', locations => $locations);

    ok($code != 0 && $out =~ $says, $locations) or diag($out);
}

$ngx->stop;
done_testing;
