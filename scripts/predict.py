"""Predict the motion of a recording.

python -m scripts.predict audio=<recording> out=<motion.npz> checkpoint=<best.ckpt or model.onnx>
"""

import logging
from pathlib import Path

from omegaconf import DictConfig

from scripts.best_checkpoint import resolve
from scripts.entry import run
from src.data.audio import load_recording
from src.realtime.predictor import SpeechToMotion

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Read, predict, write."""
    predictor = SpeechToMotion.load(resolve(config.checkpoint), config.speaker)
    recording = load_recording(Path(config.audio), predictor.sample_rate_hz)
    motion = predictor.predict(recording.waveform)
    motion.save(config.out)
    logger.info("%s: %d frames of %s at %g fps", config.out, len(motion), motion.spec.name, motion.fps)


if __name__ == "__main__":
    run(main, "predict")
