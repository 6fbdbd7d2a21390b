# Users and their rights: nobody reaches a command, a key or a channel that it
# may not, whatever the way in, and what is taken from a user is gone at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::HTTP;
use KS::Nginx;
use KS::Proc qw(wait_for slurp);
use KS::RESP;

my $ngx = KS::Nginx->start(
    size      => '16m',
    workers   => 2,
    main      => 'worker_shutdown_timeout 1s;',
    resp      => '',
    zone      => 'metrics on; file %DIR%/main.ks;',
    locations => 'location / { keyspace_rest main; }',
);

my $admin = $ngx->resp;
my $denied = qr/^(?:NOPERM |ERR ACL failure in script: )/;


# A client of RESP in that user's name.
sub as {
    my ($user, $password) = @_;
    my $c = $ngx->resp(token => undef);

    is($c->run('AUTH', $user, $password // 'p'), 'OK', "$user logs in");

    return $c;
}


sub rest {
    my ($token) = @_;

    return $ngx->client(token => $token);
}


# Every command of the table, with as many arguments as it takes.
sub commands {
    my ($fill) = @_;
    my @all;

    for my $info (@{$admin->run('COMMAND')}) {
        for my $row ($info, @{$info->[9]}) {
            my ($name, $arity, $flags) = @$row;
            my $sub = $name =~ /\|/;
            my @argv = split /\|/, $name;

            push @argv, $fill while @argv < abs $arity;
            push @all, { name => $name, argv => \@argv,
                         flags => { map { $_ => 1 } @$flags },
                         parent => scalar @{$row->[9]} };
        }
    }

    return @all;
}


subtest 'no command without a right to it' => sub {
    $admin->run('ACL', 'SETUSER', 'none', 'on', '>none', '~*', '&*');
    $admin->run('ACL', 'SETUSER', 'runs', 'on', '>runs', '~*', '&*',
                '+eval', '+multi', '+exec', '+discard');

    my $resp = as('none', 'none');
    my $runs = as('runs', 'runs');
    my $http = rest('none');
    my ($ways, %got) = (0);

    for my $c (grep { !$_->{flags}{no_auth} && !$_->{parent} } commands('1')) {
        my @argv = @{$c->{argv}};
        my ($reply) = $resp->replies(\@argv);
        my $http_reply = $http->post(KS::HTTP::array(@argv))->{body};

        $ways++;
        $got{"$c->{name} RESP"} = $reply unless $reply =~ /^-.*NOPERM/;
        $got{"$c->{name} REST"} = $http_reply
            unless $http_reply =~ /NOPERM|is for connections/;

        next if $c->{name} =~ /^(?:eval|multi|exec|discard)$/;

        my @in = $runs->replies(['MULTI'], \@argv, ['DISCARD']);
        $got{"$c->{name} MULTI"} = $in[1] unless $in[1] =~ /^-NOPERM/;

        my ($called) = $runs->replies(['EVAL', 'return redis.pcall(unpack(ARGV))',
                                       0, @argv]);
        $got{"$c->{name} EVAL"} = $called
            unless $called =~ /^-ERR (?:ACL failure|This Redis command is not)/;

        if (!$c->{flags}{noscript}) {
            my ($may) = $runs->replies(['EVAL',
                'return redis.acl_check_cmd(unpack(ARGV)) and 1 or 0', 0, @argv]);
            $got{"$c->{name} acl_check_cmd"} = $may unless $may eq ":0\r\n";
        }
    }

    cmp_ok($ways, '>', 250, 'all commands');
    is_deeply(\%got, {}, 'none is let in');
};


subtest 'no key and no channel without a right to it' => sub {
    $admin->run('ACL', 'SETUSER', 'keyless', 'on', '>keyless', '+@all', '~mine',
                '&mine');

    my $resp = as('keyless', 'keyless');
    my $http = rest('keyless');
    my ($ways, %got) = (0);

    for my $c (commands('1')) {
        my @argv = @{$c->{argv}};
        my ($keys) = $admin->replies(['COMMAND', 'GETKEYS', @argv]);
        my $channel = $c->{name} =~ /^(?:s?publish|[ps]?subscribe)$/;

        next unless $keys =~ /^\*[1-9]/ || $channel;
        $ways++;

        my ($reply) = $resp->replies(\@argv);
        my $body = $http->post(KS::HTTP::array(@argv))->{body};

        $got{"$c->{name} RESP"} = $reply unless $reply =~ /^-NOPERM No perm/;
        $got{"$c->{name} REST"} = $body
            unless $body =~ /NOPERM No perm|is for connections/;

        my ($called) = $resp->replies(['EVAL', 'return redis.pcall(unpack(ARGV))',
                                       0, @argv]);
        $got{"$c->{name} EVAL"} = $called
            unless $called =~ /^-ERR (?:ACL failure|This Redis command is not)/;
    }

    cmp_ok($ways, '>', 150, 'all commands that have keys or channels');
    is_deeply(\%got, {}, 'none is let in');

    # what names keys by patterns

    $admin->run('RPUSH', 'mine', 1, 2);
    $admin->run('SET', 'w_1', 5);
    like($resp->error('SORT', 'mine', 'BY', 'w_*'), qr/BY option.*denied/, 'BY');
    like($resp->error('SORT', 'mine', 'GET', 'w_*'), qr/GET option.*denied/,
         'GET');
    is_deeply($resp->run('SORT', 'mine', 'BY', 'nosort'), [1, 2], 'BY nosort');
};


subtest 'what is taken away is gone at once' => sub {
    my ($a, $b) = $ngx->two_workers;
    my @them = map { KS::RESP->new(port => $ngx->resp_port) } 1 .. 8;

    $admin->run('ACL', 'SETUSER', 'app', 'on', '>p', '~*', '&*', '+@all');
    $_->run('AUTH', 'app', 'p') for @them;
    $_->run('SET', 'k', 'v') for @them;

    my $http = rest('p');
    is($http->run('GET', 'k'), 'v', 'REST with the password');

    $a->run('ACL', 'SETUSER', 'app', '-get');
    like($_->error('GET', 'k'), $denied, 'GET') for @them;
    like($http->error('GET', 'k'), $denied, 'REST, too');
    is($_->run('SET', 'k', 'v'), 'OK', 'SET goes on') for @them;

    $b->run('ACL', 'SETUSER', 'app', '+get', 'resetkeys', '~j*');
    like($_->error('GET', 'k'), $denied, 'the key') for @them;

    # amid a MULTI

    $a->run('ACL', 'SETUSER', 'app', 'allkeys');
    $them[0]->run('MULTI');
    $them[0]->run('GET', 'k');
    $b->run('ACL', 'SETUSER', 'app', '-get');
    like($them[0]->command('EXEC'),
         qr/^\*1\r\n-NOPERM ACLs rules changed.*execute the command/, 'EXEC');

    # by itself, in its own transaction; and if that is undone

    $admin->run('ACL', 'SETUSER', 'app', '+get');
    $them[1]->run('MULTI');
    $them[1]->run(@$_) for ['GET', 'k'], ['ACL', 'SETUSER', 'app', '-get'],
                           ['GET', 'k'], ['ACL', 'SETUSER', 'app', '+get'],
                           ['GET', 'k'];
    like($them[1]->command('EXEC'),
         qr/^\*5\r\n\$1\r\nv\r\n\+OK\r\n-NOPERM[^\n]*\r\n\+OK\r\n\$1\r\nv\r\n$/,
         'what a transaction changes holds inside of it');
    is($them[1]->run('GET', 'k'), 'v', '... and behind it');

    # clients that wait

    my @waits = @them[2 .. 5];
    $_->send(KS::RESP::encode('BLPOP', 'queue', 0)) for @waits;
    wait_for(20, sub { ($admin->run('INFO', 'clients')
                        =~ /blocked_clients:(\d+)/)[0] == @waits });
    $admin->run('ACL', 'SETUSER', 'app', '-blpop');
    $admin->run('RPUSH', 'queue', 'x');
    like($_->reply, qr/^-NOPERM User app.*'blpop'/, 'BLPOP gets nothing')
        for @waits;
    is($admin->run('LPOP', 'queue'), 'x', '... and takes nothing');

    # subscriptions

    $them[0]->run('SUBSCRIBE', 'c');
    $them[1]->run('PSUBSCRIBE', 'c*');
    $them[2]->run('SUBSCRIBE', 'd');
    $admin->run('ACL', 'SETUSER', 'app', 'resetchannels', '&d', '&c*');
    is($admin->run('PUBLISH', 'c', 'm'), 2, 'both may stay');
    like($them[$_]->reply, qr/message/, 'and hear') for 0, 1;
    $admin->run('ACL', 'SETUSER', 'app', 'resetchannels', '&d');
    is($them[$_]->reply, undef, 'the connection is closed') for 0, 1;
    is($admin->run('PUBLISH', 'd', 'm'), 1, 'another subscription stays');
    like($them[2]->reply, qr/message/, 'and hears');

    # MONITOR

    my $monitor = as('app');
    is($monitor->run('MONITOR'), 'OK', 'MONITOR');
    $admin->run('ACL', 'SETUSER', 'app', '-@admin');
    1 while defined $monitor->reply;
    is($monitor->{why}, 'closed', 'who may no longer see all is closed');

    # off: no new ones

    $admin->run('ACL', 'SETUSER', 'app', 'off');
    like($ngx->resp(token => undef)->error('AUTH', 'app', 'p'), qr/^WRONGPASS/,
         'off: nobody logs in');
    is($http->post('["GET","k"]')->{status}, 401, '... nor over REST');
    is($them[6]->run('GET', 'k'), 'v', '... and who is in stays');

    # gone

    is($admin->run('ACL', 'DELUSER', 'app', 'nosuch'), 1, 'DELUSER');
    is($them[$_]->reply, undef, 'the connection is closed') for 2 .. 7;

    # the same name is another user

    $admin->run('ACL', 'SETUSER', 'app', 'on', '>p', '+@all', '~*');
    is(as('app')->run('GET', 'k'), 'v', 'one of the same name');
};


subtest 'a connection of who is deleted may do nothing meanwhile' => sub {
    my ($a, $b) = $ngx->two_workers;

    $a->run('ACL', 'SETUSER', 'brief', 'on', '>b', '+@all', '~*');
    is($b->run('AUTH', 'brief', 'b'), 'OK', 'logged in');

    # one after the other, without a moment in between

    for (1 .. 20) {
        my ($deleted) = $a->replies(['ACL', 'DELUSER', 'brief']);
        my $reply = ($b->replies(['SET', 'k', 'evil']))[0];

        ok(!defined $reply || $reply =~ /^-NO(?:AUTH|PERM)/, 'nothing');
        $a->run('ACL', 'SETUSER', 'brief', 'on', '>b', '+@all', '~*');
        (undef, $b) = $ngx->two_workers;
        $b->run('AUTH', 'brief', 'b');
    }

    isnt($a->run('GET', 'k'), 'evil', 'no write of it');
};


subtest 'who one is' => sub {
    $admin->run('ACL', 'SETUSER', 'ann', 'on', '>secret', '>other', '~a*',
                '+@all', '-@dangerous', '+client|list', '+client|kill');
    my $c = as('ann', 'secret');

    is($c->run('ACL', 'WHOAMI'), 'ann', 'WHOAMI');
    like($c->run('CLIENT', 'LIST'), qr/ user=ann /, 'CLIENT LIST');
    is(rest('other')->run('ACL', 'WHOAMI'), 'ann', 'REST by any password');
    is($admin->run('ACL', 'WHOAMI'), 'default', 'the admin');
    is($c->run('HELLO', 2, 'AUTH', 'ann', 'other')->[0], 'server', 'HELLO AUTH');
    like($c->error('HELLO', 2, 'AUTH', 'ann', 'wrong'), qr/^WRONGPASS/,
         'a wrong password');
    is($c->run('ACL', 'WHOAMI'), 'ann', 'stays who it was');

    is($admin->run('CLIENT', 'KILL', 'USER', 'ann'), 1, 'CLIENT KILL USER');
    is($c->reply, undef, 'closed');
    like($admin->error('CLIENT', 'KILL', 'USER', 'nosuch'),
         qr/^ERR No such user 'nosuch'/, 'a user that is not');

    # a token for REST

    my $token = $admin->run('ACL', 'RESTTOKEN', 'ann', 'secret');
    like($token, qr/^[\w-]+$/, 'RESTTOKEN');
    is(rest($token)->run('ACL', 'WHOAMI'), 'ann', 'it says who it is');
    is($ngx->client(token => undef)
           ->request('GET', "/get/a?_token=$token")
           ->{body}, '{"result":null}', 'in the query, too');
    like($admin->error('ACL', 'RESTTOKEN', 'ann', 'wrong'),
         qr/^ERR Wrong password or user "ann" does not exist/, 'a wrong password');
    like($admin->error('ACL', 'RESTTOKEN', 'who', 'secret'),
         qr/^ERR Wrong password or user "who" does not exist/, 'no user');

    # a password that two have names nobody, but the token does

    $admin->run('ACL', 'SETUSER', 'twin', 'on', '>secret', '~*', '+@all');
    is(rest('secret')->post('["PING"]')->{status}, 401, 'whose is it?');
    is(rest($token)->run('ACL', 'WHOAMI'), 'ann', 'that of ann');
    $admin->run('ACL', 'SETUSER', 'ann', '<secret');
    is(rest($token)->post('["PING"]')->{status}, 401, 'gone with the password');
    is(rest('secret')->run('ACL', 'WHOAMI'), 'twin', 'one alone has it');

    for my $bad ('a3MB', 'a3MBBWFubg', 'a3MB' . 'x' x 3000, 'a3MB____') {
        is(rest($bad)->post('["PING"]')->{status}, 401, 'no token');
    }
};


subtest 'default' => sub {
    my $c = $ngx->resp(token => undef);

    like($c->error('GET', 'k'), qr/^NOAUTH/, 'has to log in');
    like(join(' ', @{$admin->run('ACL', 'LIST')}),
         qr/user default on sanitize-payload #[0-9a-f]{64} ~\* &\* \+\@all/,
         'has the token for its password');

    $admin->run('ACL', 'SETUSER', 'default', '>new');
    is($c->run('AUTH', 'new'), 'OK', 'another password');
    $admin->run('ACL', 'SETUSER', 'default', '-set');
    like($admin->error('SET', 'k', 'v'), $denied, 'fewer rights');
    like(rest($KS::Nginx::TOKEN)->error('SET', 'k', 'v'), $denied,
         '... over REST as well');

    my $reader = $ngx->resp(token => $KS::Nginx::READONLY);
    is($reader->run('ACL', 'WHOAMI') // '', 'default', 'who only reads')
        or note('it is');

    $ngx->reload;
    $admin = $ngx->resp;
    is($admin->run('SET', 'k', 'v'), 'OK', 'a reload makes it what it was');
    like($ngx->resp(token => undef)->error('AUTH', 'new'), qr/^WRONGPASS/,
         '... with its token alone');
};


subtest 'what is kept' => sub {
    my @before = @{$admin->run('ACL', 'LIST')};

    my @workers = $ngx->workers;

    $ngx->allow(qr/exited on signal 9/);
    kill 'KILL', @workers;
    wait_for(20, sub { !grep { my $w = $_; grep { $_ == $w } @workers }
                             $ngx->workers and $ngx->workers == 2 });
    $admin = $ngx->resp;
    is_deeply($admin->run('ACL', 'LIST'), \@before, 'over the death of workers');

    $ngx->reload;
    $admin = $ngx->resp;
    is_deeply($admin->run('ACL', 'LIST'), \@before, 'over a reload');
    is(as('ann', 'other')->run('ACL', 'WHOAMI'), 'ann', 'who log in');

    $admin->run('FLUSHALL');
    is_deeply($admin->run('ACL', 'LIST'), \@before, 'over FLUSHALL');
};


subtest 'ACL LOG' => sub {
    my $entry = sub {
        my @e = @{$admin->run('ACL', 'LOG', 1)};
        return @e ? {@{$e[0]}} : {};
    };

    $admin->run('ACL', 'LOG', 'RESET');
    is_deeply($admin->run('ACL', 'LOG'), [], 'empty');

    $admin->run('ACL', 'SETUSER', 'eve', 'on', '>e', '~e*', '&e', '+@all',
                '-set');
    my $c = as('eve', 'e');

    $c->error('SET', 'e', 1);
    my $e = $entry->();
    is("@$e{qw(count reason context object username)}",
       '1 command toplevel set eve', 'a command');
    like($e->{'client-info'}, qr/^id=\d+ addr=127.*cmd=set user=eve/,
         'whose it is');

    $c->error('GET', 'x') for 1 .. 3;
    $e = $entry->();
    is("@$e{qw(count reason context object)}", '3 key toplevel x', 'a key');

    $c->error('PUBLISH', 'c', 'm');
    is($entry->()->{reason}, 'channel', 'a channel');

    $c->replies(['EVAL', "return redis.call('get', 'x')", 0]);
    is("@{$entry->()}{qw(reason context object)}", 'key lua x', 'a script');

    $c->replies(['MULTI'], ['SET', 'e', 'v'], ['EXEC']);
    is("@{$entry->()}{qw(reason context object)}", 'command multi set',
       'a transaction');

    $c->error('AUTH', 'eve', 'wrong');
    is("@{$entry->()}{qw(reason object username)}", 'auth AUTH eve', 'AUTH');

    rest('e')->error('GET', 'x');
    $e = $entry->();
    is("@$e{qw(count object username)}", '4 x eve', 'REST counts with the rest');

    $c->error('GET', "y$_") for 1 .. 200;
    is(scalar @{$admin->run('ACL', 'LOG', 1000)}, 128, 'no more than 128');
    is($entry->()->{object}, 'y200', 'the last ones');
    is(scalar @{$admin->run('ACL', 'LOG')}, 10, 'of which it shows 10');
    is($admin->run('ACL', 'LOG', 'RESET'), 'OK', 'RESET');

    # beside one another, from both workers

    my @crowd = map { as('eve', 'e') } 1 .. 4;
    for (1 .. 50) {
        $_->send(KS::RESP::encode('GET', 'x') x 20) for @crowd;
        $_->take_replies(20) for @crowd;
    }
    is($entry->()->{count}, 4000, 'no denial is missed');
};


subtest 'secrets are shown to nobody' => sub {
    $admin->run('CONFIG', 'SET', 'slowlog-log-slower-than', 0);
    $admin->run('ACL', 'SETUSER', 'hush', 'on', '>hushhush');
    $admin->run('ACL', 'RESTTOKEN', 'hush', 'hushhush');
    unlike($admin->command('SLOWLOG', 'GET'), qr/hushhush/, 'SLOWLOG');
    like($admin->command('SLOWLOG', 'GET'), qr/redacted/, '... says so');
    unlike($ngx->log, qr/hushhush/, 'the log');
};


$ngx->stop;
done_testing;
