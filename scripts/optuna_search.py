"""A search by one of Optuna's samplers, whose proposals depend on nothing but the results that they are made from.

Trials are proposed in rounds. Each is drawn from a study that is built anew, from the ledger, of the trials of earlier
rounds; its sampler is seeded by the sweep's seed and the number of the trial. So the same sweep on one worker or on
ten, killed or not, tries the same.
"""

import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from scripts.launchers import import_extra
from scripts.ledger import Trial
from scripts.sweep_space import Axis, Point, Space
from src.errors import ConfigError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_ATTEMPTS = 100
"""To draw a point that was not tried yet; a space that gives none has been tried."""


class OptunaSearch:
    """Optuna's samplers and pruners over the axes of a sweep."""

    growing = ("search.trials",)

    def __init__(self, *, trials: int, round: int, sampler: DictConfig, pruner: DictConfig | None) -> None:
        """Take the settings.

        Args:
            trials: to try in all; a sweep that has fewer goes on.
            round: trials that are proposed together, from the results of the rounds before. As many as there are
                workers keep those busy; fewer learn from more.
            sampler: configuration of one of `optuna.samplers`, with `_partial_`: it gets its seed here.
            pruner: configuration of one of `optuna.pruners`; None lets every trial end.
        """
        if trials < 1 or round < 1:
            raise ConfigError(f"sweep.search: trials is {trials} and round {round}; both must be at least 1.")
        self._trials = trials
        self._round = round
        self._sampler = sampler
        self._pruner = None if pruner is None else OmegaConf.to_container(pruner, resolve=True)

    def points(self, space: Space, done: Sequence[Trial]) -> list[Point]:
        """The rest of the round that is under way, or the next one when that has ended; see `Search`."""
        begin = len(done) // self._round * self._round
        if any(trial.result is None for trial in done[:begin]):
            return []
        tried = [trial.axes for trial in done]
        points: list[Point] = []
        for number in range(len(done), min(begin + self._round, self._trials)):
            chosen = self._propose(space, done[:begin], number, tried)
            if chosen is None:
                break
            tried.append(chosen)
            points.append(space.point(chosen))
        return points

    def is_over(self, space: Space, done: Sequence[Trial]) -> bool:
        """All trials were proposed, or there is nothing left to try."""
        return not self.points(space, done)

    def pruning(self, space: Space, trial: Trial, done: Sequence[Trial]) -> dict[str, Any] | None:
        """The pruner, and the curves of the rounds before this trial's; those of its own round count as failed."""
        if self._pruner is None or trial.kind != "search":
            return None
        earlier = [other for other in done if other.number < trial.number]
        begin = len(earlier) // self._round * self._round
        return {
            "mode": space.mode,
            "pruner": self._pruner,
            "trials": [
                {"state": other.result.state, "value": other.result.value, "curve": list(other.result.curve)}
                if index < begin and other.result is not None
                else {"state": "failed", "value": None, "curve": []}
                for index, other in enumerate(earlier)
            ],
        }

    def _propose(
        self, space: Space, earlier: Sequence[Trial], number: int, tried: Sequence[dict[str, Any]]
    ) -> dict[str, Any] | None:
        for attempt in range(_ATTEMPTS):
            seed = int(np.random.SeedSequence([space.seed, number, attempt]).generate_state(1)[0])
            trial = self._study(space, earlier, seed).ask()
            chosen: dict[str, Any] = {}
            for axis in space.axes:
                if not axis.is_there(chosen):
                    continue
                if axis.values is not None:
                    chosen[axis.name] = axis.values[trial.suggest_categorical(axis.name, range(len(axis.values)))]
                elif axis.integer:
                    first, last = (int(end) for end in axis.range)
                    chosen[axis.name] = trial.suggest_int(axis.name, first, last, log=axis.log)
                else:
                    low, high = axis.range
                    drawn = trial.suggest_float(axis.name, low, high, log=axis.log)
                    chosen[axis.name] = min(max(float(f"{drawn:.3g}"), low), high)  # more digits mean nothing
            if chosen not in tried:
                return chosen
        return None

    def _study(self, space: Space, trials: Sequence[Trial], seed: int) -> "Study":
        optuna = import_extra("optuna", "sweep")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = instantiate(self._sampler)(seed=seed)
            study: Study = optuna.create_study(
                direction="maximize" if space.mode == "max" else "minimize", sampler=sampler
            )
            study.add_trials([_frozen(optuna, space, trial) for trial in trials])
        return study


def _frozen(optuna: ModuleType, space: Space, trial: Trial) -> "FrozenTrial":
    """A trial of the ledger as Optuna keeps it: values from lists by their places in them."""
    from src.models.pruning import frozen_trial  # it takes Optuna and Lightning

    assert trial.result is not None, "earlier rounds have ended"
    axes = [axis for axis in space.axes if axis.name in trial.axes]
    return frozen_trial(
        trial.result.state,
        trial.result.value,
        list(trial.result.curve),
        {axis.name: _placed(axis, trial.axes[axis.name]) for axis in axes},
        {axis.name: _distribution(optuna, axis) for axis in axes},
    )


def _placed(axis: Axis, value: Any) -> Any:
    return value if axis.values is None else axis.values.index(value)


def _distribution(optuna: ModuleType, axis: Axis) -> "BaseDistribution":
    kinds = optuna.distributions
    if axis.values is not None:
        distribution: BaseDistribution = kinds.CategoricalDistribution(range(len(axis.values)))
    elif axis.integer:
        distribution = kinds.IntDistribution(*(int(end) for end in axis.range), log=axis.log)
    else:
        distribution = kinds.FloatDistribution(*axis.range, log=axis.log)
    return distribution
