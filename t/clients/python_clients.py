"""requests and httpx with raw command text: python_clients.py URL TOKEN

Prints TAP.  An HTTP library that is not installed is said so and skipped.
"""

import importlib
import sys
import traceback

URL, TOKEN = sys.argv[1:3]
HEADERS = {"Authorization": "Bearer " + TOKEN}

count = 0
failed = 0


def test(name, code):
    global count, failed
    count += 1
    try:
        code()
        print(f"ok {count} - {name}")
    except Exception:
        failed += 1
        print(f"not ok {count} - {name}")
        print("# " + traceback.format_exc().replace("\n", "\n# "))


def equal(got, want):
    assert got == want, f"{got!r} is not {want!r}"


class Client:
    """Raw command text in, the result out, as a script would write it."""

    def __init__(self, library):
        self.session = (library.Session() if hasattr(library, "Session")
                        else library.Client(timeout=30))
        self.content = "data" if hasattr(library, "Session") else "content"

    def post(self, text, path="/"):
        body = text if isinstance(text, bytes) else text.encode()
        return self.session.post(URL + path, headers=HEADERS,
                                 **{self.content: body})

    def run(self, text):
        r = self.post(text)
        equal(r.status_code, 200)
        return r.json()["result"]


def commands(c):
    equal(c.run("FLUSHALL"), "OK")
    equal(c.run("SET foo bar"), "OK")
    equal(c.run("GET foo"), "bar")
    equal(c.run("GET none"), None)
    equal(c.run('SET greeting "hello world" EX 100'), "OK")
    equal(c.run("GET greeting"), "hello world")
    assert 0 < c.run("TTL greeting") <= 100
    equal(c.run("DEL counter"), 0)
    equal(c.run("INCR counter"), 1)
    equal(c.run("INCRBY counter 41"), 42)
    equal(c.run("MSET a 1 b 2"), "OK")
    equal(c.run("MGET a b none"), ["1", "2", None])


def objects(c):
    user = '{"name": "Ada", "role": "admin", "tags": ["x y", "}"]}'
    equal(c.run("SET user:42 " + user + " EX 300"), "OK")
    equal(c.run("GET user:42"), user)
    assert c.run("TTL user:42") > 0


def unicode_text(c):
    equal(c.run("SET u grüße-日本-😀"), "OK")
    equal(c.run("GET u"), "grüße-日本-😀")


def arrays(c):
    equal(c.post('["SET","k","v"]').json(), {"result": "OK"})
    equal(c.post('[["GET","k"],["INCR","k"]]', "/pipeline").json(),
          [{"result": "v"},
           {"error": "ERR value is not an integer or out of range"}])


def bodies(c):
    blob = bytes(range(256)) * 1000
    equal(c.post(blob, "/set/blob").json(), {"result": "OK"})
    equal(c.run("STRLEN blob"), len(blob))
    r = c.session.get(URL + "/get/blob", headers={
        **HEADERS, "Upstash-Response-Format": "resp2"})
    equal(r.content, b"$%d\r\n%s\r\n" % (len(blob), blob))


def streamed(c):
    def parts():
        yield b"SET chunked "
        yield b"value"
    r = c.session.post(URL + "/", headers=HEADERS, **{c.content: parts()})
    equal(r.json(), {"result": "OK"})
    equal(c.run("GET chunked"), "value")


def errors(c):
    r = c.post("INCR foo")
    equal(r.status_code, 400)
    equal(r.json(),
          {"error": "ERR value is not an integer or out of range"})
    equal(c.post("NOSUCH x").status_code, 400)
    r = c.session.get(URL + "/get/foo")
    equal(r.status_code, 401)
    equal(r.json(), {"error": "WRONGPASS invalid or missing auth token"})


def methods(c):
    equal(c.session.head(URL + "/get/foo", headers=HEADERS).status_code, 200)
    equal(c.session.delete(URL + "/get/foo", headers=HEADERS).status_code,
          405)
    equal(c.session.put(URL + "/set/put", headers=HEADERS,
                        **{c.content: b"v"}).json(), {"result": "OK"})


for library_name in ("requests", "httpx"):
    try:
        library = importlib.import_module(library_name)
    except ImportError:
        count += 1
        print(f"ok {count} - {library_name} # SKIP it is not installed")
        continue

    client = Client(library)

    for code in (commands, objects, unicode_text, arrays, bodies, streamed,
                 errors, methods):
        test(f"{library_name}: {code.__name__}", lambda: code(client))

print(f"1..{count}")
sys.exit(1 if failed else 0)
