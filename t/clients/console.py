"""The console in headless Chromium: console.py URL DIRECTORY KEYS [SHOTS]

Each view and each edit, KEYS keys, and values that try to run; pictures of the
views go to the directory SHOTS.  Prints TAP.
"""

import base64
import json
import signal
import sys
import time
import urllib.request

import chromium
from tap import done, equal, test

URL, DIRECTORY, KEYS, SHOTS = sys.argv[1:5]
KEYS = int(KEYS)

FULL = "test-token-0123456789"
READS = "readonly-token-0123456789"

# each would set window.hacked, if it became anything but text
HOSTILE = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "\"><svg onload=window.hacked=1>",
    "</textarea></option><iframe srcdoc='<script>parent.hacked=1</script>'>",
    "javascript:window.hacked=1",
    "__proto__",
    "constructor",
    "${window.hacked=1}",
    "\u202egnp.exe",
    "a\nb\tc\u0000d",
]

# a key of bytes that are no text
BINARY = bytes(range(256))


def quoted(arg):
    if isinstance(arg, bytes):
        return '"' + "".join(f"\\x{b:02x}" for b in arg) + '"'
    return quoted(str(arg).encode())


# as command text, which may have any byte; several lines are a transaction
def command(*args, binary=False):
    request = urllib.request.Request(
        URL + "/redis/", " ".join(map(quoted, args)).encode(),
        {"Authorization": f"Bearer {FULL}",
         **({"Upstash-Encoding": "base64"} if binary else {})})

    with urllib.request.urlopen(request, timeout=60) as reply:
        result = json.load(reply)["result"]
        return base64.b64decode(result) if binary and result else result


def later(code):
    for _ in range(2400):
        if code():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come to that")


class Console(chromium.Browser):

    def __init__(self, driver, name):
        super().__init__(driver, URL, f"{DIRECTORY}/{name}")
        self.screen(1280, 800)

    def wait(self, script, *args):
        script = f"""
            const found = (function() {{ {script} }}).apply(null, arguments);
            return found instanceof Node ? true : found;
        """

        end = time.time() + 90
        while time.time() < end:
            found = self.script(script, *args)
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{script}: {self.text('body')[:2000]}")

    # the text of an element that ends so, however long that takes, as long as
    # it goes on to change
    def comes_to(self, selector, end):
        text, same = None, 0

        while same < 400:
            now = self.script("return document.querySelector(arguments[0])"
                              ".textContent", selector)
            if now.endswith(end):
                return now
            text, same = now, same + 1 if now == text else 0
            time.sleep(0.05)
        raise AssertionError(f"{selector}: {text}")

    # a control by what it says; the last one is that of a dialog, if one is open
    def press(self, text, within="body"):
        self.wait("""
            const [text, within] = arguments;
            const open = document.querySelector("dialog[open]");
            const found = [...(open ?? document.querySelector(within))
                .querySelectorAll("button, nav a")].filter((b) =>
                (b.textContent.trim() === text
                 || b.getAttribute("aria-label") === text)
                && !b.disabled && b.getClientRects().length);
            found.at(-1)?.click();
            return found.length;
        """, text, within)

    # a field by its label
    def fill(self, label, text, within="body"):
        self.wait("""
            const [label, text, within] = arguments;
            const open = document.querySelector("dialog[open]");
            const found = [...(open ?? document.querySelector(within))
                .querySelectorAll("label")].find((l) =>
                l.textContent === label && l.getClientRects().length);
            if (!found) {
                return false;
            }
            const control = document.getElementById(found.htmlFor);
            control.value = text;
            control.dispatchEvent(new Event("input", { bubbles: true }));
            control.dispatchEvent(new Event("change", { bubbles: true }));
            return true;
        """, label, text, within)

    def closed(self):
        self.wait("return !document.querySelector('dialog')")

    def view(self, name, path="/console/"):
        self.go(f"{path}#{name}")
        self.wait("return document.querySelector('main').children.length")

    def search(self, pattern, kind=""):
        self.fill("Pattern", pattern, ".keys")
        self.fill("Type", kind, ".keys")
        self.press("Search")

    # opens a key by its row
    def open(self, key, shown=None):
        self.search(key)
        shown = shown or key
        self.wait("""
            const rows = [...document.querySelectorAll(".item")];
            const row = rows.find((r) => r.querySelector(".name").textContent
                                         === arguments[0]);
            row?.click();
            return row;
        """, shown)
        self.wait("""return document.querySelector(".value h2")?.textContent
                     === arguments[0]""", shown)

    def value(self):
        return self.wait("""
            const t = document.querySelector(".value textarea");
            return t && t.value !== "" ? t.value : null;
        """)

    def cells(self, within):
        return self.script("""
            return [...document.querySelectorAll(`${arguments[0]} tbody tr`)]
                .map((row) => [...row.cells].map((c) => c.textContent.trim()));
        """, within)

    def has_cell(self, text, within=".value"):
        self.wait("""
            return [...document.querySelectorAll(`${arguments[1]} td`)]
                .some((cell) => cell.textContent.trim() === arguments[0]);
        """, text, within)

    def shot(self, name):
        if SHOTS:
            self.picture(f"{SHOTS}/{name}.png")


def fill_store():
    for n, text in enumerate(HOSTILE):
        command("SET", f"hostile:{text}", text)
        command("HSET", "hostile", text, text)
        command("XADD", "hostile-stream", "*", text, text)

    command("SET", BINARY, BINARY)
    command("SET", "greeting", "hello")
    command("SET", "document", '{"name":"Ada","tags":["a","b"]}', "EX", 3600)
    command("RPUSH", "list", *[f"element {n}" for n in range(250)])
    command("SADD", "set", "one", "two", "three")
    command("HSET", "hash", "name", "Ada", "city", "London")
    command("HPEXPIRE", "hash", 600000, "FIELDS", 1, "city")
    command("ZADD", "ranks", 1, "bronze", 2.5, "silver", 9, "gold")
    command("XADD", "stream", "*", "a", "1", "b", "2")
    command("XGROUP", "CREATE", "stream", "workers", "0")
    command("JSON.SET", "order", "$", '{"id":1,"total":9.5}')


# in steps, so that no other client waits for long
def many():
    script = """for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
                    redis.call('SET', 'user:' .. i, i)
                end"""
    step = 50000

    for first in range(1, KEYS + 1, step):
        command("EVAL", script, 0, first, min(first + step - 1, KEYS))


def log_in(b, token, path="/console/"):
    b.go(path)
    b.shows("Log in")
    b.fill("Token", token)
    b.press("Log in", "main")


def run(driver):
    b = Console(driver, "one")

    def login():
        log_in(b, "wrong")
        b.shows("This is no token of the zone.")
        b.shot("login")
        log_in(b, FULL)
        b.wait("return document.querySelector('.item')")
        equal(b.script("return location.href.includes('token')"), False)
        equal(b.script("return document.cookie + localStorage.length"), "0")

    def keys():
        b.search("ash", "")
        b.wait("return document.querySelectorAll('.item').length === 1")
        b.search("*", "zset")
        b.wait("return document.querySelectorAll('.item').length === 1")
        b.wait("""return document.querySelector('.item').textContent
                      .includes('sorted setranks')""")
        b.search("document")
        b.wait("""return /59 min|60 min/.test(
                      document.querySelector('.item .ttl')?.textContent)""")
        b.wait("""return / B$/.test(
                      document.querySelector('.item .size')?.textContent)""")

    def string():
        b.open("greeting")
        equal(b.value(), "hello")
        b.fill("Value", "good\nday", ".value")
        b.press("Save")
        b.shows("Saved.")
        equal(command("GET", "greeting"), "good\nday")

        b.open("document")
        b.value()
        b.press("Format JSON")
        b.press("Save")
        later(lambda: '\n  "name": "Ada"' in command("GET", "document"))
        assert command("TTL", "document") > 3000, "its time stays"
        b.shot("string")

    def binary():
        shown = b.script("return arguments[0]", "".join(
            c if " " <= c <= "~" and c != "\\" else
            {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}.get(
                c, f"\\x{ord(c):02x}") for c in map(chr, BINARY)))
        cut = shown[:300] + "…" if len(shown) > 300 else shown
        b.search("*\x01*")
        b.wait("""
            const row = [...document.querySelectorAll(".item")].find((r) =>
                r.querySelector(".name").textContent === arguments[0]);
            row?.click();
            return row;
        """, cut)
        b.wait("""return document.querySelector('.value textarea')?.value
                      === arguments[0]""", shown)
        b.press("Save")
        b.shows("Saved.")
        equal(command("GET", BINARY, binary=True), BINARY)
        b.fill("Value", "\\x00\\xffend\\n", ".value")
        b.press("Save")
        later(lambda: command("GET", BINARY, binary=True)
              == b"\x00\xffend\n")

    def hash_():
        b.open("hash")
        b.has_cell("London")
        b.wait("""return [...document.querySelectorAll('.value td')]
                      .some((c) => /^(9|10) min$/.test(c.textContent))""")
        b.press("Edit name")
        b.fill("Value", "Grace")
        b.fill("Seconds to live; empty: with the key", "100")
        b.press("Save")
        b.closed()
        b.has_cell("Grace")
        equal(command("HGET", "hash", "name"), "Grace")
        assert 90 < command("HTTL", "hash", "FIELDS", 1, "name")[0] <= 100
        b.shot("hash")
        b.press("Add field")
        b.fill("Field", "new")
        b.fill("Value", "field")
        b.shot("dialog")
        b.press("Add")
        b.closed()
        b.has_cell("field")
        b.press("Delete new")
        b.press("Delete")
        b.closed()
        b.wait("""return ![...document.querySelectorAll('.value td')]
                      .some((c) => c.textContent === 'field')""")
        equal(command("HEXISTS", "hash", "new"), 0)

    def list_():
        b.open("list")
        b.has_cell("element 99")
        equal(len(b.cells(".value")), 100)
        b.press("More", ".value")
        b.has_cell("element 199")
        b.press("Edit 1")
        b.fill("Value", "changed")
        b.press("Save")
        b.closed()
        b.has_cell("changed")
        equal(command("LINDEX", "list", 1), "changed")
        b.press("Delete 0")
        b.press("Delete")
        b.closed()
        b.wait("return document.querySelector('.value td:nth-child(2)')"
               ".textContent === 'changed'")
        equal(command("LLEN", "list"), 249)
        b.press("Add element")
        b.fill("Value", "first")
        b.fill("At", "LPUSH")
        b.press("Add")
        b.closed()
        b.has_cell("first")
        equal(command("LINDEX", "list", 0), "first")

    def set_():
        b.open("set")
        b.has_cell("two")
        b.press("Edit two")
        b.fill("Member", "2")
        b.press("Save")
        b.closed()
        b.has_cell("2")
        equal(sorted(command("SMEMBERS", "set")), ["2", "one", "three"])

        for name in ("2", "one", "three"):
            b.press(f"Delete {name}")
            b.press("Delete")
            b.closed()
            b.wait("return ![...document.querySelectorAll('.value td')]"
                   ".some((c) => c.textContent === arguments[0])", name)
        b.shows("Choose a key")
        equal(command("EXISTS", "set"), 0)

    def zset():
        b.open("ranks")
        b.has_cell("silver")
        b.press("Edit silver")
        b.fill("Score", "10.25")
        b.press("Save")
        b.closed()
        b.has_cell("10.25")
        equal(float(command("ZSCORE", "ranks", "silver")), 10.25)
        b.press("Edit silver")
        b.fill("Score", "no number")
        b.press("Save")
        b.shows("ERR value is not a valid float")
        b.press("Cancel")
        b.closed()

    def stream():
        b.open("stream")
        b.has_cell("a=1  b=2")
        b.has_cell("workers")
        b.press("Add entry")
        b.fill("Field", "c")
        b.fill("Value", "3")
        b.press("Add")
        b.closed()
        b.has_cell("c=3")
        equal(command("XLEN", "stream"), 2)
        b.shot("stream")

    def json_():
        b.open("order")
        equal(b.value(), '{"id":1,"total":9.5}')
        b.fill("Document", '{"id": 7, "total": 12.5, "tags": ["new"]}',
               ".value")
        b.press("Save")
        b.shows("Saved.")
        equal(json.loads(command("JSON.GET", "order")),
              {"id": 7, "total": 12.5, "tags": ["new"]})
        b.shot("json")

        # what is no JSON is refused, and changes nothing
        b.fill("Document", '{"id": ', ".value")
        b.press("Save")
        b.shows("EOF while parsing")
        equal(json.loads(command("JSON.GET", "order"))["id"], 7)

    def users():
        b.view("users")
        for cell in ("app", "default", "far", "0 of 1,000,000",
                     "~* &* +@all -@dangerous"):
            b.has_cell(cell, "main")
        assert "#" not in b.script("return document.querySelector('main table')"
                                   ".textContent"), "digests are shown"
        b.shot("users")

    def about_key():
        b.open("greeting")
        b.press("Time to live")
        b.fill("Seconds; empty: it never ends", "50")
        b.press("Save")
        b.closed()
        b.shows("in 50 s")
        assert 40 < command("TTL", "greeting") <= 50
        b.press("Time to live")
        b.fill("Seconds; empty: it never ends", "")
        b.press("Save")
        b.closed()
        b.shows("never")
        equal(command("TTL", "greeting"), -1)

        b.press("Rename")
        b.fill("New name", "ranks")
        b.press("Rename")
        b.shows("There is a key of this name.")
        b.fill("New name", "farewell")
        b.press("Rename")
        b.closed()
        b.wait("return document.querySelector('.value h2')?.textContent"
               " === 'farewell'")
        equal(command("EXISTS", "greeting", "farewell"), 1)

        b.press("Delete", ".value")
        b.press("Delete")
        b.closed()
        b.shows("Choose a key")
        equal(command("EXISTS", "farewell"), 0)

    def new():
        for kind, fields, ask in (
                ("string", {"Value": "v"}, ("GET",)),
                ("list", {"Value": "v"}, ("LLEN",)),
                ("set", {"Member": "v"}, ("SCARD",)),
                ("hash", {"Field": "f", "Value": "v"}, ("HLEN",)),
                ("zset", {"Member": "v", "Score": "7"}, ("ZCARD",)),
                ("stream", {"Field": "f", "Value": "v"}, ("XLEN",))):
            b.press("New key")
            b.fill("Type", kind)
            b.fill("Name", f"new {kind}")
            for label, text in fields.items():
                b.fill(label, text)
            b.press("Make")
            b.closed()
            b.wait("return document.querySelector('.value h2')?.textContent"
                   " === arguments[0]", f"new {kind}")
            equal(command(*ask, f"new {kind}"), "v" if kind == "string" else 1)

    def hostile():
        b.search("hostile")
        b.wait("return document.querySelectorAll('.item').length === 12")
        b.shot("hostile")
        for row in range(12):
            b.script("""document.querySelectorAll('.item')[arguments[0]]
                            .click()""", row)
            time.sleep(0.2)
        b.open("hostile")
        b.has_cell(HOSTILE[0])
        equal(len(b.cells(".value")), len(HOSTILE))
        for name in (HOSTILE[1], HOSTILE[5]):
            b.press(f"Edit {name}")
            b.press("Save")
            b.closed()
            equal(command("HGET", "hostile", name), name)
        equal(b.script("return window.hacked ?? null"), None)
        equal(b.script("return Object.prototype.hacked ?? null"), None)
        equal(b.script("""return document.querySelectorAll(
            'main script, main iframe, main img').length"""), 0)

    def line():
        b.view("line")
        b.wait("return document.activeElement.classList.contains('typed')")

        def enter(text):
            b.type(".typed", text + "\ue007")

        enter("SET line 1")
        b.shows("OK")
        enter("INCR line")
        b.shows("(integer) 2")
        enter("LRANGE list 0 1")
        b.shows('1) "first"')
        enter("GET")
        b.shows("(error) ERR wrong number of arguments for 'get' command")
        enter('GET "hostile:<script>window.hacked=1</script>"')
        b.shows('"<script>window.hacked=1</script>"')
        enter("HELP ZADD")
        b.shows("ZADD key [NX|XX]")
        enter("SUBSCRIBE x")
        b.shows("shown by the view Live")
        b.type(".typed", "\ue013\ue013\ue013")       # arrow up
        equal(b.script("return document.querySelector('.typed').value"),
              'GET "hostile:<script>window.hacked=1</script>"')
        b.script("document.querySelector('.typed').value = ''")
        b.type(".typed", "zrangeb")
        b.wait("return document.querySelectorAll('.offers li').length === 2")
        b.shot("line")
        b.type(".typed", "\ue015\ue015\ue007")        # arrow down, enter
        equal(b.script("return document.querySelector('.typed').value"),
              "ZRANGEBYSCORE ")
        b.shows("ZRANGEBYSCORE key")
        equal(b.script("return window.hacked ?? null"), None)

    def figures():
        b.view("figures")
        for n in range(20):
            command("SET", "figure", n)
            command("GET", f"figure{n % 2 or ''}")
        b.wait("""return document.querySelectorAll('.line0')[0]
                      .getAttribute('d').includes('L')""")
        b.has_cell("set", "main")
        b.wait("""return /[1-9]/.test(document.querySelector(
                      '.charts section:nth-child(4) dd').textContent)""")
        time.sleep(float(5 if SHOTS else 0))
        b.shot("figures")

    def live():
        b.view("live")
        b.fill("Name", "news", ".tall")
        b.press("Start")
        b.shows("Waiting for the first.")
        for _ in range(900):
            if command("PUBLISH", "news", HOSTILE[0]):
                break
            time.sleep(0.1)
        b.shows(HOSTILE[0])
        command("PUBLISH", "news", "two\nlines, and a comma")
        b.shows("two⏎lines, and a comma")
        command("PUBLISH", "news", b"\xff\x00")
        b.shows("\\xff\\x00")
        b.fill("Channel", "news", "main")
        b.fill("Message", "from the page", "main section:last-child")
        b.press("Publish")
        b.shows("from the page")
        b.shows("1 client has got it.")
        b.shot("live")
        b.press("Stop")
        b.wait("""return [...document.querySelectorAll('button')]
                      .some((b) => b.textContent === 'Start')""")

        b.fill("What", "MONITOR", ".tall")
        b.press("Start")
        for _ in range(900):
            command("SET", "watched", "by monitor")
            if "watched" in b.text():
                break
            time.sleep(0.1)
        b.shows('"SET" "watched" "by monitor"')

    def slow():
        command("CONFIG", "SET", "slowlog-log-slower-than", 0)
        command("SET", "slowly", HOSTILE[1])
        command("CONFIG", "SET", "slowlog-log-slower-than", 10000)
        b.view("slow")
        b.has_cell(f"SET slowly {HOSTILE[1]}", "main")
        b.shot("slow")
        b.press("Forget them")
        b.shows("No command was slow.")

    def limits():
        b.view("limits")
        b.has_cell("5 of 5 used up", "main")
        equal([[row[0], row[1]] for row in b.cells("section:nth-child(1)")],
              [["ada", "5 of 5 used up"], ["bob", "2 of 5"]])

        # the one that all rules rejected was charged to none
        for n in (2, 3, 4):
            equal([[row[0], row[1]] for row in
                   b.cells(f"section:nth-child({n})")],
                  [["ada", "5 of 10"], ["bob", "2 of 10"]])
        b.shot("limits")
        b.press("Reset ada", "section:nth-child(1)")
        b.wait("""return !document.querySelector('section:nth-child(1)')
                      .textContent.includes('ada')""")
        equal(command("EXISTS", "limit:window:ada"), 0)

    def sessions():
        b.view("sessions")
        b.wait("return document.querySelectorAll('tbody tr').length === 3")
        b.has_cell("user=ada", "main")
        b.shot("sessions")
        b.script("document.querySelector('tbody button').click()")
        b.press("End")
        b.closed()
        b.wait("return document.querySelectorAll('tbody tr').length === 2")

    def clients():
        b.view("clients")
        b.has_cell("client|list", "main")

    def reader():
        b.press("Log out")
        log_in(b, READS)
        b.shows("may not list keys")
        b.search("hash")
        b.has_cell("London")
        equal(b.script("""return [...document.querySelectorAll('main button')]
            .filter((b) => ['New key', 'Time to live', 'Rename', 'Delete',
                            'Add field', 'Edit'].includes(b.textContent)
                           && !b.disabled).length"""), 0)
        b.shot("reader")

        # a page that pretends otherwise is refused
        equal(b.script("""return fetch("api/", { method: "POST",
            headers: { "Keyspace-Console": "1", "Keyspace-Token":
                       sessionStorage.getItem("keyspace-token") },
            body: '["DEL","hash"]' }).then((r) => r.json())
            .then((j) => j.error.slice(0, 6))"""), "NOPERM")
        equal(command("EXISTS", "hash"), 1)
        b.view("figures")
        b.has_cell("set", "main")
        b.view("slow")
        b.shows("NOPERM")
        b.press("Log out")
        b.shows("Log in")
        equal(b.script("return sessionStorage.length"), 0)

    def own():
        b.view("keys", "/look/")
        b.shows("read only")
        b.view("keys", "/own/")
        b.wait("return document.querySelector('.item')")
        assert "read only" not in b.text()

    def all_keys():
        many()
        b.view("keys", "/own/")
        b.search("*")
        b.press("Read all")
        equal(b.comes_to(".state", " keys"), f"{command('DBSIZE'):,} keys")
        rows = b.script("return document.querySelectorAll('.item').length")
        assert rows < 60, f"{rows} rows are there at once"

        # by the keyboard, to the very last one
        b.script("document.querySelector('.list').focus()")
        b.keys("\ue010")                            # end
        b.wait("""const at = document.querySelector('.list')
                      .getAttribute('aria-activedescendant');
                  const row = document.getElementById(at);
                  if (!row) {
                      return false;
                  }
                  const [a, b] = [row, document.querySelector('.list')]
                      .map((e) => e.getBoundingClientRect());
                  return row.ariaPosInSet === row.ariaSetSize
                         && a.bottom <= b.bottom + 1 && a.top >= b.top""")
        b.keys("\ue013\ue007")                      # up, enter
        b.wait("return document.querySelector('.value h2')")
        b.shot("million")
        b.search(f"user:{KEYS}")
        b.wait("return document.querySelectorAll('.item').length === 1")

    def quiet():
        wrong = [entry for entry in b.log()
                 if entry["level"] == "SEVERE"
                 and "status of 40" not in entry["message"]]
        equal(wrong, [])

    def looks():
        for name, width, height, dark in (
                ("dark", 1280, 800, True), ("phone", 390, 800, False),
                ("phone-dark", 390, 800, True)):
            b.screen(width, height, dark)
            for view in ("keys", "line", "figures", "live", "limits",
                         "sessions", "users"):
                b.view(view, "/own/")
                time.sleep(2.5 if SHOTS else 0)
                b.shot(f"{name}-{view}")
                wide = b.script("return document.documentElement.scrollWidth")
                assert wide <= width, f"{view} is {wide} wide"
            b.view("keys", "/own/")
            b.open("hash")
            b.shot(f"{name}-value")
        b.press("Back")
        b.wait("return document.querySelector('.item')?.getClientRects()"
               ".length")

    def names():
        b.screen(1280, 800)
        for view in ("keys", "line", "figures", "live", "slow", "limits",
                     "sessions", "clients", "users"):
            b.view(view, "/own/")
            equal(b.script("""
                return [...document.querySelectorAll(
                    'button, input, select, textarea, a, [role]')]
                    .filter((e) => e.getClientRects().length
                        && !['presentation', 'status', 'option', 'none']
                            .includes(e.getAttribute('role'))
                        && !(e.textContent.trim() && !e.matches('select'))
                        && !e.getAttribute('aria-label')
                        && !e.getAttribute('aria-labelledby')
                        && !e.labels?.length && e.matches('*'))
                    .map((e) => e.outerHTML.slice(0, 100));
            """), [])

    try:
        fill_store()
        for name, code in (
                ("log in", login), ("keys", keys), ("a string", string),
                ("bytes that are no text", binary), ("a hash", hash_),
                ("a list", list_), ("a set", set_), ("a sorted set", zset),
                ("a stream", stream), ("a document", json_),
                ("a key", about_key),
                ("new keys", new), ("hostile keys and values", hostile),
                ("the command line", line), ("figures", figures),
                ("live", live), ("the slow log", slow), ("limits", limits),
                ("sessions", sessions), ("clients", clients),
                ("users", users),
                ("a token that reads", reader),
                ("the location's user", own),
                (f"{KEYS} keys", all_keys), ("dark, and on a phone", looks),
                ("names for those who do not see", names),
                ("the browser has nothing to say", quiet)):
            test(name, code)
    finally:
        b.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    process, driver = chromium.start(DIRECTORY)

    try:
        run(driver)
    finally:
        chromium.stop(process)

    return done()


sys.exit(main())
