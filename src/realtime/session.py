"""A live session for programs: give it sound of any kind, take pictures with their sound and their time.

    session = animator.session()
    session.push_audio(pcm, sample_rate=48_000)     # as it comes, any size, any rate
    session.end_segment()                           # the sentence is over
    async for frame in session:                     # 25 a second, from now on, whether somebody speaks or not
        show(frame.image, frame.audio, frame.deadline_s)

The thin shell around `SessionCore`: it has a clock and a lock, and nothing else. Every method may be called from any
thread. Drawing holds no lock, so sound is taken while a picture is drawn.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from src.errors import StreamError
from src.realtime.core import SessionCore
from src.realtime.counts import Counts
from src.realtime.frame import Frame, Layout
from src.realtime.intake import AudioIntake, Pcm

LOOK_S = 0.1
"""How often an iteration that waits looks by itself; a push or an end wakes it at once."""


class Session:
    """One face that speaks what it is given. Sessions of one `Animator` share weights and textures.

    Args:
        core: of this session alone.
        layout: of its pictures and sound.
        clock: seconds that never go back; `Frame.deadline_s` is on it.
    """

    def __init__(self, core: SessionCore, layout: Layout, clock: Callable[[], float] = time.monotonic) -> None:
        self._core, self._clock = core, clock
        self.layout = layout
        self._intake = AudioIntake(sample_rate_hz=core.sample_rate_hz)
        self._lock = threading.Lock()
        self._closed = False
        self._wake: Callable[[], object] | None = None

    @property
    def latency_ms(self) -> float:
        """Algorithmic latency: sound that features, model and resampler need after a frame's time."""
        return self._core.latency_ms + self._intake.latency_ms

    @property
    def num_free_s(self) -> float:
        """Seconds of sound that `push_audio` would take now."""
        with self._lock:
            return self._core.num_free / self._core.sample_rate_hz

    @property
    def waiting_s(self) -> float:
        """Seconds of speech that were pushed and not shown."""
        with self._lock:
            return self._core.num_waiting / self._core.sample_rate_hz

    @property
    def counts(self) -> Counts:
        """What did not go as it should, and the drift of the sound that is heard."""
        with self._lock:
            return self._core.counts

    @property
    def closed(self) -> bool:
        """`close` was called."""
        return self._closed

    def start(self) -> None:
        """Begin the timeline now, before the first sound; iterating does it by itself."""
        with self._lock:
            self._core.start(self._clock())

    def push_audio(self, pcm: Pcm, sample_rate: int) -> None:
        """Take the next sound.

        Args:
            pcm: float in [-1, 1] or integer samples, (S,) or (S, channels), or bytes of 16-bit little-endian mono.
            sample_rate: of `pcm` in Hz.

        Raises:
            StreamError: it is no sound, there is no room (`num_free_s` tells beforehand), or the session is closed.
                Nothing was taken.
        """
        with self._lock:
            self._refuse_if_closed()
            self._check_room(self._intake.most_samples(pcm, sample_rate))
            self._core.push_audio(self._intake.take(pcm, sample_rate), self._clock())
            self._core.listen()
        self._woken()

    def end_segment(self) -> None:
        """Say that the sentence is over, so that its last words wait for nothing."""
        with self._lock:
            self._refuse_if_closed()
            now_s, tail = self._clock(), self._intake.finish()
            self._core.push_audio(tail, now_s)
            self._core.end_segment(now_s)
        self._woken()

    def clear(self) -> None:
        """Barge-in: forget all speech that was not shown, and close the mouth within 80 ms."""
        with self._lock:
            self._refuse_if_closed()
            self._intake.reset()
            self._core.clear(self._clock())
        self._woken()

    def notify_playback(self, position_s: float) -> None:
        """Tell which second of the timeline (`Frame.time_s`) is heard now; pictures follow it."""
        with self._lock:
            self._core.notify_playback(position_s, self._clock())

    def next_due_s(self) -> float | None:
        """When `pull_frame` has something to give if nothing else happens; None before the start."""
        with self._lock:
            return self._core.next_due_s()

    def pull_frame(self) -> Frame | None:
        """Draw the frame that is due; None when none is. Never waits.

        Raises:
            RenderError: the picture can't be drawn.
        """
        with self._lock:
            plan = None if self._closed else self._core.plan(self._clock())
        if plan is None:
            return None
        frame = self._core.draw(plan)
        with self._lock:
            return self._core.keep(frame)

    def close(self) -> None:
        """End the session; whoever iterates over it comes to an end."""
        self._closed = True
        self._woken()

    async def __aiter__(self) -> AsyncGenerator[Frame]:
        """Frames as they fall due, each once, in order, drawn in a thread; ends with `close`.

        After `clear` nothing that was drawn before it is given.

        Raises:
            StreamError: somebody iterates already.
        """
        if self._wake is not None:
            raise StreamError("two iterations over one session would share its frames. Make a session for each.")
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        self._wake = partial(loop.call_soon_threadsafe, changed.set)
        self.start()
        with ThreadPoolExecutor(1, "draw") as thread:
            try:
                while not self._closed:
                    changed.clear()
                    frame = await loop.run_in_executor(thread, self.pull_frame)
                    if frame is not None:
                        yield frame
                        continue
                    due_s = self.next_due_s()
                    wait_s = LOOK_S if due_s is None else min(max(due_s - self._clock(), 0.0), LOOK_S)
                    try:
                        await asyncio.wait_for(changed.wait(), wait_s)
                    except TimeoutError:
                        continue
            finally:
                self._wake = None

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StreamError("the session was closed. Make a new one for more speech.")

    def _check_room(self, num_samples: int) -> None:
        if num_samples > self._core.num_free:
            rate = self._core.sample_rate_hz
            raise StreamError(
                f"{num_samples / rate:.2f} s of sound arrived, room for {self._core.num_free / rate:.2f} s: the source "
                "is ahead of playback. Wait until num_free_s has room, or raise the session's max_ahead_ms."
            )

    def _woken(self) -> None:
        wake = self._wake
        if wake is not None:
            wake()
