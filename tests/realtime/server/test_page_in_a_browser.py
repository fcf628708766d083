"""The page in a real browser with a fake microphone: what arrives, how far apart, and what people are told."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from src.data.audio import save_wav
from src.realtime.calibration import click_times_s, click_waveform
from tests.realtime.server.stage import app, running

selenium = pytest.importorskip("selenium", reason="selenium is not installed: pip install selenium")
from selenium import webdriver  # noqa: E402 - only where it is installed
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium: apt-get install chromium chromium-driver"),
]

PATIENCE_S = 40
SECONDS, ROUNDS = 9, 3
"""Of clicks that are measured; a machine that is busy with other tests moves a browser's buffers, so it may try again.
"""
SETTLED_MS = 15
OURS = ("encoder", "jpeg", "speech", "draw")
"""Threads of a session."""
NAMES = ("Flash", "A person whose name is rather longer than the box is wide")


class Page:
    """The page in the browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)
        self.until(lambda: not self.find("start").get_property("disabled") and self.find("avatars").text)

    def find(self, key: str) -> Any:
        return self.driver.find_element("id", key)

    def script(self, text: str, *given: Any) -> Any:
        return self.driver.execute_script(text, *given)

    def until(self, found: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, PATIENCE_S, 0.05).until(lambda driver: found())

    def start(self) -> None:
        self.find("start").click()
        self.until(lambda: self.find("badge").text == "Ready")

    def watch(self) -> None:
        answer = self.driver.execute_async_script(
            "const done = arguments[0];"
            "import('/measure/measure.js').then((m) => m.watch()).then(() => done(''), (e) => done(String(e)))"
        )
        assert not answer

    def say(self, text: str) -> None:
        self.find("text").send_keys(text + Keys.ENTER)

    def watched(self) -> dict[str, list[float]]:
        return self.script("return window.watched")

    def offsets_ms(self) -> NDArray[np.float64]:
        """Flash less click, for each click with a flash near it."""
        watched = self.watched()
        flashes = np.array(watched["flashes"] or [np.inf])
        nearest = [flashes[np.abs(flashes - click).argmin()] - click for click in watched["clicks"]]
        return np.array([offset for offset in nearest if abs(offset) < 500])

    def settled(self) -> bool:
        """By its own figure the page has brought picture and sound together."""
        last = self.script("return window.audio2motion.figures.offsets.slice(-3)")
        return len(last) == 3 and max(map(abs, last)) <= SETTLED_MS

    def measured_ms(self) -> NDArray[np.float64]:
        """Flash less click, for each click of the next seconds."""
        self.script("window.watched.clicks.length = window.watched.flashes.length = 0")
        self.say("word " * SECONDS)
        expected = len(click_times_s(SECONDS))
        self.until(lambda: len(self.watched()["clicks"]) >= expected and len(self.watched()["flashes"]) >= expected)
        return self.offsets_ms()

    def figures(self) -> dict[str, Any]:
        return self.script("return window.audio2motion.figures.shown") or {}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    folder = tmp_path_factory.mktemp("browser")
    save_wav(folder / "microphone.wav", click_waveform(click_times_s(8), 8, 16_000), 16_000)
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder / 'profile'}",
        "--window-size=1200,900", "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: webdriver.Chrome) -> Iterator[Page]:
    for kind in ("browser", "performance"):
        driver.get_log(kind)  # forget what came before
    yield Page(driver)
    driver.get("about:blank")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(app(names=NAMES)) as url:
        yield url


@pytest.mark.parametrize(("way", "most_ms"), [("", 20.0), ("?fallback", 20.0)], ids=["webrtc", "websocket"])
def test_sound_and_picture_of_a_click_arrive_together(
    page: Page, server: str, way: str, most_ms: float, record_property: Callable[[str, object], None]
) -> None:
    page.open(f"{server}/{way}")
    page.start()
    page.watch()
    rounds = []
    for _ in range(ROUNDS):
        page.until(page.settled)
        rounds.append(page.measured_ms())
        own_ms = page.figures()["page"]["offset_ms"]
        offsets, kind = rounds[-1], page.figures()["kind"]
        words = f"{kind}: {len(offsets)} clicks, picture after sound {np.median(offsets):.0f} ms "
        words += f"({offsets.min():.0f} .. {offsets.max():.0f}), by the page's own figure {own_ms:.0f} ms"
        record_property("offset", words)
        print(words)
        if abs(float(np.median(offsets))) <= most_ms:
            break
    assert page.figures()["kind"] == ("WebSocket" if way else "WebRTC")
    assert min(abs(float(np.median(each))) for each in rounds) <= most_ms


@pytest.mark.parametrize("way", ["", "?fallback"], ids=["webrtc", "websocket"])
def test_what_the_microphone_hears_is_seen_and_heard(page: Page, server: str, way: str) -> None:
    page.open(f"{server}/{way}")
    page.start()
    page.watch()
    page.find("microphone").click()
    page.until(lambda: page.find("microphone").get_attribute("aria-pressed") == "true")
    page.until(lambda: page.find("badge").text == "Speaking")
    page.until(lambda: len(page.watched()["clicks"]) >= 2 and len(page.watched()["flashes"]) >= 2)
    page.find("microphone").click()
    page.until(lambda: page.find("badge").text == "Ready")


def test_stop_ends_a_long_text_at_once(page: Page, server: str) -> None:
    page.open(f"{server}/?fallback")
    page.start()
    page.watch()
    page.say("word " * 30)
    page.until(lambda: len(page.watched()["clicks"]) >= 1)
    page.find("text").send_keys(Keys.ESCAPE)
    page.until(lambda: page.figures().get("server", {}).get("cleared") == 1)
    page.until(lambda: page.find("badge").text == "Ready")


def test_a_recording_is_sent_and_spoken(page: Page, server: str, tmp_path: Path) -> None:
    save_wav(tmp_path / "clicks.wav", click_waveform(click_times_s(4), 4, 16_000), 16_000)
    page.open(f"{server}/?fallback")
    page.start()
    page.watch()
    page.find("file").send_keys(str(tmp_path / "clicks.wav"))
    page.until(lambda: page.find("sending").text == "clicks.wav, 4.0 s")
    page.until(lambda: len(page.watched()["flashes"]) >= 2)


def test_a_text_begins_the_session_by_itself(page: Page, server: str) -> None:
    page.open(server)
    page.say("one two three")
    page.until(lambda: page.find("badge").text == "Speaking")


def test_everything_can_be_reached_with_the_keyboard(page: Page, server: str) -> None:
    page.open(server)
    page.start()
    reached = []
    for _ in range(9):
        webdriver.ActionChains(page.driver).send_keys(Keys.TAB).perform()
        reached.append(page.script("const e = document.activeElement; return e.id || e.name || e.tagName"))
    # Clicking Start put the focus there.
    assert reached[:7] == ["microphone", "stop", "mute", "text", "speak", "choose", "avatar"]
    assert "SUMMARY" in reached
    webdriver.ActionChains(page.driver).send_keys(Keys.TAB).perform()


def test_space_switches_the_microphone(page: Page, server: str) -> None:
    page.open(f"{server}/?fallback")
    page.start()
    page.script("document.activeElement.blur()")
    webdriver.ActionChains(page.driver).send_keys(" ").perform()
    page.until(lambda: page.find("microphone").get_attribute("aria-pressed") == "true")
    webdriver.ActionChains(page.driver).send_keys(" ").perform()
    page.until(lambda: page.find("microphone").get_attribute("aria-pressed") == "false")


@pytest.mark.parametrize("width", [320, 380, 800, 1600])
def test_nothing_is_wider_than_the_window(page: Page, server: str, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.open(server)
    assert page.script("return window.innerWidth") == width
    assert page.script("return document.documentElement.scrollWidth") <= width
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_microphone_that_is_not_allowed_is_said_plainly(page: Page, server: str) -> None:
    page.open(f"{server}/?fallback")
    page.start()
    page.script("navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))")
    page.find("microphone").click()
    page.until(lambda: "does not allow this page to use the microphone" in page.find("problem").text)
    assert page.find("problem").get_attribute("role") == "alert"
    assert page.find("microphone").get_attribute("aria-pressed") == "false"


def test_a_server_without_a_place_is_said_plainly(page: Page) -> None:
    with running(app(max_sessions=1)) as url:
        page.open(url)
        page.start()
        page.driver.switch_to.new_window("tab")
        try:
            page.open(url)
            page.find("start").click()
            page.until(lambda: page.find("badge").text == "Server busy")
            assert "The server is full: 1 of 1 sessions" in page.find("problem").text
            assert page.find("start").text == "Start"
        finally:
            page.driver.close()
            page.driver.switch_to.window(page.driver.window_handles[0])


def test_a_lost_connection_is_said_and_taken_up_again(page: Page, server: str) -> None:
    page.open(f"{server}/?fallback")
    page.start()
    page.script("window.sockets = []; const Real = WebSocket; window.WebSocket = class extends Real {"
                "constructor(url) { super(window.gone ? url.replace('session', 'nothing') : url); } };"
                "window.gone = true; window.audio2motion.media.connection.socket.close()")  # fmt: skip
    page.until(lambda: page.find("badge").text == "Reconnecting…")
    assert "The connection to the server was lost" in page.find("problem").text
    page.script("window.gone = false")
    page.until(lambda: page.find("badge").text == "Ready")
    assert page.find("problem").text == ""


def test_where_webrtc_fails_the_socket_takes_over(page: Page, server: str) -> None:
    page.open(server)
    page.script("RTCPeerConnection.prototype.setRemoteDescription = function () {"
                "setTimeout(() => { Object.defineProperty(this, 'connectionState', { value: 'failed' });"
                "this.onconnectionstatechange(); }, 50); return Promise.resolve(); }")  # fmt: skip
    page.start()
    page.until(lambda: page.figures().get("kind") == "WebSocket" and page.figures()["page"].get("fps", 0) > 5)


def test_a_closed_tab_ends_the_session(page: Page) -> None:
    application = app()
    with running(application) as url:
        page.open(url)
        page.start()
        page.say("word " * 20)
        page.until(lambda: page.find("badge").text == "Speaking")
        assert len(application.state.visits) == 1
        assert [thread for thread in threading.enumerate() if thread.name.startswith(OURS)]
        page.driver.get("about:blank")
        page.until(lambda: len(application.state.visits) == 0)
        page.until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith(OURS)])


def test_the_page_fetches_from_its_server_alone_and_logs_no_error(page: Page, server: str) -> None:
    page.open(server)
    page.start()
    requests = [
        entry["message"] for entry in page.driver.get_log("performance") if "requestWillBeSent" in entry["message"]
    ]
    assert any("/page/app.js" in message for message in requests)
    assert not [message for message in requests if '"url":"http' in message and f'"url":"{server}' not in message]
    assert [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"] == []
