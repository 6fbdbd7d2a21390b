# JSON documents that outlive nginx: in snapshots and in the journal, small ones,
# large ones, and strings in pieces; and what is in a file of RedisJSON.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::Proc qw(tempdir);

sub directory { my $dir = tempdir(); chmod 0777, $dir; return $dir }

my %docs = (
    small  => '{"a":1,"b":[1.5,"é\n",null,true]}',
    scalar => '"text"',
    long   => '{"s":"' . 'x' x 200_000 . '","t":["' . '\\"' x 3000 . '"],"u":1}',
    wide   => '{' . join(',', map { qq("name $_":{"n":$_,"t":["a\\"b",$_.5]}) }
                             1 .. 5000) . '}',
    deep   => '[' x 100 . '{"x":[' . join(',', 1 .. 500) . ']}' . ']' x 100,
    ('y' x 700) => '[]',
);


sub fill {
    my ($r) = @_;

    $r->run('JSON.SET', $_, '$', $docs{$_}) for sort keys %docs;
    $r->run('JSON.SET', 'timed', '$', '[1]', 'EX', 5000);
    $r->run('JSON.SET', 'changed', '$', $docs{wide});
    $r->run('JSON.DEL', 'changed', '$["name 1"]');
    $r->run('JSON.NUMINCRBY', 'changed', '$["name 2"].n', 5);
    $r->run('JSON.SET', 'changed', '$["name 3"].new', '{"a":[]}');
    $r->run('JSON.ARRAPPEND', 'changed', '$..t', '"more"');
    $r->run('JSON.MERGE', 'changed', '$', '{"name 4":null,"m":{"n":1}}');
}


sub everything {
    my ($r) = @_;

    return { map { $_ => $r->run('JSON.GET', $_) } 'timed', 'changed',
             keys %docs };
}


for my $how (['snapshot', 'main.rdb', 'SAVE'], ['journal', 'aof', undef]) {
    my ($directive, $file, $command) = @$how;

    subtest "in a $directive" => sub {
        my $dir = directory();
        my @zone = (size => '64m', resp => '', workers => 2,
                    zone => "$directive $dir/$file;");
        my $ngx = KS::Nginx->start(@zone);
        my $r = $ngx->resp;

        fill($r);
        is($r->run('JSON.GET', $_), $docs{$_}, substr($_, 0, 20) . ' is stored')
            for sort keys %docs;

        my $before = everything($r);
        is($r->run($command), 'OK', $command) if $command;
        $ngx->stop;

        $ngx = KS::Nginx->start(@zone);
        $r = $ngx->resp;
        is_deeply(everything($r), $before, 'all of it is there again');
        cmp_ok($r->run('TTL', 'timed'), '>', 4000, '... and a TTL');
        is($r->run('JSON.NUMINCRBY', 'small', '$.a', 1), '[2]',
           '... and can be changed');
        $ngx->stop;
    };
}


done_testing;
