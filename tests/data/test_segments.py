from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.data.rejection import Reason
from src.data.segments import Cut, FrameFacts, Stretch, StretchRules, find_stretches, head_yaw_deg
from src.errors import ConfigError, DataError
from src.face import LEFT_EYE_OUTER, NUM_LANDMARKS, RIGHT_EYE_OUTER
from src.motion import head_rotation

RULES = StretchRules(min_seconds=0.8, max_seconds=None, min_face_px=100.0, max_yaw_deg=45.0, max_turned_s=0.4)


def facts(length: int, **bad: list[tuple[int, int]]) -> FrameFacts:
    """Good frames, but for the ones named: `missing`, `blank`, `rival`, `small`, `away`, and `cuts` as (at, at)."""

    def marked(name: str) -> np.ndarray:
        mask = np.zeros(length, bool)
        for start, end in bad.get(name, []):
            mask[start : end if name != "cuts" else start + 1] = True
        return mask

    return FrameFacts(
        shown=~marked("blank"),
        present=~(marked("missing") | marked("blank")),
        new_shot=marked("cuts"),
        rival=marked("rival"),
        face_px=np.where(marked("small"), 60.0, 200.0),
        yaw_deg=np.where(marked("away"), -70.0, 5.0),
    )


def find(given: FrameFacts, rules: StretchRules = RULES) -> tuple[list[Stretch], list[Cut]]:
    return find_stretches(given, rules, np.ones(len(given), np.float32))


def test_a_good_source_is_one_stretch() -> None:
    assert find(facts(100)) == ([Stretch(0, 100)], [])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("missing", Reason.NO_FACE),
        ("blank", Reason.NO_VIDEO),
        ("rival", Reason.SEVERAL_FACES),
        ("small", Reason.SMALL_FACE),
        ("away", Reason.TURNED_AWAY),
    ],
)
def test_a_bad_stretch_is_cut_out_and_what_is_before_and_after_stays(bad: str, reason: Reason) -> None:
    stretches, cuts = find(facts(200, **{bad: [(60, 120)]}))
    assert stretches == [Stretch(0, 60), Stretch(120, 200)]
    assert cuts == [Cut(60, 120, reason)]


def test_a_shot_change_divides_and_cuts_nothing() -> None:
    assert find(facts(100, cuts=[(40, 40)])) == ([Stretch(0, 40), Stretch(40, 100)], [])


def test_what_the_follower_misses_after_a_shot_change_counts_for_that() -> None:
    stretches, cuts = find(facts(100, cuts=[(40, 40)], missing=[(40, 42)]))
    assert (stretches, cuts) == ([Stretch(0, 40), Stretch(42, 100)], [Cut(40, 42, Reason.SHOT_CHANGE)])


def test_a_stretch_too_short_to_keep_counts_for_what_ended_it() -> None:
    _, cuts = find(facts(60, cuts=[(10, 10), (20, 20), (30, 30), (45, 45)]))
    assert cuts == [Cut(0, 60, Reason.SHOT_CHANGE)]
    assert find(facts(60, missing=[(15, 60)])) == ([], [Cut(0, 60, Reason.NO_FACE)])
    assert find(facts(10)) == ([], [Cut(0, 10, Reason.TOO_SHORT)])


def test_a_head_may_turn_away_for_a_moment() -> None:
    assert find(facts(100, away=[(40, 50)]))[0] == [Stretch(0, 100)]
    assert find(facts(100, away=[(40, 51)]))[0] == [Stretch(0, 40), Stretch(51, 100)]


def test_a_face_that_shrinks_for_a_moment_is_not_small() -> None:
    assert find(facts(100, small=[(40, 50)]))[0] == [Stretch(0, 100)]


def test_long_stretches_are_divided_in_pauses() -> None:
    speech = np.ones(1000, np.float32)
    speech[[*range(240, 260), *range(520, 530), *range(745, 760)]] = 0
    rules = replace(RULES, max_seconds=12.0)
    stretches, cuts = find_stretches(facts(1000), rules, speech)
    assert not cuts
    assert (stretches[0].start, stretches[-1].end) == (0, 1000)
    inner = [stretch.end for stretch in stretches[:-1]]
    assert len(inner) == 3
    assert 240 <= inner[0] < 260
    assert 520 <= inner[1] < 530
    assert 745 <= inner[2] < 760
    assert all(len(stretch) <= 300 for stretch in stretches)


runs = st.lists(st.tuples(st.integers(0, 390), st.integers(1, 60)).map(lambda run: (run[0], sum(run))), max_size=4)


@given(
    missing=runs, rival=runs, small=runs, away=runs, cuts=runs, length=st.integers(1, 400),
    max_seconds=st.sampled_from([None, 1.6, 3.0]), seed=st.integers(0, 9),
)  # fmt: skip
def test_stretches_and_cuts_cover_every_frame_once(
    missing, rival, small, away, cuts, length, max_seconds, seed
) -> None:
    given_facts = facts(length, missing=missing, rival=rival, small=small, away=away, cuts=[(a, a) for a, _ in cuts])
    speech = np.random.default_rng(seed).uniform(size=length).astype(np.float32)
    stretches, left_out = find_stretches(given_facts, replace(RULES, max_seconds=max_seconds), speech)
    covered = sorted([(each.start, each.end) for each in [*stretches, *left_out]])
    assert [start for start, _ in covered] == [0, *(end for _, end in covered[:-1])]
    assert covered[-1][1] == length
    for stretch in stretches:
        inside = slice(stretch.start, stretch.end)
        assert given_facts.present[inside].all()
        assert not given_facts.rival[inside].any()
        assert not given_facts.new_shot[stretch.start + 1 : stretch.end].any()
        assert max_seconds is None or len(stretch) <= max_seconds * 25
        assert len(stretch) >= 20


@given(yaw=st.floats(-80, 80), pitch=st.floats(-40, 40), roll=st.floats(-60, 60))
def test_the_turn_of_a_head_is_that_of_its_eyes(yaw: float, pitch: float, roll: float) -> None:
    face = np.zeros((1, NUM_LANDMARKS, 3))
    face[0, LEFT_EYE_OUTER, 0], face[0, RIGHT_EYE_OUTER, 0] = 50, -50
    turned = face @ head_rotation(yaw, pitch, roll).T
    assert head_yaw_deg(turned)[0] == pytest.approx(yaw, abs=1e-6)


@pytest.mark.parametrize("wrong", [{"min_seconds": 0.1}, {"max_yaw_deg": 100.0}, {"max_seconds": 1.0}])
def test_rules_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(RULES, **wrong)


def test_speech_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match="9 values of speech for 10 frames"):
        find_stretches(facts(10), RULES, np.ones(9))
