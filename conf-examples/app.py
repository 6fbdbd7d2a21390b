#!/usr/bin/env python3
"""A small application behind sessions.conf: log in, look, log out.

It keeps nothing about who is logged in and knows nothing of cookies.  nginx
tells it who asks, in X-User, and it tells nginx what is to be kept, in
Keyspace-Session.  Python's own library is all it needs:

    python3 app.py [PORT]
"""

import hashlib
import hmac
import html
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote

# what a database would have: a salted, slow digest of "secret"
SALT = b"keyspace"
USERS = {"ada": hashlib.pbkdf2_hmac("sha256", b"secret", SALT, 100_000)}

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>%s</title>
%s
</html>
"""

LOGIN = """<h1>Log in</h1>%s
<form method="post" action="/login">
<input name="user" autofocus> <input name="password" type="password">
<button id="login">Log in</button>
</form>"""

ACCOUNT = """<h1>Hello, %s</h1>
<p>Visits of this page: <span id="visits">%d</span></p>
<form method="post" action="/logout"><button id="logout">Log out</button></form>
"""


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        user = self.headers.get("X-User")

        if self.path != "/" or not user:
            self.page("Log in", LOGIN % "")
            return

        visits = int(self.headers.get("X-Visits") or 0) + 1

        self.page("Account", ACCOUNT % (html.escape(user), visits),
                  session="set visits=%d" % visits)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        form = parse_qs(self.rfile.read(length).decode("utf-8", "replace"))

        if self.path == "/login":
            self.login(form.get("user", [""])[0], form.get("password", [""])[0])
        else:
            self.redirect("destroy")

    def login(self, user, password):
        digest = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, 100_000)

        if not hmac.compare_digest(USERS.get(user, b""), digest):
            self.page("Log in", LOGIN % "<p>Wrong name or password.</p>", 403)
            return

        # "renew": who knew the cookie before knows nothing now
        self.redirect("set user=%s; role=member, renew" % quote(user, safe=""))

    def redirect(self, session):
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Keyspace-Session", session)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def page(self, title, body, status=200, session=None):
        data = (PAGE % (title, body)).encode()

        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))

        # after the log-out, "back" shows nothing that is no longer so
        self.send_header("Cache-Control", "no-store")

        if session:
            self.send_header("Keyspace-Session", session)

        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    ThreadingHTTPServer(("127.0.0.1", port), App).serve_forever()
