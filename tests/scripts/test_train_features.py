"""Every kind of features goes through a real run: store, training, checkpoint, prediction."""

from pathlib import Path

import numpy as np
import pytest

from src.realtime.predictor import SpeechToMotion
from tests.realtime.test_predictor import noise
from tests.scripts.test_train import train
from tests.tiny_encoders import write_tiny_encoder
from tests.tiny_store import write_tiny_store


@pytest.mark.parametrize("kind", ["mfcc", "hubert", "whisper-all"])
def test_a_run_with_other_features_ends_in_a_checkpoint_that_speaks(kind: str, tmp_path: Path) -> None:
    name, _, every = kind.partition("-")
    settings = [f"features={name}"]
    if name != "mfcc":
        model = write_tiny_encoder(tmp_path / "model", name)
        settings += [f"features.model={model}", f"features.layer={every or 2}", "features.past_ms=200"]
        settings += [f"data.augmentations.{of_log_mel}=null" for of_log_mel in ("gain", "mel_shift", "noise")]
    write_tiny_store(tmp_path / "store", {"ann": [70, 45], "bob": [60], "cid": [80]})
    metrics = train(tmp_path / "store", tmp_path / "run", *settings, "trainer.max_epochs=1")
    predictor = SpeechToMotion.load(tmp_path / "run" / "best.ckpt")
    assert metrics["latency_ms"]["total"] == pytest.approx(predictor.latency_ms)
    stream, waveform = predictor.stream(), noise(9_000)
    live = np.concatenate([*(stream.push(part) for part in np.split(waveform, [700, 5_000])), stream.finish()])
    np.testing.assert_allclose(live, predictor.predict(waveform).values, rtol=0, atol=1e-4)
