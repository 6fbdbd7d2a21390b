"""The application of conf-examples/sessions.conf in headless Chromium, driven
through chromedriver's own protocol: browser.py URL DIRECTORY

Prints TAP.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from tap import done, equal, test

URL, DIRECTORY = sys.argv[1:3]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"     # the protocol's key


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Browser:

    def __init__(self, driver, name):
        self.driver = driver
        args = ["--headless=new", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-sync",
                "--disable-component-update",
                f"--user-data-dir={DIRECTORY}/{name}"]

        self.base = driver
        opened = self.call("POST", "/session", {
            "capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": args},
            }}})
        self.base = f"{driver}/session/{opened['sessionId']}"

    def call(self, method, path, data=None):
        body = json.dumps(data or {}).encode() if method == "POST" else None
        request = urllib.request.Request(
            self.base + path, body, {"Content-Type": "application/json"},
            method=method)

        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(e.read().decode()) from None

    def go(self, path):
        self.call("POST", "/url", {"url": URL + path})

    def find(self, css):
        found = self.call("POST", "/element",
                          {"using": "css selector", "value": css})
        return f"/element/{found[ELEMENT]}"

    def text(self, css="body"):
        return self.call("GET", self.find(css) + "/text")

    def type(self, css, text):
        self.call("POST", self.find(css) + "/value", {"text": text})

    def click(self, css):
        self.call("POST", self.find(css) + "/click")

    def script(self, text):
        return self.call("POST", "/execute/sync", {"script": text, "args": []})

    def cookies(self):
        return {c["name"]: c for c in self.call("GET", "/cookie")}

    # what is shown may be that of before for a moment
    def shows(self, text):
        for _ in range(200):
            try:
                seen = self.text()
            except RuntimeError as e:
                seen = str(e)
            if text in seen:
                return
            time.sleep(0.1)
        assert False, f"no {text!r} but {seen!r}"

    def log_in(self, password="secret"):
        self.type("[name=user]", "ada")
        self.type("[name=password]", password)
        self.click("#login")

    def close(self):
        self.call("DELETE", "")


def start():
    port = free_port()
    driver = f"http://127.0.0.1:{port}"

    with open(f"{DIRECTORY}/chromedriver.log", "wb") as log:
        process = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=log, stderr=log,
            start_new_session=True, env={**os.environ, "HOME": DIRECTORY})

    for _ in range(300):
        try:
            with urllib.request.urlopen(driver + "/status", timeout=20) as r:
                if json.load(r)["value"]["ready"]:
                    return process, driver
        except OSError:
            pass
        time.sleep(0.1)

    stop(process)
    raise RuntimeError("chromedriver does not start")


# with the browsers that it has started: they are a group of their own
def stop(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run(driver):
    b = Browser(driver, "one")
    old = {}

    def refused():
        b.go("/")
        b.shows("Log in")
        equal(b.cookies(), {})
        b.log_in("wrong")
        b.shows("Wrong name or password.")
        equal(b.cookies(), {})

    def log_in():
        b.log_in()
        b.shows("Hello, ada")
        cookie = b.cookies()["sid"]
        old["sid"] = cookie["value"]
        equal(cookie["httpOnly"], True)
        equal(cookie["sameSite"], "Lax")
        equal(cookie["path"], "/")
        assert "expiry" not in cookie, "it ends with the browser"
        equal(b.script("return document.cookie"), "")

    def reload():
        equal(b.text("#visits"), "1")
        for n in "23":
            b.call("POST", "/refresh")
            equal(b.text("#visits"), n)
        equal(b.cookies()["sid"]["value"], old["sid"])

    def another():
        other = Browser(driver, "two")
        try:
            other.go("/")
            other.shows("Log in")
        finally:
            other.close()
        b.go("/")
        b.shows("Hello, ada")

    def log_out():
        b.click("#logout")
        b.shows("Log in")
        equal(b.cookies(), {})

    def back():
        b.call("POST", "/back")
        b.shows("Log in")
        assert "Hello" not in b.text()
        b.go("/")
        b.shows("Log in")

    def old_cookie():
        b.call("POST", "/cookie", {"cookie": {
            "name": "sid", "value": old["sid"], "path": "/",
            "httpOnly": True}})
        b.go("/")
        b.shows("Log in")
        b.log_in()
        b.shows("Hello, ada")
        assert b.cookies()["sid"]["value"] != old["sid"]

    try:
        test("a wrong password", refused)
        test("log in", log_in)
        test("reload", reload)
        test("another browser is not logged in", another)
        test("log out", log_out)
        test("the back button", back)
        test("the old cookie, and another log-in", old_cookie)
    finally:
        b.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    process, driver = start()

    try:
        run(driver)
    finally:
        stop(process)

    return done()


sys.exit(main())
