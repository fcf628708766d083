"""What each kind of file of this project says it was made from; `scripts.provenance` follows it.

Session report, exported model, checkpoint, run folder, evaluation, avatar package and store. A file that says nothing
about a link gives a claim without a hash, so that the gap is seen.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from scripts.make_avatar import BUILTIN
from src.data.store import MANIFEST, Store
from src.errors import CheckpointError, DataError
from src.eval.lineage import Artifact, Claim
from src.models.checkpoint import read_description
from src.models.onnx_model import read_header
from src.render.avatar_archive import SUFFIX, read_archive
from src.render.avatar_schema import DESCRIPTION
from src.render.avatar_schema import read_description as read_avatar
from src.render.avatar_signature import SIGNATURE

FILE, STORE, SPLIT, CODE, RECORD, PORTRAIT = "file", "store", "split", "code", "record", "portrait"
AVATAR, MEMBER, SIGNED = "avatar", "member", "signed"
"""Kinds of claims: how the thing is hashed; see `scripts.provenance`."""

METRICS, CONFIG, PARITY = "metrics.json", "config.yaml", "parity.json"
REPOSITORY = Path(__file__).resolve().parent.parent

_UPWARDS = 3
"""Folders above a file in which the end of a recorded path is tried."""


def read_artifact(path: Path) -> Artifact | None:
    """What a file or folder says about itself; None if it is of no kind that says where it comes from.

    Raises:
        Audio2MotionError: it is of such a kind, but can't be read.
    """
    if path.is_dir():
        for name, read in ((MANIFEST, _store), (DESCRIPTION, _avatar), (METRICS, _metrics), (CONFIG, _unfinished_run)):
            if (path / name).is_file():
                return read(path / name)
        return None
    readers: dict[str, Callable[[Path], Artifact | None]] = {
        ".ckpt": _checkpoint, ".onnx": _onnx, ".json": _json_file, ".parquet": _store, SUFFIX: _packed_avatar,
    }  # fmt: skip
    return readers.get(path.suffix.lower(), lambda _: None)(path)


def record_hash(values: Mapping[str, Any], keys: Iterable[str]) -> str:
    """SHA-256 of some values of a mapping, for comparing two records of one run."""
    return hashlib.sha256(json.dumps({key: values.get(key) for key in sorted(keys)}).encode()).hexdigest()


def candidates(recorded: str | None, beside: Path) -> tuple[Path, ...]:
    """Where a recorded path may lead, seen from the folder of the file that holds it.

    Its last parts in that folder; the path as it is; and, since folders move as a whole, its last parts in the
    folders above.
    """
    if not recorded:
        return ()
    path = Path(recorded)
    parts = [part for part in path.parts if part not in (path.anchor, "..")]
    tails = [Path(*parts[-count:]) for count in range(1, len(parts) + 1)]
    above = list(beside.resolve().parents)[:_UPWARDS]
    near, far = ([folder / tail for folder in folders for tail in tails] for folders in ([beside], above))
    return tuple(dict.fromkeys([*near, path, *far]))


def _json_file(path: Path) -> Artifact | None:
    content = read_json(path)
    if (path.parent / MANIFEST).is_file():
        return _store(path.parent / MANIFEST)  # the report of a preparation, and what else a store has
    if path.name == DESCRIPTION:
        return _avatar(path)
    if isinstance(content.get("inputs"), dict):
        return _session(path, content)
    if "best_epoch" in content or "rows" in content:
        return _metrics(path)
    return None


def _session(path: Path, content: Mapping[str, Any]) -> Artifact:
    """`report.json` of a live session or of the demo."""
    inputs: Mapping[str, Any] = content["inputs"]
    model, avatar, source = (inputs.get(name) or {} for name in ("checkpoint", "avatar", "source"))
    claims = [Claim("model", FILE, model.get("sha256"), candidates(model.get("path"), path.parent))]
    if exported_from := model.get("exported_from_sha256"):
        claims.append(Claim("checkpoint of the model", FILE, exported_from))
    if avatar.get("path") == BUILTIN:
        claims.append(Claim("avatar", PORTRAIT, avatar.get("sha256"), (Path(BUILTIN),), note="the program's portrait"))
    else:
        claims.append(Claim("avatar", AVATAR, avatar.get("sha256"), candidates(avatar.get("path"), path.parent)))
    claims.append(Claim("sound", FILE, source.get("sha256"), candidates(source.get("path"), path.parent)))
    if isinstance(content.get("data"), dict):
        claims.append(Claim("data", STORE, content["data"].get("data_hash"), (path.parent / "store",)))
    commit = (content.get("machine") or {}).get("commit")
    claims.append(_code(commit))
    facts = {"clock": content.get("clock"), "frames": content.get("frames"), "seed": content.get("seed")}
    return Artifact("session report", path, _said(facts), tuple(claims))


def _onnx(path: Path) -> Artifact:
    header = read_header(path)
    parity = read_json(path.parent / PARITY) if (path.parent / PARITY).is_file() else {}
    exported = (parity.get("files") or {}).get(path.name) or {}
    named = (parity.get("checkpoint") or {}).get("path")
    checkpoints = (path.with_suffix(".ckpt"), *candidates(named, path.parent))
    nearby = [*path.parent.glob("*.ckpt"), *path.parent.parent.glob("*.ckpt")]
    claims = [Claim("checkpoint", FILE, header.checkpoint_sha256, checkpoints, tuple(sorted(nearby)))]
    if exported:
        claims.append(Claim(f"itself, as {PARITY} names it", FILE, exported.get("sha256"), (path,)))
    facts = {"variant": header.variant, "spec": header.contract.spec_name, "made with": header.made_with.get("torch")}
    return Artifact("exported model", path, _said(facts), tuple(claims))


def _checkpoint(path: Path) -> Artifact:
    try:
        described = read_description(path)
    except CheckpointError as error:
        if not (itself := _itself(path)):
            raise
        return Artifact("unreadable checkpoint", path, {"why": str(error)}, itself)
    origin = described.origin or {}
    metrics = path.parent / METRICS
    if origin:
        claims = _run_claims(origin, path.parent, _values(path.parent / CONFIG))
        if metrics.is_file():
            keys = sorted(origin)
            recorded = record_hash(origin, keys)
            told = Claim(f"run, as {METRICS} tells it", RECORD, recorded, (metrics,), details=tuple(keys), is_end=True)
            claims.append(told)
    else:
        note = f"an older checkpoint names no data, configuration and commit; its run may be the {METRICS} beside it"
        claims = [Claim("run", RECORD, None, (metrics,), note=note)]
    claims += _itself(path)
    facts = {"epoch": described.epoch + 1, "seed": origin.get("seed"), "spec": described.contract.get("spec_name")}
    return Artifact("checkpoint", path, _said(facts), tuple(claims))


def _metrics(path: Path) -> Artifact:
    """`metrics.json` of a training run, or of an evaluation."""
    content, folder = read_json(path), path.parent
    if "rows" in content:
        return _evaluation(path, content)
    best = Claim("checkpoint", FILE, content.get("checkpoint_sha256"), (folder / "best.ckpt",))
    claims = (best, *_run_claims(content, folder, _values(folder / CONFIG)))
    facts = {
        "seed": content.get("seed"),
        "best epoch": content.get("best_epoch"),
        "val/lip_r": content.get("val/lip_r"),
    }
    return Artifact("training run", path, _said(facts), claims)


def _evaluation(path: Path, content: Mapping[str, Any]) -> Artifact:
    """`metrics.json` of `scripts.evaluate`."""
    checkpoint, data = content.get("checkpoint") or {}, content.get("data") or {}
    store = candidates(data.get("path"), path.parent)
    claims = (
        Claim("checkpoint", FILE, checkpoint.get("sha256"), candidates(checkpoint.get("path"), path.parent)),
        Claim("data", STORE, data.get("content_hash"), store),
        Claim("split", SPLIT, data.get("split_hash"), store),
        _code(content.get("commit") or (content.get("machine") or {}).get("commit")),
    )
    facts = {"split": data.get("split"), "clips": data.get("clips"), "seed": content.get("seed")}
    return Artifact("evaluation", path, _said(facts), claims)


def _unfinished_run(path: Path) -> Artifact:
    """A run folder without `metrics.json`: it was stopped, or is still going."""
    best = Claim("checkpoint", FILE, None, (path.parent / "best.ckpt", path.parent / "last.ckpt"))
    return Artifact("unfinished run", path.parent, {}, (best,))


def _avatar(path: Path) -> Artifact:
    content, folder = read_json(path), path.parent
    hashes = content.get("sha256") or {}
    claims = [Claim(name, FILE, sha256, (folder / name,)) for name, sha256 in sorted(hashes.items())]
    if (folder / SIGNATURE).is_file():
        claims.append(_signed((folder / SIGNATURE).read_bytes(), folder))
    return Artifact("avatar package", folder, _facts_of_avatar(content), tuple(claims))


def _packed_avatar(path: Path) -> Artifact:
    """An `.avatar` file."""
    files = read_archive(path)
    content = read_avatar(files[DESCRIPTION], f"{path}: {DESCRIPTION}")
    claims = [Claim(name, MEMBER, sha256, (path,), details=(name,)) for name, sha256 in sorted(content.sha256.items())]
    if SIGNATURE in files:
        claims.append(_signed(files[SIGNATURE], path))
    return Artifact("packed avatar", path, _facts_of_avatar(content.model_dump(mode="json")), tuple(claims))


def _signed(signature: bytes, package: Path) -> Claim:
    """That the signature is one of this package; by whom is asked by `scripts.inspect_avatar trusted_key=<key>`."""
    return Claim(f"what {SIGNATURE} signs", SIGNED, hashlib.sha256(signature).hexdigest(), (package,))


def _facts_of_avatar(content: Mapping[str, Any]) -> dict[str, str]:
    consent = content.get("consent")
    facts = {
        "name": content.get("name"),
        "size": content.get("size"),
        "photo": str(content.get("source_sha256"))[:12],
        "creator": content.get("creator"),
        "consent until": (consent.get("until") or "without an end") if isinstance(consent, Mapping) else None,
    }
    return _said(facts)


def _store(path: Path) -> Artifact:
    """A store; its content is what it is, hash by hash of its own clips."""
    store = Store.open(path.parent)
    own = Claim("clips, as the manifest names them", STORE, store.content_hash, (path.parent,))
    facts = {"clips": len(store.clips), "content": store.content_hash[:12], "split": store.split_hash[:12]}
    return Artifact("store", path.parent, _said(facts), (own,))


def _run_claims(origin: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> list[Claim]:
    """What a run was made from, as its checkpoint or its metrics say."""
    data: Mapping[str, Any] = config.get("data") or {}
    store = candidates(data.get("store"), folder)
    held_out = tuple(str(speaker) for speaker in data.get("val_speakers") or ())
    earlier = tuple(sorted(folder.glob("config-*.yaml")))
    claims = [
        Claim("configuration", FILE, origin.get("config_sha256"), (folder / CONFIG,), earlier),
        Claim("data", STORE, origin.get("data_hash"), store),
        Claim("split", SPLIT, origin.get("split_hash"), store, details=held_out),
        _code(origin.get("commit")),
    ]
    if guide := origin.get("guide"):
        named = ((data.get("guide") or {}).get("teacher") or {}).get("checkpoint")
        claims.append(Claim("teacher", FILE, guide.get("teacher_sha256"), candidates(named, folder)))
    return claims


def _code(commit: str | None) -> Claim:
    if commit and commit.endswith("+"):
        note = f"files differed from commit {commit[:-1]}; nobody kept how"
        return Claim("code", CODE, None, note=note)
    return Claim("code", CODE, commit or None, (REPOSITORY,))


def _itself(checkpoint: Path) -> tuple[Claim, ...]:
    """The bytes of a run's best checkpoint, as the run wrote them down."""
    metrics = checkpoint.parent / METRICS
    if checkpoint.name != "best.ckpt" or not metrics.is_file():
        return ()
    try:
        recorded = read_json(metrics).get("checkpoint_sha256")
    except DataError:  # the link to the run tells
        return ()
    return (Claim(f"itself, as {METRICS} names it", FILE, recorded, (checkpoint,)),)


def _values(path: Path) -> Mapping[str, Any]:
    """A run's `config.yaml`, for where to look; empty if it is not there or was damaged, which its own link tells."""
    try:
        content = OmegaConf.to_container(OmegaConf.create(path.read_text("utf-8")))
    except (OSError, ValueError, AssertionError, YAMLError, OmegaConfBaseException):
        return {}
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}


def read_json(path: Path) -> Mapping[str, Any]:
    """An object of a JSON file.

    Raises:
        DataError: it is none.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable JSON ({error}). Copy it again, or run what wrote it again.") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a JSON object. Give a report.json or metrics.json of this project.")
    return content


def _said(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts that are known, as words."""
    return {
        name: f"{value:.3f}" if isinstance(value, float) else str(value)
        for name, value in facts.items()
        if value is not None
    }
