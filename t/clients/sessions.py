"""The application of conf-examples/sessions.conf, with the cookie jar of
requests: sessions.py URL REDIS_URL TOKEN

Prints TAP.
"""

import sys

import requests

from tap import done, equal, test

URL, REDIS, TOKEN = sys.argv[1:4]

ADA = {"user": "ada", "password": "secret"}


def redis(*command):
    reply = requests.post(REDIS, json=command, timeout=20,
                          headers={"Authorization": f"Bearer {TOKEN}"}).json()
    return reply["result"]


def has(response, text):
    assert text in response.text, f"no {text!r} in {response.text!r}"
    assert "keyspace-session" not in response.headers
    return response


def logged_out():
    s = requests.Session()
    has(s.get(URL + "/"), "<h1>Log in</h1>")
    equal(len(s.cookies), 0)
    r = has(s.post(URL + "/login", data={**ADA, "password": "x"}), "Wrong")
    equal(r.status_code, 403)
    has(s.post(URL + "/logout"), "<h1>Log in</h1>")
    equal(len(s.cookies), 0)
    equal(redis("DBSIZE"), 0)


def log_in():
    s = requests.Session()
    has(s.post(URL + "/login", data=ADA), "Hello, ada")
    cookie, = s.cookies
    equal((cookie.name, cookie.path, cookie.secure, cookie.expires),
          ("sid", "/", False, None))
    assert cookie.has_nonstandard_attr("HttpOnly")
    equal(cookie.get_nonstandard_attr("SameSite"), "Lax")
    equal(len(cookie.value), 43)

    has(s.get(URL + "/"), '"visits">2<')
    has(s.get(URL + "/"), '"visits">3<')
    equal(s.cookies["sid"], cookie.value)


def keys():
    s = requests.Session()
    s.post(URL + "/login", data=ADA)
    cookie = s.cookies["sid"]
    found = redis("KEYS", "session:*")

    assert found and not any(cookie in key for key in found)
    equal({redis("HGET", key, "role") for key in found}, {"member"})

    # nginx alone says who it is
    has(requests.get(URL + "/", headers={"X-User": "root"}), "Log in")
    has(requests.get(URL + "/login", headers={
        "X-User": "root", "Keyspace-Session": "set user=root"}), "Log in")
    for key in found:
        name = key.split(":")[1]
        has(requests.get(URL + "/", cookies={"sid": name}), "Log in")


def renewed():
    s = requests.Session()
    s.post(URL + "/login", data=ADA)
    first = s.cookies["sid"]
    s.post(URL + "/login", data=ADA)
    assert s.cookies["sid"] != first
    has(requests.get(URL + "/", cookies={"sid": first}), "Hello, ada")
    for key in redis("KEYS", "session:*"):
        if redis("HEXISTS", key, "_moved"):     # as after some seconds
            redis("DEL", key)
    has(requests.get(URL + "/", cookies={"sid": first}), "Log in")
    has(s.get(URL + "/"), "Hello, ada")


def log_out():
    s = requests.Session()
    s.post(URL + "/login", data=ADA)
    cookie = s.cookies["sid"]
    has(s.post(URL + "/logout"), "<h1>Log in</h1>")
    equal(len(s.cookies), 0)
    has(requests.get(URL + "/", cookies={"sid": cookie}), "Log in")


def ended_by_an_operator():
    s = requests.Session()
    s.post(URL + "/login", data=ADA)
    has(s.get(URL + "/"), "Hello, ada")
    redis("DEL", *redis("KEYS", "session:*"))
    has(s.get(URL + "/"), "Log in")


def no_markup():
    s = requests.Session()
    s.post(URL + "/login", data=ADA)
    key, = redis("KEYS", "session:*")
    redis("HSET", key, "user", "<b>\r\nX-Role: admin")
    r = has(s.get(URL + "/"), "&lt;b&gt;%0d%0aX-Role: admin")
    equal(r.status_code, 200)


test("nobody is logged in", logged_out)
test("log in, and look again", log_in)
test("the keys tell no cookie", keys)
test("another log-in, another cookie", renewed)
test("log out", log_out)
test("DEL logs everybody out", ended_by_an_operator)
test("a field ends no header", no_markup)
sys.exit(done())
