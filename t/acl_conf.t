# Users of nginx.conf: their tokens and rights, where they may come from, what a
# reload makes of them, and what is refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::RESP;

my $users = <<'CONF';
    user app {
        token  app-token;
        token  app-token-2;
        rights "~app:* %R~shared:* &app:* +@all -@dangerous (~own +get)";
    }
    user far  { token far-token;  rights ~* +@all; deny all; }
    user near { token near-token; rights ~* +@all; allow 127.0.0.0/8; deny all; }
    user six  { token six-token;  rights ~* +@all; deny 127.0.0.1; allow ::/0; }
    user none { rights nopass ~* +get; }
CONF

my $ngx = KS::Nginx->start(
    size       => '16m',
    workers    => 2,
    resp       => '',
    main       => 'worker_shutdown_timeout 1s;',
    zone       => $users,
    log_format => '$keyspace_user $keyspace_command',
    http       => 'set_real_ip_from 127.0.0.1; real_ip_header X-From;',
);


sub as {
    my ($user, $password) = @_;
    my $c = $ngx->resp(token => undef);

    return ($c, ($c->replies(['AUTH', $user, $password]))[0]);
}


sub rest { $ngx->client(token => $_[0]) }


subtest 'tokens and rights' => sub {
    my ($c, $in) = as('app', 'app-token');

    is($in, "+OK\r\n", 'AUTH');
    is($c->run('SET', 'app:1', 'v'), 'OK', 'its keys');
    like($c->error('SET', 'shared:1', 'v'), qr/^NOPERM No perm/, 'what it reads');
    is($c->run('GET', 'shared:1'), undef, '... it reads');
    like($c->error('FLUSHALL'), qr/^NOPERM User app/, 'no such command');
    is($c->run('GET', 'own'), undef, 'by a selector');

    for my $token ('app-token', 'app-token-2') {
        is(rest($token)->run('ACL', 'WHOAMI'), 'app', "REST with $token");
    }

    my $admin = $ngx->resp;
    my $token = $admin->run('ACL', 'RESTTOKEN', 'app', 'app-token-2');
    is(rest($token)->run('ACL', 'WHOAMI'), 'app', 'and by what RESTTOKEN says');
    is(rest($KS::Nginx::TOKEN)->run('ACL', 'WHOAMI'), 'default', 'the zone\'s own');
    is(rest($KS::Nginx::READONLY)->error('SET', 'k', 'v') =~ /^NOPERM/, 1,
       'that which reads');
    is((as('none', 'anything'))[1], "+OK\r\n", 'nopass');
    like((as('app', 'far-token'))[1], qr/^-WRONGPASS/, 'the token of another');
    is(rest('nosuch')->post('["PING"]')->{status}, 401, 'no token');

    ok(KS::Proc::wait_for(10, sub { $ngx->access_log =~ /^app acl\|whoami$/m }),
       '$keyspace_user');
};


subtest 'addresses' => sub {
    like((as('far', 'far-token'))[1], qr/^-NOPERM User far may not come/, 'far');
    is((as('near', 'near-token'))[1], "+OK\r\n", 'near');
    like((as('six', 'six-token'))[1], qr/^-NOPERM/, 'an address alone');

    is(rest('far-token')->post('["PING"]')->{status}, 403, 'REST: far');
    is(rest('near-token')->run('PING'), 'PONG', 'REST: near');

    my $status = sub {
        my ($token, $from) = @_;
        return rest($token)->post('["PING"]', headers => ["X-From: $from"])
                   ->{status};
    };

    is($status->('near-token', '10.1.2.3'), 403, 'behind real_ip');
    is($status->('near-token', '127.9.9.9'), 200, '... a network');
    is($status->('six-token', '2001:db8::1'), 200, 'IPv6');
    is($status->('near-token', '2001:db8::1'), 403, '... to no IPv4 network');
    is($status->('near-token', '::ffff:127.0.0.1'), 200, 'IPv4 in IPv6');
};


subtest 'a reload' => sub {
    my $admin = $ngx->resp;
    my ($kept) = as('app', 'app-token');

    $admin->run('ACL', 'SETUSER', 'made', 'on', '>made', '~*', '+get');
    $admin->run('ACL', 'SETUSER', 'app', '-get', '>more');
    like($kept->error('GET', 'app:1'), qr/^NOPERM/, 'a command changes it');
    is($admin->run('ACL', 'DELUSER', 'near'), 1, 'and deletes one');
    like((as('near', 'near-token'))[1], qr/^-WRONGPASS/, '... until then');

    $ngx->reload(zone => $users =~ s/user far .*//r);
    $admin = $ngx->resp;

    is_deeply($admin->run('ACL', 'USERS'),
              [qw(app default made near none six)],
              'those of the file, and those of commands');
    my ($c) = as('app', 'app-token');
    is($c->run('GET', 'app:1'), 'v', 'with the rights of the file');
    like((as('app', 'more'))[1], qr/^-WRONGPASS/, '... and its tokens');
    is((as('near', 'near-token'))[1], "+OK\r\n", 'who was deleted is back');

    $ngx->reload(zone => '');
    is_deeply($ngx->resp->run('ACL', 'USERS'), [qw(default made)], 'none');
};

$ngx->stop;


subtest 'what is refused' => sub {
    for my $case (
        ['a wrong rule', 'user a { token t1; rights +nosuch; }',
         qr/invalid rule "\+nosuch" in "rights" of user "a": Unknown command/],
        ['no pattern', 'user a { token t1; rights "%X~k"; }', qr/Syntax error/],
        ['an open parenthesis', 'user a { token t1; rights "(~k +get"; }',
         qr/Unmatched parenthesis/],
        ['no token', 'user a { rights +get; }', qr/user "a" has no token/],
        ['default', 'user default { token t1; }', qr/another name/],
        ['twice', 'user a { token t1; } user a { token t2; }', qr/is duplicate/],
        ['the token of the zone', "user a { token $KS::Nginx::TOKEN; }",
         qr/the same token is given to two users/],
        ['the token of another', 'user a { token t1; } user b { token t1; }',
         qr/the same token is given to two users/],
        ['no address', 'user a { token t1; allow nowhere; }',
         qr/invalid address "nowhere" of user "a"/],
        ['another line', 'user a { token t1; nosuch x; }',
         qr/unknown directive "nosuch" in user/],
        ['token off', 'user a { token off; }', qr/is not for a user/],
    ) {
        my ($name, $zone, $want) = @$case;
        my ($code, $out) = KS::Nginx->check(zone => $zone);

        isnt($code, 0, $name);
        like($out, $want, '... and why');
        unlike($out, qr/\bt1\b/, '... without a secret');
    }
};

done_testing;
