"""JSON documents by redis-py against the module: documents.py PORT TOKEN

Prints TAP.
"""

import sys

import redis

from tap import done, equal, test

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]


def connect(**more):
    return redis.Redis(host="127.0.0.1", port=PORT, password=TOKEN,
                       decode_responses=True, **more)


def fails(text, code):
    try:
        code()
    except redis.ResponseError as e:
        assert text in str(e), f"{e!r} has no {text!r}"
    else:
        assert False, f"no {text!r}"


def documents(r):
    j = r.json()
    doc = {"a": 1, "b": [1, "x", None, 2.5], "c": {"d": "str", "t": True}}

    equal(j.set("py", "$", doc), True)
    equal(j.get("py"), doc)
    equal(j.get("py", "$.b[*]"), [1, "x", None, 2.5])
    equal(j.get("py", ".c.d"), "str")
    equal(j.get("py", "$.a", "$.c.t"), {"$.a": [1], "$.c.t": [True]})
    equal(j.get("none"), None)
    equal(j.set("py", "$", {}, nx=True), None)
    equal(j.numincrby("py", "$.a", 2), [3])
    equal(j.nummultby("py", "$.a", 2), [6])
    equal(j.strappend("py", "ing", "$.c.d"), [6])
    equal(j.strlen("py", "$.c.d"), [6])
    equal(j.toggle("py", "$.c.t"), [0])
    equal(j.arrappend("py", "$.b", 7, {"n": 1}), [6])
    equal(j.arrindex("py", "$.b", "x"), [1])
    equal(j.arrinsert("py", "$.b", 0, "first"), [7])
    equal(j.arrlen("py", "$.b"), [7])
    equal(j.arrtrim("py", "$.b", 0, 1), [2])
    equal(j.objkeys("py", "$"), [["a", "b", "c"]])
    equal(j.objlen("py", "$"), [3])
    r.execute_command("JSON.MERGE", "py", "$", '{"a":null}')
    r.execute_command("JSON.MSET", "py1", "$", "1", "py2", "$", "[2]")
    equal(j.mget(["py1", "py2", "none"], "$"), [[1], [[2]], None])
    equal(j.clear("py", "$.c"), 1)
    equal(j.delete("py", "$.c"), 1)
    equal(j.get("py"), {"b": ["first", 1]})
    equal(j.forget("py"), 1)
    fails("new objects must be created at the root",
          lambda: j.set("none", "$.a", 1))
    fails("doesn't exist", lambda: j.numincrby("none", "$.a", 1))


test("redis-py, RESP2", lambda: documents(connect()))

if int(redis.__version__.split(".")[0]) >= 5:       # the first that knows it
    test("redis-py, RESP3", lambda: documents(connect(protocol=3)))

done()
