"""A sound card with a clock of its own: it takes samples a little faster or slower than a second has them.

What it plays is counted sample by sample from what it was given, so it says what a listener hears at the moment at
which a picture is shown: an offset between mouth and voice that is measured, not assumed.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from src.realtime.clock import Clock
from src.realtime.frame import Frame, Layout, Output, Sink


@dataclass
class _Piece:
    """Sound that waits in the card: of the timeline from `start_s`, `seconds` of it; played from `due_s` on."""

    start_s: float
    seconds: float
    due_s: float


class SoundCard:
    """The fault of a sound card whose clock is off."""

    def __init__(self, *, ppm: float, reserve_ms: float) -> None:
        """As `SpeakerSink`; nobody is told about offsets."""
        self._ppm, self._reserve_ms = ppm, reserve_ms

    def around(self, sink: Sink, clock: Clock) -> Sink:
        """See `Viewing.around`."""
        return SpeakerSink(sink, ppm=self._ppm, reserve_ms=self._reserve_ms, clock=clock, tell=_nobody)


class SpeakerSink:
    """A sink whose sound is heard on the clock of a sound card, `ppm` millionths faster than the clock of the run."""

    def __init__(
        self, sink: Sink, *, ppm: float, reserve_ms: float, clock: Clock, tell: Callable[[float, float], None]
    ) -> None:
        """Wrap a sink.

        Args:
            sink: what takes the frames.
            ppm: above 0: the card plays too fast.
            reserve_ms: picture and sound are presented so long after their deadline; a fast card plays it up until the
                pictures follow.
            clock: of the run.
            tell: is given, for each picture, its second of the timeline and how far the mouth is ahead of the voice
                that is heard while it is shown, in ms.
        """
        self._sink, self._ppm, self._reserve_s = sink, ppm, reserve_ms / 1000.0
        self._clock, self._tell = clock, tell

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Output]:
        """See `Sink.open`."""
        with self._sink.open(layout) as output:
            yield Speaker(output, layout, self._ppm, self._reserve_s, self._clock, self._tell)


class Speaker:
    """An `Output` with a sound card. Time comes from the clock of the run."""

    def __init__(
        self,
        output: Output,
        layout: Layout,
        ppm: float,
        reserve_s: float,
        clock: Clock,
        tell: Callable[[float, float], None],
    ) -> None:
        self._output, self._layout, self._clock, self._tell = output, layout, clock, tell
        self._reserve_s = reserve_s
        self._pace = 1.0 + ppm * 1e-6
        self._pieces: deque[_Piece] = deque()
        self._shown: deque[Frame] = deque()  # pictures whose time is still to come
        self._now_s = float("-inf")  # up to which the card has played
        self._heard_s: float | None = None
        self._was_playing = False

    def show(self, frame: Frame) -> bool:
        """See `Output.show`."""
        self._go_on(self._clock.now_s())
        seconds = len(frame.audio) / self._layout.sample_rate_hz
        if seconds:
            end_s = frame.time_s + 1.0 / self._layout.fps
            start_s = end_s - seconds
            due_s = frame.deadline_s + self._reserve_s - (frame.time_s - start_s)
            self._pieces.append(_Piece(start_s, seconds, due_s))
        self._shown.append(frame)
        return self._output.show(frame)

    def flush(self) -> None:
        """See `Output.flush`."""
        self._go_on(self._clock.now_s())
        self._pieces.clear()
        self._shown.clear()
        self._was_playing = False
        self._output.flush()

    def played_s(self) -> float | None:
        """See `Output.played_s`; the reserve is constant and no drift, so it is not told."""
        self._go_on(self._clock.now_s())
        return None if self._heard_s is None else self._heard_s + self._reserve_s

    def _go_on(self, now_s: float) -> None:
        """Play up to a time, and compare each picture with what is heard in its moment."""
        while self._shown and self._shown[0].deadline_s + self._reserve_s <= now_s:
            frame = self._shown.popleft()
            self._play_until(frame.deadline_s + self._reserve_s)
            if self._heard_s is not None:
                self._tell(frame.time_s, 1000.0 * (frame.time_s - self._heard_s))
        self._play_until(now_s)

    def _play_until(self, now_s: float) -> None:
        while self._pieces:
            piece = self._pieces[0]
            if not self._was_playing:  # after silence a card waits for the time at which sound is due
                if piece.due_s > now_s:
                    break
                self._now_s = max(self._now_s, piece.due_s)
                self._was_playing = True
            lasts_s = piece.seconds / self._pace
            if self._now_s + lasts_s > now_s:
                played_s = max(now_s - self._now_s, 0.0) * self._pace
                piece.start_s += played_s
                piece.seconds -= played_s
                self._heard_s = piece.start_s
                break
            self._now_s += lasts_s
            self._heard_s = piece.start_s + piece.seconds
            self._pieces.popleft()
            if not self._pieces:
                self._was_playing = self._now_s >= now_s
        self._now_s = max(self._now_s, now_s)


def _nobody(time_s: float, offset_ms: float) -> None:
    """Is told, and forgets."""
