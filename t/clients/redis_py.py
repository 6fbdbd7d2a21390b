"""redis-py against the module: redis_py.py PORT TOKEN READONLY

Prints TAP.
"""

import sys
import threading
import traceback

import redis

PORT, TOKEN, READONLY = int(sys.argv[1]), sys.argv[2], sys.argv[3]

count = 0
failed = 0


def connect(password=TOKEN):
    return redis.Redis(host="127.0.0.1", port=PORT, password=password,
                       decode_responses=True)


def equal(got, want):
    assert got == want, f"{got!r} is not {want!r}"


def fails(what, text, code):
    try:
        code()
    except what as e:
        assert text in str(e), f"{e!r} has no {text!r}"
    else:
        assert False, f"no {text!r}"


def strings(r):
    equal(r.set("s", "grüße", ex=100), True)
    equal(r.get("s"), "grüße")
    equal(r.get("none"), None)
    equal(r.mget("s", "none"), ["grüße", None])
    equal(r.incr("n", 41), 41)
    equal(r.set("s", "x", nx=True), None)
    equal(r.setrange("range", 3, "abc"), 6)
    equal(r.exists("s", "n", "none"), 2)
    equal(r.type("s"), "string")


def other_types(r):
    equal(r.hset("h", mapping={"name": "Ada", "age": 36}), 2)
    equal(r.hgetall("h"), {"name": "Ada", "age": "36"})
    equal(r.rpush("l", "a", "b", "c"), 3)
    equal(r.lrange("l", 0, -1), ["a", "b", "c"])
    equal(r.lpop("l", 2), ["a", "b"])
    equal(r.sadd("set", "x", "y"), 2)
    equal(r.smembers("set"), {"x", "y"})
    equal(r.zadd("z", {"one": 1.5, "two": 2}), 2)
    equal(r.zrange("z", 0, -1, withscores=True), [("one", 1.5), ("two", 2.0)])
    equal(r.zrank("z", "two"), 1)


def pipelines(r):
    n = 100_000
    with r.pipeline(transaction=False) as p:
        for i in range(n):
            p.set(f"p{i}", "value " * 4)
        equal(p.execute(), [True] * n)
        for i in range(n):
            p.get(f"p{i}")
        equal(p.execute(), ["value " * 4] * n)


def transactions(r):
    with r.pipeline() as p:
        equal(p.set("t", 1).incr("t").get("t").execute(), [True, 2, "2"])
        p.watch("t")
        r.set("t", 9)
        p.multi()
        p.set("t", 3)
        fails(redis.WatchError, "Watched", p.execute)
    equal(r.get("t"), "9")


def counters(r):
    def work():
        c = connect()
        for _ in range(500):
            def add(p):
                v = int(p.get("shared") or 0)
                p.multi()
                p.set("shared", v + 1)
            c.transaction(add, "shared")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(r.get("shared"), "2000")


def scans(r):
    r.mset({f"scan{i}": "v" for i in range(1000)})
    equal(len(set(r.scan_iter("scan*"))), 1000)


def large(r):
    b = redis.Redis(host="127.0.0.1", port=PORT, password=TOKEN)
    value = bytes(range(256)) * 40_000
    equal(b.set("large", value), True)
    assert b.get("large") == value


def errors(r):
    fails(redis.ResponseError, "value is not an integer",
          lambda: r.incr("s"))
    fails(redis.ResponseError, "unknown command",
          lambda: r.execute_command("NOSUCH"))
    fails(redis.RedisError, "invalid username-password pair",
          lambda: connect("wrong").ping())
    fails(redis.RedisError, "Authentication required",
          lambda: connect(None).ping())


def readonly(r):
    reader = connect(READONLY)
    equal(reader.get("n"), "41")
    fails(redis.exceptions.NoPermissionError, "set",
          lambda: reader.set("n", 1))


def clients(r):
    r.client_setname("python")
    assert any(c["name"] == "python" for c in r.client_list())
    equal(r.info()["redis_mode"], "standalone")
    equal(r.config_get("save"), {"save": ""})


r = connect()
r.flushall()

for code in (strings, other_types, pipelines, transactions, counters, scans,
             large, errors, readonly, clients):
    count += 1
    try:
        code(r)
        print(f"ok {count} - redis-py: {code.__name__}")
    except Exception:
        failed += 1
        print(f"not ok {count} - redis-py: {code.__name__}")
        print("# " + traceback.format_exc().replace("\n", "\n# "))

print(f"1..{count}")
sys.exit(1 if failed else 0)
