"""How much the labels of a store tremble by themselves: what no model can be better than.

`scripts.data_card` measures it for the data card (`src/data/label_qa.py`, `noise_floor`): the standard deviation of a
channel while head and mouth are still. An error of a prediction that is as small is one of the label.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from src.data.prepare import REPORT
from src.errors import DataError
from src.motion import MotionSpec


def noise_floors(folder: Path) -> dict[str, float] | None:
    """The noise floor of every channel whose labels were still somewhere.

    Args:
        folder: the store.

    Returns:
        By the channel's name, in the channel's unit; a channel whose name an earlier specification has is called
        `<spec>.<name>` (`floors_of` knows). None if the quality of the store's labels was never measured, as in stores
        of synthetic speech, whose motion is the truth itself.

    Raises:
        DataError: the report is damaged.
    """
    path = folder / REPORT
    if not path.is_file():
        return None
    try:
        channels = json.loads(path.read_text("utf-8")).get("label_qa")
        if channels is None:
            return None
        floors = {name: channel["noise_floor"] for name, channel in channels.items()}
        return {name: float(floor) for name, floor in floors.items() if floor is not None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: the label quality can't be read ({error!r}). Measure it again with "
            f"`python -m scripts.data_card store={folder}`."
        ) from error


def floors_of(floors: Mapping[str, float], spec: MotionSpec) -> dict[str, float]:
    """The floors of one specification, by the plain names of its channels.

    Args:
        floors: what `noise_floors` gave.
        spec: whose channels are wanted; those that have no floor are left out.
    """
    named = {name: floors.get(f"{spec.name}.{name}", floors.get(name)) for name in spec.names}
    return {name: floor for name, floor in named.items() if floor is not None}
