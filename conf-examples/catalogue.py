#!/usr/bin/env python3
"""A slow application behind catalogue.conf: products, each a page.

It takes half a second for a page, and knows no cache but by what it says in
its fields.  A PUT changes a product.  Python's own library is all it needs:

    python3 catalogue.py [PORT]
"""

import html
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PRODUCTS = {"1": ["tea", "Earl Grey"], "2": ["tea", "Assam"],
            "3": ["cups", "Saucer"]}
VERSIONS = {}

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>%s</title>
<h1 id="name">%s</h1><p>made at <span id="made">%.3f</span></p>
</html>
"""


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        number = self.path.rsplit("/", 1)[-1]

        if number not in PRODUCTS:
            self.answer(404, "no such product\n")
            return

        shelf, name = PRODUCTS[number]
        etag = '"%s-%d"' % (number, VERSIONS.get(number, 0))
        fields = [("ETag", etag), ("Cache-Control", "max-age=60"),
                  ("Cache-Tag", "product-%s, %s" % (number, shelf))]

        if self.headers.get("If-None-Match") == etag:
            self.answer(304, "", fields)
            return

        time.sleep(0.5)
        name = html.escape(name)
        self.answer(200, PAGE % (name, name, time.time()), fields)

    def do_PUT(self):
        number = self.path.rsplit("/", 1)[-1]
        name = self.rfile.read(int(self.headers.get("Content-Length", 0)))

        PRODUCTS[number] = [PRODUCTS.get(number, ["other"])[0],
                            name.decode("utf-8", "replace")]
        VERSIONS[number] = VERSIONS.get(number, 0) + 1
        self.answer(200, "changed\n")

    def answer(self, status, text, fields=()):
        body = text.encode()
        self.send_response(status)

        for name, value in fields:
            self.send_header(name, value)

        if status != 304:
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))

        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
ThreadingHTTPServer(("127.0.0.1", port), App).serve_forever()
