"""A predicted and a true lip curve over the waveform, as a picture."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from src.eval.charts import stretches

WIDTH_PX, HEIGHT_PX = 1400, 460
_DPI = 100
_PREDICTED, _TRUE, _SOUND, _GUESSED = "#d55e00", "#0072b2", "#c3cbd4", "#d55e00"  # Okabe and Ito's


def lip_chart(
    predicted: NDArray[np.floating],
    reference: NDArray[np.floating],
    valid: NDArray[np.bool_],
    waveform: NDArray[np.floating],
    *,
    fps: float,
    sample_rate_hz: int,
    unit: str,
    title: str,
) -> NDArray[np.uint8]:
    """Both curves over the sound they belong to.

    Args:
        predicted, reference: (T,) lip opening, frame i at i / fps seconds after the first sample.
        valid: (T,) where the reference was seen rather than guessed; the rest is shaded.
        waveform: (S,) mono in [-1, 1].
        fps: frames per second.
        sample_rate_hz: of the waveform.
        unit: of the curves.
        title: what it is, in lines.

    Returns:
        (460, 1400, 3) uint8 RGB.
    """
    figure = Figure(figsize=(WIDTH_PX / _DPI, HEIGHT_PX / _DPI), dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    num_lines = title.count("\n") + 1
    axes = figure.add_axes((0.06, 0.12, 0.925, 0.82 - 0.05 * num_lines))
    figure.text(0.06, 0.975, title, fontsize=10, va="top", color="#17202b", linespacing=1.5)
    times_s = np.arange(len(reference)) / fps
    end_s = max(len(reference) / fps, len(waveform) / sample_rate_hz)
    high = 1.15 * max(float(reference.max(initial=0.0)), float(predicted.max(initial=0.0)), 1e-3)

    sound = axes.twinx()
    low_edge, high_edge = _outline(waveform, WIDTH_PX)
    loudest = max(float(np.abs(waveform).max(initial=0.0)), 1e-6)
    sound.fill_between(
        np.linspace(0, len(waveform) / sample_rate_hz, len(low_edge)),
        low_edge / loudest,
        high_edge / loudest,
        color=_SOUND,
        linewidth=0,
    )
    sound.set_ylim(-1.05, 1.05)
    sound.set_axis_off()
    axes.set_zorder(sound.get_zorder() + 1)  # curves over sound
    axes.patch.set_visible(False)

    for start, stop in stretches(~valid):
        axes.axvspan((start - 0.5) / fps, (stop - 0.5) / fps, color=_GUESSED, alpha=0.15, linewidth=0)
    axes.plot(times_s, reference, color=_TRUE, linewidth=1.8, label="true")
    axes.plot(np.arange(len(predicted)) / fps, predicted, color=_PREDICTED, linewidth=1.8, label="predicted")
    axes.set_xlim(0, end_s)
    axes.set_ylim(min(0.0, float(reference.min(initial=0.0)), float(predicted.min(initial=0.0))), high)
    axes.set_ylabel(f"lip opening, {unit}", fontsize=9)
    axes.set_xlabel("seconds from the clip's first audio sample", fontsize=9)
    axes.tick_params(labelsize=8.5, length=3)
    axes.legend(loc="upper right", fontsize=9, frameon=True, framealpha=0.9, edgecolor="none", ncols=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _outline(waveform: NDArray[np.floating], columns: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Smallest and largest sample in each of at most `columns` even pieces."""
    if not len(waveform):
        return np.zeros(1), np.zeros(1)
    starts = np.unique(np.linspace(0, len(waveform), min(columns, len(waveform)), endpoint=False).astype(int))
    return np.minimum.reduceat(waveform, starts), np.maximum.reduceat(waveform, starts)
