"""The page of conf-examples/live_stock.conf in headless Chromium:
live_stock.py URL DIRECTORY

Prints TAP, and keeps a picture of the page in the directory.
"""

import base64
import json
import signal
import sys
import time
import urllib.request

import chromium
from tap import done, equal, test

URL, DIRECTORY = sys.argv[1:3]


def run_command(*command):
    request = urllib.request.Request(
        URL + "/redis/", json.dumps(command).encode(),
        {"Authorization": "Bearer shop"})

    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["result"]


def change(product, number):
    run_command("HSET", "stock", product, number)
    return run_command("PUBLISH", "stock", f"{product},{number}")


def run(driver):
    b = chromium.Browser(driver, URL, f"{DIRECTORY}/one")

    def stands():
        run_command("HSET", "stock", "lamp", 4, "chair", 12)
        b.go("/")
        b.shows("live")
        b.shows("lamp 4")
        b.shows("chair 12")

    def changes():
        equal(change("lamp", 3), 1)
        b.shows("lamp 3")
        change("table", 1)
        b.shows("table 1")
        assert "chair 12" in b.text()

        with open(f"{DIRECTORY}/live_stock.png", "wb") as f:
            f.write(base64.b64decode(b.call("GET", "/screenshot")))

    def lines():
        b.script("""
            window.got = [];
            const e = new EventSource("/redis/psubscribe/odd*?_token=watch");
            e.onmessage = (event) => window.got.push(event.data);
        """)

        for _ in range(1200):
            if b.script("return window.got.length"):
                break
            time.sleep(0.1)

        text = "a\nb\r\n\r\ndata: message,c,forged\n\n"
        run_command("PUBLISH", "odd,one", text)
        run_command("PUBLISH", "odd", "last")

        for _ in range(1200):
            if b.script("return window.got.length") == 3:
                break
            time.sleep(0.1)

        got = b.script("return window.got")
        equal(got[0], "psubscribe,odd*,1")
        equal([json.loads(field) for field in got[1].split(",")[2:3]],
              ["odd,one"])
        equal(b.script("""
            const fields = window.got[1].split(",");
            return JSON.parse(fields.slice(3).join(","));
        """), text)
        equal(got[2:], ["pmessage,odd*,odd,last"])

    def again():
        b.call("POST", "/refresh")
        b.shows("live")
        b.shows("lamp 3")
        change("lamp", 2)
        b.shows("lamp 2")

    try:
        test("a page shows the stock", stands)
        test("and changes with it", changes)
        test("an EventSource gets any text as one event", lines)
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
