"""redis-py as a named user, and as the one who makes them: acl.py PORT TOKEN

The users are those of t/acl_clients.t.  Prints TAP.
"""

import sys

import redis

from tap import done, test

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]


def connect(user, password, **more):
    return redis.Redis(host="127.0.0.1", port=PORT, username=user,
                       password=password, decode_responses=True, **more)


def denied(code, kind=redis.exceptions.NoPermissionError):
    try:
        code()
    except kind as e:
        return str(e)
    raise AssertionError(f"no {kind}")


NO_LOGIN = (redis.exceptions.AuthenticationError,
            redis.exceptions.ResponseError)


app = connect("app", "app-token")
admin = connect("default", TOKEN)


def rights():
    assert app.acl_whoami() == "app"
    assert app.set("app:p", 1)
    denied(lambda: app.get("other"))
    denied(app.flushall)


def pipelines():
    with app.pipeline(transaction=False) as p:
        p.incr("app:p").get("other")
        got = p.execute(raise_on_error=False)
    assert got[0] == 2
    assert isinstance(got[1], redis.exceptions.NoPermissionError)

    with app.pipeline() as p:
        p.incr("app:p").get("other")
        try:
            p.execute()
            raise AssertionError("it was run")
        except redis.exceptions.ResponseError:
            pass
    assert app.get("app:p") == "2"


def wrong():
    bad = connect("app", "no")
    assert "WRONGPASS" in denied(bad.ping, NO_LOGIN)
    bad = connect("nobody", "no")
    assert "WRONGPASS" in denied(bad.ping, NO_LOGIN)


def made():
    assert admin.acl_setuser("made", enabled=True, passwords=["+secret"],
                             keys=["made:*"], commands=["+get", "+set"])
    got = admin.acl_getuser("made")
    assert "on" in got["flags"]
    c = connect("made", "secret")
    assert c.set("made:1", "v")
    denied(lambda: c.get("app:p"))
    denied(lambda: c.delete("made:1"))
    assert "made" in admin.acl_users()
    assert any(line.startswith("user made ") for line in admin.acl_list())
    log = admin.acl_log()
    assert log[0]["username"] == "made", log[0]
    assert admin.acl_deluser("made") == 1
    denied(lambda: c.get("made:1"), redis.exceptions.RedisError)


def resp3():
    c = connect("app", "app-token", protocol=3)
    assert c.acl_whoami() == "app"
    assert c.get("app:p") == "2"
    denied(lambda: c.get("other"))


test("rights", rights)
test("pipelines and transactions", pipelines)
test("wrong passwords", wrong)
test("a user that is made and deleted", made)
# older versions know only RESP2
if tuple(map(int, redis.__version__.split(".")[:1])) >= (5,):
    test("RESP3", resp3)

sys.exit(done())
