"""A tiny untrained model, a drawn face and a recording, for scripts that need them."""

from pathlib import Path

import pytest
import torch

from src.models.checkpoint import SECTION, describe
from src.realtime.predictor import SpeechToMotion
from tests.realtime.sources.test_file import write_wav
from tests.realtime.test_predictor import noise, tiny
from tests.render.portraits import drawn_avatar


def save_checkpoint(predictor: SpeechToMotion, path: Path) -> Path:
    """A checkpoint as training writes it."""
    net = predictor.model.net
    state = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    section = describe(net, predictor.contract)
    torch.save({"state_dict": state, "epoch": 0, SECTION: section}, path)
    return path


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with best.ckpt, avatar/ and speech.wav."""
    folder = tmp_path_factory.mktemp("in puts")
    save_checkpoint(tiny(), folder / "best.ckpt")
    drawn_avatar().save(folder / "avatar")
    write_wav(folder / "speech.wav", noise(16_000))
    return folder
