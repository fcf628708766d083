"""The envelope is found where it is, and nowhere else; what all networks promise is in `test_networks.py`."""

import numpy as np
import pytest
import torch

from src.data.features import LogMel, Mfcc
from src.errors import ConfigError, MotionError
from src.models.energy import SpeechEnergy
from src.motion import ARKIT55, CORE7, MotionSpec

SOUND = {
    "sample_rate_hz": 16000,
    "n_mels": 20,
    "hop_length": 160,
    "window_length": 400,
    "f_min_hz": 60.0,
    "f_max_hz": 7600.0,
    "log_floor": 1e-5,
}
MEL = LogMel(**SOUND)
MFCC = Mfcc(**SOUND, n_mfcc=5, keep_c0=True)


def reading(extractor: LogMel | Mfcc, spec: MotionSpec = CORE7, channel: str = "jaw_open") -> SpeechEnergy:
    """The network that reads these features, with the statistics of some speech-like noise."""
    net = SpeechEnergy(
        in_features=extractor.row_size,
        feature_layers=1,
        out_channels=spec.size,
        extractor=extractor.config["_target_"],
        n_mfcc=extractor.config.get("n_mfcc"),
        keep_c0=extractor.config.get("keep_c0"),
        spec=spec.name,
        channel=channel,
        lookahead_frames=0,
    )
    rows = torch.from_numpy(extractor.extract_frames(syllables()))
    net.standardizer.set_statistics(
        feature_mean=rows.mean(0),
        feature_std=rows.std(0),
        silence=torch.from_numpy(extractor.silence_frame),
        motion_mean=torch.linspace(0.3, 0.4, spec.size),
        motion_std=torch.full((spec.size,), 0.05),
    )
    return net


def syllables() -> np.ndarray:
    """(S,) noise that grows and fades three times a second."""
    time = np.arange(2 * 16000) / 16000
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (0.2 * noise * np.sin(3 * np.pi * time) ** 2 + 1e-3 * noise).astype(np.float32)


@pytest.mark.parametrize("extractor", [MEL, MFCC], ids=["mel", "mfcc"])
@pytest.mark.parametrize(("spec", "channel"), [(CORE7, "jaw_open"), (ARKIT55, "jawOpen")], ids=["core7", "arkit55"])
def test_one_channel_follows_the_loudness_and_the_others_stay(
    extractor: LogMel | Mfcc, spec: MotionSpec, channel: str
) -> None:
    net = reading(extractor, spec, channel)
    motion = net(torch.from_numpy(extractor.extract_frames(syllables()))[None])[0]
    lips = spec.index(channel)
    others = [i for i in range(spec.size) if i != lips]
    assert torch.equal(motion[:, others], net.standardizer.motion_mean[others].expand(len(motion), -1))
    middle_of_frames = np.arange(len(motion)) / 25
    loudness = np.log(np.sin(3 * np.pi * middle_of_frames) ** 2 + 0.01)
    assert np.corrcoef(motion[:, lips].numpy(), loudness)[0, 1] > 0.9
    assert abs(float(motion[:, lips].mean() - net.standardizer.motion_mean[lips])) < 1e-5


def test_silence_shuts_the_lips_and_no_more() -> None:
    net = reading(MEL)
    net.standardizer.motion_mean[0] = 0.05
    assert net(net.standardizer.silence.expand(1, 4, -1))[0, :, 0].tolist() == pytest.approx([0.0] * 4, abs=1e-7)


def test_mel_and_mfcc_hold_the_same_envelope() -> None:
    curves = []
    for extractor in (MEL, MFCC):
        curves.append(reading(extractor)(torch.from_numpy(extractor.extract_frames(syllables()))[None])[0, :, 0])
    assert torch.corrcoef(torch.stack(curves))[0, 1] > 0.9999


@pytest.mark.parametrize(
    "features",
    [
        {"extractor": "src.data.features.Mfcc", "n_mfcc": 5, "keep_c0": False},
        {"extractor": "src.data.features.SslFeatures", "n_mfcc": None, "keep_c0": None},
    ],
    ids=["mfcc without c0", "encoder"],
)
def test_features_without_an_envelope_are_refused(features: dict) -> None:
    with pytest.raises(ConfigError, match="can't find the loudness .* Use features=mel, or features=mfcc"):
        SpeechEnergy(
            in_features=20,
            feature_layers=1,
            out_channels=7,
            spec="core7",
            channel="jaw_open",
            lookahead_frames=0,
            **features,
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"out_channels": 8}, "out_channels=8"),
        ({"lookahead_frames": -1}, "lookahead_frames=-1"),
        ({"feature_layers": 2}, "feature_layers=2"),
        ({"in_features": 21}, "in_features=21"),
    ],
    ids=str,
)
def test_what_does_not_fit_together_is_refused_by_name(wrong: dict, message: str) -> None:
    good = {**reading(MFCC).config, **wrong}
    with pytest.raises(ConfigError, match=message):
        SpeechEnergy(**good)


def test_a_channel_that_the_spec_lacks_is_refused() -> None:
    with pytest.raises(MotionError, match="no channel 'lips'"):
        SpeechEnergy(**{**reading(MEL).config, "channel": "lips"})
