"""Curves of clips are drawn as they are."""

import numpy as np

from src.eval.cases import Case
from src.eval.clip_curves import LONGEST_S, ClipCurves, curves_block
from tests.eval.test_lip_sync import motion
from tests.eval.test_metrics import mouth
from tests.eval.test_report import EVIL, Reader


def test_curves_of_a_case_are_its_mouths_over_its_loudness() -> None:
    truth = motion(mouth())
    case = Case("clip", "anna", "", motion(0.5 * mouth()), truth, np.ones(len(truth) * 640, np.float32), 16_000)
    curves = ClipCurves.of(case, "best")
    np.testing.assert_allclose(curves.predicted, 0.5 * curves.reference, atol=1e-6)
    np.testing.assert_allclose(curves.envelope[1:-1], 1.0)
    assert curves.seen.all()


def test_a_long_clip_is_cut_and_its_name_is_text() -> None:
    count = int(2 * LONGEST_S * 25)
    curves = ClipCurves(EVIL, "worst", 25.0, np.ones(count), np.ones(count), np.ones(count, bool), np.ones(count))
    block = curves_block([curves], {EVIL: EVIL})
    reader = Reader(block.svg)
    assert reader.open == []
    assert not {"img", "script"} & {tag for tag, _ in reader.elements}
    line = next(attributes for tag, attributes in reader.elements if tag == "polyline")
    assert len(str(line["points"]).split()) == LONGEST_S * 25
