import pytest
from hydra.errors import HydraException

from scripts.trial_identity import differences, identify

DATA = "c" * 64


def test_what_changes_no_result_changes_no_id() -> None:
    plain = identify(("models=tcn",), DATA)
    for harmless in (
        "cpu_threads=2", "data.num_workers=2", "data.cache=/elsewhere", "callbacks=quiet", "logger=wandb",
        "seed=0", "models.net.lookahead_frames=2",
    ):  # fmt: skip
        assert identify(("models=tcn", harmless), DATA) == plain, harmless


def test_what_changes_a_result_changes_the_id() -> None:
    plain = identify((), DATA)
    others = [
        identify((change,), DATA) for change in ("models=lstm", "data.batch_size=16", "trainer.precision=bf16-mixed")
    ]
    others.append(identify((), "d" * 64))
    assert len({plain.id, *(other.id for other in others)}) == 5
    assert len({plain.group, *(other.group for other in others)}) == 5


def test_runs_that_differ_by_their_seed_alone_are_a_group() -> None:
    first, second = (identify((f"seed={seed}",), DATA) for seed in (0, 1))
    assert first.id != second.id
    assert first.group == second.group
    assert (first.seed, second.seed) == (0, 1)


def test_an_override_of_nothing_is_refused() -> None:
    with pytest.raises(HydraException):
        identify(("models.net.beauty=1",), DATA)


def test_differences_name_the_value_before_and_now() -> None:
    assert differences({"a": {"b": 1, "c": [1]}, "d": None}, {"a": {"b": 2, "c": [1]}, "e": "x"}) == [
        "a.b: 1, now 2",
        "d: null, now absent",
        'e: absent, now "x"',
    ]
