"""Streams by redis-py against the module: stream_commands.py PORT TOKEN

Prints TAP.
"""

import sys
import threading
import time

import redis

from tap import done, equal, test

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]


def connect():
    return redis.Redis(host="127.0.0.1", port=PORT, password=TOKEN,
                       decode_responses=True)


def fails(text, code):
    try:
        code()
    except redis.ResponseError as e:
        assert text in str(e), f"{e!r} has no {text!r}"
    else:
        assert False, f"no {text!r}"


def entries(r):
    equal(r.xadd("py", {"name": "Ada", "age": 36}, id="1-1"), "1-1")
    equal(r.xadd("py", {"name": "Bob"}, id="2-1", maxlen=10, approximate=False),
          "2-1")
    equal(r.xlen("py"), 2)
    equal(r.xrange("py"), [("1-1", {"name": "Ada", "age": "36"}),
                           ("2-1", {"name": "Bob"})])
    equal(r.xrange("py", min="(1-1", count=5), [("2-1", {"name": "Bob"})])
    equal(r.xrevrange("py", count=1), [("2-1", {"name": "Bob"})])
    equal(r.xadd("none", {"a": 1}, nomkstream=True), None)
    fails("equal or smaller", lambda: r.xadd("py", {"a": 1}, id="1-1"))


def reading(r):
    equal(r.xread({"py": "0", "none": "0"}, count=1),
          [["py", [("1-1", {"name": "Ada", "age": "36"})]]])
    equal(r.xread({"py": "$"}), [])
    equal(r.xread({"py": "$"}, block=10), [])


def waiting(r):
    got = []
    waits = threading.Thread(target=lambda: got.extend(
        connect().xread({"py": "$"}, block=10000)))
    waits.start()

    while r.info("clients")["blocked_clients"] == 0:
        time.sleep(0.01)

    r.xadd("py", {"name": "Cyd"}, id="3-1")
    waits.join(20)
    equal(got, [["py", [("3-1", {"name": "Cyd"})]]])


def information(r):
    info = r.xinfo_stream("py")
    equal(info["length"], 3)
    equal(info["last-generated-id"], "3-1")
    equal(info["first-entry"], ("1-1", {"name": "Ada", "age": "36"}))
    equal(len(r.xinfo_stream("py", full=True)["entries"]), 3)


def deleting(r):
    equal(r.xdel("py", "1-1", "9-9"), 1)
    equal(r.xtrim("py", maxlen=1, approximate=False), 1)
    equal(r.xtrim("py", minid="9", approximate=False), 1)
    equal(r.xlen("py"), 0)
    equal(r.type("py"), "stream")


r = connect()
r.delete("py")

test("entries", entries, r)
test("reading", reading, r)
test("waiting", waiting, r)
test("information", information, r)
test("deleting", deleting, r)

sys.exit(done())
