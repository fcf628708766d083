"""The model that comes with the program is small, quick, knows nobody, rests in silence and follows speech."""

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.models.motion_model import DEFAULT_FILE
from src.motion import CORE7
from src.realtime.predictor import SpeechToMotion


@pytest.fixture(scope="module")
def default() -> SpeechToMotion:
    return SpeechToMotion.load(DEFAULT_FILE)


def test_it_is_small_streams_within_120_ms_and_knows_nobody(default: SpeechToMotion) -> None:
    assert DEFAULT_FILE.stat().st_size <= 4_000_000
    assert default.contract.streams
    assert default.latency_ms <= 120
    assert default.spec is CORE7
    assert default.contract.speakers == ()


@pytest.mark.parametrize("level_db", [None, -60, -40])
def test_its_mouth_stays_shut_in_silence_and_in_the_noise_of_a_room(
    default: SpeechToMotion, level_db: int | None
) -> None:
    noise = np.random.default_rng(0).normal(size=64_000).astype(np.float32)
    sound = noise * (0.0 if level_db is None else 10 ** (level_db / 20))
    lips = default.predict(sound.astype(np.float32)).channel("jaw_open")
    assert lips.max() < 0.03
    assert np.abs(np.diff(lips)).max() < 0.02


def test_it_follows_a_voice_and_a_text_that_it_never_heard(default: SpeechToMotion) -> None:
    pytest.importorskip("espeakng_loader", reason="the speech library is not installed (extra `speech`)")
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        said = instantiate(compose("make_corpus", ["out=unused"]).data).held_out()
    predicted = default.predict(said.speech.waveform)
    for channel, least_r in (("jaw_open", 0.6), ("mouth_narrow", 0.3)):
        true, told = said.motion.channel(channel), predicted.channel(channel)
        r = np.corrcoef(true, told[: len(true)])[0, 1]
        assert r > least_r, f"{channel}: r {r:.2f}"
