"""Opens pages in a headless Chromium and prints, as JSON, what a reader would meet.

    browser.py FOLDER PAGE...

Screenshots and a PDF of each page are written into FOLDER.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import websocket

LOOK = """
(() => {
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const ids = all('[id]').map(element => element.id);
  const light = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(Number).map(value => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const contrast = element => {
    const style = getComputedStyle(element);
    const ink = light(element.namespaceURI.endsWith('svg') ? style.fill : style.color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  };
  return {
    title: document.title,
    headings: all('main h2').map(heading => heading.textContent),
    empty: all('section').filter(section => !section.querySelector('svg, table, .absent'))
      .map(section => section.id),
    pictures: all('.picture svg').length,
    unnamed: all('.picture svg').filter(svg => !svg.querySelector('title').textContent
      || !svg.querySelector('desc').textContent || svg.getAttribute('role') !== 'img').length,
    untabled: all('section').filter(
      section => section.querySelector('.picture') && !section.querySelector('table'))
      .map(section => section.id),
    unfinished: all('svg *').filter(shape => Array.from(shape.attributes).some(
      attribute => /nan|inf/i.test(attribute.value) && attribute.name !== 'class')).length,
    tables: all('table').map(table => [
      all('tr', table).length, table.getBoundingClientRect().height > 0]),
    duplicates: ids.filter((id, index) => ids.indexOf(id) !== index),
    dangling: all('a[href]').filter(
      a => !document.getElementById(a.getAttribute('href').slice(1))).length,
    scripts: all('script, iframe, object, embed, img, link, form, [onload], [onerror]').length,
    executed: typeof globalThis.hacked !== 'undefined',
    faintest: Math.min(
      ...all('p, td, th, dt, dd, a, summary, .tick, .fail, .pass, .doubt').map(contrast)),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
    text: document.body.textContent,
  };
})()
"""


class Browser:
    """A Chromium and its DevTools connection."""

    def __init__(self):
        names = [
            os.environ.get("TENSORFERRY_CHROMIUM"),
            "chromium",
            "chromium-browser",
            "google-chrome",
        ]
        paths = filter(None, (shutil.which(name) for name in names if name))
        program = next(paths, "/Applications/Chromium.app/Contents/MacOS/Chromium")
        self.profile = tempfile.mkdtemp(prefix="tensorferry-browser-")
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-port=0",
            "--remote-allow-origins=*",
            f"--user-data-dir={self.profile}",
        ]
        self.process = subprocess.Popen(
            [program, *options, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        port = pathlib.Path(self.profile, "DevToolsActivePort")
        deadline = time.monotonic() + 60
        while not (port.exists() and len(port.read_text().split()) == 2):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{program} does not start")
            time.sleep(0.05)
        number, path = port.read_text().split()
        self.socket = websocket.create_connection(f"ws://127.0.0.1:{number}{path}", timeout=60)
        self.count = 0
        self.events = []
        self.session = None

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.events = []
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def look(self, width, scheme, medium=""):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=medium, features=features)
        result = self.call("Runtime.evaluate", expression=LOOK, returnByValue=True)
        if "exceptionDetails" in result:
            raise SystemExit(json.dumps(result["exceptionDetails"]))
        return result["result"]["value"]

    def screenshot(self, path):
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        path.write_bytes(data)
        return data

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.process.wait(30)
        shutil.rmtree(self.profile, ignore_errors=True)


def visit(browser, page, folder):
    url = page.resolve().as_uri()
    browser.open(url)
    light = browser.look(1100, "light")
    bright = browser.screenshot(folder / f"{page.stem}.light.png")
    dark = browser.look(1100, "dark")
    dim = browser.screenshot(folder / f"{page.stem}.dark.png")
    narrow = browser.look(420, "light")
    browser.screenshot(folder / f"{page.stem}.narrow.png")
    printed = browser.look(1100, "dark", "print")
    pdf = base64.b64decode(
        browser.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
    )
    (folder / f"{page.stem}.pdf").write_bytes(pdf)
    requests = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    complaints = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    return {
        "light": light,
        "dark": dark,
        "narrow": narrow,
        "printed": printed,
        "screenshots": [len(bright), len(dim)],
        "same_screenshots": bright == dim,
        "pdf": pdf[:5].decode("latin-1"),
        "pdf_bytes": len(pdf),
        "requests": [request for request in requests if request != url],
        "complaints": [
            json.dumps(event["params"]) for event in browser.events if event["method"] in complaints
        ],
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    browser = Browser()
    try:
        pages = {
            path.stem: visit(browser, path, folder) for path in map(pathlib.Path, sys.argv[2:])
        }
    finally:
        browser.close()
    print(json.dumps(pages))


if __name__ == "__main__":
    main()
