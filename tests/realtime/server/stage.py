"""A server whose face is a flash, so that what arrives in a browser can be measured without finding a mouth."""

import asyncio
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from fastapi import FastAPI, Response
from numpy.typing import NDArray

from src.realtime.animator import Animator
from src.realtime.calibration import ClickPredictor, FlashRenderer, click_times_s, click_waveform
from src.realtime.core import Draw, SessionCore
from src.realtime.frame import Layout
from src.realtime.server.access import Access
from src.realtime.server.app import Quality, create_app
from src.realtime.server.gallery import Entry, Gallery, thumbnail
from src.realtime.server.serving import make_server
from src.realtime.spoken import Predictor
from tests.realtime.fakes import make_core
from tests.realtime.server.bounds import limits

SIZE = 128


def flash(size: int = SIZE) -> Animator:
    """A face that is bright while a click sounds."""
    renderer = FlashRenderer(size=size)

    def draw(frame: NDArray[np.float32]) -> NDArray[np.uint8]:
        return renderer.render(None, frame)

    def core(predictor: Predictor, draw: Draw, seed: int) -> SessionCore:
        return make_core(predictor, draw)

    predictor = ClickPredictor(latency_ms=60)
    return Animator(predictor, draw, Layout(size, size, predictor.fps, predictor.sample_rate_hz), core)


class Clicker:
    """A voice that says clicks, whatever the text: as many seconds as it has words."""

    def speak(self, text: str) -> Generator[tuple[NDArray[np.float32], int], None, None]:
        seconds = float(len(text.split()))
        yield click_waveform(click_times_s(seconds), seconds, 16_000), 16_000


def app(
    *,
    prepare: Callable[[], Animator] = flash,
    access: Access | None = None,
    names: tuple[str, ...] = ("Flash",),
    **changed: float,
) -> FastAPI:
    picture = thumbnail(np.full((SIZE, SIZE, 3), (70, 110, 160), np.uint8))
    entries = [Entry(f"avatar-{index}", name, picture, prepare) for index, name in enumerate(names)]
    bounds = limits(**changed)
    application = create_app(
        gallery=Gallery(entries, max_loaded=bounds.max_loaded_avatars),
        voice=Clicker(),
        access=access or Access(host="127.0.0.1", token=None, names=["testserver"]),
        limits=bounds,
        quality=Quality(video_kbps=1200, jpeg_quality=80),
    )

    @application.get("/measure/{name}.js")
    def measure(name: str) -> Response:
        return Response((Path(__file__).parent / f"{name}.js").read_text(), media_type="text/javascript")

    return application


@contextmanager
def running(application: FastAPI) -> Iterator[str]:
    """The application at an address of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = make_server(application, application.state.limits, None, None)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
