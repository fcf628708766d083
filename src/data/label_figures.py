"""Figures that say how good labels are: of a channel, a clip and a store. `src/data/label_qa.py` defines them."""

from dataclasses import asdict, dataclass
from typing import Any

from src.motion import CORE7

LARGEST_AT_END = {name: 0.25 if name == "eye_blink" else 0.05 for name in CORE7.names}
"""Share of a clip's frames that a channel may lie at an end of its range. A shut eye is at its end by nature."""

BLINKS_JUDGED_S = 20.0
"""Shorter clips say nothing about how often somebody blinks."""
BLINKS_PER_MINUTE = (1.0, 60.0)
"""Outside of this a blink rate is implausible. People blink 5 (reading) to 40 times a minute (talking).

Reference: Bentivoglio et al.: Analysis of blink rate patterns in normal subjects, Movement Disorders 1997.
"""


@dataclass(frozen=True)
class ChannelQa:
    """One channel over the whole store. What could not be measured is None, and `reasons` says why.

    Attributes:
        spec, unit, minimum, maximum: of the channel.
        dead: whether it carries nothing.
        noise_floor: in `unit`.
        range: 1st, 50th and 99th percentile of the frames that show the face.
        spread: what `dead` is decided by.
        saturation: share of those frames at the ends of the range that aren't the neutral value.
        at_rest: share at an end that is.
        symmetry: `r`, `difference` (left minus right, in `unit` of both) and `of`, what was compared.
        r_arkit: agreement of both specifications.
        r_reference, lag_reference_ms: agreement with the truth.
        histogram: `edges` and `counts`.
        reasons: by the name of a missing figure, why it is missing; for `dead`, why it is.
    """

    spec: str
    unit: str
    minimum: float
    maximum: float
    dead: bool | None
    noise_floor: float | None
    range: dict[str, float | None]
    spread: float | None
    saturation: float | None
    at_rest: float | None
    symmetry: dict[str, Any] | None
    r_arkit: float | None
    r_reference: float | None
    lag_reference_ms: float | None
    histogram: dict[str, list[float] | list[int]]
    reasons: dict[str, str]


@dataclass(frozen=True)
class ClipQa:
    """One clip; None is what it can't tell.

    Attributes:
        clip_id, seconds, valid_share, offset_confidence: as in the manifest.
        offset_ms: how much later the sound is than the motion, corrections included.
        movement: 95th minus 5th percentile of `jaw_open`, in face sizes.
        noise: of `jaw_open` while still, in face sizes.
        saturated: the `core7` channel that is most at the ends of its range, by `LARGEST_AT_END`; empty for none.
        saturation: share of the frames that it spends there.
        blinks_per_minute: over the seen frames.
        r_arkit: of `jaw_open` and what the blendshapes say.
        r_reference: of `jaw_open` and the truth.
    """

    clip_id: str
    seconds: float
    valid_share: float
    offset_ms: float
    offset_confidence: float
    movement: float | None
    noise: float | None
    saturation: float | None
    saturated: str
    blinks_per_minute: float | None
    r_arkit: float | None
    r_reference: float | None


@dataclass(frozen=True)
class Blinks:
    """Blinks over the store.

    Attributes:
        per_minute: over all seen frames; None without any.
        clips_judged: clips of at least `BLINKS_JUDGED_S`.
        implausible: share of those with a rate outside of `BLINKS_PER_MINUTE`; None without such clips.
    """

    per_minute: float | None
    clips_judged: int
    implausible: float | None


@dataclass(frozen=True)
class LabelQa:
    """All figures.

    Attributes:
        channels: by name; a channel whose name an earlier specification has is called `<spec>.<name>`.
        clips: the clips that were measured.
        blinks: over all of them.
        clips_measured, clips_total: fewer are measured than there are above `MAX_CLIPS`.
    """

    channels: dict[str, ChannelQa]
    clips: tuple[ClipQa, ...]
    blinks: Blinks
    clips_measured: int
    clips_total: int

    @property
    def as_dict(self) -> dict[str, Any]:
        """JSON-like: `label_qa` {channel: figures}, `blinks`, and how many clips were measured."""
        return {
            "label_qa": {name: asdict(channel) for name, channel in self.channels.items()},
            "blinks": asdict(self.blinks),
            "label_qa_clips": self.clips_measured,
        }
