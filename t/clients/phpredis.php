<?php
// PHP's own redis extension, and its sessions: php phpredis.php PORT TOKEN
// Prints TAP.

require __DIR__ . '/tap.php';

[, $port, $token] = $argv;


function connect($options = [])
{
    global $port, $token;

    $r = new Redis();
    $r->connect('127.0.0.1', $port, 10);
    $r->auth($token);

    foreach ($options as $option => $value) {
        $r->setOption($option, $value);
    }

    return $r;
}

$r = connect();
$r->flushAll();


test('values of each type', function () use ($r) {
    equal($r->set('s', 'grüße', ['nx', 'ex' => 100]), true);
    equal($r->set('s', 'x', ['nx']), false);
    equal($r->get('s'), 'grüße');
    equal($r->get('none'), false);
    equal($r->ttl('s') > 90, true);
    equal($r->append('s', '!'), strlen('grüße') + 1);
    equal($r->mSet(['a' => 1, 'b' => 2]), true);
    equal($r->mGet(['a', 'none', 'b']), ['1', false, '2']);
    equal($r->incrByFloat('f', 1.5), 1.5);
    equal($r->hMSet('h', ['x' => 1, 'y' => 2]), true);
    equal($r->hGetAll('h'), ['x' => '1', 'y' => '2']);
    equal($r->hMGet('h', ['x', 'z']), ['x' => '1', 'z' => false]);
    equal($r->rPush('l', 'a', 'b', 'c'), 3);
    equal($r->lRange('l', 0, -1), ['a', 'b', 'c']);
    equal($r->blPop(['none', 'l'], 1), ['l', 'a']);
    equal($r->blPop(['none'], 1), []);
    equal($r->sAdd('set', 'x', 'y'), 2);
    equal($r->sIsMember('set', 'x'), true);
    equal($r->zAdd('z', 1, 'one', 2.5, 'two'), 2);
    equal($r->zRange('z', 0, -1, true), ['one' => 1.0, 'two' => 2.5]);
    equal($r->zRangeByScore('z', '(1', '+inf', ['withscores' => true]),
          ['two' => 2.5]);
    equal($r->zScore('z', 'two'), 2.5);
    equal($r->geoAdd('g', 13.4, 52.5, 'Berlin'), 1);
    equal($r->geoRadius('g', 13, 52, 100, 'km'), ['Berlin']);
    equal($r->pfAdd('hll', ['a', 'b']), 1);
    equal($r->pfCount('hll'), 2);
    equal($r->type('z'), Redis::REDIS_ZSET);
    equal($r->object('encoding', 'a'), 'int');
    equal($r->restore('copy', 0, $r->dump('z')), true);
    equal($r->zCard('copy'), 2);
});


test('streams, with a group', function () use ($r) {
    $id = $r->xAdd('x', '*', ['f' => 'v']);
    equal($r->xGroup('CREATE', 'x', 'g', '0'), true);
    equal($r->xReadGroup('g', 'c', ['x' => '>'], 10), ['x' => [$id => ['f' => 'v']]]);
    equal($r->xPending('x', 'g')[0], 1);
    equal($r->xAck('x', 'g', [$id]), 1);
    equal($r->xRead(['x' => '0']), ['x' => [$id => ['f' => 'v']]]);
    equal($r->xInfo('STREAM', 'x')['length'], 1);
});


test('scans', function () use ($r) {
    for ($i = 0; $i < 500; $i++) {
        $r->set("scan:$i", $i);
        $r->hSet('bighash', "f$i", $i);
    }

    $r->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $seen = [];
    $it = null;

    while ($keys = $r->scan($it, 'scan:*', 100)) {
        $seen += array_flip($keys);
    }

    equal(count($seen), 500);
    $seen = [];
    $it = null;

    while ($fields = $r->hScan('bighash', $it, '*', 100)) {
        $seen += $fields;
    }

    equal(count($seen), 500);
});


test('pipelines, transactions, watched keys', function () use ($r) {
    equal($r->pipeline()->set('p', 1)->incr('p')->get('p')->exec(),
          [true, 2, '2']);
    equal($r->multi()->incr('p')->lPush('p', 'x')->exec(), [3, false]);
    equal(preg_match('/^WRONGTYPE/', $r->getLastError()), 1);
    $r->clearLastError();
    $other = connect();
    $r->watch('p');
    $other->set('p', 'changed');
    equal($r->multi()->set('p', 1)->exec(), false);
    equal($r->get('p'), 'changed');
});


test('scripts', function () use ($r) {
    equal($r->eval('return {KEYS[1], ARGV[1], 3}', ['k', 'v'], 1), ['k', 'v', 3]);
    $sha = $r->script('load', 'return redis.call("INCRBY", KEYS[1], ARGV[1])');
    equal($r->evalSha($sha, ['sum', 5], 1), 5);
    equal($r->script('exists', $sha), [1]);
    equal($r->evalSha(str_repeat('0', 40)), false);
    equal(preg_match('/^NOSCRIPT/', $r->getLastError()), 1);
    $r->clearLastError();
});


test('serializers and a prefix', function () use ($r) {
    foreach ([Redis::SERIALIZER_PHP, Redis::SERIALIZER_JSON] as $serializer) {
        $s = connect([Redis::OPT_SERIALIZER => $serializer,
                      Redis::OPT_PREFIX => 'app:']);
        $value = ['list' => [1, 2], 'text' => 'ü'];
        equal($s->set('v', $value), true);
        equal($s->get('v'), $value);
        equal($r->exists('app:v'), 1);
    }
});


test('messages', function () use ($r) {
    $s = connect([Redis::OPT_READ_TIMEOUT => 30]);

    $seen = [];

    // a second process sends them, as often as it takes, and ends the loop
    $code = '$r = new Redis(); $r->connect("127.0.0.1", ' . $GLOBALS['port']
          . '); $r->auth("' . $GLOBALS['token'] . '"); '
          . 'for ($i = 0; $i < 600; $i++) { '
          . 'if ($r->publish("news", "hello")) break; usleep(50000); } '
          . '$r->rawCommand("CLIENT", "KILL", "TYPE", "pubsub");';
    $sender = proc_open(['php', '-r', $code], [], $pipes);

    fails(RedisException::class, '', function () use ($s, &$seen) {
        $s->subscribe(['news'], function ($c, $channel, $message) use (&$seen) {
            $seen[] = "$channel: $message";
        });
    });
    equal($seen, ['news: hello']);
    equal(proc_close($sender), 0);
});


test('sessions, with a lock', function () use ($r, $port, $token) {
    ini_set('session.use_cookies', 0);
    ini_set('session.cache_limiter', '');
    ini_set('session.save_handler', 'redis');
    ini_set('session.save_path',
            "tcp://127.0.0.1:$port?auth=$token&database=1&prefix=sess:");
    ini_set('redis.session.locking_enabled', 1);
    ini_set('redis.session.lock_expire', 10);
    ini_set('redis.session.lock_retries', 3);

    @session_id('abc123');
    equal(@session_start(), true);
    $_SESSION['n'] = 1;
    $r->select(1);
    equal($r->exists('sess:abc123_LOCK'), 1);
    session_write_close();
    equal($r->exists('sess:abc123_LOCK'), 0);
    equal($r->ttl('sess:abc123') > 1000, true);
    $_SESSION = [];

    equal(@session_start(), true);
    equal($_SESSION['n'], 1);
    session_destroy();
    equal($r->exists('sess:abc123'), 0);
    $r->select(0);
});


test('a wrong password, and none', function () use ($port) {
    $w = new Redis();
    $w->connect('127.0.0.1', $port);
    fails(RedisException::class, '/^NOAUTH/',
          function () use ($w) { $w->get('s'); });
    fails(RedisException::class, '/^WRONGPASS/',
          function () use ($w) { $w->auth('wrong'); });
});


test('another database, and one that is not there', function () use ($r) {
    equal($r->select(1), true);
    equal($r->exists('s'), 0);
    equal($r->select(7), false);
    equal(rtrim($r->getLastError(), "\0"), 'ERR DB index is out of range');
    equal($r->select(0), true);
    equal($r->exists('s'), 1);
});


test('a connection that is killed is made anew', function () use ($r) {
    $victim = connect();
    $id = $victim->client('ID');

    foreach ($r->client('LIST') as $c) {
        if ((int) $c['id'] === (int) $id) {
            $r->client('KILL', $c['addr']);
        }
    }

    until(function () use ($victim) {
        try {
            return $victim->get('s') !== false;
        } catch (RedisException $e) {
            return false;
        }
    });
});


test('it goes on when the server is started anew', function () use ($r) {
    $r->set('kept', 'value');
    restart();
    until(function () use ($r) {
        try {
            return $r->get('kept') === 'value';
        } catch (RedisException $e) {
            return false;
        }
    });
});


done();
