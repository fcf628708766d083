"""The page of an evaluation says what the record says, worst clips first, and survives whatever is missing."""

import re
from typing import Any

import numpy as np
import pytest

from src.eval.blocks import Chart
from src.eval.clip_curves import ClipCurves
from src.eval.evaluation_page import evaluation_page, extent, verdict
from src.eval.provenance import provenance
from src.eval.report import page_html
from src.eval.tables import Interval, Table
from tests.eval.test_report import EVIL, Reader

METRICS = {
    "pearson_r": ("Lip correlation", ""),
    "std_ratio": ("Movement ratio", ""),
    "lag": ("Lip lag", "ms"),
    "new_metric": ("Something new", "apples"),
}


def estimate(value: float | None, spread: float | None = 0.05, reason: str = "") -> dict[str, Any]:
    low, high = (None, None) if value is None or spread is None else (value - spread, value + spread)
    return {"value": value, "low": low, "high": high, "clips": 3, "speakers": 2, "reason": reason}


def row(kind: str, label: str, r: float | None, **figures: Any) -> dict[str, Any]:
    own = {"pearson_r": estimate(r, reason="" if r is not None else "the predicted curve is constant"), **figures}
    return {"label": label, "kind": kind, "definition": f"What {label} is.", "figures": own}


def clip(name: str, speaker: str, r: float | None, **changes: Any) -> dict[str, Any]:
    figures = {"pearson_r": r, "std_ratio": 0.9, "lag": 10.0}
    return {
        "clip_id": name, "speaker": speaker, "language": "en", "seconds": 2.0, "frames": 50, "total_frames": 50,
        "ceiling_r": 0.95, "figures": figures,
    } | changes  # fmt: skip


def record(**changes: Any) -> dict[str, Any]:
    return {
        "rows": {
            "model": row("model", "Model", 0.5, std_ratio=estimate(0.8), lag=estimate(31.25, 8.0),
                         new_metric=estimate(3.0)),
            "truth": row("ceiling", "Ground truth", 1.0, std_ratio=estimate(1.0)),
            "noise_floor": row("ceiling", "Label noise floor", 0.97),
            "energy": row("control", "Energy", 0.25),
            "mean_pose": row("control", "Mean pose", None),
            "shuffled": row("control", "Shuffled audio", 0.01),
            "shifted_+40": row("control", "Truth 40 ms late", 0.8),
        },
        "differences": {
            "energy": {"pearson_r": estimate(0.25, 0.3)},
            "shuffled": {"pearson_r": estimate(0.49)},
            "mean_pose": {"pearson_r": estimate(None, reason="no clip has a value")},
            "shifted_+40": {"pearson_r": estimate(-0.3)},
        },
        "metrics": {
            name: {"label": label, "unit": unit, "version": 2, "definition": f"{label} is so and so.",
                   "source": "somebody 1999", "pooling": "frames"}
            for name, (label, unit) in METRICS.items()
        },
        "slices": {
            "speaker": {"label": "By speaker", "definition": "Each.", "groups": {
                "anna": {"label": "anna", "figures": {"pearson_r": estimate(0.4, None, "one speaker")}},
                "ben": {"label": "ben", "figures": {"pearson_r": estimate(0.6, None, "one speaker")}},
            }},
            "channel": {"label": "By channel", "definition": "Each.", "groups": {
                "head_yaw": {"label": "head_yaw (degrees)", "figures": {
                    "pearson_r": estimate(0.1), "mae": estimate(2.5, 1.0)}},
            }},
        },
        "clips": [clip("good", "anna", 0.9), clip("bad", "ben", -0.2), clip("middling", "anna", 0.5),
                  clip("unknown", "ben", None)],
        "absent": [{"id": "diversity", "label": "Diversity", "reason": "one motion per sound"}],
        "notes": ["Landmarks are not meshes."],
        "checkpoint": {"path": "runs/tcn/best.ckpt", "sha256": "feed", "features": "LogMel", "lookahead_frames": 2},
        "data": {"path": "stores/real", "split": "test", "content_hash": "beef"},
        "seed": 0,
        "command": "python -m scripts.evaluate checkpoint=runs/tcn/best.ckpt",
        "machine": provenance().to_dict(),
    } | changes  # fmt: skip


def curves(name: str = "bad") -> ClipCurves:
    opening = 0.1 + 0.1 * np.sin(np.arange(50) / 4)
    return ClipCurves(name, "worst", 25.0, opening, 0.5 * opening, np.arange(50) > 3, np.ones(50))


def text_of(page: Any) -> str:
    reader = Reader(page_html(page))
    assert reader.open == []
    return re.sub(r"\s+", " ", " ".join(reader.text))


def table(page: Any, title: str) -> Table:
    return next(block for block in page.blocks if isinstance(block, Table) and block.title == title)


def test_the_headline_gives_the_model_its_lead_and_its_ceiling() -> None:
    page = evaluation_page(record(), [])
    assert [(figure.label, figure.value, figure.note) for figure in page.headline] == [
        ("Lip correlation", "0.500", "0.450 … 0.550"),
        ("Lip r over energy", "+0.250", "−0.050 … 0.550"),
        ("Lip r over shuffled", "+0.490", "0.440 … 0.540"),
        ("Lip lag", "31.2", "23.2 … 39.2"),
        ("Movement ratio", "0.800", "0.750 … 0.850"),
        ("Noise ceiling, lip r", "0.970", "0.920 … 1.020"),
    ]


def test_the_verdict_names_controls_that_chance_can_not_explain_and_leaves_out_shifted_truth() -> None:
    given = record()
    assert verdict(given["rows"], given["differences"]) == (
        "By lip correlation the model is above Shuffled audio; not told apart from Energy."
    )
    given["differences"]["energy"] = {"pearson_r": estimate(-0.3)}
    assert verdict(given["rows"], given["differences"]).endswith("; below Energy.")
    assert verdict(given["rows"], {}) == ""


def test_worst_clips_come_first_on_the_page_and_in_their_table() -> None:
    page = evaluation_page(record(), [])
    assert page.blocks[0] is table(page, "Worst clips")
    assert [line[0] for line in page.blocks[0].rows] == ["bad", "middling", "good"]
    assert page.blocks[0].rows[0][1] == "wrong"
    assert "1 clip without lip r" in page.blocks[0].note


def test_curves_follow_the_worst_clips_with_what_is_wrong() -> None:
    page = evaluation_page(record(), [curves()])
    assert isinstance(page.blocks[1], Chart)
    assert "worst: bad" in page.blocks[1].svg
    assert "speaker ben; lip r −0.200, lag 10.0 ms, movement 0.900; wrong" in page.blocks[1].svg
    assert 'class="unseen"' in page.blocks[1].svg


def test_a_table_has_ceilings_then_the_model_then_controls_each_with_its_interval() -> None:
    lips = table(evaluation_page(record(), []), "Lips against the truth")
    assert [line[0] for line in lips.rows] == [
        "Ground truth", "Label noise floor", "Model", "Energy", "Mean pose", "Shuffled audio", "Truth 40 ms late"
    ]  # fmt: skip
    assert list(lips.marked) == [2]
    assert lips.rows[2][1] == Interval(0.5, 0.45, 0.55, "3 clips of 2 speakers", 3)
    assert lips.rows[4][1] == Interval(None, None, None, "the predicted curve is constant; 3 clips of 2 speakers", 3)
    assert lips.rows[4][2].reason == "not measured"  # type: ignore[union-attr]


def test_a_metric_that_no_group_knows_is_shown_with_its_own_label() -> None:
    other = table(evaluation_page(record(), []), "Other figures")
    assert [head if isinstance(head, str) else (head.text, head.unit) for head in other.columns] == [
        "", ("Something new", "apples"), "clips"
    ]  # fmt: skip


def test_correlations_of_channels_are_not_called_those_of_lips() -> None:
    channels = table(evaluation_page(record(), []), "By channel")
    assert [head if isinstance(head, str) else head.text for head in channels.columns] == [
        "", "r", "Error", "clips", "speakers"
    ]  # fmt: skip
    assert channels.rows[0][2] == Interval(2.5, 1.5, 3.5, "3 clips of 2 speakers", None)


def test_everything_that_a_reviewer_asks_for_is_on_the_page() -> None:
    text = text_of(evaluation_page(record(), [curves()]))
    for words in (
        "Evaluation of tcn/best.ckpt", "What Energy is.", "Lip lag is so and so.", "lag, version 2, ms",
        "Clips weighted by frames. Source: somebody 1999.", "Diversity one motion per sound", "feed", "beef",
        "Landmarks are not meshes.", "python -m scripts.evaluate", "higher is better", "best where the truth is",
    ):  # fmt: skip
        assert words in text


def test_a_record_of_the_bare_necessities_is_a_page() -> None:
    bare = record(rows={"model": row("model", "Model", None)}, clips=[], metrics=record()["metrics"])
    for name in ("differences", "slices", "absent", "notes"):
        del bare[name]
    text = text_of(evaluation_page(bare, []))
    assert "0 clips of 0 speakers" in text
    assert "the predicted curve is constant" in text


def test_one_speaker_has_figures_without_intervals() -> None:
    alone = record(
        rows={"model": row("model", "Model", 0.5) | {"figures": {"pearson_r": estimate(0.5, None, "one speaker")}}},
        clips=[clip("a", "anna", 0.4), clip("b", "anna", 0.6)],
    )
    alone["slices"]["speaker"]["groups"].pop("ben")
    page = evaluation_page(alone, [])
    assert page.headline[0].note == "one speaker"
    assert not [block for block in page.blocks if block.title == "Lip correlation by speaker"]
    assert "2 clips of 1 speaker, test part" in text_of(page)


def test_a_speaker_who_decides_the_figures_is_mentioned() -> None:
    clips = [clip("a", "anna", 0.4, frames=900), clip("b", "ben", 0.6, frames=100), clip("c", "cleo", 0.6, frames=0)]
    assert extent(clips) == "3 clips of 3 speakers, 90 % of the frames of a single one"
    assert extent([clip(name, name, 0.5) for name in "abcd"]) == "4 clips of 4 speakers"


def test_the_worst_fifty_of_two_thousand_clips_and_forty_of_three_hundred_speakers_are_drawn() -> None:
    clips = [clip(f"clip{n}", f"speaker{n % 300}", n / 2000) for n in range(2000)]
    groups = {f"speaker{n}": {"figures": {"pearson_r": estimate(0.5, None)}} for n in range(300)}
    large = record(clips=clips, slices={"speaker": {"label": "By speaker", "definition": "", "groups": groups}})
    page = evaluation_page(large, [])
    worst, chart = table(page, "Worst clips"), next(b for b in page.blocks if b.title == "Lip correlation by speaker")
    assert len(worst.rows) == 50
    assert worst.note.startswith("The 50 of 2000 clips")
    assert isinstance(chart, Chart)
    assert chart.svg.count("<tr class=") == 40
    assert chart.note.startswith("The worst 40 of 300.")
    assert len(table(page, "By speaker").rows) == 300
    assert len(page_html(page)) < 1_000_000


@pytest.mark.parametrize("with_curves", [False, True])
def test_names_of_clips_and_speakers_are_only_text(with_curves: bool) -> None:
    groups = {name: {"label": name, "figures": {"pearson_r": estimate(0.4)}} for name in (EVIL, "ben")}
    hostile = record(
        clips=[clip(EVIL, EVIL, 0.1, language=EVIL), clip("b", "ben", 0.2)],
        slices={"speaker": {"label": EVIL, "definition": EVIL, "groups": groups}},
        absent=[{"label": EVIL, "reason": EVIL}],
    )
    hostile["checkpoint"]["path"] = EVIL
    reader = Reader(page_html(evaluation_page(hostile, [curves(EVIL)] if with_curves else [])))
    assert reader.open == []
    assert "img" not in {tag for tag, _ in reader.elements}
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    assert EVIL in "".join(reader.text)
