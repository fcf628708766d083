"""What is known about the labels of a store after some of its clips, in memory that does not grow with their length.

`src/data/label_qa.py` says what each figure means.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from src.data.clip_info import ClipInfo, versions_of
from src.data.label_figures import (
    BLINKS_JUDGED_S,
    BLINKS_PER_MINUTE,
    LARGEST_AT_END,
    Blinks,
    ChannelQa,
    ClipQa,
    LabelQa,
)
from src.data.label_measures import (
    MINIMUM_FRAMES,
    STILL_FRAMES,
    ValueCounts,
    at_ends,
    correlation,
    count_blinks,
    halves_of_the_face,
    lag_frames,
    still_noise,
    still_windows,
)
from src.data.store import Store, clip_path
from src.motion import ARKIT55, CORE7, Motion, MotionSpec, core7_of, spec_named

NOISE_REACH = 6.0
"""White noise spans 5.2 standard deviations between the percentiles that `dead` looks at."""

HISTOGRAM_BARS = 40
LARGEST_LAG_FRAMES = 5

_SYMMETRY_FRAMES = 2000
_DEAD_SHARE = 0.01
_TO_A_SIDE = ("jawLeft", "jawRight", "mouthLeft", "mouthRight", "eyeLookIn", "eyeLookOut")
"""Channels whose names end in a side that they move to."""
_JAW, _BLINK = CORE7.index("jaw_open"), CORE7.index("eye_blink")

References = Callable[[ClipInfo], Motion | None]
"""Gives the true motion of a clip's source, on the source's presentation times; None where it isn't known."""


@dataclass(eq=False)
class LabelTally:
    """What is known after some of the clips.

    Attributes:
        counts: values of each specification, by its name.
        figures: by specification, channel and what was measured: the figure of every clip that has one.
        clips: one row each.
        blinks, seen_s: how many blinks, in how many seconds with a face.
        landmarks_seen: whether any clip keeps landmarks.
    """

    counts: dict[str, ValueCounts] = field(default_factory=dict)
    figures: dict[tuple[str, str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    clips: list[ClipQa] = field(default_factory=list)
    blinks: int = 0
    seen_s: float = 0.0
    landmarks_seen: bool = False

    def add(self, store: Store, info: ClipInfo, references: References | None) -> None:
        """Take in one clip."""
        core = store.load_motion(info.clip_id, CORE7.name)
        motions = {CORE7.name: core} | {
            name: store.load_motion(info.clip_id, name) for name in versions_of(info) if name != CORE7.name
        }
        still, valid = still_windows(core.values, core.valid), core.valid
        noise = {}
        for name, motion in motions.items():
            self.counts.setdefault(name, ValueCounts.empty(motion.spec)).add(motion.values[valid])
            noise[name] = still_noise(motion.values, motion.spec, still)
            self._note(motion.spec, "noise", noise[name])
            self._compare_sides(motion)
        if info.landmark_step_px:
            self._compare_halves(store, info, valid)
        r_arkit = self._compare_specs(core, motions.get(ARKIT55.name))
        reference = references(info) if references else None
        r_reference = self._compare_truth(core, reference)
        self.clips.append(self._clip(info, core, float(noise[CORE7.name][_JAW]), r_arkit, r_reference))

    def _clip(self, info: ClipInfo, core: Motion, noise: float, r_arkit: float, r_reference: float) -> ClipQa:
        seen = core.values[core.valid]
        seen_s = len(seen) / core.fps
        blinks = count_blinks(core.values[:, _BLINK], core.valid)
        self.blinks += blinks
        self.seen_s += seen_s
        reach = np.percentile(seen[:, _JAW], [5, 95]) if len(seen) else np.full(2, np.nan)
        ends = _saturation(at_ends(seen, CORE7).mean(axis=1), CORE7) if len(seen) else np.full(CORE7.size, np.nan)
        worst = int(np.argmax(ends / list(LARGEST_AT_END.values())))
        return ClipQa(
            clip_id=info.clip_id,
            seconds=info.seconds,
            valid_share=info.valid_share,
            offset_ms=info.remaining_offset_ms,
            offset_confidence=info.offset_confidence,
            movement=_number(reach[1] - reach[0]),
            noise=_number(noise),
            saturation=_number(ends[worst]),
            saturated=CORE7.names[worst] if ends[worst] > 0 else "",
            blinks_per_minute=_number(60 * blinks / seen_s) if seen_s else None,
            r_arkit=_number(r_arkit),
            r_reference=_number(r_reference),
        )

    def _note(self, spec: MotionSpec, what: str, values: NDArray[np.float64]) -> None:
        for name, value in zip(spec.names, values, strict=True):
            if math.isfinite(value):
                self.figures[spec.name, name, what].append(float(value))

    def _compare_sides(self, motion: Motion) -> None:
        for name in motion.spec.names:
            other = name.removesuffix("Left") + "Right"
            if name.endswith("Left") and not name.startswith(_TO_A_SIDE) and other in motion.spec.names:
                left, right = motion.channel(name)[motion.valid], motion.channel(other)[motion.valid]
                for each in (name, other):
                    self._symmetry(motion.spec.name, each, left, right)

    def _compare_halves(self, store: Store, info: ClipInfo, valid: NDArray[np.bool_]) -> None:
        self.landmarks_seen = True
        with safe_open(clip_path(store.folder, info.clip_id), framework="np") as file:
            # Not all of them: an hour of landmarks would fill the memory.
            steps = file.get_slice("landmarks")[: min(len(valid), _SYMMETRY_FRAMES)]
        halves = halves_of_the_face(steps[valid[:_SYMMETRY_FRAMES]].astype(np.float32) * info.landmark_step_px)
        for name, (left, right) in halves.items():
            self._symmetry(CORE7.name, name, left, right)

    def _symmetry(self, spec: str, name: str, left: NDArray[np.floating], right: NDArray[np.floating]) -> None:
        r = correlation(left, right)
        if math.isfinite(r):
            self.figures[spec, name, "symmetry_r"].append(r)
            self.figures[spec, name, "symmetry_difference"].append(float(np.mean(left - right)))

    def _compare_specs(self, core: Motion, arkit: Motion | None) -> float:
        if arkit is None:
            return math.nan
        both = core.valid & arkit.valid
        said = core7_of(arkit)
        r = np.array([correlation(core.values[both, i], said.values[both, i]) for i in range(CORE7.size)])
        r[[name in ARKIT55.names for name in CORE7.names]] = np.nan  # the head is one and the same
        self._note(CORE7, "r_arkit", r)
        return float(r[_JAW])

    def _compare_truth(self, core: Motion, reference: Motion | None) -> float:
        if reference is None or reference.spec != CORE7:
            return math.nan
        times_s = core.times_s
        both = core.valid & (times_s >= reference.start_s) & (times_s < reference.start_s + reference.duration_s)
        if both.sum() < MINIMUM_FRAMES:
            return math.nan
        truth = reference.sample(times_s)
        r = np.array([correlation(core.values[both, i], truth[both, i]) for i in range(CORE7.size)])
        self._note(CORE7, "r_reference", r)
        # A lag needs neighbours in time, so guessed frames inside stay.
        inside = slice(int(np.argmax(both)), len(both) - int(np.argmax(both[::-1])))
        lags = [lag_frames(core.values[inside, i], truth[inside, i], LARGEST_LAG_FRAMES) for i in range(CORE7.size)]
        self._note(CORE7, "lag_ms", np.array(lags) * 1000 / core.fps)
        return float(r[_JAW])

    def result(self, total: int, *, has_references: bool) -> LabelQa:
        """The figures; `total` is the number of clips in the store, measured or not."""
        channels: dict[str, ChannelQa] = {}
        for spec_name in sorted(self.counts, key=lambda name: (name != CORE7.name, name)):
            spec = spec_named(spec_name)
            for index, name in enumerate(spec.names):
                key = name if name not in channels else f"{spec_name}.{name}"
                channels[key] = self._channel(spec, index, has_references=has_references)
        rates = [
            clip.blinks_per_minute
            for clip in self.clips
            if clip.seconds >= BLINKS_JUDGED_S and clip.blinks_per_minute is not None
        ]
        low, high = BLINKS_PER_MINUTE
        blinks = Blinks(
            per_minute=_number(60 * self.blinks / self.seen_s) if self.seen_s else None,
            clips_judged=len(rates),
            implausible=float(np.mean([not low <= rate <= high for rate in rates])) if rates else None,
        )
        return LabelQa(channels, tuple(self.clips), blinks, len(self.clips), total)

    def _channel(self, spec: MotionSpec, index: int, *, has_references: bool) -> ChannelQa:
        channel, counts = spec.channels[index], self.counts[spec.name]
        reasons: dict[str, str] = {}
        noise = self._median(spec, index, "noise")
        if noise is None:
            reasons["noise_floor"] = (
                f"in no clip do head and mouth keep still for {STILL_FRAMES} frames with this channel inside its range"
            )
        dead, spread, values, saturation, at_rest = None, None, np.full(3, np.nan), None, None
        if counts.frames:
            reach = counts.percentiles(index, np.array([0.5, 1.0, 50.0, 99.0, 99.5]))
            values, spread = reach[1:4], _number(reach[4] - reach[0]) or 0.0
            dead, why = _death(spread, noise, channel.maximum - channel.minimum, channel.unit)
            if dead:
                reasons["dead"] = why
            share = counts.at_end / counts.frames
            saturation = _number(_saturation(share, spec)[index])
            at_rest = _number(share[:, index].sum() - _saturation(share, spec)[index])
        else:
            reasons["dead"] = "no frame shows the face"
        r_arkit, r_reference = self._median(spec, index, "r_arkit"), self._median(spec, index, "r_reference")
        if r_arkit is None:
            reasons["r_arkit"] = (
                "the store has no arkit55" if ARKIT55.name not in self.counts
                else "only core7 is compared" if spec != CORE7
                else "both have the same head" if channel.name in ARKIT55.names
                else "one of both doesn't move"
            )  # fmt: skip
        if r_reference is None:
            reasons["r_reference"] = (
                "the truth is known of core7 only" if has_references and spec != CORE7
                else "the true motion isn't known, or this channel doesn't move in it"
            )  # fmt: skip
        symmetry = self._symmetry_of(spec, index)
        if symmetry is None:
            reasons["symmetry"] = self._why_no_symmetry(spec, channel.name)
        return ChannelQa(
            spec=spec.name,
            unit=channel.unit,
            minimum=channel.minimum,
            maximum=channel.maximum,
            dead=dead,
            noise_floor=noise,
            range=dict(zip(("p1", "p50", "p99"), (_number(value) for value in values), strict=True)),
            spread=spread,
            saturation=saturation,
            at_rest=at_rest,
            symmetry=symmetry,
            r_arkit=r_arkit,
            r_reference=r_reference,
            lag_reference_ms=self._median(spec, index, "lag_ms"),
            histogram=dict(zip(("edges", "counts"), counts.histogram(index, HISTOGRAM_BARS), strict=True)),
            reasons=reasons,
        )

    def _median(self, spec: MotionSpec, index: int, what: str) -> float | None:
        known = self.figures.get((spec.name, spec.names[index], what))
        return _number(float(np.median(known))) if known else None

    def _symmetry_of(self, spec: MotionSpec, index: int) -> dict[str, Any] | None:
        name = spec.names[index]
        # What the corners of the mouth do is one movement with two names.
        measured = "mouth_wide" if spec == CORE7 and name == "mouth_narrow" else name
        r = self._median(spec, spec.index(measured), "symmetry_r")
        if r is None:
            return None
        of = {"jaw_open": "lip gap", "mouth_wide": "mouth corner to nose", "eye_blink": "eye aspect ratio"}
        difference = self._median(spec, spec.index(measured), "symmetry_difference")
        return {"r": r, "difference": difference, "of": of.get(measured, "Left and Right channel")}

    def _why_no_symmetry(self, spec: MotionSpec, name: str) -> str:
        if name.startswith("head_"):
            return "a head is one"
        if spec == CORE7:
            return "no side moves" if self.landmarks_seen else "the store keeps no landmarks"
        if name.startswith(_TO_A_SIDE):
            return "it moves to a side, both sides of the face at once"
        if name.endswith(("Left", "Right")):
            return "one side or both don't move" if self.counts[spec.name].frames else "no frame shows the face"
        return "the channel has no side"


def _death(spread: float, noise: float | None, width: float, unit: str) -> tuple[bool, str]:
    if spread < _DEAD_SHARE * width:
        return True, f"it moves by {spread:.2g} {unit}, less than {_DEAD_SHARE:.0%} of its range"
    if noise is not None and spread < NOISE_REACH * noise:
        return True, f"it moves by {spread:.2g} {unit}, less than {NOISE_REACH:g} times its noise"
    return False, ""


def _saturation(share_at_end: NDArray[np.float64], spec: MotionSpec) -> NDArray[np.float64]:
    """(F,) shares at both ends together, of (2, F) at each, where an end that is the neutral doesn't count."""
    neutral = np.stack([spec.neutral == spec.minimum, spec.neutral == spec.maximum])
    return np.where(neutral, 0.0, share_at_end).sum(axis=0)


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
