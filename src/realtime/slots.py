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
        late_s: speech that waits so much longer than the playout delay is late by a slow start or a fast source.
        early_s: speech that waits so much shorter is about to run out.
    """

    hold_frames: int
    late_s: float
    early_s: float


class SlotChooser:
    """Decides slot by slot, in order, and keeps what it decided in mind."""

    def __init__(self, rules: SlotRules, frame_s: float, playout_delay_s: float) -> None:
        self._rules, self._frame_s, self._delay_s = rules, frame_s, playout_delay_s
        self._waiting = True
        self._num_held = 0
        self._slack: deque[float] = deque(maxlen=_WINDOW)
        self.num_underruns = 0
        self.num_skipped = 0

    def begin_turn(self) -> None:
        """What was said is forgotten."""
        self._waiting, self._num_held = True, 0
        self._slack.clear()

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
            self._slack.clear()
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
            self._slack.clear()
            return Choice.SPEAK
        # The timeliest frame of the last second: jitter makes the others look as if they were spoken later.
        self._slack.append(deadline_s - spoken.spoken_s() - self._delay_s)
        slack_s = max(self._slack)
        if len(self._slack) == _WINDOW and spoken.is_pause():
            if slack_s > self._rules.late_s and spoken.next + 1 < min(spoken.num_complete, spoken.num_ready):
                spoken.take()
                self.num_skipped += 1
                self._shift(-self._frame_s)
            elif slack_s < -self._rules.early_s:
                self._shift(self._frame_s)
                return Choice.STRETCH
        return Choice.SPEAK

    def _shift(self, seconds: float) -> None:
        self._slack = deque((slack + seconds for slack in self._slack), maxlen=_WINDOW)


_WINDOW = 25
"""Slots in which at least one chunk is in time."""
_TOLERANCE_S = 1e-6
"""Times are sums of float64; a frame that may be presented at the time of a slot belongs to it."""
