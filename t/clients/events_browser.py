"""EventSource and WebSocket in headless Chromium, which listen to a stream while
workers come and go: events_browser.py URL DIRECTORY PID NUMBER

The page connects again by itself, an EventSource as it always does, and the
WebSocket behind the last id that it had.  Prints TAP.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import chromium
from tap import done, equal, test

URL, DIRECTORY, PID, NUMBER = sys.argv[1:5]
PID, NUMBER = int(PID), int(NUMBER)

PAGE = """
window.sse = [];
window.ws = [];
window.opened = { sse: 0, ws: 0 };

const events = new EventSource("/log");
events.onopen = () => window.opened.sse++;
events.onmessage = (event) => window.sse.push(JSON.parse(event.data).n);
events.addEventListener("gap", (event) => window.sse.push("gap " + event.data));

let last = "";

(function connect() {
    const socket = new WebSocket(`ws://${location.host}/log?last_event_id=${last}`);

    socket.onopen = () => window.opened.ws++;
    socket.onclose = () => setTimeout(connect, 50);
    socket.onmessage = (message) => {
        const event = JSON.parse(message.data);

        last = event.id ?? last;

        if (event.event) {
            window.ws.push(event.event);
        } else if (event.data) {
            window.ws.push(event.data.n);
        }
    };
})();
"""


def run_command(*command):
    request = urllib.request.Request(
        URL + "/redis/", json.dumps(command).encode(),
        {"Authorization": "Bearer test-token-0123456789"})

    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["result"]


# a worker that is killed may have added it, or not
def add(n):
    for _ in range(1200):
        try:
            run_command("XADD", "log", f"{n}-0", "n", n)
            return
        except urllib.error.HTTPError as e:
            if "equal or smaller" in e.read().decode():
                return
            raise
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"entry {n} cannot be added")


def workers():
    found = subprocess.run(["pgrep", "-P", str(PID)], capture_output=True,
                           text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


# it may have ended by itself meanwhile
def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def run(driver):
    b = chromium.Browser(driver, URL, f"{DIRECTORY}/one")

    def wait(script):
        for _ in range(1200):
            if b.script(script):
                return
            time.sleep(0.1)
        assert False, f"{script}: {b.script('return [sse.length, ws.length]')}"

    def listens():
        b.go("/page")
        b.script(PAGE)
        wait("return window.opened.sse && window.opened.ws")
        time.sleep(0.5)

    def goes_on():
        for n in range(1, NUMBER + 1):
            add(n)

            if n % (NUMBER // 10) == 0:
                os.kill(PID, signal.SIGHUP)

            if n % (NUMBER // 5) == NUMBER // 7:
                kill(workers()[-1:])

        wait(f"return sse.length >= {NUMBER} && ws.length >= {NUMBER}")
        want = [str(n) for n in range(1, NUMBER + 1)]
        equal(b.script("return window.sse"), want)
        equal(b.script("return window.ws"), want)

        opened = b.script("return window.opened")
        assert opened["sse"] > 1 and opened["ws"] > 1, opened
        print(f"# connections: {opened}")

    try:
        test("a page listens", listens)
        test("each event comes once, in order", goes_on)
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
