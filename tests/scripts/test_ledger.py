from pathlib import Path

from scripts.ledger import Ledger, Result, Trial, ranked


def trial(folder: Path, number: int, result: Result | None) -> Trial:
    return Trial(
        folder=folder / "trials" / f"{number:012x}", id=f"{number:012x}", number=number, kind="search", group="g",
        seed=0, axes={"models": "tcn", "lookahead": number}, choice=("models=tcn",), overrides=("models=tcn", "seed=0"),
        config={"seed": 0}, result=result,
    )  # fmt: skip


def done(value: float | None, state: str = "done") -> Result:
    return Result(state=state, value=value, curve=(0.1, None))  # type: ignore[arg-type]


def test_a_trial_is_read_as_it_was_written(tmp_path: Path) -> None:
    ledger = Ledger.begin(tmp_path, {"name": "x"}, ())
    written = trial(tmp_path, 3, done(0.5))
    ledger.write(written, {"mode": "max"})
    assert Ledger.open(tmp_path).trials[0].result is None
    written.result.write(written.folder)
    assert Ledger.open(tmp_path).trials == [written]
    assert written.label == "tcn, lookahead 3, seed 0"


def test_the_best_comes_first_and_equals_by_number(tmp_path: Path) -> None:
    results = [done(0.2), done(0.5), None, done(0.5), done(0.9, "pruned"), done(None, "failed")]
    trials = [trial(tmp_path, number, result) for number, result in enumerate(results)]
    assert [found.number for found in ranked(trials[::-1], "max")] == [1, 3, 0]
    assert [found.number for found in ranked(trials[::-1], "min")] == [0, 1, 3]
