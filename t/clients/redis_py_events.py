"""redis-py's subscribers and blocking consumers against the module:
redis_py_events.py PORT TOKEN WORKER...

Prints TAP.
"""

import os
import signal
import sys
import threading
import time

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

try:
    from redis.cache import CacheConfig
except ImportError:
    CacheConfig = None

import tap
from tap import equal, test

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]
WORKERS = [int(pid) for pid in sys.argv[3:]]


def connect(**options):
    return connect_once(retry=Retry(ConstantBackoff(0.05), 100),
                        retry_on_error=[redis.ConnectionError], **options)


def connect_once(**options):
    return redis.Redis(host="127.0.0.1", port=PORT, password=TOKEN,
                       decode_responses=True, **options)


def until(what, code):
    for _ in range(2400):
        if code():
            return
        time.sleep(0.05)
    assert False, f"never: {what}"


def message(p, **options):
    """A message, or None: a lost connection is made again by the next call."""
    try:
        return p.get_message(**options)
    except redis.ConnectionError:
        return None


def hears(p, n):
    """The next n messages, without what subscribing replies."""
    heard = []
    end = time.monotonic() + 30

    while len(heard) < n and time.monotonic() < end:
        m = message(p, ignore_subscribe_messages=True, timeout=0.1)
        if m:
            heard.append((m["type"], m["pattern"], m["channel"], m["data"]))

    equal(len(heard), n)
    return heard


def listener(name):
    p = connect().pubsub()
    p.subscribe(name + "1", name + "2")
    p.psubscribe(name + "?x")
    until("it has subscribed", lambda: subscribed(name, p))
    return p


def subscribed(name, p=None):
    if p is not None:
        message(p, timeout=0.01)
    return (r.pubsub_numsub(name + "1", name + "2")
            == [(name + "1", 1), (name + "2", 1)] and r.pubsub_numpat() == 1)


def tell(name, p):
    equal(r.publish(name + "1", "one"), 1)
    equal(r.publish(name + "2", "grüße\r\n"), 1)
    equal(r.publish(name + "7x", "pattern"), 1)
    equal(hears(p, 3), [
        ("message", None, name + "1", "one"),
        ("message", None, name + "2", "grüße\r\n"),
        ("pmessage", name + "?x", name + "7x", "pattern"),
    ])


def subscriber():
    p = listener("a")
    tell("a", p)
    p.unsubscribe("a1")
    until("it has left", lambda: r.publish("a1", "nobody") == 0)
    p.close()
    until("it is gone", lambda: not r.pubsub_channels())


def killed():
    p = listener("b")
    # redis-py names no type of clients for CLIENT KILL
    equal(r.execute_command("CLIENT", "KILL", "TYPE", "pubsub"), 1)
    until("it subscribes again", lambda: subscribed("b", p))
    tell("b", p)
    p.close()


def worker_killed():
    p = connect().pubsub()
    p.subscribe("c1", "c2")
    p.psubscribe("c?x")
    until("it has subscribed", lambda: subscribed("c", p))

    # all workers: that of the subscriber is among them
    for pid in WORKERS:
        os.kill(pid, signal.SIGKILL)

    until("it subscribes again", lambda: subscribed("c", p))
    tell("c", p)
    p.close()


def thread():
    heard = []
    p = connect().pubsub()
    p.subscribe(t=lambda m: heard.append(m["data"]))
    runs = p.run_in_thread(sleep_time=0.05)
    until("it has subscribed",
          lambda: r.pubsub_numsub("t") == [("t", 1)])
    for i in range(2000):
        r.publish("t", i)
    until("all are heard", lambda: len(heard) == 2000)
    equal(heard, [str(i) for i in range(2000)])
    runs.stop()
    runs.join()


def notifications():
    r.config_set("notify-keyspace-events", "KEA")
    p = connect().pubsub()
    p.psubscribe("__keyevent@0__:*")
    until("it has subscribed", lambda: p.get_message(timeout=0.1))
    r.set("short", "v", px=30)
    equal([m[2:] for m in hears(p, 3)], [
        ("__keyevent@0__:set", "short"), ("__keyevent@0__:expire", "short"),
        ("__keyevent@0__:expired", "short"),
    ])
    r.config_set("notify-keyspace-events", "")
    p.close()


def consumers(push, pop):
    n = 600
    lists = [[] for _ in range(6)]
    r.flushall()

    def work(taken):
        c = connect()
        while True:
            v = int(pop(c))
            if v > n:
                c.close()
                return
            taken.append(v)

    threads = [threading.Thread(target=work, args=(l,)) for l in lists]
    for t in threads:
        t.start()
    until("all wait", lambda: r.info("clients")["blocked_clients"] == 6)
    for i in range(1, n + 1):
        push(r, i)
    until("all are taken", lambda: sum(map(len, lists)) == n)
    for i in range(len(lists)):
        push(r, n + 1 + i)
    for t in threads:
        t.join()
    equal(sorted(sum(lists, [])), list(range(1, n + 1)))
    assert all(lists)


def blpop():
    consumers(lambda c, i: c.rpush("q", i),
              lambda c: c.blpop(["empty", "q"], 0)[1])


def brpop():
    consumers(lambda c, i: c.lpush("q", i), lambda c: c.brpop("q", 0)[1])


def blmove():
    consumers(lambda c, i: c.rpush("q", i),
              lambda c: c.blmove("q", "done", 0, "LEFT", "RIGHT"))


def bzpopmin():
    consumers(lambda c, i: c.zadd("z", {str(i): i}),
              lambda c: c.bzpopmin("z", 0)[1])


def time_out():
    equal(r.blpop("none", 0.05), None)
    equal(r.bzpopmax("none", 0.05), None)


def cache():
    c = connect(protocol=3, cache_config=CacheConfig())
    r.set("cached", 1)
    equal(c.get("cached"), "1")
    equal(c.get("cached"), "1")
    equal(c.get_cache().size, 1)
    r.incr("cached")
    until("it sees the change", lambda: c.get("cached") == "2")
    r.flushall()
    until("it sees the flush", lambda: c.get("cached") is None)


r = connect()
r.flushall()

for code in (subscriber, killed, worker_killed, thread, notifications,
             blpop, brpop, blmove, bzpopmin, time_out):
    test(f"redis-py: {code.__name__}", code)

# some versions have a cache, and of these some ask for a later server's version


def no_cache():
    if CacheConfig is None:
        return "has none"

    try:
        connect_once(protocol=3, cache_config=CacheConfig()).ping()
    except redis.ConnectionError as e:
        if "7.4 or later" in str(e):
            return "asks for 7.4"
        raise

    return None


why = no_cache()

if why is None:
    test("redis-py: cache", cache)
else:
    tap.count += 1
    print(f"ok {tap.count} - redis-py: cache # SKIP redis-py "
          f"{redis.__version__} {why}")

sys.exit(tap.done())
