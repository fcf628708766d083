"""The facts about keypoints are those that came with the specification."""

import json
from pathlib import Path

import numpy as np

from src.render.liveportrait import finishing, keypoint_sets, smoothing, video_animation
from src.render.liveportrait.keypoint_sets import CLOSED_LIPS, EYES, LIPS, expression_mask


def test_facts_are_those_of_the_specification(shared: Path) -> None:
    facts = json.loads((shared / "liveportrait" / "constants.json").read_text())
    np.testing.assert_array_equal(CLOSED_LIPS, np.array(facts["lip_array"]["values"]))
    assert list(LIPS) == facts["lip_indices"]
    assert list(EYES) == facts["eye_indices"]
    assert facts["lip_normalize_threshold"] == finishing.OPEN_LIPS
    assert facts["source_video_eye_retargeting_threshold"] == video_animation.SLEEPY
    assert facts["source_video_eye_fallback_ratio"] == video_animation.AWAKE
    kalman = facts["kalman"]
    assert kalman["process_variance"] == smoothing.PROCESS_VARIANCE
    assert kalman["observation_variance_default"] == smoothing.OBSERVATION_VARIANCE
    assert kalman["initial_covariance"] == smoothing.FIRST_VARIANCE


def test_expressions_include_lips_and_eyes_whole() -> None:
    assert expression_mask()[list(LIPS + EYES)].all()
    assert not expression_mask()[[0, 7, 10]].any()
    assert int(expression_mask().sum()) == 3 * 13 + 1 + 1 + 1 + 1 + 2
    assert keypoint_sets.mask_of(EYES).sum() == len(EYES)
