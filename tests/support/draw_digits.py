#!/usr/bin/env python3
"""draw_digits.py PAGE [FOLDER] -- draws each digit on the page of `make demo` in headless Chromium,
with the mouse and with a finger, and prints what the page reads, and how long it says that takes.
Screenshots, of a wide window and of a phone's, light and dark, go to FOLDER.

Chromium is told what to do by its DevTools protocol, over a pipe.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

# strokes, in hundredths of the sheet
WAYS = [
    [[(50, 15), (30, 25), (24, 50), (30, 76), (50, 86), (70, 76), (76, 50), (68, 24), (50, 15)]],
    [[(40, 28), (55, 15), (54, 85)]],
    [[(28, 32), (36, 18), (56, 15), (70, 28), (62, 48), (42, 66), (28, 84), (74, 83)]],
    [[(28, 20), (50, 14), (68, 24), (64, 42), (46, 48), (66, 54), (72, 70), (56, 85), (28, 80)]],
    [[(60, 14), (28, 58), (76, 58)], [(62, 40), (60, 86)]],
    [[(70, 16), (34, 16), (32, 44), (54, 42), (70, 56), (66, 76), (48, 86), (28, 80)]],
    [[(64, 14), (42, 34), (30, 62), (38, 82), (58, 84), (68, 68), (56, 54), (34, 62)]],
    [[(26, 18), (74, 18), (58, 48), (46, 86)]],
    [[(66, 24), (50, 14), (34, 24), (40, 42), (60, 54), (68, 72), (50, 86), (32, 74), (40, 54),
      (62, 40), (66, 24)]],
    [[(68, 28), (50, 16), (34, 28), (38, 46), (56, 48), (68, 30), (66, 56), (58, 86)]],
]


class Browser:
    def __init__(self, profile):
        down, up = os.pipe(), os.pipe() # to it, from it
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
                     "--user-data-dir=" + profile, "about:blank"]

        def descriptors():
            os.dup2(down[0], 203), os.dup2(up[1], 204)
            os.dup2(203, 3), os.dup2(204, 4)

        self.process = subprocess.Popen(
            [shutil.which("chromium") or shutil.which("chromium-browser")] + arguments,
            preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(down[0]), os.close(up[1])
        self.to, self.come = os.fdopen(down[1], "wb", 0), os.fdopen(up[0], "rb")
        self.count, self.session, self.rest = 0, None, b""
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def __call__(self, method, **parameters):
        """The result of a method of the protocol."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.to.write(json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                more = os.read(self.come.fileno(), 1 << 16)
                if not more:
                    raise SystemExit("chromium has ended")
                self.rest += more
            text, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise SystemExit("%s: %s" % (method, answer["error"]["message"]))
                return answer["result"]

    def value(self, expression):
        result = self("Runtime.evaluate", expression=expression, awaitPromise=True,
                      returnByValue=True)
        return result["result"].get("value")

    def frame(self):
        self.value("new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))")

    def window(self, width, height, dark):
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
             mobile=width < 500)
        self("Emulation.setEmulatedMedia",
             features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.frame()

    def shot(self, path):
        time.sleep(0.3) # the bars arrive
        with open(path, "wb") as file:
            file.write(base64.b64decode(self("Page.captureScreenshot")["data"]))


def mouse(browser, points):
    for kind, (x, y) in zip(["mousePressed"] + ["mouseMoved"] * len(points), points):
        browser("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1,
                clickCount=1)
    browser("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)


def finger(browser, points):
    for kind, (x, y) in zip(["touchStart"] + ["touchMove"] * len(points), points):
        browser("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
    browser("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


def draw(browser, hand, digit, x, y, size):
    """A digit in a part of the sheet; what is read."""
    left, top, width = browser.value(
        "(() => { const b = document.getElementById('sheet').getBoundingClientRect(); "
        "return [b.left, b.top, b.width]; })()")
    for stroke in WAYS[digit]:
        points = [stroke[0]]
        for (ax, ay), (bx, by) in zip(stroke, stroke[1:]):
            points += [(ax + (bx - ax) * k / 4, ay + (by - ay) * k / 4) for k in range(1, 5)]
        hand(browser, [(left + width * (x + size * px / 100), top + width * (y + size * py / 100))
                       for px, py in points])
    browser.frame()
    return browser.value("document.getElementById('digit').textContent")


def read_all(browser, hand, x, y, size):
    said = ""
    for digit in range(10):
        said += draw(browser, hand, digit, x, y, size) or "-"
        browser.value("document.getElementById('clear').click()")
        browser.frame()
    return said


def main():
    page, folder = os.path.abspath(sys.argv[1]), (sys.argv[2:] + [None])[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        browser("Page.enable")
        browser.window(1000, 640, dark=False)
        browser("Page.navigate", url="file://" + page)
        while not browser.value("document.getElementById('words')?.textContent"):
            time.sleep(0.05)
        print("mouse", read_all(browser, mouse, 0, 0, 1))
        browser.window(390, 780, dark=False)
        print("finger", read_all(browser, finger, 0.5, 0.05, 0.4))
        print("wider than the window by",
              browser.value("document.documentElement.scrollWidth - innerWidth"))
        mouse(browser, [(100, 300)])
        browser.frame()
        print("a dot is read:", browser.value("document.getElementById('digit').textContent") != "")
        browser.value("document.getElementById('undo').click()")
        draw(browser, mouse, 3, 0, 0, 1)
        print(browser.value("document.getElementById('words').textContent"))
        for name, size in ("wide", (1000, 640)), ("phone", (390, 780)):
            for dark in (False, True):
                browser.window(*size, dark)
                if folder:
                    browser.shot("%s/%s-%s.png" % (folder, name, "dark" if dark else "light"))
        print("asked for", browser.value("performance.getEntriesByType('resource').length"))
        browser.session = None
        browser("Browser.close")
        browser.process.wait()


main()
