"""Charts of the pages: the vendored program as it was published, foreign names, a real browser, paper."""

import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.models import scorer
from tests.artefacts import write_artefact
from tests.trainer.builders import recording
from tests.trainer.pages import without_charts
from tests.waiting import HANG_S, scaled
from trainer.report import report_page
from trainer.report.charts import Chart, Series, thinned
from trainer.report.trend import Origin, TrendPoint, origins_in_words, trend_chart

needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
PUBLISHED = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "uPlot.LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
"""SHA-256 of the files of the package uplot 1.6.32 at registry.npmjs.org."""
PROBE = """
<script>
const STEPS = [["mouseenter", 40], ["mousemove", 40], ["mousedown", 40], ["mousemove", 90], ["mouseup", 90]];
const found = [...document.querySelectorAll("figure.live .plot")].map((place) => {
  const plot = place.plot, over = place.querySelector(".u-over"), box = over.getBoundingClientRect();
  const send = (kind, x) => {
    const at = { bubbles: true, button: 0, movementX: 7, clientX: box.left + x, clientY: box.top + 20 };
    over.dispatchEvent(new MouseEvent(kind, at));
  };
  const span = () => plot.scales.x.max - plot.scales.x.min, before = span();
  for (const [kind, x] of STEPS) send(kind, x);
  return { before, place };
});
setTimeout(() => {
  const said = found.map(({ before, place }) => {
    const plot = place.plot;
    plot.setCursor({ left: 20, top: 20 });
    return {
      zoomed: (plot.scales.x.max - plot.scales.x.min) / before,
      read: [...place.querySelectorAll(".u-value")].map((each) => each.textContent),
      still: getComputedStyle(place.closest("figure").querySelector(".still")).display,
    };
  });
  const node = document.createElement("pre");
  node.id = "probe";
  node.textContent = JSON.stringify({ said, wide: document.body.scrollWidth });
  document.body.append(node);
}, 300);
</script></body>"""


def test_what_is_vendored_is_what_was_published() -> None:
    folder = resources.files("trainer.report").joinpath("vendor")
    found = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}
    assert found == PUBLISHED
    licence = folder.joinpath("uPlot.LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("The MIT License (MIT)")


def test_data_cannot_leave_its_element_and_is_read_back() -> None:
    name = "</script><script>alert(1)</script>\x1b&"
    curve = Series(name, "#000", np.array([1.0, np.nan, 3.0]))
    data = Chart(name, name, [1, 2, 3], (curve,), marks=((2.0, name),), names=(name,) * 3).data()
    assert not re.search(r"[<>&]", data)
    body = json.loads(data)
    assert body["series"][0]["y"] == [1.0, None, 3.0]
    assert body["marks"][0][1].endswith("\\x1b&")


def test_of_many_values_the_highest_stay() -> None:
    x, y = np.arange(100_000.0), np.zeros(100_000)
    y[[5, 70_003, 99_999]] = 9.0
    y[10] = np.nan
    some, values = thinned(x, y, most=1000)
    assert len(some) <= 1001
    assert {5.0, 70_003.0, 99_999.0} <= set(some[values == 9.0])
    assert [list(each) for each in thinned([1, 2], [3, 4])] == [[1, 2], [3, 4]]


def test_what_a_list_says_of_machines_and_days_is_understood() -> None:
    origin = Origin.of({"Machine": " pump 7 ", "sensor": "DE", "Date": "2026-03-05"})
    assert (origin.machine, origin.sensor, origin.day) == ("pump 7", "DE", "2026-03-05")
    noted = Origin.of({"recorded": "2026-03-06T10:15:00+02:00", "machine": "pump 7"})
    assert noted.day == "2026-03-06 08:15"
    for odd in ("last week", "0001-01-01", "9999-12-31T23:59:59-12:00"):
        assert Origin.of({"date": odd}).recorded is None
    words = "machine pump 7; sensor DE; recorded 2026-03-05 to 2026-03-06"
    assert origins_in_words([origin, noted, Origin.of({})]) == words
    assert origins_in_words([Origin.of({})]) == ""


def test_a_trend_goes_by_time_where_all_dates_are_known() -> None:
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (7, 5)]
    points = [TrendPoint("late", "normal", days[0], 2.0), TrendPoint("early", "worn", days[1], 1.0)]
    dated = trend_chart(points, "mm/s")
    assert dated is not None
    assert list(dated.x) == [day.timestamp() for day in reversed(days)]
    listed = trend_chart([*points, TrendPoint("x", "normal", None, 3.0)], "mm/s")
    assert listed is not None
    assert (list(listed.x), listed.names) == ([1.0, 2.0, 3.0], ("late", "early", "x"))
    assert trend_chart([points[0], TrendPoint("y", "normal", None, np.nan)], "mm/s") is None


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two healthy recordings and one of a fault, two of them with a date."""
    folder = tmp_path_factory.mktemp("charts")
    artefact = scorer.open_trusted(write_artefact(folder / "rms.onnx", rate_hz=4000.0))
    well = [recording(count=8000, level=0.3, rate_hz=4000.0, seed=seed) for seed in (1, 2)]
    worn = recording(count=8000, level=3.0, rate_hz=4000.0, seed=3, label="worn")
    listed = [
        replace(each, further={"machine": "pump 7", "date": f"2026-03-0{day}"})
        for day, each in enumerate([*well, worn], 1)
    ]
    path = folder / "page.html"
    path.write_text(report_page(artefact, listed), encoding="utf-8")
    return path


def chromium(folder: Path, path: Path, *options: str) -> str:
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
    done = subprocess.run(
        [*command, f"--user-data-dir={folder / 'profile'}", *options, path.as_uri()],
        capture_output=True,
        text=True,
        timeout=scaled(2 * HANG_S),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_names_machine_and_days_and_holds_everything(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "of machine pump 7; recorded 2026-03-01 to 2026-03-03" in " ".join(text.split())
    assert text.count('<div class="plot"') == 4
    bare = without_charts(text)
    assert not re.search(r"<script|<link|@import|url\((?!#)", bare)


@needs_browser
@pytest.mark.parametrize("width", [1000, 390])
def test_a_real_browser_zooms_and_reads_off(page: Path, tmp_path: Path, width: int) -> None:
    """A drag narrows what is seen, the legend names values, and no screen is too narrow."""
    probed = tmp_path / "page.html"
    text = page.read_text(encoding="utf-8").replace("</body>", PROBE)
    # A browser's window has a least width, a page's body has none.
    text = text.replace("<body>", f'<body style="width: {width - 32}px">')
    probed.write_text(text, encoding="utf-8")
    dom = chromium(tmp_path, probed, "--window-size=1100,2000", "--dump-dom")
    found = re.search(r'<pre id="probe">(.*?)</pre>', dom)
    assert found is not None
    said: dict[str, Any] = json.loads(found[1])
    assert len(said["said"]) == 4
    assert said["wide"] <= width
    for each in said["said"]:
        assert each["still"] == "none"
        assert 0 < each["zoomed"] < 0.9
        assert each["read"][0] not in ("", "--")


@needs_browser
def test_paper_has_the_still_pictures(page: Path, tmp_path: Path) -> None:
    """As of the same page without its drawing program: no picture of a screen's canvas is printed."""
    bare = tmp_path / "bare.html"
    bare.write_text(without_charts(page.read_text(encoding="utf-8")), encoding="utf-8")
    found = []
    for number, path in enumerate((page, bare)):
        target = tmp_path / f"{number}.pdf"
        chromium(tmp_path, path, f"--print-to-pdf={target}")
        data = target.read_bytes()
        assert data.startswith(b"%PDF")
        assert len(data) > 20_000
        found.append((data.count(b"/Subtype /Image"), data.count(b"/Type /Page\n")))
    assert found[0] == found[1]
