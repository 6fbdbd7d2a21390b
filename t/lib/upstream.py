"""An application for tests: it answers as the query tells it to.

    upstream.py HTTP_PORT FASTCGI_PORT

/any/path?header=Name:+value&status=404&delay=0.2&body=text

Without a body it answers with what it was asked, as JSON: method, path, and
headers in lower case.  Over FastCGI, headers are the HTTP_ parameters.
"""

import json
import socketserver
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def answer(method, uri, headers):
    path = urlsplit(uri)
    query = parse_qs(path.query, keep_blank_values=True)

    def one(name, default):
        return query.get(name, [default])[0]

    time.sleep(float(one("delay", "0")))

    body = one("body", None)
    if body is None:
        body = json.dumps({"method": method, "path": path.path,
                           "headers": headers})

    added = [tuple(h.split(": ", 1)) for h in query.get("header", [])]

    return int(one("status", "200")), added, body.encode("latin-1")


class Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)

        headers = {k.lower(): v for k, v in self.headers.items()}
        status, added, body = answer(self.command, self.path, headers)

        self.send_response(status)
        for name, value in added:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

        if self.command != "HEAD":
            self.wfile.write(body)

    do_POST = do_PUT = do_HEAD = do_GET

    def log_message(self, *args):
        pass


class FastCgi(socketserver.StreamRequestHandler):

    def record(self):
        head = self.rfile.read(8)
        if len(head) < 8:
            return None, b""
        _, kind, _, length, padding = struct.unpack("!BBHHBx", head)
        data = self.rfile.read(length)
        self.rfile.read(padding)
        return kind, data

    def send(self, kind, data):
        self.wfile.write(struct.pack("!BBHHBx", 1, kind, 1, len(data), 0)
                         + data)

    def handle(self):
        params = b""

        while True:
            kind, data = self.record()
            if kind is None:
                return
            if kind == 4:                               # PARAMS
                params += data
            if kind == 5 and not data:                  # the end of STDIN
                break

        env = self.pairs(params)
        headers = {k[5:].lower().replace("_", "-"): v
                   for k, v in env.items() if k.startswith("HTTP_")}
        status, added, body = answer(env["REQUEST_METHOD"],
                                     env["REQUEST_URI"], headers)

        text = "Status: %d\r\n" % status
        text += "".join("%s: %s\r\n" % h for h in added)

        self.send(6, text.encode("latin-1") + b"\r\n" + body)       # STDOUT
        self.send(6, b"")
        self.send(3, struct.pack("!IBxxx", 0, 0))           # END_REQUEST

    @staticmethod
    def pairs(data):
        env, at = {}, 0

        def length():
            nonlocal at
            n = data[at]
            at += 1
            if n & 0x80:
                n = struct.unpack("!I", data[at - 1:at + 3])[0] & 0x7fffffff
                at += 3
            return n

        while at < len(data):
            name, value = length(), length()
            env[data[at:at + name].decode("latin-1")] = \
                data[at + name:at + name + value].decode("latin-1")
            at += name + value

        return env


class FastCgiServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


http = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Http)
fastcgi = FastCgiServer(("127.0.0.1", int(sys.argv[2])), FastCgi)

threading.Thread(target=fastcgi.serve_forever, daemon=True).start()
http.serve_forever()
