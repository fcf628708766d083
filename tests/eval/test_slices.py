import numpy as np
import pytest

from src.eval.clip_figures import FIGURES, clip_figures, hear
from src.eval.rows import Bootstrap
from src.eval.slices import SLICE_FIGURES, by_channel, by_clip, by_frame, sound_masks
from src.motion import CORE7
from tests.eval.speaking import speaking

BOOTSTRAP = Bootstrap(draws=50, seed=0)
CASES = [speaking(seed, speaker=name) for seed, name in enumerate(("anna", "anna", "ben", "cleo"))]


def test_a_speaker_is_measured_on_the_own_clips_only() -> None:
    cases = [*CASES[:2], *(case.predicting(np.zeros_like(case.reference.values)) for case in CASES[2:])]
    clips = [clip_figures(case, hear(case)) for case in cases]
    found = by_clip(cases, clips, BOOTSTRAP, label="By speaker", definition="", group_of=lambda case: case.speaker)
    assert list(found.groups) == ["anna", "ben", "cleo"]
    assert found.groups["anna"]["pearson_r"].value == pytest.approx(1.0)
    assert found.groups["anna"]["pearson_r"].clips == 2
    assert found.groups["ben"]["pearson_r"].value is None
    assert found.groups["ben"]["std_ratio"].value == 0.0


def test_clips_without_a_group_are_in_none() -> None:
    clips = [clip_figures(case, hear(case)) for case in CASES]
    found = by_clip(CASES, clips, BOOTSTRAP, label="", definition="", group_of=lambda case: "")
    assert found.groups == {}


def test_channels_are_named_with_their_unit() -> None:
    found = by_channel(CASES, BOOTSTRAP)
    assert list(found.groups) == list(CORE7.names)
    assert found.to_dict()["groups"]["head_yaw"]["label"] == "head_yaw (degrees)"
    assert found.groups["head_yaw"]["pearson_r"].value == pytest.approx(1.0)


def test_an_error_in_silence_is_seen_in_silence_alone() -> None:
    case = speaking(5)
    silent = np.zeros(150, bool)
    silent[100:] = True
    values = case.reference.values.copy()
    values[silent, 0] += 0.1
    spoilt = case.predicting(values)
    found = by_frame(
        [spoilt], [sound_masks(spoilt, silent)], BOOTSTRAP, label="By sound", definition="",
        labels={"speech": "speech", "silence": "silence", "music": "music"},
    )  # fmt: skip
    assert list(found.groups) == ["speech", "silence"]
    assert found.groups["speech"]["lip_mae"].value == 0.0
    assert found.groups["silence"]["lip_mae"].value == pytest.approx(0.1, abs=1e-6)


def test_sounds_of_a_few_frames_are_pooled_over_clips() -> None:
    cases = [case.predicting(case.reference.values + 0.05) for case in CASES]
    masks = []
    for case in cases:
        mask = np.zeros(len(case.reference), bool)
        mask[20:23] = True
        masks.append({"bilabial": mask})
    found = by_frame(cases, masks, BOOTSTRAP, label="", definition="", labels={"bilabial": "bilabial closures"})
    figures = found.groups["bilabial"]
    assert figures["lip_mae"].value == pytest.approx(0.05, abs=1e-6)
    assert figures["lip_mae"].clips == 4
    assert figures["pearson_r"].reason == "3 frames, 10 are needed"
    opening, true = figures["opening"].value, figures["true_opening"].value
    assert opening - true == pytest.approx(0.05, abs=1e-6)  # type: ignore[operator]


def test_every_figure_of_a_slice_is_explained() -> None:
    figures = {name for group in by_channel(CASES, BOOTSTRAP).groups.values() for name in group}
    assert figures <= set(FIGURES) | set(SLICE_FIGURES)
