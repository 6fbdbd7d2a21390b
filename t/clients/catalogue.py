"""Headless Chromium looks at conf-examples/catalogue.conf: catalogue.py URL REST
TOKEN DIRECTORY

When a page was made it says itself.  The browser has a cache of its own, which is
switched off but for one test.  Prints TAP.
"""

import json
import sys
import urllib.request

import chromium
from tap import done, equal, test

URL, REST, TOKEN, DIRECTORY = sys.argv[1:5]


def command(*words):
    request = urllib.request.Request(
        REST + "/", json.dumps(words).encode(),
        {"Authorization": f"Bearer {TOKEN}"})

    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["result"]


def main():
    process, driver = chromium.start(DIRECTORY)
    b = None

    try:
        b = chromium.Browser(driver, URL, f"{DIRECTORY}/profile")
        look(b)
    finally:
        if b:
            b.close()
        chromium.stop(process)

    return done()


def look(b):
    def own_cache(on):
        b.command("Network.enable")
        b.command("Network.setCacheDisabled", cacheDisabled=not on)

    def made(path="/products/1"):
        b.go(path)
        return b.text("#made")

    # how the page came, which its Cache-Status says: the browser keeps it, too
    def how():
        return b.script("return fetch(location).then("
                        "(r) => r.headers.get('Cache-Status'))")

    def shown():
        b.go("/products/1")
        equal(b.text("#name"), "Earl Grey")
        b.picture(f"{DIRECTORY}/catalogue.png")

    def stored():
        own_cache(True)
        with urllib.request.urlopen(URL + "/products/2", timeout=60) as reply:
            page = reply.read().decode()
        assert made("/products/2") in page, page
        assert "hit" in how(), how()

    def reloaded():
        before = made()
        b.call("POST", "/refresh")
        equal(b.text("#made"), before)

    def changed():
        own_cache(False)
        before = b.text("#made")
        b.script("return fetch('/products/1', { method: 'PUT', body: 'Lapsang"
                 " <b>Souchong</b>' }).then((r) => r.status)")
        assert made() != before
        equal(b.text("#name"), "Lapsang <b>Souchong</b>")

    def purged_by_key():
        before = made()
        equal(made(), before)
        equal(command("DEL", "cache:/products/1"), 1)
        assert made() != before

    def purged_by_tag():
        tea, cup = made(), made("/products/3")
        equal(command("DEL", "tag:tea"), 1)
        assert made() != tea
        equal(made("/products/3"), cup)

    def ends():
        equal([e["message"] for e in b.log() if "favicon" not in e["message"]],
              [])

    test("a page of the application", shown)
    test("it comes from the store", stored)
    test("a reload asks, and the page is the same", reloaded)
    test("a PUT of the page itself", changed)
    test("purged by key", purged_by_key)
    test("purged by tag", purged_by_tag)
    test("the browser has nothing to say", ends)


sys.exit(main())
