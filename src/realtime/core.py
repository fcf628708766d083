"""One talking face: sound goes in, pictures with their sound and their time come out.

The pure core of the engine. It joins motion prediction, the timeline, idle movement, drift correction and the renderer,
and owns no thread, no clock and no device: whoever calls hands in the time. The same calls at the same times give the
same frames, bit for bit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError
from src.realtime.counts import Counts
from src.realtime.drift import DriftMonitor
from src.realtime.frame import Frame
from src.realtime.idle import Idle
from src.realtime.idle.speech import QUIETEST_DB, loudness_db
from src.realtime.settling import Settling
from src.realtime.slots import Choice, SlotChooser, SlotRules
from src.realtime.spoken import Predictor, Spoken
from src.realtime.timing import Timing
from src.realtime.voice import VoiceGate

Draw = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
"""(C,) motion values to an (H, W, 3) uint8 RGB picture."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A frame that is decided and not drawn: (C,) `values` to draw, and the frame without its picture."""

    values: NDArray[np.float32]
    frame: Callable[[NDArray[np.uint8]], Frame]


@dataclass
class _Tally:
    frames: int = 0
    dropped: int = 0
    held: int = 0
    fillers: int = 0
    starved: int = 0
    stretched: int = 0
    cleared: int = 0


@dataclass(eq=False)
class _Merged:
    """What gathers between two pictures."""

    audio: list[NDArray[np.float32]] = field(default_factory=list)
    levels_db: list[float] = field(default_factory=list)
    num_ended: int = 0


@dataclass(frozen=True, eq=False)
class _Slot:
    values: NDArray[np.float32]
    choice: Choice
    held: bool
    arrival_s: float | None


class SessionCore:
    """Push sound as it comes, pull frames as they fall due.

    The timeline begins with the first sound, or with `start`. From then on there is a frame for every slot, whether
    somebody speaks or not. Speech comes in segments: `end_segment` completes one, the next sound begins another.

    Queues: sound that waits is bounded by `max_ahead_ms` (`push_audio` refuses, `num_free` tells beforehand); motion is
    computed a few frames ahead; of pictures there is never more than the one that is pulled.

    Args:
        predictor: gives a stream per segment.
        draw: see `Draw`.
        idle: blinks, head movement and the like, added to the prediction; of this session alone.
        voice: keeps the mouth still where nobody speaks; of this session alone.
        drift: compares with the sound that is heard; of this session alone.
        timing: see `Timing`.

    Raises:
        ConfigError: the playout delay leaves no time for the look-ahead, or the times contradict each other.
    """

    def __init__(
        self, *, predictor: Predictor, draw: Draw, idle: Idle, voice: VoiceGate, drift: DriftMonitor, timing: Timing
    ) -> None:
        timing.check(predictor.latency_ms)
        self._predictor, self._draw, self._idle, self._voice, self._drift = predictor, draw, idle, voice, drift
        self._rate, self._fps = predictor.sample_rate_hz, predictor.fps
        self._step = round(self._rate / self._fps)
        self._delay_s, self._preparation_s = timing.playout_delay_ms / 1000.0, timing.preparation_ms / 1000.0
        self._lead_s, self._abandon_s = timing.lead_ms / 1000.0, timing.abandon_ms / 1000.0
        self._capacity = round(timing.max_ahead_ms * self._rate / 1000.0)
        self._spare_ms = timing.playout_delay_ms - timing.preparation_ms - predictor.latency_ms
        times = timing.settling(self._fps)
        self._settling = Settling(predictor.spec, times)
        self._chooser = SlotChooser(
            SlotRules(
                hold_frames=times.hold,
                frame_s=1.0 / self._fps,
                preparation_s=self._preparation_s,
                most_margin_s=(self._spare_ms + timing.late_ms) / 1000.0,
            )
        )
        self._spoken = self._new_turn()
        self._origin_s: float | None = None  # when slot 0 is presented
        self._next = 0
        self._level_db = QUIETEST_DB
        self._starved_since_s: float | None = None
        self._fade = np.zeros(0, np.float32)
        self._merged = _Merged()
        self._tally = _Tally()

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples in and out."""
        return self._rate

    @property
    def fps(self) -> float:
        """Frames per second of the timeline."""
        return self._fps

    @property
    def latency_ms(self) -> float:
        """Algorithmic: sound that features and model need after a frame's time."""
        return self._predictor.latency_ms

    @property
    def spare_ms(self) -> float:
        """Time that the playout delay leaves beyond look-ahead and drawing: room for the size of chunks."""
        return self._spare_ms

    @property
    def num_free(self) -> int:
        """Samples that `push_audio` would take now."""
        return self._spoken.num_free

    @property
    def num_waiting(self) -> int:
        """Samples of speech that wait for their slot."""
        return self._capacity - self._spoken.num_free

    @property
    def turn(self) -> int:
        """How often the session was cleared."""
        return self._tally.cleared

    @property
    def idle(self) -> bool:
        """Every segment is complete and every frame of it was shown or dropped."""
        return self._spoken.is_over

    @property
    def counts(self) -> Counts:
        """So far."""
        return Counts(
            **vars(self._tally),
            skipped=self._chooser.num_skipped,
            underruns=self._chooser.num_underruns,
            drift=self._drift.figures,
        )

    def start(self, now_s: float) -> None:
        """Begin the timeline before the first sound: a face that waits. Nothing where it has begun."""
        if self._origin_s is None:
            self._origin_s = now_s + self._preparation_s

    def push_audio(self, samples: NDArray[np.float32], now_s: float) -> None:
        """Take the next sound; it is copied and computed later, in `listen`.

        Args:
            samples: (s,) mono in [-1, 1] at `sample_rate_hz`, any s.
            now_s: when they arrived, on the clock of `pull_frame`. It may be before the last pull: a caller who was
                busy must not make the sound late.

        Raises:
            StreamError: wrong shape, not finite, or more than `num_free`.
        """
        samples = np.array(samples, np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise StreamError(
                f"audio of shape {samples.shape} must be one row of finite mono samples in [-1, 1]. Convert it first."
            )
        if not len(samples):
            return
        earliest_s = self._spoken.push(samples, now_s)
        if self._origin_s is None:
            self._origin_s = earliest_s

    def end_segment(self, now_s: float) -> None:
        """Say that the sentence is over: the motion still owed for it is computed without waiting for more."""
        self._merged.num_ended += self._spoken.end_segment(now_s)

    def clear(self, now_s: float) -> None:
        """A barge-in: all sound and motion that wait are forgotten, and the mouth is closed in the next slot."""
        self._fade = self._spoken.next_sound(round(_FADE_S * self._rate))
        self._spoken = self._new_turn()
        self._chooser.begin_turn()
        self._settling.cut()
        self._starved_since_s = None
        self._tally.cleared += 1
        self._merged.num_ended = 0

    def notify_playback(self, position_s: float, now_s: float) -> None:
        """Told which second of the timeline is heard now; moves the pictures if they have parted from it.

        Args:
            position_s: of the sound that leaves the speakers.
            now_s: on the clock of `pull_frame`.
        """
        if self._origin_s is not None:
            self._origin_s -= self._drift.observe(position_s, now_s - self._origin_s, now_s)

    def listen(self) -> None:
        """Compute features and motion of what was pushed, a few frames beyond what is shown."""
        self._spoken.listen()

    def next_due_s(self) -> float | None:
        """When `pull_frame` has something to give if nothing else happens, on the caller's clock."""
        if self._origin_s is None:
            return None
        deadline_s = self._deadline_s(self._next)
        early = self._chooser.may_speak(self._spoken, deadline_s)
        return deadline_s - (self._lead_s if early else self._preparation_s)

    def plan(self, now_s: float) -> Plan | None:
        """Decide the frame that is due; None when none is. Never waits.

        A caller who comes late gets the newest due frame; those in between are dropped and counted.
        """
        self.listen()
        due_s = self.next_due_s()
        if due_s is None or now_s < due_s - _TOLERANCE_S:
            return None
        assert self._origin_s is not None
        due = math.floor((now_s + self._preparation_s - self._origin_s) * self._fps + _TOLERANCE_S * self._fps)
        while self._next < due:
            self._fill()
            self._next += 1
            self._tally.dropped += 1
            self.listen()
        slot = self._fill()
        index, merged = self._next, self._merged
        self._next, self._merged = index + 1, _Merged()
        self._tally.frames += 1
        audio, deadline_s, turn = np.concatenate(merged.audio), self._deadline_s(index), self.turn

        def frame(image: NDArray[np.uint8]) -> Frame:
            return Frame(
                index=index,
                time_s=index / self._fps,
                image=image,
                audio=audio,
                held=slot.held,
                filler=slot.choice is not Choice.SPEAK,
                deadline_s=deadline_s,
                arrival_s=slot.arrival_s,
                num_ended=merged.num_ended,
                turn=turn,
            )

        return Plan(self._idle.apply(slot.values, np.array(merged.levels_db)), frame)

    def draw(self, plan: Plan) -> Frame:
        """The frame with its picture. Touches nothing of the session, so another thread may push meanwhile."""
        return plan.frame(self._draw(plan.values))

    def keep(self, frame: Frame) -> Frame | None:
        """The drawn frame, or None where the session was cleared while it was drawn: silence takes its place."""
        if frame.turn == self.turn:
            return frame
        self.withdraw(frame)
        return None

    def withdraw(self, frame: Frame) -> None:
        """Take back a frame of an earlier turn that was not presented. The next one holds silence in its place."""
        self._merged.audio.insert(0, np.zeros_like(frame.audio))
        self._tally.frames -= 1
        self._tally.dropped += 1

    def pull_frame(self, now_s: float) -> Frame | None:
        """`plan` and `draw` in one."""
        plan = self.plan(now_s)
        return None if plan is None else self.draw(plan)

    def _deadline_s(self, index: int) -> float:
        assert self._origin_s is not None
        return self._origin_s + index / self._fps

    def _new_turn(self) -> Spoken:
        return Spoken(
            predictor=self._predictor,
            voice=self._voice,
            delay_s=self._delay_s,
            capacity=self._capacity,
            run_ahead=_RUN_AHEAD,
        )

    def _fill(self) -> _Slot:
        """Decide the next slot and put its sound with what waits for a picture."""
        deadline_s, spoken = self._deadline_s(self._next), self._spoken
        choice = self._chooser.choose(spoken, deadline_s)
        self._abandon(choice, deadline_s)
        audio, arrival_s, held = np.zeros(self._step, np.float32), None, False
        if choice is Choice.SPEAK:
            frame = spoken.take()
            audio, arrival_s, held = frame.audio, frame.arrival_s, frame.held
            values = self._settling.speak(frame.values)
            self._merged.num_ended += frame.ends_segment
            self._tally.held += held
        else:
            audio[: len(self._fade)] = self._fade * np.linspace(1.0, 0.0, len(self._fade), dtype=np.float32)
            values = self._settling.starve() if choice is Choice.STARVE else self._settling.rest()
            self._tally.fillers += 1
            self._tally.starved += choice is Choice.STARVE
            self._tally.stretched += choice is Choice.STRETCH
        self._fade = self._fade[:0]
        self._merged.audio.append(audio)
        self._merged.levels_db.append(self._level_db)  # a frame knows the sound before it
        self._level_db = loudness_db(audio)
        return _Slot(values, choice, held, arrival_s)

    def _abandon(self, choice: Choice, deadline_s: float) -> None:
        """End a segment that nobody ends."""
        if choice is not Choice.STARVE:
            self._starved_since_s = None
        elif self._starved_since_s is None:
            self._starved_since_s = deadline_s
        elif deadline_s - self._starved_since_s >= self._abandon_s:
            self.end_segment(deadline_s)


_FADE_S = 0.005
"""The sound is led to silence where it is cut, so that it doesn't click."""
_RUN_AHEAD = 4
"""Frames that the model computes beyond the next one: enough for the rules of pauses, little to throw away."""
_TOLERANCE_S = 1e-6
"""Times are sums of float64: a call at the very time of a frame is not early."""
