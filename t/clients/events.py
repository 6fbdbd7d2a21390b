"""The page of conf-examples/events.conf in headless Chromium:
events.py URL DIRECTORY

Prints TAP, and keeps a picture of the page in the directory.
"""

import base64
import json
import signal
import sys
import urllib.request

import chromium
from tap import done, equal, test

URL, DIRECTORY = sys.argv[1:3]


def add(user, entry, **fields):
    command = ["XADD", f"orders:{user}", entry]
    for name, value in fields.items():
        command += [name, value]

    request = urllib.request.Request(
        URL + "/redis/", json.dumps(command).encode(),
        {"Authorization": "Bearer shop"})

    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["result"]


def run(driver):
    b = chromium.Browser(driver, URL, f"{DIRECTORY}/one")

    def login():
        b.go("/")
        b.shows("Log in")
        b.type("input", "ada")
        b.click("button")
        b.shows("live")

    def orders():
        b.shows("7 lamp paid")
        add("ada", "2-1", number="8", item="chair", status="new")
        b.shows("8 chair new")
        add("bob", "2-2", number="9", item="secret", status="new")
        add("ada", "2-3", number="8", item="chair", status="sent")
        b.shows("8 chair sent")
        assert "secret" not in b.text()

        with open(f"{DIRECTORY}/events.png", "wb") as f:
            f.write(base64.b64decode(b.call("GET", "/screenshot")))

    def again():
        b.call("POST", "/refresh")
        b.shows("8 chair sent")
        b.shows("7 lamp paid")

    try:
        test("a user logs in", login)
        test("and sees the orders of no other, live", orders)
        test("the page is loaded again", again)
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
