"""One visitor's session: what may speak, in turn, and the frames that come of it.

Speech comes from the microphone as it arrives, or from a text or a recording, which are handed to the session at the
pace of speech. A text or recording has the floor until it is over or stopped; the microphone is not listened to then,
for two voices make no mouth.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError
from src.realtime.frame import Frame
from src.realtime.server.figures import LiveFigures, PlaybackLag
from src.realtime.server.limits import Limits
from src.realtime.server.viewer import Viewer

logger = logging.getLogger(__name__)

FEED_S = 0.02
"""Prepared speech is handed over in pieces of this length, as a microphone would."""
MICROPHONE_PIECES = 25
"""Pieces of the microphone that may wait for the session: above it the oldest go and are counted."""
LEARNED_REPORTS = 15
"""Of what a page plays, 3 s: the first second after a start is not like the others."""

Pcm = NDArray[np.int16] | NDArray[np.float32]


class Speaker(Protocol):
    """What is needed of `src.realtime.session.Session`."""

    def push_audio(self, pcm: Pcm, sample_rate: int) -> None:
        """Take sound."""
        ...

    def end_segment(self) -> None:
        """The sentence is over."""
        ...

    def clear(self) -> None:
        """Barge-in."""
        ...

    def notify_playback(self, position_s: float) -> None:
        """Told what is heard."""
        ...

    def close(self) -> None:
        """End; the iteration ends too."""
        ...

    def __aiter__(self) -> AsyncIterator[Frame]:
        """The frames as they fall due."""
        ...


class Live:
    """A session with its viewer.

    Args (of the constructor):
        session: begins to give frames when it is iterated.
        limits: of its length and of what may wait.
        record: further figures of the session, for `figures`.
    """

    def __init__(self, *, session: Speaker, limits: Limits, record: Callable[[], dict[str, Any]]) -> None:
        self._session, self._limits, self._record = session, limits, record
        self._viewer: Viewer | None = None
        self._figures, self._lag = LiveFigures(), PlaybackLag(num_learned=LEARNED_REPORTS)
        self._prepared: deque[tuple[Pcm, int]] = deque()
        self._microphone: deque[tuple[Pcm, int]] = deque()
        self._microphone_is_on = self._has_floor = False
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._turn = 0
        self._origin_s: float | None = None
        self._begun_s = self._active_s = time.monotonic()
        # One thread: what is pushed, ended and cleared keeps its order, and the event loop never waits for the model.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="speech")
        self.num_refused = 0

    async def run(self) -> None:
        """Hand frames to the viewer and speech to the session until a limit of time, or the session's end."""
        tasks = [asyncio.create_task(work) for work in (self._show_all(), self._feed_all(), self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._session.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.show_to(None)
            self._prepared.clear()
            self._microphone.clear()
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def show_to(self, viewer: Viewer | None) -> None:
        """Send frames there from now on; the viewer before is closed."""
        before, self._viewer = self._viewer, viewer
        self._lag.forget()
        if before is not None:
            await before.close()

    def speak(self, waveform: Pcm, sample_rate_hz: int) -> None:
        """Say this, after what waits already.

        Raises:
            StreamError: too much waits.
        """
        if len(self._prepared) >= self._limits.max_waiting:
            raise StreamError(
                f"{len(self._prepared)} texts or recordings wait already. Wait until one was said, or press Stop."
            )
        self._active_s = time.monotonic()
        self._prepared.append((waveform, sample_rate_hz))
        self._wake.set()

    def hear(self, pcm: Pcm, sample_rate_hz: int) -> None:
        """Take what the microphone gave; dropped while it is off or another has the floor."""
        if self._microphone_is_on and not self._has_floor and not self._prepared:
            self._active_s = time.monotonic()
            if len(self._microphone) == MICROPHONE_PIECES:
                self._microphone.popleft()
                self.num_refused += 1
            self._microphone.append((pcm, sample_rate_hz))
            self._wake.set()

    async def switch_microphone(self, on: bool) -> None:
        """Listen or not; switching it off ends the sentence."""
        if self._microphone_is_on and not on:
            await self._call(self._session.end_segment)
        self._microphone_is_on = on

    async def stop(self) -> None:
        """Interrupt: everything that waits is forgotten and the mouth closes."""
        self._turn += 1
        self._active_s = time.monotonic()
        self._prepared.clear()
        self._microphone.clear()
        self._stopped.set()
        await self._call(self._session.clear)
        if self._viewer is not None:  # now, for the session gives nothing of the old turn any more
            self._viewer.flush()

    async def played(self, position_s: float, *, restarted: bool) -> None:
        """The page, which has a clock of its own, tells which second is heard."""
        if self._origin_s is None:
            return
        if restarted:
            self._lag.forget()
        heard_s = self._lag.position_s(position_s, time.monotonic() - self._origin_s)
        if heard_s is not None:
            await self._call(lambda: self._session.notify_playback(heard_s))

    def figures(self) -> dict[str, Any]:
        """For the page, once a second."""
        sent = None if self._viewer is None else vars(self._viewer.sent())
        return {
            **self._figures.record(time.monotonic()),
            **self._record(),
            "sent": sent,
            "waiting": len(self._prepared) + self._has_floor,
            "refused": self.num_refused,
        }

    async def _show_all(self) -> None:
        async for frame in self._session:
            self._origin_s = frame.deadline_s - frame.time_s
            if self._viewer is not None:
                self._viewer.put(frame)
            self._figures.add(frame, time.monotonic())

    async def _feed_all(self) -> None:
        while True:
            await self._wake.wait()
            if self._prepared:
                self._microphone.clear()
                await self._speak(*self._prepared.popleft())
            elif self._microphone:
                pcm, rate_hz = self._microphone.popleft()
                await self._push(pcm, rate_hz, self._turn)
            else:
                self._wake.clear()

    async def _speak(self, waveform: Pcm, rate_hz: int) -> None:
        turn, step = self._turn, round(FEED_S * rate_hz)
        self._has_floor = True
        self._stopped.clear()
        begun_s = time.monotonic()
        try:
            for start in range(0, len(waveform), step):
                await self._wait_until(begun_s + start / rate_hz)
                if self._turn != turn:
                    return
                await self._push(waveform[start : start + step], rate_hz, turn)
            await self._call(self._session.end_segment)
        finally:
            self._has_floor = False

    async def _wait_until(self, then_s: float) -> None:
        """Until that time or until `stop`."""
        try:
            await asyncio.wait_for(self._stopped.wait(), max(then_s - time.monotonic(), 0))
        except TimeoutError:
            return

    async def _push(self, pcm: Pcm, rate_hz: int, turn: int) -> None:
        def push() -> None:
            if self._turn == turn:  # else it was stopped meanwhile
                self._session.push_audio(pcm, rate_hz)

        try:
            await self._call(push)
        except StreamError as error:  # the session is behind: this piece is lost, and said in the figures
            self.num_refused += 1
            logger.debug("%s", error)

    async def _call(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _watch(self) -> None:
        """Ends when a limit of time is reached."""
        while True:
            end_s = min(self._begun_s + self._limits.max_session_s, self._active_s + self._limits.idle_timeout_s)
            if time.monotonic() >= end_s and not self._has_floor:
                return
            await asyncio.sleep(max(end_s - time.monotonic(), 0.5))
