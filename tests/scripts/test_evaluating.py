"""What an evaluation is made of: the same clips, features and files as training has."""

from pathlib import Path

from scripts.entry import composed
from scripts.evaluating import open_part, predicted, run_data
from scripts.train import build
from src.data.store import write_manifest
from src.models.checkpoint import Checkpoint
from src.models.motion_model import TorchModel
from src.motion import CORE7
from tests.tiny_encoders import write_tiny_encoder
from tests.tiny_store import write_tiny_store


def test_features_that_training_kept_are_not_computed_again(tmp_path: Path) -> None:
    store = write_tiny_store(tmp_path / "store", {"ann": [70, 45], "cid": [60]})
    splits = dict(zip(store.clips.column("clip_id"), ["train", "val", "test"], strict=True))
    write_manifest(store.folder, store.clips, splits)
    encoder, cache = write_tiny_encoder(tmp_path / "encoder", "hubert"), tmp_path / "cache"
    given = [
        f"out='{tmp_path / 'run'}'", f"data.store='{store.folder}'", f"data.cache='{cache}'", "features=hubert",
        f"features.model='{encoder}'", "features.layer=2", "features.past_ms=200", "spec=core7",
        *(f"data.augmentations.{of_log_mel}=null" for of_log_mel in ("gain", "mel_shift", "noise")),
    ]  # fmt: skip
    _, module, contract = build(composed("train", given))
    there = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    assert there
    material = open_part(store.folder, cache, "test", CORE7, run_data(tmp_path / "run" / "best.ckpt"))
    model = TorchModel(Checkpoint(module.net.eval(), contract, tmp_path / "best.ckpt", 0))
    assert len(predicted(material, model, "motion")) == 1
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")} == there
