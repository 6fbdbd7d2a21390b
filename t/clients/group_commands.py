# Consumer groups with redis-py: group_commands.py PORT TOKEN
# Prints TAP.

import sys
import threading

import redis

from tap import test, done

port, token = int(sys.argv[1]), sys.argv[2]


def connect(**more):
    return redis.Redis(port=port, password=token, decode_responses=True,
                       socket_timeout=60, **more)


r = connect()
r.flushall()


def pending():
    assert r.xgroup_create("s", "g", id="0", mkstream=True) is True
    assert r.xgroup_createconsumer("s", "g", "ann") == 1

    try:
        r.xgroup_create("s", "g")
        assert False
    except redis.ResponseError as e:
        assert str(e) == "BUSYGROUP Consumer Group name already exists", e

    for n in range(1, 5):
        r.xadd("s", {"n": n, "text": "grüße"}, id=f"{n}-0")

    got = r.xreadgroup("g", "ann", {"s": ">"}, count=2)
    assert got == [["s", [("1-0", {"n": "1", "text": "grüße"}),
                          ("2-0", {"n": "2", "text": "grüße"})]]], got
    got = r.xreadgroup("g", "ben", {"s": ">"}, count=1)
    assert got[0][1][0][0] == "3-0", got

    p = r.xpending("s", "g")
    assert p == {"pending": 3, "min": "1-0", "max": "3-0", "consumers": [
        {"name": "ann", "pending": 2}, {"name": "ben", "pending": 1}]}, p
    p = r.xpending_range("s", "g", min="-", max="+", count=10, consumername="ben")
    assert p[0]["message_id"] == "3-0" and p[0]["times_delivered"] == 1, p


def claims():
    got = r.xclaim("s", "g", "ben", min_idle_time=0, message_ids=["1-0"])
    assert got == [("1-0", {"n": "1", "text": "grüße"})], got
    got = r.xclaim("s", "g", "ben", 0, ["2-0"], justid=True, retrycount=7)
    assert got == ["2-0"], got
    r.xdel("s", "2-0")
    got = r.xautoclaim("s", "g", "cat", min_idle_time=0, start_id="0-0", count=10)
    assert got[0] == "0-0", got
    assert [i for i, _ in got[1]] == ["1-0", "3-0"], got
    assert got[2] == ["2-0"], got
    assert r.xautoclaim("s", "g", "cat", 0, justid=True) == ["1-0", "3-0"]


def told():
    assert r.xack("s", "g", "1-0", "3-0", "9-0") == 2
    g = r.xinfo_groups("s")[0]
    assert (g["name"], g["consumers"], g["pending"], g["last-delivered-id"],
            g["entries-read"], g["lag"]) == ("g", 3, 0, "3-0", 3, 1), g
    c = r.xinfo_consumers("s", "g")
    assert [x["name"] for x in c] == ["ann", "ben", "cat"], c
    assert r.xgroup_delconsumer("s", "g", "cat") == 0
    assert r.xgroup_setid("s", "g", "0") is True
    full = r.xinfo_stream("s", full=True)
    assert len(full["groups"]) == 1, full
    assert r.xgroup_destroy("s", "g") == 1


def sharing():
    had, lock = [], threading.Lock()
    r.xgroup_create("w", "g", mkstream=True)

    def work(name):
        mine = connect()

        while True:
            for _, entries in mine.xreadgroup("g", name, {"w": ">"}, count=2,
                                              block=30_000):
                for i, f in entries:
                    mine.xack("w", "g", i)
                    if f["n"] == "stop":
                        return
                    with lock:
                        had.append(int(f["n"]))

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(5)]
    for t in threads:
        t.start()
    for n in range(200):
        r.xadd("w", {"n": n})
    while any(t.is_alive() for t in threads):
        r.xadd("w", {"n": "stop"})
        threads[0].join(0.01)

    assert sorted(had) == list(range(200)), had


test("a group, its consumers and what is pending", pending)
test("claims", claims)
test("acknowledgements, and what is told of groups", told)
test("consumers that wait share what comes", sharing)
sys.exit(done())
