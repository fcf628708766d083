"""Trials of sweeps that never ran, for tests of what is said about sweeps."""

from typing import Any

from src.eval.leaderboard import ClipScore, Entry, Leaderboard, Objective, leaderboard

LIP_R = Objective("val/lip_r", "max")


def trial(number: int, value: float | None, **more: Any) -> Entry:
    """A finished trial of one clip each of three speakers, unless told otherwise."""
    given: dict[str, Any] = {
        "trial": f"t{number:03d}",
        "number": number,
        "kind": "search",
        "group": f"g{number:03d}",
        "seed": 0,
        "axes": {"models": "tcn", "lookahead": number},
        "state": "done" if value is not None else "failed",
        "error": "" if value is not None else "it broke",
        "value": value,
        "clips": {} if value is None else {name: ClipScore(name, 100, value) for name in ("ann", "bob", "cyn")},
        "latency_ms": 22.5 + 40 * number,
        "cpu_ms": 1.0,
        "num_parameters": 1000,
        "epochs": 5,
        "seconds": 60.0,
        **more,
    }
    return Entry(**given)


def ranked(*entries: Entry, objective: Objective = LIP_R) -> Leaderboard:
    """Their leaderboard."""
    return leaderboard(entries, objective, draws=50, seed=0)


def grid(seeds: tuple[int, ...] = (0,)) -> list[Entry]:
    """Three architectures x two features x three look-aheads, where mel is worth 0.02 and a frame of future 0.01."""
    worth = {"tcn": 0.40, "lstm": 0.36, "transformer": 0.38}
    configurations = [
        {"models": model, "features": features, "lookahead": lookahead}
        for model in worth
        for features in ("mel", "mfcc")
        for lookahead in (0, 2, 4)
    ]
    return [
        trial(
            number + 100 * seed,
            worth[axes["models"]] + 0.02 * (axes["features"] == "mel") + 0.01 * axes["lookahead"] + 0.001 * seed,
            group=f"g{number:03d}",
            seed=seed,
            axes=axes,
            latency_ms=22.5 + 40.0 * axes["lookahead"],
            cpu_ms={"tcn": 0.4, "lstm": 0.3, "transformer": 0.9}[axes["models"]] + 0.01 * number,
            figures={"val/lip_std_ratio": 0.6, "val/lip_r_of_speakers": 0.3},
        )
        for seed in seeds
        for number, axes in enumerate(configurations)
    ]
