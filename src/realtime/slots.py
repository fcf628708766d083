"""What each slot of the timeline shows: speech, the last motion once more, or silence.

Sound and motion of speech are placed together, so they can't part. The rules, in one place:

* A segment begins as soon as its first frame may be presented and its motion is there.
* Sound without motion: the last motion is held, `hold_frames` at most. Then both wait until the motion is there.
* No sound in the middle of a segment: silence until sound and motion are there again (an underrun, counted).
* A source whose clock runs fast, or that was late once, leaves its speech ever longer in the queue; one whose clock
  runs slow leaves ever less. Both are set right in pauses of the speech: a frame of silence is left out or added.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from src.realtime.spoken import Spoken


class Choice(Enum):
    """What a slot shows."""

    SPEAK = "speak"
    STARVE = "starve"
    """Silence because sound or motion is late."""
    STRETCH = "stretch"
    """Silence added to a pause."""
    REST = "rest"
    """Silence between segments."""


@dataclass(frozen=True)
class SlotRules:
    """Numbers of the rules.

    Attributes:
        hold_frames: slots that go on without motion.
        frame_s: length of a slot.
        preparation_s: drawing begins at the latest so long before the deadline.
        most_margin_s: motion that could be drawn so much earlier than that is later behind its voice than it need be.
    """

    hold_frames: int
    frame_s: float
    preparation_s: float
    most_margin_s: float


class SlotChooser:
    """Decides slot by slot, in order, and keeps what it decided in mind."""

    def __init__(self, rules: SlotRules) -> None:
        self._rules = rules
        self._waiting = True
        self._num_held = 0
        self._margins_s: deque[float] = deque(maxlen=_WINDOW)
        self.num_underruns = 0
        self.num_skipped = 0

    def begin_turn(self) -> None:
        """What was said is forgotten."""
        self._waiting, self._num_held = True, 0
        self._margins_s.clear()

    def may_speak(self, spoken: Spoken, deadline_s: float) -> bool:
        """A slot presented at `deadline_s` would show speech with its own motion."""
        ready = spoken.next < min(spoken.num_complete, spoken.num_ready)
        return ready and deadline_s >= spoken.earliest_s() - _TOLERANCE_S

    def choose(self, spoken: Spoken, deadline_s: float) -> Choice:
        """What the slot that is presented at `deadline_s` shows; takes frames that are skipped from `spoken`."""
        if spoken.is_over or (spoken.begins_segment() and not self.may_speak(spoken, deadline_s)):
            self._waiting, self._num_held = True, 0
            return Choice.REST
        if spoken.begins_segment():
            self._margins_s.clear()
        if self._waiting:
            if not self.may_speak(spoken, deadline_s):
                return Choice.STARVE
            self._waiting, self._num_held = False, 0
        elif spoken.next >= spoken.num_complete:
            self.num_underruns += 1
            return self._wait()
        elif spoken.next >= spoken.num_ready:
            self._num_held += 1
            if self._num_held > self._rules.hold_frames:
                return self._wait()
        else:
            self._num_held = 0
        return self._pace(spoken, deadline_s)

    def _wait(self) -> Choice:
        self._waiting = True
        return Choice.STARVE

    def _pace(self, spoken: Spoken, deadline_s: float) -> Choice:
        """Follow the clock of a source that delivers speech as it is spoken."""
        if spoken.delivered_ahead:
            self._margins_s.clear()
            return Choice.SPEAK
        known_s = spoken.known_s()
        if known_s is None:  # held, or the end of what was said
            if spoken.is_open:
                self._margins_s.append(-self._rules.frame_s)
            return Choice.SPEAK
        self._margins_s.append(deadline_s - self._rules.preparation_s - known_s)
        # The least of some seconds: what jitter and bursts need must not be taken from them.
        least_s = min(self._margins_s)
        if spoken.is_pause():
            if least_s < _LEAST_MARGIN_S and len(self._margins_s) >= _WINDOW // 4:
                self._move(self._rules.frame_s)
                return Choice.STRETCH
            # What is left must not ask for a frame to be added, wherever the next chunks end within a frame.
            least_to_skip_s = self._rules.frame_s + spoken.chunk_s + _LEAST_MARGIN_S
            if least_s > max(self._rules.most_margin_s, least_to_skip_s) and len(self._margins_s) == _WINDOW:
                spoken.take()
                self.num_skipped += 1
                self._move(-self._rules.frame_s)
        return Choice.SPEAK

    def _move(self, seconds: float) -> None:
        self._margins_s = deque((margin_s + seconds for margin_s in self._margins_s), maxlen=_WINDOW)


_LEAST_MARGIN_S = 0.005
"""Less, and the next bit of jitter would cost a picture its motion."""
_WINDOW = 100
"""Slots, 4 s: jitter shows in it."""
_TOLERANCE_S = 1e-6
"""Times are sums of float64; a frame that may be presented at the time of a slot belongs to it."""
