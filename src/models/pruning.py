"""Stopping a training that is not worth its time, as one of Optuna's pruners sees it.

A pruner compares the curve of a run with those of others. Here the others come from a file that was written before the
run began, so what it decides depends neither on what else is running nor on when: a sweep that was killed decides again
as it did.
"""

import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn

from src.errors import ConfigError
from src.files import write_json

_STUDY = "sweep"
"""Hyperband deals trials to its brackets by this name and their numbers."""


class PruneTrial(pl.Callback):
    """Stops a run after an epoch when the pruner says so, and leaves a note.

    The last epoch is never stopped after: such a run is complete.
    """

    def __init__(self, *, history: str, record: str, monitor: str, pruner: optuna.pruners.BasePruner) -> None:
        """Prepare to judge.

        Args:
            history: JSON file with the earlier runs, see `read_study`.
            record: JSON file that says, of a run that was stopped, after which epoch: `{"epochs": 3}`.
            monitor: the metric, as logged after each validation.
            pruner: of Optuna.
        """
        self._monitor = monitor
        self._record = Path(record)
        self._study = read_study(Path(history), pruner)
        self._trial = self._study.ask()
        self._curve: list[float] = []
        self._stopped = False

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Report the metric and ask."""
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        if self._monitor not in trainer.callback_metrics:
            known = ", ".join(sorted(trainer.callback_metrics))
            raise ConfigError(f"callbacks.prune.monitor: no metric {self._monitor!r} was logged. There are {known}.")
        self._report(float(trainer.callback_metrics[self._monitor]))
        is_last = trainer.max_epochs is not None and trainer.current_epoch + 1 >= trainer.max_epochs > 0
        if not is_last and self._trial.should_prune():
            self._stopped = trainer.should_stop = True
            write_json(self._record, {"epochs": len(self._curve)})

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop at once if the run that is resumed had been stopped."""
        trainer.should_stop = trainer.should_stop or self._stopped

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run has to know."""
        return {"curve": self._curve, "stopped": self._stopped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a run was killed."""
        for value in state_dict["curve"]:
            self._report(value)
        self._stopped = state_dict["stopped"]

    def _report(self, value: float) -> None:
        self._trial.report(value, len(self._curve))
        self._curve.append(value)


def read_study(history: Path, pruner: optuna.pruners.BasePruner) -> optuna.Study:
    """A study in memory with the runs before this one.

    Args:
        history: `{"mode": "max" or "min", "trials": [{"state", "value", "curve"}, ...]}` in the order of the trials,
            with states `done`, `pruned` and, for what is to be left out, `failed`; None in a curve is no number.
        pruner: judges.
    """
    stored = json.loads(history.read_text("utf-8"))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=_STUDY, direction="maximize" if stored["mode"] == "max" else "minimize", pruner=pruner
    )
    for trial in stored["trials"]:
        study.add_trial(frozen_trial(trial["state"], trial["value"], trial["curve"], {}, {}))
    return study


def frozen_trial(
    state: str,
    value: float | None,
    curve: list[float | None],
    params: dict[str, Any],
    distributions: dict[str, optuna.distributions.BaseDistribution],
) -> optuna.trial.FrozenTrial:
    """A trial that has ended, as Optuna keeps it; the curve is by epoch from 0."""
    states = {"done": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
    return optuna.trial.create_trial(
        state=states.get(state, optuna.trial.TrialState.FAIL),
        value=value if state == "done" else None,
        params=params,
        distributions=distributions,
        intermediate_values={epoch: math.nan if at is None else at for epoch, at in enumerate(curve)},
    )
