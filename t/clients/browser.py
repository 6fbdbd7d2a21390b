"""The application of conf-examples/sessions.conf in headless Chromium:
browser.py URL DIRECTORY

Prints TAP.
"""

import signal
import sys

import chromium
from tap import done, equal, test

URL, DIRECTORY = sys.argv[1:3]


class Browser(chromium.Browser):

    def __init__(self, driver, name):
        super().__init__(driver, URL, f"{DIRECTORY}/{name}")

    def log_in(self, password="secret"):
        self.type("[name=user]", "ada")
        self.type("[name=password]", password)
        self.click("#login")


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
    process, driver = chromium.start(DIRECTORY)

    try:
        run(driver)
    finally:
        chromium.stop(process)

    return done()


sys.exit(main())
