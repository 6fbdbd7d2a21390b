# What clients in Ruby share: tests that are told as TAP.

$count = 0
$failed = 0

def equal(got, want)
  raise "#{got.inspect} is not #{want.inspect}" unless got == want
end

def fails(error, pattern = //)
  yield
rescue error => e
  raise unless e.message =~ pattern
else
  raise "no #{error}"
end

# until it is true; an error, if that takes too long
def until_true(limit = 60)
  ends = Process.clock_gettime(Process::CLOCK_MONOTONIC) + limit

  until yield
    raise 'never' if Process.clock_gettime(Process::CLOCK_MONOTONIC) > ends
    sleep 0.02
  end
end

# starts the server anew, as t/lib/KS/Clients.pm says
def restart
  raise 'no new start' unless system(ENV['KS_RESTART'])
end

def test(name)
  $count += 1
  yield
  puts "ok #{$count} - #{name}"
rescue Exception => e
  $failed += 1
  puts "not ok #{$count} - #{name}"
  puts e.full_message(highlight: false).gsub(/^/, '# ')
ensure
  $stdout.flush
end

def done
  puts "1..#{$count}"
  $stdout.flush
  exit!($failed.zero? ? 0 : 1)
end
