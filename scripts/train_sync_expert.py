"""Train the sync expert of a store: does this mouth belong to this sound, and when would it.

python -m scripts.train_sync_expert data=data/prepared out=sync_expert.ckpt

Learns from the training part, half a minute on one core, and writes one file with the network, what it expects, and
how good it is on the validation part: a warning tells if it is no better than chance. `scripts.evaluate` trains one by
itself and keeps it with the features of the store.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import RichProgressBar

from scripts.entry import composed, run
from scripts.train import quiet_lightning
from src.data.bank_split import Split, split_bank
from src.data.feature_cache import FeatureCache, FeatureFolders
from src.data.features import FeatureExtractor
from src.data.features.base import hash_of
from src.data.frame_bank import FrameBank
from src.data.shards import open_store
from src.data.speaker_offset import delays_of
from src.data.windows import Spans
from src.errors import CheckpointError
from src.eval.provenance import commit
from src.eval.sync_expert.clips import SyncClip, sync_clip
from src.eval.sync_expert.expert import VERSION, ExpertContract, SyncExpert
from src.eval.sync_expert.record import ExpertRecord
from src.motion import CORE7, Motion

logger = logging.getLogger(__name__)

_OF_DATA = ("store", "cache", "alignment", "val_share", "val_speakers", "seed")
"""What an expert takes over from the data of a model, so that both hold out the same speakers."""


def main(config: DictConfig) -> None:
    """Train, and write the file."""
    expert = train(config, Sources.of(config))
    expert.save(Path(config.out))
    logger.info("%s", config.out)


@dataclass(frozen=True, eq=False)
class Sources:
    """A store as the expert reads it.

    Attributes:
        bank, split: rows of all clips, and which part each is in.
        features: extractor of the rows.
        content_hash: of the store.
        folder: keeps the features, and experts.
    """

    bank: FrameBank
    split: Split
    features: FeatureExtractor
    content_hash: str
    folder: Path

    @classmethod
    def of(cls, config: DictConfig) -> "Sources":
        """Open the store of a configuration of this script; features that are missing are computed."""
        store = open_store(Path(config.data.store))
        folders = FeatureFolders.of(store, config.data.cache)
        alignment = instantiate(config.data.alignment)
        offsets = {} if alignment is None else alignment.offsets(store, folders.of_store)
        features: FeatureExtractor = instantiate(config.features)
        bank = FrameBank.of(store, features, CORE7, folders.of_store, FeatureCache(folders.hops), delays_of(offsets))
        split = split_bank(
            store.clips,
            bank,
            min_clip_frames=config.data.min_clip_frames,
            val_share=config.data.val_share,
            val_speakers=list(config.data.val_speakers),
            seed=config.data.seed,
        )
        return cls(bank, split, features, store.content_hash, folders.of_store)

    def clips(self, part: Spans, window_frames: int) -> list[SyncClip]:
        """The clips of a part that can be used."""
        clips = []
        for speaker, start, length in zip(part.speakers, part.starts, part.lengths, strict=True):
            rows = slice(start, start + length)
            counted = self.bank.valid[rows]
            motion = Motion(self.bank.motion[rows], CORE7)
            clip = sync_clip(self.bank.features[rows], motion, counted, speaker=speaker, window_frames=window_frames)
            if isinstance(clip, SyncClip):
                clips.append(clip)
        return clips


def train(config: DictConfig, sources: Sources) -> SyncExpert:
    """An expert of a store, and how good it is: a warning where that is not good enough."""
    quiet_lightning()
    features = sources.features
    threads = torch.get_num_threads()
    torch.set_num_threads(config.cpu_threads)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = instantiate(config.network, row_size=features.row_size)
    parts = [sources.clips(part, network.window_frames) for part in (sources.split.train, sources.split.val)]
    logger.info("sync expert: %d clips to learn from, %d to validate with", *map(len, parts))
    try:
        curves = instantiate(config.training).fit(network, *parts, seed=config.seed, callbacks=[RichProgressBar()])
    finally:
        torch.set_num_threads(threads)
    record = ExpertRecord.of(curves, [clip.speaker for clip in parts[1]])
    logger.info("sync expert: %s", record.summary())
    if record.doubt:
        logger.warning("%s. Train it on more speech with a clear picture of the mouth.", record.doubt)
    contract = ExpertContract(
        features=features.config,
        features_hash=features.config_hash,
        content_hash=sources.content_hash,
        split_hash=sources.split.hash,
        speakers=tuple(sorted({clip.speaker for clip in parts[0]})),
        seed=config.seed,
        commit=commit(),
        validation=record,
    )
    return SyncExpert(network, contract)


def expert_of_store(data: Mapping[str, Any]) -> SyncExpert:
    """The sync expert of the data of a model, trained now if there is none.

    It is kept with the features of the store, under a name of what it follows from.

    Args:
        data: as `conf/data/datamodule.yaml`, resolved. What a sync expert has no use for is ignored.
    """
    config = composed("train_sync_expert", ["out=unused", "data.store=unused"])
    OmegaConf.update(config, "data", {name: data[name] for name in _OF_DATA if name in data})
    sources = Sources.of(config)
    identity = {
        "version": VERSION,
        "content_hash": sources.content_hash,
        "split_hash": sources.split.hash,
        "bank": sources.bank.folder.name,
        "features_hash": sources.features.config_hash,
        **{name: OmegaConf.to_container(config[name], resolve=True) for name in ("network", "training")},
        "seed": config.seed,
        "min_clip_frames": config.data.min_clip_frames,
    }
    path = sources.folder / f"sync_expert-{hash_of(identity)}.ckpt"
    if path.is_file():
        return SyncExpert.load(path)
    expert = train(config, sources)
    expert.save(path)
    return expert


def features_of(expert: SyncExpert) -> FeatureExtractor:
    """The extractor of the rows that an expert takes.

    Raises:
        CheckpointError: it is none of ours, or gives other numbers than in training.
    """
    config, wanted = expert.contract.features, expert.contract.features_hash
    if not str(config.get("_target_", "")).startswith("src.data.features."):
        raise CheckpointError(
            f"the sync expert asks for features {config.get('_target_')!r}, which are none of ours. "
            "Use a file that you trust."
        )
    extractor: FeatureExtractor = instantiate(config)
    if extractor.config_hash != wanted:
        raise CheckpointError(
            f"the sync expert was trained on features with hash {wanted}, this program gives {extractor.config_hash}. "
            "Train it again with `python -m scripts.train_sync_expert`."
        )
    return extractor


if __name__ == "__main__":
    run(main, "train_sync_expert", short={"data": "data.store"})
