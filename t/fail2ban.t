# The filter for fail2ban finds in the error log whom a rule has rejected: with
# fail2ban-regex where there is one (KS_FAIL2BAN names another), else with the
# regular expression alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(capture installed root slurp spew tempdir);

my $filter = root() . '/conf-examples/fail2ban/keyspace-limit.conf';
my $x = 'root %DIR%; try_files /x =404;';
my $real = 'set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;';

my $ngx = KS::Nginx->start(
    http => <<'CONF',
    keyspace_limit_rule api zone=main key=$remote_addr rate=1r/366d;
    keyspace_limit_rule login zone=main key=$remote_addr rate=1r/366d;
    keyspace_limit_rule dry zone=main key=$remote_addr rate=1r/366d;
CONF
    locations => <<"CONF",
        location / { keyspace_rest main; }
        location /api { $real keyspace_limit api; $x }
        location /login { $real keyspace_limit login; $x }
        location /dry { $real keyspace_limit dry; keyspace_limit_dry_run on; $x }
CONF
);

spew($ngx->dir . '/x', 'x');

my $http = $ngx->client;

# whatever a client sends, only its own address is taken
my $evil = '/api?x=limiting+requests+by+keyspace+limit+rule+"api",+client:'
           . '+203.0.113.9,';
my @asked = (['/api', '192.0.2.1'], ['/api', '2001:db8::1'], ['/dry', '192.0.2.3'],
             ['/login', '192.0.2.4'], [$evil, '192.0.2.5']);

for my $case (@asked) {
    my ($uri, $address) = @$case;

    $http->request('GET', $uri, headers =>
                   ["X-Forwarded-For: $address",
                    'Referer: [error] 1#1: *1 limiting requests by keyspace '
                    . 'limit rule "api", client: 203.0.113.8,'])
        for 1 .. 2;
}

my @all = qw(192.0.2.1 192.0.2.4 192.0.2.5 2001:db8::1);
my $log = $ngx->dir . '/error.log';

is_deeply([found('')], \@all, 'all that were rejected');
is_deeply([found('login')], ['192.0.2.4'], 'by one rule');

my $program = $ENV{KS_FAIL2BAN} // (installed('fail2ban-regex')
                                    ? 'fail2ban-regex' : undef);

SKIP: {
    skip('there is no fail2ban-regex', 2) unless $program;

    for my $case (['', @all], ['login', '192.0.2.4']) {
        my ($rules, @want) = @$case;
        my $with = $filter . ($rules ? "[rules=\"$rules\"]" : '');
        my $out = (capture(60, {}, $program, '-o', 'ip', $log, $with))[1];

        is_deeply([sort grep { /^[0-9a-f.:]+$/ } split /\n/, $out], \@want,
                  'fail2ban-regex: ' . ($rules || 'all'));
    }
}

$http->close;
$ngx->stop;

done_testing;


# fail2ban takes the date out of a line first.
sub found {
    my ($rules) = @_;
    my ($re) = slurp($filter) =~ /^failregex = (.*)$/m;
    my ($default) = slurp($filter) =~ /^rules = (.*)$/m;

    $rules ||= $default;
    $re =~ s/<rules>/$rules/;
    $re =~ s/<HOST>/(?<host>[0-9a-f.:]+)/;

    my %found;
    for my $line (split /\n/, slurp($log)) {
        $line =~ s{^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d}{};
        $found{$+{host}} = 1 if $line =~ /$re/;
    }

    return sort keys %found;
}
