"""Somebody who never saw the page: `python walk.py CASE`, with what it needs as JSON on standard input.

Run by the environment that has Playwright. Only what the page says is used to find the way; each case prints
what it saw as JSON.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "locale": "en-GB"}
VIEWS = ("#/", "#/sensor/motor", "#/sensor/pump", "#/alarms", "#/recordings", "#/gateway")
Given = dict[str, Any]


class Person:
    """Whoever holds the phone; counts taps and requests to elsewhere."""

    def __init__(self, context: BrowserContext, given: Given) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(given["patience_ms"])
        expect.set_options(timeout=given["patience_ms"])
        self.taps, self.foreign, self.errors = 0, list[str](), list[str]()
        self._address = given["address"]
        self.page.on("request", self._requested)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._said)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith((f"{self._address}/", "data:", "blob:")):
            self.foreign.append(request.url)

    def _said(self, message: Any) -> None:
        if message.type == "error" and "401" not in message.text:  # it asks who is there
            self.errors.append(message.text)

    def tap(self, what: Locator) -> None:
        """Tap it."""
        self.taps += 1
        what.click()

    def button(self, name: str, within: Locator | None = None) -> Locator:
        """A button by its words."""
        return (within or self.page.locator("main")).get_by_role("button", name=name, exact=True)

    def come_in(self, code: str) -> None:
        """By the address that the command prints."""
        self.page.goto(f"{self._address}/#code={code}")
        self.page.get_by_label("Your name").fill("Anna")
        self.page.get_by_role("button", name="Come in").click()
        expect(self.page.get_by_role("heading", name="Needs somebody")).to_be_visible()
        expect(self.page.get_by_role("link", name="motor").first).to_be_visible()

    def home(self) -> None:
        """To the first view; the next task counts anew."""
        self.page.get_by_role("navigation").get_by_role("link", name="Sensors").click()
        self.taps = 0


def newcomer(person: Person, given: Given) -> Given:
    """Which sensor, since when, why, how bad; acknowledges; records; accepts."""
    page, seen = person.page, Given()

    def timed(name: str, do: Callable[[], object]) -> None:
        begun_s = time.monotonic()
        said = do()
        seen[name] = {"taps": person.taps, "seconds": time.monotonic() - begun_s, "said": said}
        person.home()

    def look() -> dict[str, str]:
        person.tap(
            page.get_by_role("link", name="See why, and acknowledge").filter(has_text="Not normal since")
        )
        rows = page.locator("main dl").all_inner_texts()
        return {"which": page.get_by_role("heading", level=1).inner_text(), "facts": "\n".join(rows)}

    def acknowledge() -> str:
        person.tap(
            page.get_by_role("link", name="See why, and acknowledge").filter(has_text="Not normal since")
        )
        person.tap(person.button("Acknowledge"))
        person.tap(person.button("Acknowledge", page.get_by_role("dialog")))
        said = page.get_by_text("Seen by")
        expect(said.first).to_be_visible()
        return str(said.first.inner_text())

    def record() -> str:
        person.tap(page.get_by_role("link", name="fan"))
        person.tap(person.button("Record"))
        person.tap(person.button("Start", page.get_by_role("dialog")))
        expect(person.button("Stop recording")).to_be_visible()
        return str(page.get_by_text("being recorded").first.inner_text())

    def accept() -> str:
        person.tap(page.get_by_role("link", name="pump"))
        person.tap(person.button("Accept model 1"))
        person.tap(person.button("Accept model 1", page.get_by_role("dialog")))
        expect(page.get_by_text("1 of 1 learnt here")).to_be_visible()
        return str(page.locator("[aria-current=step]").inner_text())

    person.come_in(given["code"])
    for name, do in (("look", look), ("acknowledge", acknowledge), ("record", record), ("accept", accept)):
        timed(name, do)
    return seen


def keyboard(person: Person, given: Given) -> Given:
    """Without a mouse: to the fan's card, its dialog, away by Escape with the focus where it was."""
    page = person.page
    person.come_in(given["code"])

    def tab_to(what: str) -> str:
        for _ in range(80):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if focused.count() and what in (focused.get_attribute("id") or ""):
                return focused.get_attribute("id") or ""
        raise SystemExit(f"nothing called {what} is reached by Tab")

    tab_to("card-fan")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("fan")
    tab_to("record-fan")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    inside = page.get_by_role("dialog").locator(":focus").count()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    back = page.locator(":focus").get_attribute("id")
    tab_to("tab-alarms")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Alarms")
    return {"inside": inside, "back": back}


def axe(person: Person, given: Given) -> Given:
    """What axe-core finds in each view, light and dark."""
    page, found = person.page, list[Any]()
    source = Path(given["axe"]).read_text()
    page.goto(f"{given['address']}/")
    expect(page.get_by_label("Code")).to_be_visible()
    looks = [("enter", "light")]
    found += _violations(page, source, "enter")
    person.come_in(given["code"])
    alarm = page.locator("a.card[href^='#/alarm/']").first.get_attribute("href") or ""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for view in (*VIEWS, alarm):
            page.goto(f"{given['address']}/{view}")
            page.wait_for_timeout(700)
            found += _violations(page, source, f"{view} {scheme}")
            looks.append((view, scheme))
    person.foreign.clear()
    return {"looks": len(looks), "violations": found}


def _violations(page: Page, source: str, where: str) -> list[Any]:
    page.evaluate(source)
    said = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    found = []
    for each in said["violations"]:
        nodes = [node["html"] for node in each["nodes"]][:3]
        found.append({"where": where, "rule": each["id"], "impact": each["impact"], "nodes": nodes})
    return found


def first_picture(person: Person, given: Given) -> Given:
    """From the request to the first cards, by somebody who is let in; nothing is kept from before."""
    person.come_in(given["code"])
    cookies, context = person.page.context.cookies(), person.page.context.browser
    assert context
    with contextlib.closing(context.new_context(**PHONE)) as fresh:
        fresh.add_cookies(cookies)
        page = fresh.new_page()
        begun_s = time.monotonic()
        page.goto(f"{given['address']}/")
        page.locator("a.card").first.wait_for()
        return {"seconds": time.monotonic() - begun_s}


def pictures(person: Person, given: Given) -> Given:
    """For README and docs."""
    page, folder = person.page, Path(given["folder"])
    person.come_in(given["code"])
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / "page-sensors.png")
    page.locator("a.card[href^='#/alarm/']").filter(has_text="Not normal").first.click()
    page.get_by_role("button", name="Pictures").first.click()
    page.get_by_role("heading", name="Envelope spectrum").wait_for()
    page.evaluate("() => scrollTo(0, 0)")
    page.wait_for_timeout(800)
    page.screenshot(path=folder / "page-alarm.png")
    page.goto(f"{given['address']}/#/sensor/motor")
    page.get_by_text("Largest line").first.wait_for()
    page.set_viewport_size({"width": 820, "height": 900})
    page.wait_for_timeout(2500)
    page.screenshot(path=folder / "page-sensor.png")
    return {}


CASES = {case.__name__: case for case in (newcomer, keyboard, axe, first_picture, pictures)}


@contextlib.contextmanager
def browsing(**options: Any) -> Iterator[BrowserContext]:
    """A browser with one window."""
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=OPTIONS.split()
        )
        with contextlib.closing(browser), contextlib.closing(browser.new_context(**options)) as context:
            yield context


def main() -> None:
    """Run one case."""
    case, given = sys.argv[1], json.load(sys.stdin)
    options = PHONE | {"bypass_csp": case == "axe", "device_scale_factor": 1.5 if case == "pictures" else 1}
    with browsing(**options) as context:
        person = Person(context, given)
        said = CASES[case](person, given)
    print(json.dumps({**said, "foreign": person.foreign, "errors": person.errors}))


if __name__ == "__main__":
    main()
