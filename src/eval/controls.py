"""What a table compares a model with: predictions that know nothing, know everything, or are late on purpose.

A figure means something beside what the truth reaches against itself, and what can be had without listening. Controls
are cases like those of the model and go through the same code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.eval.cases import Case

Kind = Literal["model", "ceiling", "control"]


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the tables before it is measured.

    Attributes:
        id: in records.
        label, definition: for people.
        kind: `ceiling` is as good as can be, `control` is what has to be beaten or recognised.
        draws: the cases of all clips; where chance has a part, several times, and a clip's figures are their means.
    """

    id: str
    label: str
    kind: Kind
    definition: str
    draws: Sequence[Sequence[Case]]


def model_row(cases: Sequence[Case], label: str, definition: str) -> Row:
    """The predictions themselves."""
    return Row("model", label, "model", definition, [cases])


def truth_row(cases: Sequence[Case]) -> Row:
    """The truth against itself: the best figure of each column, and the natural one of those without a best."""
    return Row(
        "truth",
        "Ground truth",
        "ceiling",
        "The true motion measured against itself.",
        [[case.predicting(case.reference.values) for case in cases]],
    )


def noise_row(cases: Sequence[Case], floors: Mapping[str, float], seed: int) -> Row:
    """The truth with noise of the labels' own size: the best that can be reached against such labels.

    Args:
        cases: the clips.
        floors: standard deviation by channel, in its unit; channels without one stay true.
        seed: of the noise.
    """
    generator, noisy = np.random.default_rng(seed), []
    for case in cases:
        spec = case.reference.spec
        deviation = np.array([floors.get(name, 0.0) for name in spec.names])
        values = case.reference.values + deviation * generator.normal(size=case.reference.values.shape)
        noisy.append(case.predicting(np.clip(values, spec.minimum, spec.maximum)))
    return Row(
        "noise_floor",
        "Label noise floor",
        "ceiling",
        "The true motion with white noise of the deviation that the labels have where the face is still "
        f"({', '.join(f'{name} {floor:.2g}' for name, floor in list(floors.items())[:7])}): the best that a model "
        "can be seen to be against these labels.",
        [noisy],
    )


def still_row(cases: Sequence[Case], pose: NDArray[np.floating]) -> Row:
    """A face that does not move.

    Args:
        cases: the clips.
        pose: (F,) the mean of the training motion.
    """
    return Row(
        "mean_pose",
        "Mean pose",
        "control",
        "The mean of the motion that the model was trained on, in every frame.",
        [[case.predicting(np.broadcast_to(pose, case.reference.values.shape)) for case in cases]],
    )


def shuffled_row(cases: Sequence[Case], *, draws: int, seed: int) -> Row:
    """The model's motion for other sound than the clip's.

    All predictions are put end to end in random order, and each clip takes its frames from elsewhere on that ring: a
    quarter to three quarters of the whole after its own. Exchanging clips would not do, nor would one cut for all: the
    clips of a corpus that was cut around words all open the mouth in their middle, so that any fits any other.

    Args:
        cases: the model's.
        draws: of the order; figures are means over them.
        seed: of the order.
    """
    generator = np.random.default_rng(seed)
    return Row(
        "shuffled",
        "Shuffled audio",
        "control",
        "The model's motion for other sound: predictions of all clips end to end in random order, each clip cut anew "
        f"at a random place a quarter to three quarters of the whole further on, mean of {draws} draws. What is left "
        "is chance.",
        [_exchanged(cases, generator) for _ in range(draws)],
    )


def shifted_row(cases: Sequence[Case], shift_ms: float) -> Row:
    """The truth at the wrong time.

    Args:
        cases: the clips.
        shift_ms: whole frames; positive is late. Frames that the shift leaves without truth don't count.

    Raises:
        ConfigError: not a whole number of frames.
    """
    shifted = []
    for case in cases:
        frames = shift_ms * case.reference.fps / 1000.0
        if abs(frames - round(frames)) > 1e-6:
            raise ConfigError(
                f"a shift of {shift_ms:g} ms is {frames:g} frames. Give whole frames, "
                f"multiples of {1000.0 / case.reference.fps:g} ms."
            )
        source = np.arange(len(case.reference)) - round(frames)
        inside = np.clip(source, 0, len(source) - 1)
        known = (source == inside) & case.reference.valid[inside]
        shifted.append(case.predicting(case.reference.values[inside], known))
    return Row(
        f"shifted_{shift_ms:+g}",
        f"Truth {abs(shift_ms):g} ms {'late' if shift_ms > 0 else 'early'}",
        "control",
        f"The true motion moved by {shift_ms:+g} ms: what being out of time by so much costs each figure.",
        [shifted],
    )


def _exchanged(cases: Sequence[Case], generator: np.random.Generator) -> list[Case]:
    """Predictions end to end in random order; each clip takes as many frames as it has from elsewhere."""
    order = generator.permutation(len(cases)).tolist()
    ring = np.concatenate([cases[index].predicted.values for index in order])
    starts = dict(zip(order, np.cumsum([0, *(len(cases[index].predicted) for index in order[:-1])]), strict=True))
    further = np.round(generator.uniform(0.25, 0.75, len(cases)) * len(ring)).astype(int)
    return [
        case.predicting(ring[(starts[index] + further[index] + np.arange(len(case.predicted))) % len(ring)])
        for index, case in enumerate(cases)
    ]
