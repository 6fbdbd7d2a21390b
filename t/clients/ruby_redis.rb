# Debian's ruby-redis, and the stores of ruby-redis-store and
# ruby-redis-rack: ruby ruby_redis.rb DRIVER PORT TOKEN
# Prints TAP.

require 'redis'
require 'redis-store'
require_relative 'tap'

driver, port, token = ARGV
require 'redis/connection/hiredis' if driver == 'hiredis'

OPTIONS = { host: '127.0.0.1', port: port.to_i, password: token,
            driver: driver.to_sym }.freeze

def connect(**more)
  Redis.new(**OPTIONS, **more)
end

r = connect
r.flushall

test('values of each type') do
  equal(r.set('s', 'grüße', ex: 100, nx: true), true)
  equal(r.set('s', 'x', nx: true), false)
  equal(r.get('s').force_encoding('UTF-8'), 'grüße')
  equal(r.ttl('s') > 90, true)
  equal(r.mapped_mset('a' => 1, 'b' => 2), 'OK')
  equal(r.mapped_mget('a', 'none'), 'a' => '1', 'none' => nil)
  equal(r.incrbyfloat('f', 1.5), 1.5)
  r.mapped_hmset('h', 'x' => 1, 'y' => 2)
  equal(r.hgetall('h'), 'x' => '1', 'y' => '2')
  equal(r.rpush('l', %w[a b c]), 3)
  equal(r.lrange('l', 0, -1), %w[a b c])
  equal(r.lmove('l', 'm', 'LEFT', 'RIGHT'), 'a')
  equal(r.blpop('l', timeout: 1), %w[l b])
  equal(r.blpop('none', timeout: 0.1), nil)
  equal(r.sadd('set', %w[x y]), 2)
  equal(r.sismember('set', 'x'), true)
  equal(r.zadd('z', [[1, 'one'], [2.5, 'two']]), 2)
  equal(r.zrange('z', 0, -1, with_scores: true), [['one', 1.0], ['two', 2.5]])
  equal(r.zrangebyscore('z', '(1', '+inf', limit: [0, 1]), ['two'])
  equal(r.geoadd('g', 13.4, 52.5, 'Berlin'), 1)
  equal(r.georadius('g', 13, 52, 100, 'km'), ['Berlin'])
  id = r.xadd('x', { 'f' => 'v' })
  equal(r.xrange('x'), [[id, { 'f' => 'v' }]])
  equal(r.type('z'), 'zset')
  equal(r.info['redis_version'].start_with?('7.'), true)
end

test('groups of a stream') do
  r.xgroup(:create, 'x', 'g', '0')
  got = r.xreadgroup('g', 'c', 'x', '>', count: 10)
  id = got['x'][0][0]
  equal(r.xpending('x', 'g')['size'], 1)
  equal(r.xack('x', 'g', id), 1)
end

test('pipelines, transactions, watched keys') do
  equal(r.pipelined { |p| p.set('n', 1); p.incr('n'); p.get('n') },
        ['OK', 2, '2'])
  equal(r.multi { |t| t.set('n', 5); t.incrby('n', 2) }, ['OK', 7])
  fails(Redis::CommandError, /WRONGTYPE/) do
    r.pipelined { |p| p.lpush('n', 'x'); p.incr('n') }
  end
  equal(r.get('n'), '8')
  equal(r.watch('n') { connect.set('n', 'x'); r.multi { |t| t.set('n', 1) } },
        nil)
end

test('scripts and scans') do
  sha = r.script(:load, 'return {KEYS[1], ARGV[1]}')
  equal(r.evalsha(sha, keys: ['k'], argv: ['v']), %w[k v])
  fails(Redis::CommandError, /NOSCRIPT/) { r.evalsha('0' * 40) }
  300.times { |i| r.set("scan:#{i}", i) }
  equal(r.scan_each(match: 'scan:*').to_a.uniq.size, 300)
end

test('messages') do
  seen = []
  subscriber = connect
  listener = Thread.new do
    subscriber.psubscribe('ne*') do |on|
      on.pmessage do |_, channel, message|
        seen << [channel, message]
        subscriber.punsubscribe
      end
    end
  end
  until_true { r.publish('news', 'hello').positive? }
  listener.join(60)
  equal(seen, [%w[news hello]])
end

test('a wrong password, and none') do
  fails(Redis::BaseError, /WRONGPASS/) { connect(password: 'wrong').get('s') }
  fails(Redis::BaseError, /NOAUTH/) { connect(password: nil).get('s') }
end

test('another database, and one that is not there') do
  second = connect(db: 1)
  second.set('only', 'here')
  equal(r.get('only'), nil)
  second.flushdb
  fails(Redis::BaseError, /DB index is out of range/) { connect(db: 7).get('s') }
end

test('a store of objects') do
  store = Redis::Store::Factory.create(OPTIONS.merge(namespace: 'app'))
  store.setex('user', 100, { name: 'Ada', list: [1, 2] })
  equal(store.get('user'), { name: 'Ada', list: [1, 2] })
  equal(r.exists?('app:user'), true)
  equal(store.keys, ['user'])
end

test('sessions of rack') do
  require 'rack'
  require 'rack/session/redis'

  count = lambda do |env|
    env['rack.session']['n'] = (env['rack.session']['n'] || 0) + 1
    [200, {}, [env['rack.session']['n'].to_s]]
  end
  app = Rack::MockRequest.new(Rack::Session::Redis.new(count,
    redis_server: OPTIONS.merge(namespace: 'rack:session'), expire_after: 600))
  first = app.get('/')
  cookie = first['Set-Cookie'].split(';').first
  equal(first.body, '1')
  equal(app.get('/', 'HTTP_COOKIE' => cookie).body, '2')
  equal(app.get('/').body, '1')
  key = r.keys('rack:session:*').first
  equal(r.ttl(key) > 590, true)
end

test('it goes on when it is killed, and when the server is started anew') do
  victim = connect
  victim.set('kept', 'value')
  id = victim.call('CLIENT', 'ID')
  equal(r.call('CLIENT', 'KILL', 'ID', id), 1)
  equal(victim.get('kept'), 'value')

  restart
  until_true do
    victim.get('kept') == 'value'
  rescue Redis::BaseConnectionError, Redis::CommandError
    false
  end
end

done
