"""The keys and types of every script's config root. Groups are free-form: classes check their own values.

Each dataclass is stored under `<script>_schema`, the first entry in the defaults of `conf/<script>.yaml`.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class Demo:
    """`python -m scripts.demo`: the whole main job."""

    videos: str | None = None
    portrait: str = MISSING
    speech: str | None = None
    out: str = MISSING
    seed: int = MISSING
    experiment: str | None = None
    overrides: dict[str, list[str]] = MISSING


@dataclass
class Train:
    """`python -m scripts.train`: a prepared store into a run folder with a checkpoint."""

    out: str = MISSING
    seed: int = 0
    spec: Any = MISSING
    test: bool = False
    evaluation: str | None = None
    resume: bool = False
    cpu_threads: int = MISSING
    features: Any = MISSING
    data: Any = MISSING
    models: Any = MISSING
    trainer: Any = MISSING
    callbacks: Any = None
    logger: Any = None
    probe: Any = None


@dataclass
class PrepareData:
    """`python -m scripts.prepare_data`: a folder of videos into a store."""

    out: str = MISSING
    models: Any = MISSING
    data: Any = MISSING
    engines: Any = MISSING
    prepare: Any = MISSING


@dataclass
class ExportShards:
    """`python -m scripts.export_shards`: a store into WebDataset shards."""

    store: str = MISSING
    out: str = MISSING
    shard_mb: float = MISSING


@dataclass
class DataCard:
    """`python -m scripts.data_card`: the data card of a store."""

    store: str = MISSING
    root: str | None = None


@dataclass
class InspectData:
    """`python -m scripts.inspect_data`: a clip of a store as a picture."""

    store: str = MISSING
    clip: str = MISSING
    out: str = MISSING
    root: str | None = None
    num_images: int = MISSING
    width_px: int = MISSING


@dataclass
class MakeCorpus:
    """`python -m scripts.make_corpus`: the synthetic talking corpus."""

    out: str = MISSING
    workers: int = 0
    image_size: int = MISSING
    data: Any = MISSING
    render: Any = MISSING


@dataclass
class MakeSpeech:
    """`python -m scripts.make_speech`: synthetic speech with its motion, as a store."""

    out: str = MISSING
    workers: int = 0
    validate_every: int = MISSING
    data: Any = MISSING


@dataclass
class Predict:
    """`python -m scripts.predict`: a recording into motion."""

    checkpoint: str = MISSING
    speaker: str | None = None
    audio: str = MISSING
    out: str = MISSING


@dataclass
class Amplitude:
    """Factor of each channel of `core7`; None: what the avatar's package says."""

    jaw_open: float | None = None
    mouth_wide: float | None = None
    mouth_narrow: float | None = None
    head_yaw: float | None = None
    head_pitch: float | None = None
    head_roll: float | None = None
    eye_blink: float | None = None


@dataclass
class Live:
    """Model, avatar, renderer and session of every script that lets a face speak live; `conf/live/default.yaml`."""

    checkpoint: str = MISSING
    speaker: str | None = None
    avatar: str = MISSING
    trusted_key: str | None = None
    seed: int = 0
    num_threads: int = MISSING
    render: Any = MISSING
    idle: Any = MISSING
    voice: Any = MISSING
    drift: Any = MISSING
    amplitude: Amplitude = field(default_factory=Amplitude)
    session: Any = MISSING


@dataclass
class Realtime(Live):
    """`python -m scripts.realtime`: a recording into a talking portrait, live."""

    source: str | None = MISSING
    out: str = MISSING
    evaluate: bool = True
    allow_slow: bool = False
    clock: Any = MISSING
    speech: Any = MISSING
    sink: Any = MISSING


@dataclass
class LivekitAvatar(Live):
    """`python -m scripts.livekit_avatar`: the avatar of a LiveKit agent."""

    agent: str | None = None
    speech: str | None = None
    out: str = MISSING


@dataclass
class PipecatAvatar(Live):
    """`python -m scripts.pipecat_avatar`: a Pipecat pipeline with an avatar in it."""

    text: str | None = None
    speech: str | None = None
    voice_of_text: str = MISSING
    out: str = MISSING


@dataclass
class Serve(Live):
    """`python -m scripts.serve`: the web page with a face that speaks live."""

    host: str = MISSING
    port: int = MISSING
    token: str | None = None
    names: list[str] = MISSING
    certificate: str | None = None
    key: str | None = None
    avatars: str | None = None
    tts: Any = None
    quality: Any = MISSING
    limits: Any = MISSING


@dataclass
class RealtimeEval(Live):
    """`python -m scripts.realtime_eval`: speech replayed through the live engine, and what was shown measured."""

    audio: str = MISSING
    reference: str | None = None
    out: str = MISSING
    source: str = MISSING
    chunk_ms: float = MISSING
    calibrate_s: float = MISSING
    shift_ms: float = MISSING
    bootstrap_draws: int = MISSING
    shuffle_draws: int = MISSING
    interruptions: Any = MISSING
    clock: Any = MISSING
    speech: Any = MISSING
    sink: Any = MISSING
    fault: Any = MISSING
    wandb: Any = MISSING


@dataclass
class SoakBounds:
    """What must hold of a long run."""

    memory_growth_mb: float = MISSING
    slower: float = MISSING
    drift_ms_per_hour: float = MISSING
    interrupt_ms: float = MISSING
    dropped: float = MISSING


@dataclass
class Soak(Live):
    """`python -m scripts.soak`: an hour of talk, looked at block by block."""

    minutes: float = MISSING
    block_s: float = MISSING
    chunk_ms: float = MISSING
    out: str = MISSING
    clock: Any = MISSING
    bounds: SoakBounds = field(default_factory=SoakBounds)
    utterances: list[Any] = MISSING


@dataclass
class AvatarConsent:
    """Who allowed a picture to speak; all empty: nothing was said."""

    who: str | None = None
    purpose: str | None = None
    until: str | None = None
    proof: str | None = None
    licence: str | None = None


@dataclass
class IdleGains:
    """Factors of idle movement; None: nothing is said."""

    blink: float | None = None
    head: float | None = None
    breathing: float | None = None
    gaze: float | None = None


@dataclass
class AvatarBackground:
    """What is behind the person, `radius` for blurred, `colour` for coloured; all empty: nothing is said."""

    kind: str | None = None
    radius: float | None = None
    colour: list[int] | None = None


@dataclass
class MeshOfAvatar:
    """What only the CPU renderer understands; None: nothing is said."""

    moves_along: float | None = None


@dataclass
class LivePortraitOfAvatar:
    """What only LivePortrait understands; None: nothing is said."""

    crop_scale: float | None = None
    crop_shift: float | None = None
    crop_upright: bool | None = None
    lip_threshold: float | None = None
    motion: float | None = None
    eyes: float | None = None
    lips: float | None = None
    stitching: bool | None = None
    paste_back: bool | None = None


@dataclass
class RenderersOfAvatar:
    """Settings by renderer."""

    mesh: MeshOfAvatar = field(default_factory=MeshOfAvatar)
    liveportrait: LivePortraitOfAvatar = field(default_factory=LivePortraitOfAvatar)


@dataclass
class MakeAvatar:
    """`python -m scripts.make_avatar`: a photo into an avatar folder."""

    image: str = MISSING
    out: str = MISSING
    picture: str | None = None
    name: str | None = None
    size: int = MISSING
    minimum_face_px: float = MISSING
    creator: str | None = None
    language: str | None = None
    voice: str | None = None
    minimum_engine_version: str | None = None
    consent: AvatarConsent = field(default_factory=AvatarConsent)
    motion_spec: str = MISSING
    background_policy: AvatarBackground = field(default_factory=AvatarBackground)
    amplitude: Amplitude = field(default_factory=Amplitude)
    idle: IdleGains = field(default_factory=IdleGains)
    renderers: RenderersOfAvatar = field(default_factory=RenderersOfAvatar)


@dataclass
class PackAvatar:
    """`python -m scripts.pack_avatar`: an avatar folder into one file."""

    avatar: str = MISSING
    out: str = MISSING


@dataclass
class UnpackAvatar:
    """`python -m scripts.unpack_avatar`: a packed avatar into a folder."""

    avatar: str = MISSING
    out: str = MISSING
    trusted_key: str | None = None


@dataclass
class SignAvatar:
    """`python -m scripts.sign_avatar`: an avatar signed where it lies, or new keys."""

    avatar: str | None = None
    key: str | None = None
    new_key: str | None = None


@dataclass
class InspectAvatar:
    """`python -m scripts.inspect_avatar`: a picture of an avatar's layers, and the checks of its package."""

    avatar: str = MISSING
    out: str = MISSING
    trusted_key: str | None = None
    width: int = MISSING
    render: Any = MISSING


@dataclass
class Render:
    """`python -m scripts.render`: motion on an avatar into a video."""

    avatar: str = MISSING
    trusted_key: str | None = None
    motion: str = MISSING
    audio: str | None = None
    out: str = MISSING
    sample_rate_hz: int = MISSING
    amplitude: Amplitude = field(default_factory=Amplitude)
    render: Any = MISSING


@dataclass
class BenchmarkRender:
    """`python -m scripts.benchmark_render`: speed, cost and faithfulness of the renderer."""

    avatar: str | None = None
    portraits: str | None = None
    out: str = MISSING
    warm_up: int = MISSING
    frames: int = MISSING
    preparations: int = MISSING
    makings: int = MISSING
    memory_avatars: int = MISSING
    closed_loop_frames: int = MISSING
    sweep_steps: int = MISSING
    seed: int = 0
    num_threads: int = MISSING
    sizes: list[Any] = MISSING
    photo: Any = MISSING
    render: Any = MISSING


@dataclass
class SpeechSheet:
    """A sheet of speech."""

    per_second: float = MISSING
    longest_s: float = MISSING


@dataclass
class ContactSheets:
    """`python -m scripts.contact_sheets`: every channel of an avatar, and how it speaks, to be looked at."""

    avatar: str = MISSING
    out: str = MISSING
    steps: int = MISSING
    width: int = MISSING
    format: str = MISSING
    motion: str | None = MISSING
    audio: str | None = MISSING
    checkpoint: str = MISSING
    speaker: str | None = MISSING
    speech: SpeechSheet = MISSING
    render: Any = MISSING


@dataclass
class DownloadModels:
    """`python -m scripts.download_models`: model files that others publish."""

    out: str = MISSING
    model: Any = MISSING
    timeout_s: float = MISSING
    retries: int = MISSING


@dataclass
class ExportAu:
    """`python -m scripts.export_au`: blinks of a store as OpenFace tables."""

    store: str = MISSING
    out: str = MISSING
    shut_intensity: float = MISSING
    space_after_comma: bool = MISSING


@dataclass
class BenchmarkRealtime(Live):
    """`python -m scripts.benchmark_realtime`: deadlines, delays, processor and memory of live sessions."""

    out: str = MISSING
    seconds: float = MISSING
    others_s: float = MISSING
    small: Any = MISSING
    mp4: Any = MISSING
    clock: Any = MISSING
    sessions: int = MISSING
    capacity: Any = MISSING
    parts: Any = MISSING
    talk: Any = MISSING


@dataclass
class BenchmarkData:
    """`python -m scripts.benchmark_data`: speed of preparation and of the data loader."""

    out: str = MISSING
    seed: int = 0
    spec: Any = MISSING
    features: Any = MISSING
    data: Any = MISSING
    models: Any = MISSING
    preparation: Any = MISSING
    loader: Any = MISSING


@dataclass
class Export:
    """`python -m scripts.export`: a checkpoint into ONNX files."""

    checkpoint: str = MISSING
    out: str = MISSING
    name: str = MISSING
    front_end: bool = MISSING
    variants: list[str] = MISSING
    audio: str | None = None
    seconds: float = MISSING
    seed: int = 0
    tolerance: float = MISSING


@dataclass
class ExportLiveportrait:
    """`python -m scripts.export_liveportrait`: LivePortrait's networks into ONNX files."""

    out: str = MISSING
    weights: str | None = None
    opset: int = MISSING
    batch: int = MISSING
    tolerance: float = MISSING
    seed: int = MISSING
    networks: Any = MISSING


@dataclass
class BenchmarkModels:
    """`python -m scripts.benchmark_models`: speed, size and memory of the networks."""

    out: str = MISSING
    seed: int = 0
    spec: Any = MISSING
    features: Any = MISSING
    networks: Any = MISSING
    data: Any = MISSING
    live: Any = MISSING
    epoch: Any = MISSING


@dataclass
class CheckSyncnet:
    """`python -m scripts.check_syncnet`: our SyncNet against stored answers."""

    vectors: str = MISSING
    seed: int = MISSING
    num_threads: int = MISSING
    out: str | None = None


@dataclass
class CheckLiveportrait:
    """`python -m scripts.check_liveportrait`: our LivePortrait against stored answers."""

    vectors: str = MISSING
    seed: int = MISSING
    num_threads: int = MISSING
    networks: Any = MISSING
    out: str | None = None


@dataclass
class BenchmarkLiveportrait:
    """`python -m scripts.benchmark_liveportrait`: plain and folded networks, and each rewrite."""

    out: str = MISSING
    weights: str | None = None
    device: str = MISSING
    dtype: str = MISSING
    batches: list[int] = MISSING
    warm_up: int = MISSING
    repetitions: int = MISSING
    steps: bool = MISSING
    tolerance: float = MISSING
    seed: int = 0
    num_threads: int = MISSING
    networks: Any = MISSING


@dataclass
class DistillRenderer:
    """`python -m scripts.distill_renderer`: a smaller LivePortrait from the official one."""

    weights: str = MISSING
    portraits: str = MISSING
    out: str = MISSING
    seed: int = 0
    resume: bool = False
    cpu_threads: int = MISSING
    size: int = MISSING
    batch_size: int = MISSING
    steps_per_epoch: int = MISSING
    val_steps: int = MISSING
    teacher: Any = MISSING
    student: Any = MISSING
    motion: Any = MISSING
    losses: Any = MISSING
    optimizer: Any = MISSING
    schedule: Any = MISSING
    trainer: Any = MISSING
    callbacks: Any = None
    logger: Any = None
    cost: Any = MISSING


@dataclass
class WandbDashboard:
    """`python -m scripts.wandb_dashboard`: a dashboard for a W&B project."""

    entity: str = MISSING
    project: str = MISSING
    name: str = MISSING
    report: bool = MISSING
    out: str | None = None


@dataclass
class ScoreSyncWeights:
    """Files that others publish."""

    syncnet: str | None = None
    detector: str | None = None


@dataclass
class ScoreSync:
    """`python -m scripts.score_sync`: SyncNet's figures of a video."""

    video: str = MISSING
    weights: ScoreSyncWeights = field(default_factory=ScoreSyncWeights)
    min_track: int = MISSING
    device: str = MISSING
    num_threads: int = MISSING
    out: str | None = None


@dataclass
class Provenance:
    """`python -m scripts.provenance`: what a file was made from, checked."""

    file: str = MISSING
    search: str | None = None
    strict: bool = MISSING
    json: bool = MISSING
    out: str | None = None


@dataclass
class Sweep:
    """`python -m scripts.sweep`: many trainings, and what came of them."""

    data: Any = MISSING
    out: str = MISSING
    sweep: Any = MISSING
    launcher: Any = MISSING
    trials: Any = MISSING
    retry_failed: bool = False


@dataclass
class Leaderboard:
    """`python -m scripts.leaderboard`: a sweep, ranked, and its best checkpoint."""

    folder: str = MISSING
    best: Any = MISSING
    bootstrap: Any = MISSING
    names: Any = MISSING
    colour_by: str = MISSING
    wandb: Any = MISSING


@dataclass
class Evaluate:
    """`python -m scripts.evaluate`: a model on a part of a store, beside its controls."""

    checkpoint: str = MISSING
    data: Any = MISSING
    split: str = MISSING
    out: str = MISSING
    seed: int = 0
    cpu_threads: int = MISSING
    eval: Any = MISSING


@dataclass
class TrainSyncExpert:
    """`python -m scripts.train_sync_expert`: a prepared store into a file that tells sync."""

    out: str = MISSING
    seed: int = 0
    cpu_threads: int = MISSING
    features: Any = MISSING
    data: Any = MISSING
    network: Any = MISSING
    training: Any = MISSING


_ROOTS = {
    "train_sync_expert": TrainSyncExpert,
    "evaluate": Evaluate,
    "leaderboard": Leaderboard,
    "sweep": Sweep,
    "score_sync": ScoreSync,
    "provenance": Provenance,
    "wandb_dashboard": WandbDashboard,
    "check_syncnet": CheckSyncnet,
    "check_liveportrait": CheckLiveportrait,
    "benchmark_liveportrait": BenchmarkLiveportrait,
    "distill_renderer": DistillRenderer,
    "benchmark_models": BenchmarkModels,
    "export": Export,
    "export_liveportrait": ExportLiveportrait,
    "download_models": DownloadModels,
    "export_au": ExportAu,
    "make_avatar": MakeAvatar,
    "pack_avatar": PackAvatar,
    "unpack_avatar": UnpackAvatar,
    "sign_avatar": SignAvatar,
    "inspect_avatar": InspectAvatar,
    "render": Render,
    "benchmark_render": BenchmarkRender,
    "contact_sheets": ContactSheets,
    "benchmark_data": BenchmarkData,
    "benchmark_realtime": BenchmarkRealtime,
    "predict": Predict,
    "live_session": Live,
    "realtime": Realtime,
    "serve": Serve,
    "livekit_avatar": LivekitAvatar,
    "pipecat_avatar": PipecatAvatar,
    "realtime_eval": RealtimeEval,
    "soak": Soak,
    "make_corpus": MakeCorpus,
    "make_speech": MakeSpeech,
    "prepare_data": PrepareData,
    "data_card": DataCard,
    "inspect_data": InspectData,
    "export_shards": ExportShards,
    "train": Train,
    "demo": Demo,
}


def register() -> None:
    """Make the schemas known to Hydra under `<script>_schema`."""
    store = ConfigStore.instance()
    for name, root in _ROOTS.items():
        store.store(name=f"{name}_schema", node=root)
