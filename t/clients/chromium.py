"""Headless Chromium, driven through chromedriver's own protocol."""

import base64
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"     # the protocol's key


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Browser:

    def __init__(self, driver, url, directory):
        self.url = url
        args = ["--headless=new", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-sync",
                "--disable-component-update",
                f"--user-data-dir={directory}"]

        self.base = driver
        opened = self.call("POST", "/session", {
            "capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": args},
                "goog:loggingPrefs": {"browser": "ALL"},
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
        self.call("POST", "/url", {"url": self.url + path})

    def find(self, css):
        found = self.call("POST", "/element",
                          {"using": "css selector", "value": css})
        return f"/element/{found[ELEMENT]}"

    def text(self, css="body"):
        return self.call("GET", self.find(css) + "/text")

    def type(self, css, text):
        self.call("POST", self.find(css) + "/value", {"text": text})

    # to whatever has the focus
    def keys(self, text):
        self.call("POST", "/actions", {"actions": [
            {"type": "key", "id": "keys", "actions": [
                {"type": kind, "value": key}
                for key in text for kind in ("keyDown", "keyUp")]}]})

    def click(self, css):
        self.call("POST", self.find(css) + "/click")

    def script(self, text, *args):
        return self.call("POST", "/execute/sync", {"script": text,
                                                   "args": list(args)})

    # what the browser's own console has by now, and has not told before
    def log(self):
        return self.call("POST", "/se/log", {"type": "browser"})

    # a command of the browser's own protocol
    def command(self, name, **params):
        return self.call("POST", "/goog/cdp/execute",
                         {"cmd": name, "params": params})

    # as on a screen of that size, which likes it dark or not
    def screen(self, width, height, dark=False):
        self.command("Emulation.setDeviceMetricsOverride", width=width,
                     height=height, deviceScaleFactor=1, mobile=width < 600)
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", "/screenshot")))

    def cookies(self):
        return {c["name"]: c for c in self.call("GET", "/cookie")}

    # what is shown may be that of before for a moment
    def shows(self, text):
        for _ in range(1200):
            try:
                seen = self.text()
            except RuntimeError as e:
                seen = str(e)
            if text in seen:
                return
            time.sleep(0.1)
        assert False, f"no {text!r} but {seen!r}"

    def close(self):
        self.call("DELETE", "")


def start(directory):
    port = free_port()
    driver = f"http://127.0.0.1:{port}"

    with open(f"{directory}/chromedriver.log", "wb") as log:
        process = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=log, stderr=log,
            start_new_session=True, env={**os.environ, "HOME": directory})

    for _ in range(900):
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
