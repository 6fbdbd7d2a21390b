<?php
// Laravel's cache, locks, limiters, queue and sessions (Debian's php-illuminate-*)
// over phpredis or predis: php laravel.php phpredis|predis PORT TOKEN
// Prints TAP.

require __DIR__ . '/tap.php';
require 'Illuminate/Redis/autoload.php';
require 'Illuminate/Cache/autoload.php';
require 'Illuminate/Queue/autoload.php';
require 'Illuminate/Session/autoload.php';
require 'Illuminate/Container/autoload.php';
require 'Predis/Autoloader.php';

use Illuminate\Cache\RateLimiter;
use Illuminate\Cache\RedisStore;
use Illuminate\Cache\Repository;
use Illuminate\Container\Container;
use Illuminate\Contracts\Cache\LockTimeoutException;
use Illuminate\Queue\RedisQueue;
use Illuminate\Redis\RedisManager;
use Illuminate\Session\CacheBasedSessionHandler;
use Illuminate\Session\Store as Session;

Predis\Autoloader::register();

[, $client, $port, $token] = $argv;


function manager($password, $retry = [])
{
    global $client, $port;

    $server = ['host' => '127.0.0.1', 'port' => $port,
               'password' => $password, 'database' => 0] + $retry;

    return new RedisManager(new Container(), $client, [
        'options' => ['prefix' => 'laravel_database_'],
        'default' => $server,
        'cache' => ['database' => 1] + $server,
    ]);
}


$redis = manager($token);
$redis->connection()->flushdb();
$redis->connection('cache')->flushdb();
$store = new RedisStore($redis, 'laravel_cache:', 'cache');
$store->setLockConnection('default');
$cache = new Repository($store);


test('the cache', function () use ($cache, $redis) {
    equal($cache->put('user', ['name' => 'Ada', 'age' => 36], 60), true);
    equal($cache->get('user'), ['name' => 'Ada', 'age' => 36]);
    equal($cache->get('none', 'default'), 'default');
    equal($cache->add('user', 'x', 60), false);
    equal($cache->add('new', 'x', 60), true);
    equal($cache->remember('made', 60, function () { return 'once'; }), 'once');
    equal($cache->remember('made', 60, function () { return 'twice'; }), 'once');
    equal($cache->forever('n', 5), true);
    equal((int) $cache->increment('n', 3), 8);
    equal((int) $cache->decrement('n'), 7);
    equal($cache->putMany(['a' => 1, 'b' => 'two'], 60), true);
    equal($cache->many(['a', 'b', 'c']), ['a' => '1', 'b' => 'two', 'c' => null]);
    equal($cache->pull('a'), '1');
    equal($cache->has('a'), false);
    equal($cache->forget('b'), true);

    // in its own database
    equal($redis->connection()->dbsize(), 0);
    equal($redis->connection('cache')->dbsize() > 0, true);
});


test('tags', function () use ($cache) {
    $cache->tags(['people', 'artists'])->put('john', 'J', 60);
    $cache->tags(['people', 'authors'])->put('anne', 'A', 60);
    equal($cache->tags(['people', 'artists'])->get('john'), 'J');
    $cache->tags('authors')->flush();
    equal($cache->tags(['people', 'authors'])->get('anne'), null);
    equal($cache->tags(['people', 'artists'])->get('john'), 'J');
    $cache->tags(['people'])->flush();
    equal($cache->tags(['people', 'artists'])->get('john'), null);
});


test('locks', function () use ($cache, $redis) {
    $lock = $cache->lock('job', 30);
    equal($lock->get(), true);
    equal($cache->lock('job', 30)->get(), false);
    equal($redis->connection()->dbsize(), 1);

    $other = $cache->restoreLock('job', 'somebody');
    equal($other->release(), false);
    equal($lock->release(), true);
    equal($cache->lock('job', 30)->get(function () { return 'inside'; }),
          'inside');
    $cache->lock('job', 30)->get();
    fails(LockTimeoutException::class, '',
          function () use ($cache) { $cache->lock('job', 30)->block(1); });
    $cache->lock('job')->forceRelease();
    equal($cache->lock('job', 1)->block(1, function () { return 1; }), 1);
});


test('limiters', function () use ($cache, $redis) {
    $limiter = new RateLimiter($cache);
    $got = [];

    for ($i = 0; $i < 4; $i++) {
        $got[] = $limiter->attempt('mail', 2, function () { return 'sent'; }, 60);
    }

    equal($got, ['sent', 'sent', false, false]);
    equal($limiter->remaining('mail', 2), 0);
    $limiter->clear('mail');
    equal($limiter->tooManyAttempts('mail', 2), false);

    // those of Redis itself, with scripts
    $funnel = function () use ($redis) {
        return $redis->connection()->funnel('print')->limit(1)->releaseAfter(60)
            ->block(0)->then(function () use ($redis) {
                return $redis->connection()->funnel('print')->limit(1)
                    ->block(0)->then(function () { return 'two'; },
                                     function () { return 'one'; });
            }, function () { return 'none'; });
    };
    equal($funnel(), 'one');

    $throttle = function () use ($redis) {
        return $redis->connection()->throttle('key')->allow(2)->every(60)
            ->block(0)->then(function () { return true; },
                             function () { return false; });
    };
    equal([$throttle(), $throttle(), $throttle()], [true, true, false]);
});


test('a queue, with its scripts', function () use ($redis) {
    $queue = new RedisQueue($redis, 'default', null, 60, 1);
    $queue->setContainer(new Container());

    $queue->pushRaw(json_encode(['id' => '1', 'job' => 'a', 'attempts' => 0]));
    $queue->push('b', ['n' => 2]);
    $queue->later(3600, 'later', ['n' => 3]);
    $queue->later(-1, 'due', ['n' => 4]);
    equal($queue->size(), 4);

    $seen = [];

    while (count($seen) < 3) {
        $job = $queue->pop();
        $seen[] = $job->payload()['job'];
        equal($job->attempts(), 1);
        $job->delete();
    }

    equal($seen, ['a', 'b', 'due']);
    equal($queue->size(), 1);

    // nothing there: it waits for a second
    equal($queue->pop(), null);

    $queue->push('again', []);
    $job = $queue->pop();
    $job->release(0);
    $job = $queue->pop();
    equal($job->attempts(), 2);
    equal($queue->size(), 2);
    $queue->deleteReserved('default', $job);
    equal($queue->clear('default'), 1);
    equal($queue->size(), 0);
});


test('sessions', function () use ($cache) {
    $open = function ($id) use ($cache) {
        $s = new Session('s', new CacheBasedSessionHandler($cache, 120), $id);
        $s->start();
        return $s;
    };

    $one = $open(str_repeat('a', 40));
    $one->put('cart', ['book' => 2]);
    $one->flash('status', 'saved');
    $one->save();

    $two = $open($one->getId());
    equal($two->get('cart'), ['book' => 2]);
    equal($two->get('status'), 'saved');
    $two->migrate(true);
    $two->save();

    equal($open($one->getId())->get('cart'), null);
    equal($open($two->getId())->get('cart'), ['book' => 2]);
});


test('pipelines, transactions, scripts', function () use ($redis) {
    $r = $redis->connection();
    equal(array_map('intval', $r->pipeline(function ($p) {
        for ($i = 0; $i < 100; $i++) {
            $p->incr('counter');
        }
    })), range(1, 100));
    $replies = $r->transaction(function ($t) {
        $t->set('t', 'v');
        $t->get('t');
    });
    equal($replies[1], 'v');
    equal($r->eval('return redis.call("GET", KEYS[1])', 1, 't'), 'v');
    $r->hmset('h', ['a' => 1, 'b' => 2]);
    equal(array_filter($r->hmget('h', ['a', 'b', 'c'])), ['1', '2']);
    equal((int) $r->exists('none'), 0);
    equal((int) $r->zadd('z', 1, 'one', 2, 'two'), 2);
    equal($r->zrangebyscore('z', 1, 2), ['one', 'two']);
    equal($r->zrangebyscore('z', '-inf', '+inf',
                            ['limit' => ['offset' => 1, 'count' => 1]]), ['two']);
});


test('a wrong password', function () {
    fails(Throwable::class, '/WRONGPASS|AUTH failed/', function () {
        manager('wrong')->connection()->get('x');
    });
});


test('it goes on when the server is started anew', function () use ($cache) {
    $cache->put('kept', 'value', 600);
    restart();

    // each request of PHP connects anew
    global $token;
    until(function () use ($token) {
        try {
            $again = new Repository(new RedisStore(manager($token),
                                                   'laravel_cache:', 'cache'));
            return $again->get('kept') === 'value';
        } catch (Throwable $e) {
            return false;
        }
    });

    // and what goes on is told, or connects itself
    until(function () use ($cache) {
        try {
            return $cache->get('kept') === 'value';
        } catch (Throwable $e) {
            return false;
        }
    });
});


done();
