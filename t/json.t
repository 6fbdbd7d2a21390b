# JSON documents: the replies and errors of both dialects of paths over RESP2,
# RESP3 and REST, from the documentation of RedisJSON; TTLs, types, dumps,
# events, other commands on documents.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use KS::Nginx;
use KS::RESP;

my $ngx = KS::Nginx->start(size => '64m', workers => 2, resp => '',
                           zone => 'notify_keyspace_events AKE;',
                           http => 'client_max_body_size 64m;');
my $r = $ngx->resp;
my $three = $ngx->resp;
my $h = $ngx->client;

$three->run('HELLO', 3);

# the bytes of a reply, CR LF as a blank
sub raw { my $c = shift; return ($c->replies([@_]))[0] =~ s/\r\n/ /gr =~ s/ $//r }
sub set { is($r->run('JSON.SET', $_[0], '$', $_[1]), 'OK', "$_[0]: $_[1]") }
sub get { return $r->run('JSON.GET', @_) }

# a table: commands in words, and their replies over RESP2 (and RESP3)
sub table {
    my ($key, @rows) = @_;

    for my $row (@rows) {
        my ($command, $want, $want3) = @$row;
        my @words = map { s/^'(.*)'$/$1/sr } $command =~ /('[^']*'|\S+)/g;

        splice @words, 1, 0, $key;
        is(raw($three, @words), $want3, "$command, RESP3") if defined $want3;
        is(raw($r, @words), $want, $command) if defined $want;
    }
}

my $DOC = '{"a":1,"b":[1,"x",null,true,2.5],"c":{"a":"str","d":{"a":2}},'
          . '"e":{},"f":[]}';


subtest 'FORMAT' => sub {
    set('form', '{"a":1,"b":[1,"x",null,true,2.5],"c":{"d":{"e":[]}}}');

    my $b = '"b":[1,"x",null,true,2.5]';

    table('form',
        ['JSON.GET FORMAT STRING $.a', undef, '$3 [1]'],
        ['JSON.GET FORMAT EXPAND $.a', undef, '*1 *1 :1'],
        ['JSON.GET FORMAT EXPAND1 $.b', undef, '*1 *1 $21 [1,"x",null,true,2.5]'],
        ['JSON.GET FORMAT EXPAND $.b', undef, '*1 *1 *5 :1 $1 x _ #t ,2.5'],
        ['JSON.GET FORMAT EXPAND1 $.b[*]', undef, '*1 *5 :1 $1 x _ #t ,2.5'],
        ['JSON.GET FORMAT EXPAND .c', undef, '*1 *1 %1 $1 d %1 $1 e *0'],
        ['JSON.GET FORMAT EXPAND $.a $.none $.c.d', undef, '*3 *1 :1 *0 *1 %1 $1 e *0'],
        ['JSON.GET FORMAT EXPAND1', undef,
         '*1 *1 $' . (length("{\"a\":1,$b,\"c\":{\"d\":{\"e\":[]}}}")) . " {\"a\":1,$b,\"c\":{\"d\":{\"e\":[]}}}"],
        ['JSON.GET FORMAT EXPAND1 NEWLINE ; $.c.d', undef, '*1 *1 $10 {;"e":[];}'],
        ['JSON.GET FORMAT STRINGS $', undef, '-ERR wrong reply format'],
        ['JSON.GET FORMAT other $', undef, '-ERR wrong reply format'],
        ['JSON.GET FORMAT EXPAND $', '-ERR FORMAT argument is not supported on RESP2', undef],
        ['JSON.GET FORMAT STRING $', '-ERR FORMAT argument is not supported on RESP2', undef],
        ['JSON.GET $.a FORMAT EXPAND', '$3 [1]', '*1 *1 :1'],
        ['JSON.ARRPOP FORMAT EXPAND $.b', '-ERR FORMAT argument is not supported on RESP2', '*1 ,2.5'],
        ['JSON.ARRPOP FORMAT STRING $.b', undef, '-ERR wrong reply format'],
        ['JSON.ARRPOP FORMAT STRINGS $.b', undef, '*1 $4 true'],
        ['JSON.ARRPOP FORMAT EXPAND1 $.b -2', undef, '*1 $1 x'],
        ['JSON.ARRAPPEND $.b {"f":[{}]} {"g":1}', '*1 :4', undef],
        ['JSON.ARRPOP FORMAT EXPAND1 $.b', undef, '*1 $7 {"g":1}'],
        ['JSON.ARRPOP FORMAT EXPAND $..* -1', undef, '*10 _ %1 $1 f *0 _ _ _ _ %0 _ _ _'],
        ['JSON.ARRPOP FORMAT EXPAND .b', undef, '_'],
    );

    like($three->error('JSON.ARRPOP', 'form', 'FORMAT'), qr/wrong number/, 'FORMAT alone');
    like($three->error('JSON.GET', 'form', 'FORMAT'), qr/wrong number/, '... for JSON.GET');
    is(raw($three, 'JSON.GET', 'no such', 'FORMAT', 'EXPAND'), '_', 'no key');
};


subtest 'JSON.GET' => sub {
    set('get', '{"a":1,"b":[1,2,{"c":3}]}');

    is(get('get'), '{"a":1,"b":[1,2,{"c":3}]}', 'no path');
    is(get('get', '.'), '{"a":1,"b":[1,2,{"c":3}]}', 'the legacy root');
    is(get('get', '$'), '[{"a":1,"b":[1,2,{"c":3}]}]', 'the root');
    is(get('get', '.b[2].c'), '3', 'a legacy path');
    is(get('get', 'b[2].c'), '3', '... without its dot');
    is(get('get', '$.b[2].c'), '[3]', 'a JSONPath');
    is(get('get', '$.none'), '[]', '... that leads nowhere');
    is($r->error('JSON.GET', 'get', '.none'),
       q{ERR Path '$.none' does not exist}, 'a legacy one');
    is(get('get', '.a', '.b[0]'), '{".a":1,".b[0]":1}', 'two legacy paths');
    is(get('get', '.a', '$.b[0]'), '{".a":[1],"$.b[0]":[1]}', 'both kinds');
    is(get('get', '$.a', '$.none'), '{"$.a":[1],"$.none":[]}', 'two paths');
    is($r->error('JSON.GET', 'get', '.a', '.none'),
       q{ERR Path '.none' does not exist}, 'two, and one leads nowhere');
    is(get('get', 'INDENT', "\t", 'NEWLINE', "\n", 'SPACE', ' ', '.'),
       qq({\n\t"a": 1,\n\t"b": [\n\t\t1,\n\t\t2,\n\t\t{\n\t\t\t"c": 3\n\t\t}\n)
       . qq(\t]\n}), 'formatted');
    is(get('get', 'NOESCAPE', '.a'), '1', 'NOESCAPE');
    is(get('none'), undef, 'no key');
    like($r->error('JSON.GET', 'get', 'INDENT'), qr/wrong number/, 'no indent');
    like($r->error('JSON.GET', 'get', '$.a['),
         qr/^Error occurred on position 4, "\$\.a\[ <<<<----", expected one of/,
         'no path');
    $r->run('SET', 'string', 'x');
    like($r->error('JSON.GET', 'string'), qr/^WRONGTYPE/, 'another type');
    is($h->run('JSON.GET', 'get', '$.a'), '[1]', 'over REST');

    set('get2', '{"a":2}');
    is_deeply($r->run('JSON.MGET', 'get', 'none', 'string', 'get2', '$.a'),
              ['[1]', undef, undef, '[2]'], 'JSON.MGET');
    is_deeply($r->run('JSON.MGET', 'get', 'get2', '.b'),
              ['[1,2,{"c":3}]', undef], '... legacy');
};


subtest 'JSON.SET' => sub {
    is($r->error('JSON.SET', 'new', '$.a', 1),
       'ERR new objects must be created at the root', 'not at the root');
    is($r->run('JSON.SET', 'new', '$', '{}', 'XX'), undef, 'XX');
    is($r->run('JSON.SET', 'new', '$', '{"o":{"x":1}}', 'NX'), 'OK', 'NX');
    is($r->run('JSON.SET', 'new', '$', '{}', 'NX'), undef, '... again');
    is($r->run('JSON.SET', 'new', '$.p', '[1,2]'), 'OK', 'a member');
    is($r->run('JSON.SET', 'new', '$.p', '3', 'NX'), undef, '... NX');
    is($r->run('JSON.SET', 'new', '$.q', '3', 'XX'), undef, 'none, XX');
    is($r->run('JSON.SET', 'new', '$.p[1]', '"é"'), 'OK', 'a value');
    is($r->error('JSON.SET', 'new', '$.p[2]', '1'),
       'ERR array index out of range', 'beyond an array');
    is($r->run('JSON.SET', 'new', '$.none.x', '1'), undef, 'no parent');
    like($h->error('JSON.SET', 'new', '$.none.x', '1'), qr/does not exist/,
         '... over REST');
    is($r->error('JSON.SET', 'new', '$..none', '1'), 'Err wrong static path',
       'a path that is none for new members');
    is($r->run('JSON.SET', 'new', '$..x', '{"y":[]}'), 'OK', 'all matches');
    is(get('new'), '{"o":{"x":{"y":[]}},"p":[1,"é"]}', 'all of it');
    is($r->error('JSON.SET', 'new', '$', '{"a":tru}'),
       'expected ident at line 1 column 9', 'no JSON');
    is($r->error('JSON.SET', 'new', '$', ''),
       'EOF while parsing a value at line 1 column 0', '... none at all');
    is($r->error('JSON.SET', 'new', '$', "{\n \"a\": 1,,\n}"),
       'key must be a string at line 2 column 9', '... in the second line');
    is($r->error('JSON.SET', 'new', '$', '1', 'YY'), 'ERR syntax error',
       'an option');
    is($r->error('JSON.SET', 'new', '$', '1', 'NX', 'XX'), 'ERR syntax error',
       'two options');
    like($r->error('JSON.SET', 'string', '$', '1'), qr/^WRONGTYPE/,
         'another type');
    is($r->error('JSON.SET', 'deep', '$', '[' x 129 . ']' x 129),
       'recursion limit exceeded at line 1 column 129', 'too deep');
    is($r->run('JSON.SET', 'deep', '$', '[' x 128 . ']' x 128), 'OK',
       'as deep as may be');
    is($r->error('JSON.SET', 'deep', '$' . '[0]' x 127, '[[]]'),
       'ERR recursion limit exceeded', '... and no deeper by its path');

    is($r->run('JSON.SET', 'ttl', '$', '1', 'EX', 100), 'OK', 'EX');
    cmp_ok($r->run('TTL', 'ttl'), '>', 90, 'the TTL');
    $r->run('JSON.SET', 'ttl', '$', '2');
    cmp_ok($r->run('TTL', 'ttl'), '>', 90, '... which a change leaves');
    $r->run('JSON.SET', 'ttl', '$', '2', 'KEEPTTL');
    cmp_ok($r->run('TTL', 'ttl'), '>', 90, '... KEEPTTL');
    $r->run('JSON.SET', 'ttl', '$', '2', 'PXAT', 4_000_000_000_000);
    is($r->run('PEXPIRETIME', 'ttl'), 4_000_000_000_000, 'PXAT');
    like($r->error('JSON.SET', 'ttl', '$', '2', 'EX', 0), qr/invalid expire/,
         'no time');

    is($r->run('JSON.MSET', 'm1', '$', '{"a":1}', 'm2', '$', '[]'), 'OK',
       'JSON.MSET');
    is($r->run('JSON.MSET', 'm1', '$.b', '2', 'm1', '.a', '3'), 'OK',
       '... twice the same');
    is(get('m1'), '{"a":3,"b":2}', '... which is there');
    is($r->error('JSON.MSET', 'm1', '$', '0', 'm3', '$.x', '1'),
       'ERR new objects must be created at the root', '... all or nothing');
    is(get('m1'), '{"a":3,"b":2}', '... which is nothing');
    like($r->error('JSON.MSET', 'm1', '$', '0', 'm3', '$'), qr/wrong number/,
         '... how many');
};


subtest 'JSON.MERGE' => sub {
    set('merge', '{"a":1,"b":{"c":2,"d":[1]},"e":[1]}');
    is($r->run('JSON.MERGE', 'merge', '$', '{"a":null,"b":{"c":3,"x":{"y":null,'
                                           . '"z":1}},"e":{"f":1}}'), 'OK', 'at $');
    is(get('merge'), '{"e":{"f":1},"b":{"c":3,"d":[1],"x":{"z":1}}}', 'merged');
    is($r->run('JSON.MERGE', 'merge', '$.b.d', '[4]'), 'OK', 'at a path');
    is($r->run('JSON.MERGE', 'merge', '$.n', '{"k":null}'), 'OK', 'a new member');
    is(get('merge', '$.b.d', '$.n'), '{"$.b.d":[[4]],"$.n":[{"k":null}]}',
       'merged');
    is($r->run('JSON.MERGE', 'merged', '$', '[1]'), 'OK', 'a new document');
    is($r->error('JSON.MERGE', 'none', '$.a', '[1]'),
       'ERR new objects must be created at the root', '... not at the root');
};


subtest 'JSON.TYPE, JSON.DEL, JSON.CLEAR' => sub {
    set('doc', $DOC);
    table('doc',
        ['JSON.TYPE', '$6 object', '*1 $6 object'],
        ['JSON.TYPE $', '*1 $6 object', '*1 *1 $6 object'],
        ['JSON.TYPE $.b[*]', '*5 $7 integer $6 string $4 null $7 boolean'
                             . ' $6 number'],
        ['JSON.TYPE $.none', '*0', '*1 *0'],
        ['JSON.TYPE .none', '$-1', '*1 _']);
    is(raw($r, 'JSON.TYPE', 'none', '$'), '$-1', 'no key');
    is(raw($three, 'JSON.TYPE', 'none', '$'), '*1 _', '... RESP3');

    table('doc',
        ['JSON.DEL $..a', ':3'],
        ['JSON.FORGET $.b[0,2]', ':2'],
        ['JSON.DEL $.none', ':0']);
    is(get('doc'), '{"f":[],"b":["x",true,2.5],"c":{"d":{}},"e":{}}', 'is left');
    is($r->run('JSON.DEL', 'doc'), 1, 'all of it');
    is($r->run('EXISTS', 'doc'), 0, '... is gone');
    is($r->run('JSON.DEL', 'doc'), 0, 'no key');
    set('doc', '{"a":[1,[2]],"b":1}');
    is($r->run('JSON.DEL', 'doc', '$..*'), 2, 'what lies in what goes');
    is($r->run('EXISTS', 'doc'), 0, 'a document that has become empty');

    set('doc', '{"a":[1],"b":{"c":1},"d":7,"e":"s","f":true,"g":0,"h":[]}');
    is($r->run('JSON.CLEAR', 'doc', '$.*'), 3, 'JSON.CLEAR');
    is(get('doc'), '{"a":[],"b":{},"d":0,"e":"s","f":true,"g":0,"h":[]}',
       'cleared');
    is($r->run('JSON.CLEAR', 'doc'), 1, '... the root');
    is(get('doc'), '{}', '... which stays');
    is($r->error('JSON.CLEAR', 'none'), "ERR could not perform this operation"
       . " on a key that doesn't exist", 'no key');
};


subtest 'numbers' => sub {
    set('n', '{"i":1,"f":1.5,"s":"x","o":{"i":10}}');
    table('n',
        ['JSON.NUMINCRBY $.i 2', '$3 [3]'],
        ['JSON.NUMINCRBY $..i 1', '$6 [4,11]'],
        ['JSON.NUMINCRBY $.* 1', '$17 [5,2.5,null,null]'],
        ['JSON.NUMINCRBY .i 1', '$1 6'],
        ['JSON.NUMINCRBY .f 0.5', '$3 3.0'],
        ['JSON.NUMINCRBY .i 0.5', '$3 6.5'],
        ['JSON.NUMINCRBY $.none 1', '$2 []'],
        ['JSON.NUMINCRBY .none 1',
         q{-ERR Path '.none' does not exist or does not contains a number}],
        ['JSON.NUMINCRBY .s 1',
         q{-ERR Path '.s' does not exist or does not contains a number}],
        ['JSON.NUMINCRBY .i x', '-expected value at line 1 column 1'],
        ['JSON.NUMINCRBY .i "x"', '-ERR bad input number'],
        ['JSON.NUMMULTBY $.o.i 3', '$4 [33]'],
        ['JSON.NUMMULTBY .f 2', '$3 6.0'],
        ['JSON.NUMINCRBY $.* 1', undef, '*4 ,7.5 ,7 _ _'],
        ['JSON.NUMINCRBY .o.i 1', undef, '*1 :34']);
    set('n', '{"m":9223372036854775807,"u":18446744073709551615,"d":1e308}');
    is($r->error('JSON.NUMINCRBY', 'n', '$.m', 1), 'ERR numeric overflow',
       'beyond 63 bits');
    is($r->error('JSON.NUMMULTBY', 'n', '$.d', 1e10),
       'ERR result is not a number', 'beyond all doubles');
    is(get('n'), '{"m":9223372036854775807,"u":18446744073709551615,"d":1e308}',
       'nothing has changed');
    is($r->run('JSON.NUMINCRBY', 'n', '$.m', -1), '[9223372036854775806]',
       'above 2^53');

    set('b', '{"t":true,"f":false,"n":1}');
    table('b',
        ['JSON.TOGGLE $.*', '*3 :0 :1 $-1'],
        ['JSON.TOGGLE .t', '$4 true'],
        ['JSON.TOGGLE .n', q{-ERR Path '.n' does not exist or not a bool}],
        ['JSON.TOGGLE $.none', '*0']);
};


subtest 'strings and objects' => sub {
    set('s', '{"a":"foo","b":1,"c":{"a":"bar","d":{}}}');
    table('s',
        ['JSON.STRLEN $..a', '*2 :3 :3'],
        ['JSON.STRLEN $.*', '*3 :3 $-1 $-1'],
        ['JSON.STRLEN .a', ':3'],
        ['JSON.STRLEN .b', '-WRONGTYPE wrong type of path value - expected string'
                           . ' but found integer'],
        ['JSON.STRLEN .none', q{-ERR Path '$.none' does not exist}],
        ['JSON.STRAPPEND $..a "é\n"', '*2 :6 :6'],
        ['JSON.STRAPPEND .a "!"', ':7'],
        ['JSON.STRAPPEND .b "!"',
         q{-ERR Path '.b' does not exist or not a string}],
        ['JSON.STRAPPEND $.a 1', '-WRONGTYPE wrong type of path value - expected'
                                 . ' string but found 1'],
        ['JSON.OBJLEN', ':3'],
        ['JSON.OBJLEN $.*', '*3 $-1 $-1 :2'],
        ['JSON.OBJLEN .a', '-WRONGTYPE wrong type of path value - expected object'
                           . ' but found string'],
        ['JSON.OBJLEN .none', '$-1'],
        ['JSON.OBJKEYS', '*3 $1 a $1 b $1 c'],
        ['JSON.OBJKEYS $.*', '*3 $-1 $-1 *2 $1 a $1 d'],
        ['JSON.OBJKEYS .a', q{-ERR Path '.a' does not exist or not an object}],
        ['JSON.OBJKEYS .none', '$-1']);
    is(get('s', '$.a'), '["fooé\n!"]', 'what has come of it');
    is($r->run('JSON.STRLEN', 'none', '.'), undef, 'no key');
    like($r->error('JSON.STRLEN', 'none', '$'), qr/on a key that doesn't exist/,
         '... JSONPath');
};


subtest 'arrays' => sub {
    set('a', '{"a":[1,2,3],"b":{"a":["x"]},"c":1,"e":[]}');
    table('a',
        ['JSON.ARRLEN $..a', '*2 :3 :1'],
        ['JSON.ARRLEN .a', ':3'],
        ['JSON.ARRLEN .c', q{-ERR Path '.c' does not exist or not an array}],
        ['JSON.ARRLEN .none', q{-ERR Path '.none' does not exist}],
        ['JSON.ARRAPPEND $.* 4', '*4 :4 $-1 $-1 :1'],
        ['JSON.ARRAPPEND .a 5 {"x":6}', ':6'],
        ['JSON.ARRAPPEND .c 5',
         q{-ERR Path '.c' does not exist or not an array}],
        ['JSON.ARRAPPEND $.none 5', '*0'],
        ['JSON.ARRINDEX $..a 3', '*2 :2 :-1'],
        ['JSON.ARRINDEX .a {"x":6}', ':5'],
        ['JSON.ARRINDEX .a 1 1', ':-1'],
        ['JSON.ARRINDEX .a 4 0 -2', ':3'],
        ['JSON.ARRINDEX $.* 1', '*4 :0 $-1 $-1 :-1'],
        ['JSON.ARRINDEX .c 1', '-WRONGTYPE wrong type of path value - expected'
                               . ' array but found integer'],
        ['JSON.ARRINSERT $..a 0 0 "n"', '*2 :8 :3'],
        ['JSON.ARRINSERT .a -1 "last"', ':9'],
        ['JSON.ARRINSERT .a 10 1', '-ERR index out of bounds'],
        ['JSON.ARRPOP $..a', '*2 $7 {"x":6} $3 "x"'],
        ['JSON.ARRPOP $.* 0', '*4 $1 0 $-1 $-1 $1 4'],
        ['JSON.ARRPOP .e', '$-1'],
        ['JSON.ARRPOP .a -2', '$1 5'],
        ['JSON.ARRPOP .c', q{-ERR Path '.c' does not exist or not an array}],
        ['JSON.ARRTRIM $.a 1 3', '*1 :3'],
        ['JSON.ARRTRIM .a -1 9', ':1'],
        ['JSON.ARRTRIM .a 5 9', ':0'],
        ['JSON.ARRTRIM $.* 0 0', '*4 :0 $-1 $-1 :0']);
    is(get('a'), '{"a":[],"b":{"a":[0,"n"]},"c":1,"e":[]}', 'what is left');

    set('a', '[[1,2,3],[4,5,[6,7]]]');
    is(raw($r, 'JSON.ARRPOP', 'a', '$..*'),
       '*10 $1 3 $3 [6] $-1 $-1 $-1 $-1 $-1 $1 7 $-1 $-1',
       'arrays in arrays: the inner ones first');
    is(get('a'), '[[1,2],[4,5]]', '... which are gone');
    is(raw($r, 'JSON.ARRPOP', 'a', '$[*]', '0'), '*2 $1 1 $1 4', 'each');
    is(get('a'), '[[2],[5]]', '... which are gone');
};


subtest 'JSON.RESP, JSON.DEBUG' => sub {
    set('r', '{"a":[1,2.5,"x",null,true],"b":{}}');
    table('r',
        ['JSON.RESP', '*5 +{ $1 a *6 +[ :1 $3 2.5 $1 x $-1 +true $1 b *1 +{'],
        ['JSON.RESP $.a[0]', '*1 :1'],
        ['JSON.RESP .none', q{-ERR Path '$.none' does not exist}],
        ['JSON.RESP .a[1]', undef, ',2.5']);
    is($r->run('JSON.DEBUG', 'FIELDS', 'r'), 7, 'fields');
    is($r->run('JSON.DEBUG', 'DEPTH', 'r'), 2, 'depth');
    cmp_ok($r->run('JSON.DEBUG', 'MEMORY', 'r'), '>', 10, 'memory');
    is($r->run('JSON.DEBUG', 'MEMORY', 'none'), 0, '... no key');
    is(scalar(@{$r->run('JSON.DEBUG', 'HELP')}), 4, 'help');
    like($r->error('JSON.DEBUG', 'NONE'), qr/unknown subcommand/, 'none');
};


# values are told by their numbers
subtest 'paths' => sub {
    set('p', '{"store":{"book":[{"n":1,"price":8.95,"t":"Sayings","in":true},'
        . '{"n":2,"price":12.99,"t":"Sword"},{"n":3,"price":8.99,"t":"Moby",'
        . '"isbn":"0-553"},{"n":4,"price":22.99,"t":"Lord","isbn":"0-395"}],'
        . '"bike":{"n":5,"price":19.95}},"max":10,"a b":6,"k\'q":7,'
        . '"arr":[0,1,2,3,4,5,6,7,8,9]}');

    for my $row (
        ['$.store.book[*].n', '1,2,3,4'], ['$..n', '1,2,3,4,5'],
        ['$.store..n', '1,2,3,4,5'], ['$..book[2].n', '3'],
        ['$..book[-1].n', '4'], ['$..book[0,2].n', '1,3'],
        ['$..book[:2].n', '1,2'], ['$..book[1:].n', '2,3,4'],
        ['$..book[-2:].n', '3,4'], ['$..book[::2].n', '1,3'],
        ['$.arr[1:8:3]', '1,4,7'], ['$.arr[-3:-1]', '7,8'],
        ['$.arr[8:2:-2]', '8,6,4'], ['$.arr[::-4]', '9,5,1'],
        ['$.arr[20:30]', ''], ['$.arr[5:2]', ''], ['$.arr[0:3:0]', ''],
        ['$["a b"]', '6'], [q($['a b','max']), '6,10'], [q($['k\\'q']), '7'],
        [q($["k'q"]), '7'], [q($["\u006dax"]), '10'],
        ['$.store[*].price', '19.95'], ['$.store.*.n', '5'],
        ['$..book[?(@.isbn)].n', '3,4'], ['$..book[?@.price<10].n', '1,3'],
        ['$..book[?(@.price<=$.max)].n', '1,3'],
        ['$..book[?(@.price>10 && @.isbn)].n', '4'],
        ['$..book[?(@.n==1 || @.n==4 && @.isbn)].n', '1,4'],
        ['$..book[?((@.n==1 || @.n==3) && @.isbn)].n', '3'],
        ['$..book[?(!@.isbn)].n', '1,2'], ['$..book[?(!(@.n>1))].n', '1'],
        [q($..book[?(@.t=='Sword')].n), '2'], ['$..book[?(@.t!="Sword")].n',
                                               '1,3,4'],
        ['$..book[?(@.t>"M")].n', '1,2,3'], ['$..book[?(@.in==true)].n', '1'],
        ['$..book[?(@.none==null)].n', ''], ['$..book[?(@.n==1.0)].n', '1'],
        ['$..book[?(@.t=~"^S.*s$")].n', '1'], ['$..book[?(@.t=~"o")].n', '2,3,4'],
        ['$..book[?(@.t=~"(?i)^MO")].n', '3'], ['$..book[?(@.t=~"[")].n', ''],
        ['$..book[?(@.t.length()>4)].n', '1,2'],
        ['$..book[?(length(@.t)==4)].n', '3,4'],
        ['$..book[?(count(@.*)==4)].n', '1,3,4'],
        ['$..book[?match(@.t,"S.*")].n', '1,2'],
        ['$..book[?search(@.t,"ob")].n', '3'],
        ['$.arr[?(@>6)]', '7,8,9'], ['$.arr[?(@>=2&&@<4)]', '2,3'],
        ['$.max[?(@>9)]', '10'], ['$.max[?(@>10)]', ''],
        ['$..[?(@.n>3)].n', '5,4'], ['$.store.book[?(@[?(@=="Moby")])].n', '3'],
        ['$.store .bike .n', '5'], ['$.store["bike"]["n"]', '5'],
    ) {
        my ($path, $want) = @$row;
        is(get('p', $path), "[$want]", $path);
    }

    is(get('p', '..n'), '1', 'legacy: the first one');
    set('q', '{"a":1,"n":{"a":2,"n":{"a":3}}}');
    is(get('q', '$..a'), '[1,2,3]', 'RESP: from the outside in');
    is($h->run('JSON.GET', 'q', '$..a'), '[3,2,1]', 'REST: from the inside out');

    for my $path ('$.', '$[', '$[]', '$.a.', '$["a', '$[?]', '$[?(@.a]', '$[a]',
                  '$[?(@.a=)]', '$...a', '$[01]', '', '$.a b', '$[?(1 2)]',
                  '$' . '.a' x 600, '$[?(' . '(' x 70 . '1)', "\$\0") {
        like($r->error('JSON.GET', 'p', $path), qr/^Error occurred on position/,
             'no path: ' . substr($path, 0, 20));
    }

    set('wide', '[' . join(',', 1 .. 3000) . ']');
    like($r->error('JSON.GET', 'wide',
                   '$[?($..[?($..[?(@==0)])])]'),
         qr/has to look at more than/, 'what would take too long');
};


subtest 'documents and other commands' => sub {
    my $text = '{"a":[' . join(',', map { "{\"id\":$_,\"t\":\"" . 'x' x ($_ % 50)
                                          . '"}' } 1 .. 2000) . ']}';

    set('large', $text);
    is($r->run('TYPE', 'large'), 'ReJSON-RL', 'TYPE');
    is($h->run('TYPE', 'large'), 'json', '... over REST');
    is($r->run('OBJECT', 'ENCODING', 'large'), 'raw', 'OBJECT ENCODING');
    cmp_ok($r->run('MEMORY', 'USAGE', 'large'), '>', 40_000, 'MEMORY USAGE');
    is_deeply([sort @{$r->run('SCAN', 0, 'COUNT', 1000, 'TYPE', 'ReJSON-RL')
                      ->[1]}],
              [sort @{$h->run('SCAN', 0, 'COUNT', 1000, 'TYPE', 'json')->[1]}],
              'SCAN TYPE');
    is($r->run('COPY', 'large', 'copy'), 1, 'COPY');
    is(get('copy'), $text, '... is the same');
    $r->run('JSON.SET', 'copy', '$.a[1000].id', '"changed"');
    is(get('large'), $text, '... and another one');
    $r->run('RENAME', 'copy', 'renamed');
    is(get('renamed', '.a[1000].id'), '"changed"', 'RENAME');

    for my $key ('large', 'ttl', 'p') {
        my $dump = $r->run('DUMP', $key);

        is($r->run('RESTORE', 'restored', 0, $dump, 'REPLACE'), 'OK',
           "RESTORE of $key");
        is(get('restored'), get($key), '... is the same');
        is($r->run('DUMP', 'restored'), $dump, '... and its dump');
    }

    my $bad = $r->run('DUMP', 'ttl');
    substr($bad, 3, 1) = 'x';
    like($r->error('RESTORE', 'bad', 0, $bad), qr/payload|format/i,
         'a broken dump');

    my $sub = $ngx->resp;

    $sub->run('SUBSCRIBE', '__keyspace@0__:event');
    $r->run('JSON.SET', 'event', '$', '{"a":1}');
    $r->run('JSON.NUMINCRBY', 'event', '$.a', 1);
    $r->run('JSON.DEL', 'event', '$');
    is(join(' ', map { (KS::RESP::texts($sub->reply))[-1] } 1 .. 4),
       'json.set json.numincrby del json.del', 'events');

    like(join(' ', @{$r->run('COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'json')}),
         qr/\bjson\.get\b/, 'the category');
    is($r->run('EVAL', q{return redis.call('JSON.GET', KEYS[1], '$.a')}, 1, 'q'),
       '[1]', 'a script');
    is($r->run('EVAL', q{redis.call('JSON.SET', KEYS[1], '$.a', ARGV[1])
       return redis.call('TYPE', KEYS[1]).ok}, 1, 'q', '{"x":[]}'), 'ReJSON-RL',
       '... that changes it');
    like($r->error('GET', 'q'), qr/^WRONGTYPE/, 'GET');
    like($r->error('HGET', 'q', 'a'), qr/^WRONGTYPE/, 'HGET');
    is($r->run('SET', 'q', 1), 'OK', 'SET in its place');
    is($r->run('DEL', 'large', 'p'), 2, 'DEL');
};


# a document in its entry that leaves it by what is put into a container of it

{
    my $c = $ngx->resp;
    my @faults;

    for my $of (120, 200, 230) { for my $more (30, 74, 110) { for (0, 1) {
        my $set = $_;
        my $key = "leaves:$of:$more:$set";
        my @first = ('"' . 'x' x $of . '"');
        my @then = ('"' . 'y' x $more . '"');

        $c->run('JSON.SET', $key, '$', '{"text":"","list":[],"map":{}}');
        $c->run('JSON.SET', $key, '$.text', @first);
        $c->run($set ? ('JSON.SET', $key, '$.map.a', @first)
                     : ('JSON.ARRAPPEND', $key, '$.list', @first));
        $c->run($set ? ('JSON.SET', $key, '$.map.b', @then)
                     : ('JSON.ARRAPPEND', $key, '$.list', @then));
        push @faults, $c->run('MEMORY', 'DOCTOR');
    } } }

    is(join(' ', grep { !/^ok/ } @faults), '', 'its length is known');
    $c->close;
}

$ngx->stop;
done_testing;
