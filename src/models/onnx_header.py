"""What an exported model says about itself: JSON under the metadata key `audio2motion` of its ONNX file.

It is enough to run the file from any language: names, shapes and first values of the state, the style vectors of known
speakers, the row of features that means silence, where blocks of sound lie, and the contract of the checkpoint.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.errors import CheckpointError
from src.models.checkpoint import Contract

HEADER_KEY = "audio2motion"
"""Of the JSON in the metadata of an ONNX file."""

HEADER_VERSION = 1

FEATURES, PCM, MOTION = "features", "pcm", "motion"
"""Names of the input, with and without a front end, and of the output."""


@dataclass(frozen=True)
class StateEntry:
    """One tensor of a stream's memory: input `name`, output `name`_out.

    Attributes:
        name: of the input.
        shape: fixed, batch 1.
        dtype: as NumPy names it.
        start: its values in a new stream: one number, or a list for each of the shape's axes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    start: Any

    @property
    def out_name(self) -> str:
        """Of the output that is the next step's input."""
        return f"{self.name}_out"

    def first(self) -> NDArray[Any]:
        """A new array with the first values."""
        return np.ascontiguousarray(np.broadcast_to(np.array(self.start, self.dtype), self.shape))


@dataclass(frozen=True)
class Styles:
    """The vectors of known speakers, which replace the start of one tensor of the state.

    Attributes:
        state: name of that tensor.
        rows: by the speaker's id; row 0 is anyone else's.
    """

    state: str
    rows: list[Any]


@dataclass(frozen=True)
class FrontEnd:
    """Where the blocks of sound of a graph with a front end lie.

    Attributes:
        block_samples: in one step.
        lead_in_samples: of silence before the sound, in the first block.
    """

    block_samples: int
    lead_in_samples: int


@dataclass(frozen=True)
class OnnxHeader:
    """The metadata of an exported file.

    Attributes:
        contract: what the model expects and gives.
        states: in the order of the graph's inputs.
        silence: a row of features in digital silence; as many of them as the look-ahead end a stream of features.
        styles: None without known speakers.
        front_end: None for a graph that takes features.
        variant: of its numbers, such as fp32 or int8.
        checkpoint_sha256: of the file that was exported.
        made_with: versions of the packages that wrote it.
        version: of this list of fields.
    """

    contract: Contract
    states: tuple[StateEntry, ...]
    silence: tuple[float, ...]
    styles: Styles | None
    front_end: FrontEnd | None
    variant: str
    checkpoint_sha256: str
    made_with: dict[str, str]
    version: int = HEADER_VERSION

    @property
    def input_name(self) -> str:
        """Of the first input."""
        return FEATURES if self.front_end is None else PCM

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of the first input: one row of features or one block of samples."""
        return (1, 1, len(self.silence)) if self.front_end is None else (1, self.front_end.block_samples)

    def start(self, speaker: int) -> tuple[NDArray[Any], ...]:
        """The memory of a stream that has heard nothing yet, in the style of a speaker; 0 is anyone."""
        first = {entry.name: entry.first() for entry in self.states}
        if self.styles is not None:
            like = first[self.styles.state]
            first[self.styles.state] = np.array(self.styles.rows[speaker], like.dtype).reshape(like.shape)
        return tuple(first.values())

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps({**asdict(self), "contract": self.contract.to_dict()}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "OnnxHeader":
        """The inverse of `to_json`.

        Raises:
            CheckpointError: it is no header, one of another version, or its contract is of another version.
        """
        try:
            stored = json.loads(text)
        except ValueError as error:
            raise CheckpointError(f"its metadata {HEADER_KEY!r} is no JSON ({error}). Export it again.") from error
        found = stored.get("version") if isinstance(stored, Mapping) else None
        if found != HEADER_VERSION or set(stored) != set(cls.__dataclass_fields__):
            raise CheckpointError(
                f"its header has version {found}, this program reads version {HEADER_VERSION}. "
                "Export the checkpoint again with `python -m scripts.export`."
            )
        try:
            contract = Contract.from_dict(stored["contract"])
            return cls(
                **{
                    **stored,
                    "contract": contract,
                    "states": tuple(
                        StateEntry(**{**entry, "shape": tuple(entry["shape"])}) for entry in stored["states"]
                    ),
                    "silence": tuple(stored["silence"]),
                    "styles": stored["styles"] and Styles(**stored["styles"]),
                    "front_end": stored["front_end"] and FrontEnd(**stored["front_end"]),
                }
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise CheckpointError(f"its header is incomplete ({error}). Export the checkpoint again.") from error
