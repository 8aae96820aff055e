"""A browser against a running proxy's status page: it follows what happens without being loaded again, runs nothing that
is not its own, asks nobody else for anything, and has nothing to complain of.

Usage: status_page.py EMULATOR PROXY ADMIN PID, for example http://127.0.0.1:4577 127.0.0.1:8080 127.0.0.1:9090 42. The
emulator's tokens live 20 s; the proxy asks for the audience "https://api.example.com/<b>bold</b>", is pinned to an upstream
that does not listen, and takes at least 10 s to end. Its process is told to end. Prints one line a check, and stops with
status 1 at the first that fails.
"""

import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

WAIT_LIMIT = 60
# The first ones let it run in a container, the last ones keep it from looking for hosts of its maker's.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Failed(Exception):
    """A check that did not hold."""


def check(what, holds, seen=""):
    if not holds:
        raise Failed(f"{what}: {seen}")
    print(f"ok  {what}", flush=True)


class Page:
    def __init__(self, browser, url):
        self.browser = browser
        self.url = url
        browser.get(url)
        # Gone if the page is ever loaded again.
        browser.execute_script("window.loadedOnce = true")

    def text(self, selector):
        script = "return document.querySelector(arguments[0])?.textContent ?? ''"
        return self.browser.execute_script(script, selector)

    def count(self, selector):
        return self.browser.execute_script("return document.querySelectorAll(arguments[0]).length", selector)

    def shows(self, what, selector, wanted):
        deadline = time.monotonic() + WAIT_LIMIT
        while wanted not in (seen := self.text(selector)):
            if time.monotonic() > deadline:
                raise Failed(f"{what}: {selector} shows {seen!r} instead of {wanted!r}")
            time.sleep(0.1)
        check(what, self.browser.execute_script("return window.loadedOnce === true"), "the page was loaded again")

    def console(self):
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def requested(self):
        """Every URL that was asked for since the last time."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
        return {event["params"]["request"]["url"] for event in sent}


def start_browser():
    options = Options()
    options.binary_location = shutil.which("chromium")
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def faults(emulator, **fields):
    request = urllib.request.Request(f"{emulator}/_emulator/faults", json.dumps(fields).encode(), method="PATCH")
    urllib.request.urlopen(request, timeout=20).close()


def send(proxy):
    try:
        urllib.request.urlopen(f"http://{proxy}/", timeout=20).close()
    except urllib.error.HTTPError as answer:
        answer.close()


def looks(page, emulator, proxy):
    page.shows("a proxy with its token is ready", "#answer", "Ready")
    page.shows("  and its token fresh", "#tokens .state", "fresh")
    check("an audience is text, whatever it looks like", page.count("#tokens b") == 0 and "<b>bold</b>" in page.text("#tokens"))
    check("nothing has gone wrong yet", "None since the start" in page.text("#recent"), page.text("#recent"))
    send(proxy)
    page.shows("an upstream that does not listen appears with its code", "#recent code", "upstream_connect")
    faults(emulator, error="AccessDenied")
    page.shows("a renewal that STS denies leaves a stale token", "#tokens .state", "stale")
    page.shows("  and the answer says so", "#answer", "Ready, but look at the tokens")
    page.shows("  with the code", "#tokens code", "sts_access_denied")
    page.shows("  and what to do", "#tokens .trouble", "allow sts:GetWebIdentityToken")
    page.shows("the token's end makes it not ready", "#answer", "Not ready: token")
    page.shows("  and the set failed", "#tokens .state", "failed")
    faults(emulator, error=None)
    page.shows("STS that grants again makes it ready", "#tokens .state", "fresh")
    faults(emulator, hang=True)
    page.shows("a renewal under way is called so", "#tokens .state", "renewing")
    faults(emulator, hang=False)


def main(emulator, proxy, admin, pid):
    browser = start_browser()
    try:
        page = Page(browser, f"http://{admin}/")
        looks(page, emulator, proxy)
        os.kill(int(pid), signal.SIGTERM)
        page.shows("a process that was told to end drains", "#answer", "Draining")
        console, requested = page.console(), page.requested()
        check("the console has nothing to say", console == [], console)
        allowed = {f"http://{admin}/", f"http://{admin}/status", "data:,"}
        check("the page and its status are all that was asked for", f"http://{admin}/status" in requested <= allowed, requested)
        page.shows("contact that is lost is said to be", "#link", "Lost contact")
    except Failed as failure:
        sys.exit(f"FAILED  {failure}")
    finally:
        browser.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
