"""Debian's Python packages on redis-py: django-redis, Flask-Session,
Flask-Limiter, limits, channels-redis, redis.asyncio, and hiredis as its parser:
python_web.py PORT TOKEN

Prints TAP.
"""

import asyncio
import importlib
import os
import subprocess
import sys
import time

import redis
import redis.asyncio

import tap
from tap import equal, test

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]
URL = f"redis://:{TOKEN}@127.0.0.1:{PORT}"


def until(code):
    for _ in range(1200):
        try:
            if code():
                return
        except redis.RedisError:
            pass
        time.sleep(0.05)
    assert False, "never"


def restart():
    subprocess.run(os.environ["KS_RESTART"].split(), check=True)


def refused(error, code):
    try:
        code()
    except redis.RedisError as e:
        assert error in str(e), e
        return
    assert False, "it is not refused"


# --- redis-py ---

def parsers():
    """The same by the parser in C, and by that in Python."""
    from redis.connection import HiredisParser, PythonParser

    for parser in (HiredisParser, PythonParser):
        pool = redis.ConnectionPool.from_url(URL, parser_class=parser,
                                             decode_responses=True)
        p = redis.Redis(connection_pool=pool)
        p.flushdb()
        equal(p.set("s", "grüße", ex=100, nx=True), True)
        equal(p.get("s"), "grüße")
        equal(p.mset({"a": 1, "b": 2}), True)
        equal(p.mget("a", "none"), ["1", None])
        equal(p.zadd("z", {"one": 1, "two": 2.5}), 2)
        equal(p.zrange("z", 0, -1, withscores=True), [("one", 1), ("two", 2.5)])
        p.set("large", "x" * 3_000_000)
        equal(len(p.get("large")), 3_000_000)
        with p.pipeline() as pipe:
            pipe.set("n", 1).incr("n").lpush("n", "x")
            got = pipe.execute(raise_on_error=False)
        equal(got[:2], [True, 2])
        assert isinstance(got[2], redis.ResponseError)
        with p.lock("lock", timeout=10, blocking_timeout=1):
            assert not p.lock("lock", timeout=10).acquire(blocking=False)
        equal(p.exists("lock"), 0)
        p.flushdb()
        pool.disconnect()


def wrong():
    refused("invalid username-password",
            redis.Redis(port=PORT, password="wrong").ping)
    refused("Authentication required", redis.Redis(port=PORT).ping)
    refused("DB index is out of range",
            redis.Redis.from_url(f"{URL}/7").ping)


def asynchronous():
    async def run():
        r = redis.asyncio.from_url(URL, decode_responses=True)
        equal(sorted(await asyncio.gather(*(r.incr("n")
                                            for _ in range(200)))),
              list(range(1, 201)))
        async with r.pipeline(transaction=True) as pipe:
            equal(await pipe.set("k", "v").get("k").execute(), [True, "v"])

        async with r.pubsub() as sub:
            await sub.psubscribe("ne*")
            equal((await sub.get_message(timeout=30))["type"], "psubscribe")
            await r.publish("news", "hello")
            equal((await sub.get_message(timeout=30))["data"], "hello")

        popped = asyncio.ensure_future(r.blpop("list", timeout=30))
        while (await r.info("clients"))["blocked_clients"] == 0:
            await asyncio.sleep(0.01)
        await r.rpush("list", "element")
        equal(list(await popped), ["list", "element"])
        async with r.lock("alock", timeout=10):
            equal(await r.exists("alock"), 1)
        equal([k async for k in r.scan_iter("n*")], ["n"])
        await r.flushdb()
        await r.close()

    asyncio.run(run())


# --- django ---

def django_cache():
    import django
    from django.conf import settings

    settings.configure(CACHES={"default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"{URL}/1",
        "KEY_PREFIX": "site",
        "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"},
    }}, SESSION_ENGINE="django.contrib.sessions.backends.cache",
        SESSION_CACHE_ALIAS="default", USE_TZ=True)
    django.setup()

    from django.core.cache import cache

    cache.clear()
    equal(cache.set("v", {"list": [1, 2]}, 60), True)
    equal(cache.get("v"), {"list": [1, 2]})
    equal(cache.get("none", "default"), "default")
    equal(cache.add("v", 1), False)
    cache.set_many({"a": 1, "b": "two"}, 60)
    equal(cache.get_many(["a", "b", "c"]), {"a": 1, "b": "two"})
    equal(cache.incr("a", 5), 6)
    assert 50 < cache.ttl("b") <= 60
    equal(cache.touch("b", 600), True)
    assert cache.ttl("b") > 500
    equal(cache.get_or_set("made", lambda: 7, 60), 7)
    equal(sorted(cache.keys("*")), ["a", "b", "made", "v"])
    equal(len(list(cache.iter_keys("*"))), 4)
    equal(cache.delete_pattern("m*"), 1)
    equal(cache.delete("a"), True)
    equal(cache.persist("b"), True)
    equal(cache.ttl("b"), None)
    cache.set("v2", "x", version=2)
    equal(cache.incr_version("v"), 2)
    with cache.lock("job", timeout=10):
        assert not cache.lock("job", timeout=10).acquire(blocking=False)


def django_sessions():
    from django.contrib.sessions.backends.cache import SessionStore
    from django.core.cache import cache

    s = SessionStore()
    s["cart"] = ["book"]
    s.set_expiry(300)
    s.save()
    again = SessionStore(s.session_key)
    equal(again["cart"], ["book"])
    again.cycle_key()
    equal(SessionStore(s.session_key).get("cart"), None)
    equal(SessionStore(again.session_key)["cart"], ["book"])
    again.flush()
    cache.clear()


# --- flask ---

def flask_sessions():
    from flask import Flask, session
    from flask_session import Session

    app = Flask("shop")
    app.config.update(SESSION_TYPE="redis", SESSION_PERMANENT=False,
                      SESSION_REDIS=redis.from_url(URL), TESTING=True)
    Session(app)

    @app.route("/count")
    def count():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.route("/out")
    def out():
        session.clear()
        return "bye"

    one, two = app.test_client(), app.test_client()
    equal([one.get("/count").text for _ in range(3)], ["1", "2", "3"])
    equal(two.get("/count").text, "1")
    one.get("/out")
    equal(one.get("/count").text, "1")


def flask_limits():
    from flask import Flask
    from flask_limiter import Limiter

    for strategy in ("fixed-window", "fixed-window-elastic-expiry",
                     "moving-window"):
        app = Flask("api")
        limiter = Limiter(lambda: "me", app=app, storage_uri=URL,
                          strategy=strategy, headers_enabled=True,
                          key_prefix=strategy)

        @app.route("/")
        @limiter.limit("3 per hour")
        def index():
            return "fine"

        got = [app.test_client().get("/") for _ in range(5)]
        equal([r.status_code for r in got], [200, 200, 200, 429, 429])
        equal(got[0].headers["X-RateLimit-Remaining"], "2")
        limiter.reset()


def limits():
    from limits import parse, storage, strategies

    store = storage.storage_from_string(URL)
    equal(store.check(), True)

    for kind in (strategies.FixedWindowRateLimiter,
                 strategies.MovingWindowRateLimiter):
        limiter, item = kind(store), parse("2/minute")
        name = kind.__name__
        equal([limiter.hit(item, name) for _ in range(3)], [True, True, False])
        equal(limiter.test(item, name), False)
        left = limiter.get_window_stats(item, name)
        equal(left[1], 0)
        assert time.time() < left[0] <= time.time() + 61
        limiter.clear(item, name)

    equal(store.reset() >= 0, True)


# --- channels ---

def channels():
    from channels_redis.core import RedisChannelLayer
    from channels_redis.pubsub import RedisPubSubChannelLayer

    async def run(kind):
        layer = kind(hosts=[URL])
        one, two = await layer.new_channel(), await layer.new_channel()
        await layer.send(one, {"type": "chat", "text": "grüße"})
        equal((await asyncio.wait_for(layer.receive(one), 30))["text"],
              "grüße")

        for channel in (one, two):
            await layer.group_add("room", channel)

        await layer.group_send("room", {"type": "chat", "text": "all"})

        for channel in (one, two):
            got = await asyncio.wait_for(layer.receive(channel), 30)
            equal(got["text"], "all")

        await layer.group_discard("room", two)
        await layer.group_send("room", {"type": "chat", "text": "one"})
        await asyncio.wait_for(layer.receive(one), 30)
        await layer.flush()

    asyncio.run(run(RedisChannelLayer))
    asyncio.run(run(RedisPubSubChannelLayer))


# --- a new start ---

def again():
    r = redis.from_url(URL, decode_responses=True)
    sub = r.pubsub()
    sub.subscribe("news")
    r.set("kept", "value")
    restart()
    until(lambda: r.get("kept") == "value")

    def heard():
        r.publish("news", "after")
        m = sub.get_message(timeout=0.1)
        return m is not None and m["data"] == "after"

    until(heard)
    sub.close()


if __name__ == "__main__":
    redis.from_url(URL).flushall()

    for module, code in (
        ("hiredis", parsers), ("redis", wrong), ("redis.asyncio", asynchronous),
        ("django_redis", django_cache), ("django_redis", django_sessions),
        ("flask_session", flask_sessions), ("flask_limiter", flask_limits),
        ("limits", limits), ("channels_redis", channels), ("redis", again),
    ):
        try:
            importlib.import_module(module)
        except ImportError:
            tap.count += 1
            print(f"ok {tap.count} - {code.__name__} # SKIP no {module}",
                  flush=True)
            continue

        test(code.__name__, code)

    sys.exit(tap.done())
