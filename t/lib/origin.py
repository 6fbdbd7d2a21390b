"""An origin server for tests of caches: what it answers is planned.

    origin.py PORT

PUT /-/plan/any/path with a JSON list of responses: requests for /any/path are
answered by one after another, and from then on by the last.  A response has

    status   200 if not given; a request whose condition holds gets a 304
             instead if it is not given
    headers  [[name, value], ...]; a number as a value is a date so many seconds
             from now; without Date that is now, "-" as its value: there is none
    body     text, or a number of bytes; not given: the number of the request
    delay    seconds before the header, and "slow" before the body's last half
    chunked  true: the body is in chunks; "close": it ends with the connection
    cut      true: it breaks off in the middle of the body; "early": before all

GET /-/seen/any/path: the requests that came, [{method, headers}, ...].
"""

import json
import socketserver
import sys
import threading
import time
from email.utils import formatdate

plans = {}
seen = {}
lock = threading.Lock()


def date(seconds):
    return formatdate(time.time() + seconds, usegmt=True)


def holds(headers, fields):
    fields = {n.lower(): v for n, v in fields}
    inm = headers.get("if-none-match")
    ims = headers.get("if-modified-since")

    if inm is not None:
        return inm in (fields.get("etag"), "*")

    return ims is not None and ims == fields.get("last-modified")


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while self.one():
            pass

    def one(self):
        line = self.rfile.readline().decode("latin-1").split()
        if len(line) != 3:
            return False

        method, path, _ = line
        headers = {}

        while True:
            field = self.rfile.readline().decode("latin-1").rstrip("\r\n")
            if not field:
                break
            name, value = field.split(":", 1)
            name = name.lower()
            value = value.strip()
            headers[name] = headers[name] + ", " + value \
                if name in headers else value

        body = self.rfile.read(int(headers.get("content-length", 0)))

        if path.startswith("/-/plan"):
            with lock:
                plans[path[7:]] = json.loads(body)
                seen[path[7:]] = []
            return self.plain(b"")

        if path.startswith("/-/seen"):
            with lock:
                text = json.dumps(seen.get(path[7:], []))
            return self.plain(text.encode())

        with lock:
            log = seen.setdefault(path, [])
            log.append({"method": method, "headers": headers})
            n = len(log)
            plan = plans.get(path, [{}])
            r = plan[min(n, len(plan)) - 1]

        return self.answer(method, headers, r, n)

    def plain(self, body):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                         % len(body) + body)
        return True

    def answer(self, method, headers, r, n):
        time.sleep(r.get("delay", 0))

        if r.get("cut") == "early":
            return False

        body = r.get("body", "%d" % n)
        body = b"x" * body if isinstance(body, int) else body.encode()
        fields = [(k, date(v) if isinstance(v, (int, float)) else v)
                  for k, v in r.get("headers", [])]

        if not any(k.lower() == "date" for k, v in fields):
            fields.append(("Date", date(0)))

        fields = [(k, v) for k, v in fields
                  if k.lower() != "date" or v != "-"]
        status = r.get("status", 200)

        if "status" not in r and holds(headers, fields):
            status = 304

        bare = method == "HEAD" or status in (204, 304)
        chunked = r.get("chunked") and not bare
        head = "HTTP/1.1 %d Something\r\n" % status
        head += "X-Number: %d\r\n" % n
        head += "".join("%s: %s\r\n" % f for f in fields)

        if chunked is True:
            head += "Transfer-Encoding: chunked\r\n"
        elif chunked:
            head += "Connection: close\r\n"
        elif status not in (204, 304):
            head += "Content-Length: %d\r\n" % len(body)

        self.wfile.write((head + "\r\n").encode("utf-8"))

        if bare:
            return True

        half = len(body) // 2
        self.part(chunked, body[:half])

        if r.get("cut"):
            return False

        time.sleep(r.get("slow", 0))
        self.part(chunked, body[half:])

        if chunked is True:
            self.wfile.write(b"0\r\n\r\n")

        return chunked in (True, False, None)

    def part(self, chunked, data):
        if chunked is not True:
            self.wfile.write(data)
        elif data:
            self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
        self.wfile.flush()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
