"""Parallel coordinates: one upright line per choice, and through them one line per configuration, coloured by quality.

Where good and bad lines part is the choice that matters. Lines through one value lie beside each other in the order of
their quality, so that each value shows how well its configurations did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from src.eval.charts import HEIGHT, WIDTH, ticks

FULL = 0.72
"""Share of the height of a value that its lines take."""

NARROWEST_PX = 108
"""Width of the space between two upright lines, at least; a telephone scrolls."""


@dataclass(frozen=True)
class Coordinate:
    """One choice.

    Attributes:
        name: of it.
        values: all that were chosen, from bottom to top.
    """

    name: str
    values: Sequence[str]


@dataclass(frozen=True)
class Course:
    """One configuration.

    Attributes:
        label: what it is, shown on hovering.
        choices: per coordinate, which of its values.
        quality: how good it is, on the last axis.
        is_best: drawn on top, thick.
    """

    label: str
    choices: Sequence[int]
    quality: float
    is_best: bool


def parallel_chart(coordinates: Sequence[Coordinate], courses: Sequence[Course], *, quality: str, mode: str) -> str:
    """The configurations as a drawing.

    Args:
        coordinates: choices, from left to right.
        courses: the configurations.
        quality: name of the last axis.
        mode: `max` if large values of it are good, `min` if small ones are.
    """
    if not coordinates or not courses:
        return '<p class="hint">Nothing was varied, or no configuration is finished.</p>'
    low, high = min(course.quality for course in courses), max(course.quality for course in courses)
    width = (high - low) or 1.0
    gap = 100.0 / len(coordinates)

    def share(course: Course) -> float:
        """0 of the smallest to 1 of the largest quality."""
        return (course.quality - low) / width if high > low else 0.5

    def line(course: Course) -> str:
        heights = [
            (choice + 0.5 + FULL * (share(course) - 0.5)) / len(axis.values)
            for axis, choice in zip(coordinates, course.choices, strict=True)
        ]
        points = " ".join(
            f"{number * gap * WIDTH / 100:.1f},{HEIGHT * (1 - height):.1f}"
            for number, height in enumerate([*heights, share(course)])
        )
        good = share(course) if mode == "max" else 1 - share(course)
        return (
            f'<polyline class="course{" best" if course.is_best else ""}" style="--good:{100 * good:.0f}%" '
            f'points="{points}"><title>{escape(course.label)}: {course.quality:.4g}</title></polyline>'
        )

    ordered = sorted(courses, key=lambda course: (course.is_best, course.quality * (1 if mode == "max" else -1)))
    uprights = "".join(
        f'<line class="upright" x1="{number * gap * WIDTH / 100:.1f}" x2="{number * gap * WIDTH / 100:.1f}" y1="0" '
        f'y2="{HEIGHT:g}"/>'
        for number in range(len(coordinates) + 1)
    )
    heads = "".join(
        f'<span class="head" style="left:{number * gap:.2f}%">{escape(name)}</span>'
        for number, name in enumerate([*(axis.name for axis in coordinates), quality])
    )
    values = "".join(
        f'<span class="value" style="left:{number * gap:.2f}%;top:{100 * (1 - (place + 0.5) / len(axis.values)):.2f}%">'
        f"{escape(value)}</span>"
        for number, axis in enumerate(coordinates)
        for place, value in enumerate(axis.values)
    )
    values += "".join(
        f'<span class="value" style="left:100%;top:{100 * (1 - (place - low) / width):.2f}%">{place:g}</span>'
        for place in (ticks(low, high, 5) if high > low else [])
    )
    label = f"Parallel coordinates of {len(courses)} configurations over {', '.join(axis.name for axis in coordinates)}"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
        f'<div class="parallel" style="min-width:{NARROWEST_PX * len(coordinates) + 120}px"><div class="heads">{heads}'
        f'</div><div class="plot"><svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{uprights}{"".join(map(line, ordered))}</svg>{values}</div></div></div>'
    )
