"""The report page in a real browser: the video inside it plays, nothing overflows, nothing is fetched."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.eval.blocks import Chart, Definition, Definitions, Histogram, Histograms, Picture, Pictures
from src.eval.interval_chart import IntervalRow, interval_chart
from src.eval.report import Figure, Latencies, MouthCurves, Page, write_page
from src.eval.tables import Head, Interval, Table
from src.render.mp4 import Mp4Writer

selenium = pytest.importorskip("selenium", reason="selenium is not installed: pip install selenium")
from selenium import webdriver  # noqa: E402 - only where it is installed
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium: apt-get install chromium chromium-driver"),
]


LINES = [IntervalRow(f"A control with a long name {n}", 0.1 * n, 0.05, 0.1 * n + 0.3, "control", "12 clips",
                     Interval(-0.123, -0.456, 0.012)) for n in range(9)]  # fmt: skip

BLOCKS = (
    Chart("Intervals", "", interval_chart(LINES, quantity="Lip r", unit="of face size", decimals=3, including=(0.0,),
                                          band=LINES[3], apart="Model above by"), [("model", "model")]),
    Table("Metrics", ["", *(Head(f"Metric {n}", "lower", "of face size, squared") for n in range(8)), "clips"],
          [[f"Truth {n} ms late", *[Interval(0.000123, 0.0001, 0.0002, "why", 6)] * 8, 249] for n in range(40)],
          marked=(2,)),
    Definitions("Words", [Definition("A word" * 9, "its_id", "What it means. " * 20, "Somebody")] * 3),
    Table("Many columns", [f"column {n}" for n in range(14)], [["a_channel", *range(13)]] * 3),
    Table("Refused", ["source", "reason", "sentence"],
          [[f"{n}/" + "folder" * 9, "silent", "A long sentence. " * 9] for n in range(12)], "", (0, 1, 2), "Search"),
    Histograms("Values", "frames", [Histogram("channel", "degrees", [-1.0, 0.0, 1.0], [5, 6])] * 5),
    Pictures("Strips", [Picture("clip", cv2.imencode(".png", np.zeros((40, 1600, 3), np.uint8))[1].tobytes(), "why")]),
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    with Mp4Writer(folder / "talking.mp4", width=64, height=64, fps=25, sample_rate_hz=16_000) as writer:
        writer.add_audio(np.zeros(32_000, np.float32))
        for index in range(50):
            writer.add_image(np.full((64, 64, 3), 5 * index, np.uint8), index / 25)
    curve = np.abs(np.sin(np.arange(50) / 5))
    figures = [Figure("A rather long label of a figure", 12.345, "ms", "What it means, in a sentence. " * 4)] * 6
    write_page(
        folder / "report.html",
        Page(
            "A title that is long enough to wrap on a telephone", "A summary. " * 8, figures, figures,
            folder / "talking.mp4", MouthCurves(25.0, curve, curve, curve, curve),
            Latencies([100, 120, 140], [3, 5], [("median", 118.0)], "What it counts."),
            [("data", 12.0), ("training", 30.0)],
            [Table("Times", ["stage", "median", "95 %"], [["drawing", 1.0, 2.0]])],
            BLOCKS,
            [("A file", "folder/" * 30 + "name.ckpt")],
        ),
    )  # fmt: skip
    return folder / "report.html"


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_is_wider_than_the_window(browser: webdriver.Chrome, page: Path, width: int) -> None:
    # Headless Chromium has a smallest window; device metrics have none.
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    assert browser.execute_script("return window.innerWidth") == width
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_pictures_inside_the_page_are_shown(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    assert browser.execute_script("return document.querySelector('img').naturalWidth") == 1600


def test_searching_a_table_leaves_the_rows_that_match(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    field = browser.find_element("css selector", ".search input")
    field.send_keys("11/FOLDER")
    rows = "return [...document.querySelectorAll('.search ~ .scroll tbody tr')].filter(row => row.offsetHeight).length"
    assert browser.execute_script(rows) == 1
    assert browser.find_element("css selector", ".search output").text == "1 of 12"
    field.clear()
    field.send_keys(" ")
    assert browser.execute_script(rows) == 12


def test_the_video_inside_the_page_plays(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    seconds = WebDriverWait(browser, 20).until(
        lambda driver: driver.execute_script("return document.querySelector('video').duration")
    )
    assert seconds == pytest.approx(2.0, abs=0.1)
    assert browser.execute_script("return document.querySelector('video').videoWidth") == 64


def test_the_page_fetches_nothing_and_logs_no_error(browser: webdriver.Chrome, page: Path) -> None:
    for kind in ("performance", "browser"):
        browser.get_log(kind)  # forget what came before
    browser.get(page.as_uri())
    requests = [entry["message"] for entry in browser.get_log("performance") if "requestWillBeSent" in entry["message"]]
    assert any(page.name in message for message in requests)
    assert not [message for message in requests if '"url":"http' in message]
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
