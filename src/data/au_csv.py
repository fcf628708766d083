"""Blinks as OpenFace would have written them, for trainers that read its tables.

RAD-NeRF, ER-NeRF, GaussianTalker and their relatives take the lids of the speaker from an `au.csv` that OpenFace
made: action unit 45, "blink", one row per frame. They clip its intensity at 2, where lids are shut for them.
"""

import csv
from pathlib import Path

from src.errors import ConfigError
from src.files import replacing
from src.motion import Motion, core7_of

COLUMNS = ("frame", "face_id", "timestamp", "confidence", "success", "AU45_r")
LARGEST_INTENSITY = 5.0


def write_au_csv(path: Path, motion: Motion, *, shut_intensity: float, space_after_comma: bool) -> None:
    """Write the lids of a motion as an OpenFace table, atomically.

    Columns: `frame` from 1; `face_id` 0; `timestamp`, seconds on the clock of the motion; `confidence` and
    `success`, 1 where the frame is valid and 0 where it was filled; `AU45_r`, the intensity of the blink.

    Args:
        path: the file.
        motion: `core7` or `arkit55`.
        shut_intensity: `AU45_r` of shut lids (`eye_blink` 1), above 0 and at most 5; in between it is in
            proportion.
        space_after_comma: whether column names but the first begin with a space, as OpenFace 2.0 to 2.2 write them
            and most trainers read them (`" AU45_r"`).

    Raises:
        ConfigError: the intensity is off OpenFace's scale.
    """
    if not 0 < shut_intensity <= LARGEST_INTENSITY:
        raise ConfigError(
            f"shut_intensity is {shut_intensity}, expected above 0 and at most {LARGEST_INTENSITY:g}, the top of "
            "OpenFace's scale. Trainers of talking heads clip at 2."
        )
    blink = core7_of(motion).channel("eye_blink")
    separator = ", " if space_after_comma else ","
    with replacing(path) as unfinished, open(unfinished, "w", encoding="utf-8", newline="") as file:
        file.write(separator.join(COLUMNS) + "\n")
        rows = csv.writer(file, lineterminator="\n")
        for frame, (time_s, shut, seen) in enumerate(zip(motion.times_s, blink, motion.valid, strict=True), start=1):
            rows.writerow([frame, 0, f"{time_s:.3f}", int(seen), int(seen), f"{shut * shut_intensity:.3f}"])
