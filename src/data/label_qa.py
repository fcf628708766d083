"""How good the labels of a store are: per channel and per clip, in figures that say what they mean.

For every channel of every motion specification: is it dead, how much does it tremble at rest, which values does it
take, does it hit the ends of its range, do left and right agree, does it follow the truth where there is one. For
every clip what makes it one to look at. `report.json` and `report.html` of a store are written from this.

* `dead`: the channel moves (99.5th minus 0.5th percentile of all seen frames) by less than 1 % of its range, or by
  less than `NOISE_REACH` times its noise floor: it carries nothing but noise.
* `noise_floor`: standard deviation while head and mouth are still (`still_noise`), the median over clips, in the
  channel's unit.
* `saturation`: share of frames at an end of the range; an end that is the channel's neutral value doesn't count.
* `symmetry`: correlation and mean difference (left minus right) of the two sides, medians over clips: of the
  `...Left` and `...Right` channels of blendshapes, of both halves of the face (`halves_of_the_face`) for `core7`.
* `r_arkit`: correlation of `core7` with what `arkit55` says by `core7_of`, the median over clips.
* `r_reference`, `lag_reference_ms`: correlation with the true motion and how much later the label moves, medians
  over clips.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from src.data.clip_info import ClipInfo
from src.data.label_figures import LabelQa
from src.data.label_tally import LabelTally, References
from src.data.store import Store
from src.errors import DataError
from src.motion import Motion

MAX_CLIPS = 20_000
"""Larger stores are judged by this many clips, evenly spread over their ids."""


def measure_labels(
    store: Store,
    references: References | None = None,
    *,
    max_clips: int = MAX_CLIPS,
    on_clip: Callable[[int, int], None] = lambda done, total: None,
) -> LabelQa:
    """Judge the labels of a store, clip by clip, in memory that doesn't grow with their length.

    Args:
        store: what to judge.
        references: true motion, where it is known.
        max_clips: at most so many clips are read, evenly spread.
        on_clip: told after every clip how many of how many are done.

    Raises:
        DataError: a clip's file is missing or damaged.
    """
    tally = LabelTally()
    total = len(store.clips)
    rows = np.unique(np.linspace(0, total - 1, min(total, max_clips)).round().astype(int)) if total else []
    for done, row in enumerate(rows, start=1):
        tally.add(store, store.clips[int(row)], references)
        on_clip(done, len(rows))
    return tally.result(total, has_references=references is not None)


def true_motion_beside(store: Store, root: Path | None = None) -> References:
    """True motion as the synthetic corpus keeps it: `<video>.motion.npz` beside each source.

    Args:
        store: whose sources are meant.
        root: the folder with the source videos; None is where they were when the store was prepared.
    """

    def reference(info: ClipInfo) -> Motion | None:
        try:
            source = store.source_path(info.clip_id, root)
        except DataError:  # the videos are gone, and the truth with them
            return None
        path = source.with_suffix(".motion.npz")
        return Motion.load(path) if path.is_file() else None

    return reference
