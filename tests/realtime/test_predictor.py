"""Live motion equals offline motion, and the latency is the sum of its named parts."""

from pathlib import Path

import numpy as np
import pytest
import torch

from src.data.features import FeatureExtractor, LogMel, Mfcc, SslFeatures
from src.errors import CheckpointError, DataError, StreamError
from src.models.checkpoint import SECTION, Checkpoint, Contract, describe
from src.models.export import FP32, export_step
from src.models.lstm import MotionLSTM
from src.models.motion_model import TorchModel
from src.models.tcn import CausalTCN
from src.motion import ARKIT55, CORE7, MotionSpec, core7_of
from src.realtime.predictor import SpeechToMotion, num_frames
from tests.models.small_networks import small_checkpoint
from tests.tiny_encoders import write_tiny_encoder

RATE = 16_000
MEL = {
    "sample_rate_hz": RATE,
    "n_mels": 20,
    "hop_length": 160,
    "window_length": 400,
    "f_min_hz": 60.0,
    "f_max_hz": 7600.0,
    "log_floor": 1e-5,
}


def tiny(lookahead_frames: int = 2, seed: int = 0, spec: MotionSpec = CORE7) -> SpeechToMotion:
    """An untrained network of seeded weights, with statistics that make the motion move."""
    features = LogMel(**MEL)
    torch.manual_seed(seed)
    net = CausalTCN(
        in_features=features.row_size,
        feature_layers=1,
        out_channels=spec.size,
        hidden_size=12,
        kernel_size=3,
        dilations=[1, 2],
        dropout=0.1,
        input_dropout=0.1,
        lookahead_frames=lookahead_frames,
        style_size=0,
        style_dropout=0.0,
    ).eval()
    silence = torch.from_numpy(features.silence_frame)
    net.standardizer.set_statistics(
        feature_mean=silence + 4.0,
        feature_std=torch.full_like(silence, 3.0),
        silence=silence,
        motion_mean=torch.from_numpy((spec.minimum + spec.maximum) / 2),
        motion_std=torch.from_numpy((spec.maximum - spec.minimum) / 4),
    )
    contract = Contract.of(spec=spec, features=features, net=net, speakers=())
    return SpeechToMotion(TorchModel(Checkpoint(net, contract, Path("tiny.ckpt"), 0)))


def trained_one_step(features: FeatureExtractor, path: Path) -> SpeechToMotion:
    """A network on these features after one step of training, through a checkpoint on the disk."""
    rows = torch.from_numpy(features.extract_frames(noise(2 * RATE)))
    torch.manual_seed(0)
    net = CausalTCN(
        in_features=features.row_size,
        feature_layers=features.num_layers,
        out_channels=CORE7.size,
        hidden_size=12,
        kernel_size=3,
        dilations=[1, 2],
        dropout=0.0,
        input_dropout=0.0,
        lookahead_frames=2,
        style_size=0,
        style_dropout=0.0,
    )
    net.standardizer.set_statistics(
        feature_mean=rows.mean(0),
        feature_std=rows.std(0),
        silence=torch.from_numpy(features.silence_frame),
        motion_mean=torch.from_numpy((CORE7.minimum + CORE7.maximum) / 2),
        motion_std=torch.from_numpy((CORE7.maximum - CORE7.minimum) / 4),
    )
    before = [parameter.clone() for parameter in net.parameters()]
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    target = net.standardizer.motion(torch.randn(1, len(rows), CORE7.size))
    (net(rows[None]) - target).square().mean().backward()
    optimizer.step()
    assert not any(torch.equal(*pair) for pair in zip(before, net.parameters(), strict=True))
    contract = Contract.of(spec=CORE7, features=features, net=net, speakers=())
    weights = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    torch.save({"state_dict": weights, "epoch": 0, SECTION: describe(net, contract)}, path)
    return SpeechToMotion.load(path)


def noise(num_samples: int) -> np.ndarray:
    """Noise whose loudness comes and goes, like syllables."""
    loudness = 0.3 * np.sin(2 * np.pi * 3 * np.arange(num_samples) / RATE) ** 2
    return (loudness * np.random.default_rng(7).standard_normal(num_samples)).astype(np.float32).clip(-1, 1)


@pytest.mark.parametrize("chunk", [160, 401, 1600, 100_000])
@pytest.mark.parametrize("lookahead_frames", [0, 2])
def test_stream_gives_the_frames_of_the_whole_recording(chunk: int, lookahead_frames: int) -> None:
    predictor, waveform = tiny(lookahead_frames), noise(2 * RATE + 123)
    offline, stream = predictor.predict(waveform), predictor.stream()
    pieces = [stream.push(waveform[start : start + chunk]) for start in range(0, len(waveform), chunk)]
    live = np.concatenate([*pieces, stream.finish()])
    assert live.shape == offline.values.shape == (51, CORE7.size)
    np.testing.assert_allclose(live, offline.values, atol=1e-5)
    assert offline.values.std(axis=0).min() > 1e-4, "a constant answer would prove nothing"


@pytest.mark.parametrize("kind", ["mfcc", "hubert", "whisper", "wavlm-all"])
def test_every_kind_of_features_trains_and_streams_like_the_whole(kind: str, tmp_path: Path) -> None:
    features: FeatureExtractor
    if kind == "mfcc":
        features = Mfcc(n_mfcc=13, keep_c0=True, **MEL)
    else:
        family, _, every = kind.partition("-")
        features = SslFeatures(
            model=str(write_tiny_encoder(tmp_path / family, family)),
            layer=every or 2,
            past_ms=160,
            new_ms=80,
            future_ms=40,
            device="cpu",
            weights_sha256=None,
        )
    predictor, waveform = trained_one_step(features, tmp_path / "best.ckpt"), noise(RATE + 777)
    offline, latency_ms = predictor.predict(waveform).values, 22.5 if kind == "mfcc" else 120.0
    assert predictor.latency_ms == latency_ms + 80
    assert offline.std(axis=0).min() > 1e-4, "a constant answer would prove nothing"
    for chunk in (160, 1601, 100_000):
        stream, frames, late_ms = predictor.stream(), [], []
        for start in range(0, len(waveform), chunk):
            new = stream.push(waveform[start : start + chunk])
            late_ms += [(start + chunk) / 16 - 40 * (len(frames) + index) for index in range(len(new))]
            frames += list(new)
        if chunk == 160:
            assert predictor.latency_ms <= max(late_ms) < predictor.latency_ms + 10
        np.testing.assert_allclose(np.array([*frames, *stream.finish()]), offline, rtol=0, atol=1e-4)


def test_parts_of_the_latency_have_names(tmp_path: Path) -> None:
    assert tiny().contract.latency_parts_ms == {
        "last feature hop of a frame": 10.0,
        "half a feature window": 12.5,
        "look-ahead of the model": 80.0,
    }
    model = write_tiny_encoder(tmp_path / "hubert", "hubert")
    features = SslFeatures(
        model=str(model), layer=1, past_ms=160, new_ms=200, future_ms=80, device="cpu", weights_sha256=None
    )
    assert trained_one_step(features, tmp_path / "x.ckpt").contract.latency_parts_ms == {
        "last feature hop of a frame": 0.0,
        "filling a chunk": 200.0,
        "look-ahead of the encoder": 80.0,
        "look-ahead of the model": 80.0,
    }


@pytest.mark.parametrize("num_samples", [1, 159, 640, 641, 1500])
def test_short_sounds_have_a_frame_for_every_started_40_ms(num_samples: int) -> None:
    predictor, waveform = tiny(), noise(num_samples)
    stream = predictor.stream()
    live = np.concatenate([stream.push(waveform), stream.finish()])
    expected = num_frames(num_samples, RATE, 25.0)
    assert len(live) == len(predictor.predict(waveform)) == expected == -(-num_samples // 640)


def test_a_stream_without_sound_ends_without_frames() -> None:
    assert tiny().stream().finish().shape == (0, CORE7.size)


def test_streams_share_weights_and_nothing_else() -> None:
    predictor, waveform = tiny(), noise(RATE)
    one, other = predictor.stream(), predictor.stream()
    first = one.push(waveform[:8000])
    other.push(-np.ones(5000, np.float32))
    live = np.concatenate([first, one.push(waveform[8000:]), one.finish()])
    np.testing.assert_allclose(live, predictor.predict(waveform).values, atol=1e-5)


def test_a_frame_comes_out_as_soon_as_the_stated_latency_allows_and_not_before() -> None:
    for lookahead_frames in (0, 2):
        predictor = tiny(lookahead_frames)
        assert predictor.latency_ms == pytest.approx(10 + 12.5 + 40 * lookahead_frames)
        stream, needed = predictor.stream(), round(predictor.latency_ms * RATE / 1000)
        assert len(stream.push(noise(needed - 1))) == 0
        assert len(stream.push(noise(1))) == 1


def test_motion_does_not_change_with_sound_later_than_the_stated_latency() -> None:
    predictor, waveform = tiny(), noise(RATE)
    frame = 10
    end = frame * 640 + round(predictor.latency_ms * RATE / 1000)
    changed = waveform.copy()
    changed[end + 1 :] = 0.5
    before, after = predictor.predict(waveform).values, predictor.predict(changed).values
    np.testing.assert_allclose(before[: frame + 1], after[: frame + 1], atol=1e-6)
    assert np.abs(before[frame + 2 :] - after[frame + 2 :]).max() > 1e-3


def test_motion_stays_inside_the_ranges_of_the_vocabulary() -> None:
    values = tiny().predict(noise(RATE)).values
    assert (values >= CORE7.minimum).all()
    assert (values <= CORE7.maximum).all()


def test_no_samples_and_no_checkpoint_are_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no samples"):
        tiny().predict(np.zeros(0, np.float32))
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        SpeechToMotion.load(tmp_path / "best.ckpt")


def test_exported_models_predict_and_stream_like_their_checkpoints(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="exporting is an extra")
    checkpoint = small_checkpoint(tmp_path / "best.ckpt", speakers=("anna", "ben"))
    export_step(checkpoint, tmp_path / "model.onnx", FP32)
    waveform = noise(2 * RATE + 123)
    offline = SpeechToMotion.load(tmp_path / "best.ckpt", "ben").predict(waveform).values
    exported = SpeechToMotion.load(tmp_path / "model.onnx", "ben")
    assert exported.latency_ms == pytest.approx(102.5)
    np.testing.assert_allclose(exported.predict(waveform).values, offline, rtol=0, atol=1e-4)
    for chunk in (160, 401, 100_000):
        stream = exported.stream()
        pieces = [stream.push(waveform[start : start + chunk]) for start in range(0, len(waveform), chunk)]
        live = np.concatenate([*pieces, stream.finish()])
        np.testing.assert_allclose(live, exported.predict(waveform).values, rtol=0, atol=1e-5)
    nobody = SpeechToMotion.load(tmp_path / "model.onnx").predict(waveform).values
    assert np.abs(nobody - offline).max() > 1e-3, "a style that changes nothing would prove nothing"


def test_a_speaker_that_the_model_does_not_know_is_refused_with_those_it_knows(tmp_path: Path) -> None:
    small_checkpoint(tmp_path / "best.ckpt", speakers=("anna", "ben"))
    with pytest.raises(CheckpointError, match=r"speaker=eve: the model knows anna, ben. Give one of its 2"):
        SpeechToMotion.load(tmp_path / "best.ckpt", "eve")


def test_a_network_of_two_directions_predicts_recordings_and_refuses_to_stream(tmp_path: Path) -> None:
    small_checkpoint(tmp_path / "best.ckpt", MotionLSTM, bidirectional=True, lookahead_frames=0)
    predictor = SpeechToMotion.load(tmp_path / "best.ckpt")
    assert len(predictor.predict(noise(RATE))) == 25
    with pytest.raises(StreamError, match="reads a recording from both ends"):
        predictor.stream()


def test_a_model_of_blendshapes_speaks_core7_where_that_is_wanted() -> None:
    rich = tiny(spec=ARKIT55)
    plain = SpeechToMotion(rich.model, spec=CORE7)
    sound = noise(20_000)
    own = rich.predict(sound)
    assert own.spec is ARKIT55
    assert plain.predict(sound).spec is CORE7
    np.testing.assert_array_equal(plain.predict(sound).values, core7_of(own).values)
    stream = plain.stream()
    pieces = [stream.push(piece) for piece in np.array_split(sound, 33)]
    np.testing.assert_allclose(np.concatenate([*pieces, stream.finish()]), core7_of(own).values, rtol=0, atol=1e-5)


def test_a_model_of_core7_can_not_say_more() -> None:
    with pytest.raises(CheckpointError, match=r"the model speaks core7, not arkit55\. Train one with `spec=arkit55`"):
        SpeechToMotion(tiny().model, spec=ARKIT55)
