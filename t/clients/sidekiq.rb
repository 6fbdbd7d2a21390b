# Debian's ruby-sidekiq, with a process of its own that does the jobs:
# ruby sidekiq.rb PORT TOKEN
# Prints TAP.  That process loads this file, too.

require 'redis'
Redis.sadd_returns_boolean = false if Redis.respond_to?(:sadd_returns_boolean=)
require 'sidekiq'
require 'sidekiq/api'

PORT = (ENV['KS_PORT'] ||= ARGV[0])
TOKEN = (ENV['KS_TOKEN'] ||= ARGV[1])
URL = { url: "redis://:#{TOKEN}@127.0.0.1:#{PORT}/1" }.freeze

Sidekiq.configure_client { |config| config.redis = URL }
Sidekiq.configure_server do |config|
  config.redis = URL
  Sidekiq.options[:poll_interval_average] = 0.5
end

class Adds
  include Sidekiq::Worker
  sidekiq_options queue: 'default', retry: 3

  def perform(key, n)
    Sidekiq.redis { |r| r.incrby(key, n) }
  end
end

class Fails
  include Sidekiq::Worker
  sidekiq_options retry: 1

  def perform(key)
    Sidekiq.redis { |r| r.incr(key) }
    raise 'it fails'
  end
end

return if Sidekiq.server?

require_relative 'tap'

def value(key)
  Sidekiq.redis { |r| r.get(key) }.to_i
end

child = nil

test('jobs are put into queues') do
  Sidekiq.redis(&:flushdb)
  Adds.perform_async('sum', 1)
  Adds.set(queue: 'low').perform_async('sum', 2)
  Adds.perform_in(3600, 'sum', 100)
  Sidekiq::Client.push_bulk('class' => Adds,
                            'args' => (1..50).map { |n| ['bulk', n] })
  equal(Sidekiq::Queue.new.size, 51)
  equal(Sidekiq::Queue.all.map(&:name).sort, %w[default low])
  equal(Sidekiq::ScheduledSet.new.size, 1)
  equal(Sidekiq::Stats.new.enqueued, 52)
  equal(Sidekiq::Queue.new('low').first.args, ['sum', 2])
end

test('a process does them') do
  child = spawn(RbConfig.ruby, '-S', 'sidekiq', '-r', File.expand_path(__FILE__),
                '-c', '3', '-q', 'default', '-q', 'low', '-e', 'test', '-t', '2',
                out: '/dev/null', err: '/dev/null')
  until_true { value('sum') == 3 && value('bulk') == 51 * 25 }
  until_true { Sidekiq::Stats.new.processed == 52 }
  until_true { Sidekiq::ProcessSet.new.size == 1 }
  equal(Sidekiq::ProcessSet.new.first['concurrency'], 3)
  equal(Sidekiq::Queue.new.size, 0)
end

test('what is due is done, and what is not waits') do
  Adds.perform_in(0.2, 'due', 7)
  until_true { value('due') == 7 }
  equal(Sidekiq::ScheduledSet.new.size, 1)
  Sidekiq::ScheduledSet.new.each(&:delete)
  equal(Sidekiq::ScheduledSet.new.size, 0)
end

test('what fails is tried again, and then dead') do
  Fails.perform_async('tries')
  until_true { Sidekiq::RetrySet.new.size == 1 }
  equal(Sidekiq::RetrySet.new.first['error_message'], 'it fails')
  Sidekiq::RetrySet.new.each(&:add_to_queue)
  until_true { Sidekiq::DeadSet.new.size == 1 }
  equal(value('tries'), 2)
  equal(Sidekiq::DeadSet.new.first['error_message'], 'it fails')

  # the process tells what it has counted now and then
  until_true { Sidekiq::Stats.new.failed == 2 }
  Sidekiq::DeadSet.new.clear
end

test('it goes on when the server is started anew') do
  restart
  until_true do
    sleep 0.1
    Adds.perform_async('after', 1)
    value('after').positive?
  rescue Redis::BaseConnectionError, Redis::CommandError
    false
  end
end

test('it ends when it is told so') do
  Process.kill('TERM', child)
  until_true { Process.wait(child, Process::WNOHANG) }
  equal($?.exitstatus, 0)
  child = nil
  equal(Sidekiq::ProcessSet.new.size, 0)
end

Process.kill('KILL', child) if child
done
