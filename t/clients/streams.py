"""Streams of events with requests: streams.py URL TOKEN

Prints TAP.
"""

import json
import sys

import requests

from tap import done, equal, test

URL, TOKEN = sys.argv[1:3]
HEADERS = {"Authorization": "Bearer " + TOKEN}


def run(*command):
    r = requests.post(URL, headers=HEADERS, json=command, timeout=30)
    equal(r.status_code, 200)
    return r.json()["result"]


def publish(channel, data):
    r = requests.post(f"{URL}/publish/{channel}", headers=HEADERS, data=data,
                      timeout=30)
    equal(r.status_code, 200)
    return r.json()["result"]


def subscribe(path, **options):
    return requests.get(URL + path, stream=True, timeout=30,
                        **{"headers": HEADERS, **options})


def events(response):
    for line in response.iter_lines(chunk_size=None):
        if line.startswith(b"data: "):
            yield line[6:]


# as docs/rest.md has it
def plain(field):
    text = json.loads(field) if field.startswith(b' "') else field.decode()
    return text.encode("utf-8", "surrogateescape")


def messages():
    with subscribe("/subscribe/news") as r:
        equal(r.headers["Content-Type"], "text/event-stream")
        it = events(r)
        equal(next(it), b"subscribe,news,1")
        equal(run("PUBLISH", "news", "hello"), 1)
        equal(next(it), b"message,news,hello")
        run("PUBLISH", "news", json.dumps({"a": [1, 2]}))
        equal(next(it), b'message,news,{"a": [1, 2]}')


def any_bytes():
    with subscribe("/psubscribe/*") as r:
        it = events(r)
        equal(next(it), b"psubscribe,*,1")

        for data in (b"a\nb\r\n\r\nc", b"\xff\xfe\x00", b' "x"', b"a,b,,c",
                     bytes(range(256)), "\u2028\u0085 grüße".encode(),
                     b"data: message,c,forged\n\n"):
            publish("c%2Cd", data)
            kind, pattern, channel, text = next(it).split(b",", 3)
            equal((kind, pattern), (b"pmessage", b"*"))
            equal(plain(channel), b"c,d")
            equal(plain(text), data)


def in_the_query():
    r = subscribe("/subscribe/q?_token=" + TOKEN, headers={})
    equal(next(events(r)), b"subscribe,q,1")
    r.close()


def post():
    r = requests.post(URL, headers=HEADERS, stream=True, timeout=30,
                      data="SUBSCRIBE a b")
    it = events(r)
    equal([next(it), next(it)], [b"subscribe,a,1", b"subscribe,b,2"])
    r.close()


def refused():
    r = subscribe("/subscribe/q", headers={})
    equal(r.status_code, 401)
    assert "WRONGPASS" in r.json()["error"]
    equal(subscribe("/subscribe").status_code, 400)


test("messages", messages)
test("any bytes", any_bytes)
test("the token in the query", in_the_query)
test("a command in the body", post)
test("errors", refused)
sys.exit(done())
