"""Follow what a file was made from, and check every link by hash.

python -m scripts.provenance <file or folder> [search=<folder>] [strict=true] [json=true] [out=<json>]

Takes the report.json of a session or of the demo, an exported model (.onnx), a checkpoint (.ckpt), a run folder or its
metrics.json, the metrics.json of an evaluation, an avatar (folder or .avatar file), and a store. The chain: session <-
avatar, model <- checkpoint <- configuration, code, data. Paths only say where to look first: next to the file, where it
was, below `search`; what counts is the hash. OK: it is what was recorded. CHANGED: another thing lies there. NOT FOUND:
it is nowhere. NOT RECORDED: an older file, which does not say.

Exit code 0 if nothing is CHANGED (`strict=true`: and nothing NOT FOUND or NOT RECORDED), else 1.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.tree import Tree

from scripts.entry import run
from scripts.make_avatar import builtin_portrait
from scripts.origins import (
    AVATAR,
    CODE,
    FILE,
    MEMBER,
    PORTRAIT,
    RECORD,
    SIGNED,
    SPLIT,
    STORE,
    read_artifact,
    read_json,
    record_hash,
)
from src.data.split import TRAIN, VAL, hold_out
from src.data.store import MANIFEST, Store, clip_path
from src.errors import Audio2MotionError, ConfigError, RenderError
from src.eval.lineage import Artifact, Claim, Found, Lineage, Link, Tracer, Verdict
from src.files import sha256_of, write_json
from src.render.avatar import read_package
from src.render.avatar_archive import SUFFIX, read_archive
from src.render.avatar_package import pack_avatar, unpack_avatar
from src.render.avatar_schema import DESCRIPTION
from src.render.avatar_signature import check_signature

EXIT_FAILED = 1

_STYLES = {
    Verdict.OK: "green",
    Verdict.CHANGED: "bold red",
    Verdict.NOT_FOUND: "yellow",
    Verdict.NOT_RECORDED: "dim",
}
_MODELS = (".ckpt", ".onnx")
_MOST_NAMED = 3
_MANY_CLIPS = 200
_WIDTH = 1000


def main(config: DictConfig) -> None:
    """Trace, print, judge."""
    path = Path(config.file)
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder. Check the path.")
    if config.search is not None and not Path(config.search).is_dir():
        raise ConfigError(f"search={config.search}: no such folder. Give one to look through, or leave it out.")
    root = read_artifact(path)
    if root is None:
        raise ConfigError(
            f"{path}: says nothing about where it comes from. Give a session's report.json, a .onnx or .ckpt, a run "
            "folder, a metrics.json, an avatar package or a store."
        )
    places = Places(None if config.search is None else Path(config.search))
    lineage = Tracer(read=read, look=places.look, search=places.search).trace(root)
    content = {**lineage.to_dict(), "holds": lineage.holds(strict=config.strict), "strict": config.strict}
    if config.json:
        print(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        show(lineage)
    if config.out is not None:
        write_json(Path(config.out), content)
    if not lineage.holds(strict=config.strict):
        sys.exit(EXIT_FAILED)


def read(path: Path) -> Artifact | None:
    """What a file behind a link says; one that can't be read any more says why, and nothing else."""
    try:
        return read_artifact(path)
    except Audio2MotionError as error:
        return Artifact("unreadable file", path, {"why": str(error)}, ())


class Places:
    """Looks at places, each once, and searches a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._hashes: dict[Path, str] = {}
        self._looks: dict[str, Callable[[Claim, Path], Found | None]] = {
            FILE: self._file,
            AVATAR: self._avatar,
            MEMBER: self._member,
            SIGNED: self._signed,
            STORE: self._store,
            SPLIT: self._split,
            CODE: self._code,
            RECORD: self._record,
            PORTRAIT: self._portrait,
        }

    def look(self, claim: Claim, place: Path) -> Found | None:
        """See `Tracer`."""
        try:
            return self._looks[claim.kind](claim, place)
        except Audio2MotionError:  # it is there, and nobody can say that it is the one; `read` tells why
            return Found("", "can't be read")

    def search(self, claim: Claim) -> Iterable[Path]:
        """See `Tracer`."""
        if self._folder is None:
            return ()
        if claim.kind == FILE:
            endings = {place.suffix.lower() for place in claim.places} or _MODELS
            return [path for ending in endings for path in self._files[ending]]
        holder = {STORE: MANIFEST, SPLIT: MANIFEST, AVATAR: DESCRIPTION}.get(claim.kind)
        if holder is None:
            return ()
        packed = self._files[SUFFIX] if claim.kind == AVATAR else []
        return [*packed, *(path.parent for path in self._files[Path(holder).suffix] if path.name == holder)]

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """All files below the folder, by their endings."""
        found: dict[str, list[Path]] = defaultdict(list)
        for folder, folders, names in os.walk(self._folder or "."):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                found[Path(name).suffix.lower()].append(Path(folder, name))
        return found

    def _hash(self, path: Path) -> str:
        key = path.resolve()
        if key not in self._hashes:
            self._hashes[key] = sha256_of(path)
        return self._hashes[key]

    def _file(self, claim: Claim, place: Path) -> Found | None:
        return Found(self._hash(place)) if place.is_file() else None

    def _avatar(self, claim: Claim, place: Path) -> Found | None:
        """The package as it lies, or, if that is another one, what it would be in a file or in a folder."""
        packed = place.suffix == SUFFIX and place.is_file()
        if not packed and not (place / DESCRIPTION).is_file():
            return None
        found = Found(self._hash(place))
        if found.sha256 != claim.recorded:
            with suppress(RenderError), TemporaryDirectory() as folder:  # a damaged package is a changed one
                other = Path(folder, "other" if packed else f"other{SUFFIX}")
                (unpack_avatar if packed else pack_avatar)(place, other)
                if sha256_of(other) == claim.recorded:
                    return Found(claim.recorded, "packed since" if packed else "unpacked since")
        return found

    def _member(self, claim: Claim, place: Path) -> Found | None:
        """A file of a packed avatar."""
        if not place.is_file():
            return None
        (name,) = claim.details
        return Found(hashlib.sha256(read_archive(place)[name]).hexdigest())

    def _signed(self, claim: Claim, place: Path) -> Found | None:
        """The signature, if it is one of what lies there."""
        if find_spec("cryptography") is None:
            return Found(None, "can't be checked without the extra `sign`")
        try:
            key = check_signature(read_package(place), str(place))
        except RenderError as error:
            return Found("", str(error))
        return Found(claim.recorded, f"by the key {key}")

    def _store(self, claim: Claim, place: Path) -> Found | None:
        """The content hash, not as the manifest says but from the bytes of all clips."""
        if not (place / MANIFEST).is_file():
            return None
        store = Store.open(place)
        ids, named = store.clips.column("clip_id"), store.clips.column("clip_sha256")
        digest, other = hashlib.sha256(), []
        rows = list(zip(ids, named, strict=True))
        console = Console(stderr=True)
        for clip_id, expected in track(rows, "clips", console=console, transient=True, disable=len(rows) < _MANY_CLIPS):
            path = clip_path(place, clip_id)
            found = self._hash(path) if path.is_file() else "missing"
            digest.update(f"{clip_id} {found}\n".encode())
            if found != expected:
                other.append(f"{path.name} is {'missing' if found == 'missing' else 'changed'}")
        more = f" and {len(other) - _MOST_NAMED} more" if len(other) > _MOST_NAMED else ""
        return Found(digest.hexdigest(), ", ".join(other[:_MOST_NAMED]) + more)

    def _split(self, claim: Claim, place: Path) -> Found | None:
        """The split hash of the manifest, or with the speakers that a run held out instead."""
        if not (place / MANIFEST).is_file():
            return None
        clips = Store.open(place).clips
        names, parts = clips.column("clip_id"), clips.column("split")
        splits = dict(zip(names, parts, strict=True))
        if claim.details:
            before = splits if all(parts) else dict.fromkeys(names, TRAIN)
            try:
                splits = hold_out(before, dict(zip(names, clips.column("speaker"), strict=True)), claim.details)
            except Audio2MotionError as error:  # it names somebody whom this store does not have
                return Found("", str(error))
        elif not all(parts) or not {TRAIN, VAL} <= set(parts):
            return Found(None, "drawn in training, not named by the manifest; seed and configuration give it again")
        return Found(hashlib.sha256("".join(f"{name} {splits[name]}\n" for name in names).encode()).hexdigest())

    def _code(self, claim: Claim, place: Path) -> Found | None:
        """A commit, if the repository has it."""
        command = ["git", "cat-file", "-e", f"{claim.recorded}^{{commit}}"]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, check=False)
        except OSError:
            return None
        return Found(claim.recorded) if done.returncode == 0 else None

    def _record(self, claim: Claim, place: Path) -> Found | None:
        return Found(record_hash(read_json(place), claim.details)) if place.is_file() else None

    def _portrait(self, claim: Claim, place: Path) -> Found | None:
        """The pixels of the portrait that comes with a package; None without it."""
        try:
            return Found(hashlib.sha256(builtin_portrait().tobytes()).hexdigest())
        except ModuleNotFoundError:
            return None


def show(lineage: Lineage) -> None:
    """The tree and the sum, on stdout."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)  # a line per link, for whoever reads the text
    tree = Tree(f"[bold]{lineage.root.kind}[/] {escape(str(lineage.root.path))}{facts_of(lineage.root)}")
    for link in lineage.links:
        grow(tree, link)
    console.print(tree, highlight=False)
    counts = [f"{count} {verdict}" for verdict, count in lineage.counts().items() if count]
    console.print(f"{sum(lineage.counts().values())} links: {', '.join(counts)}", highlight=False)


def grow(tree: Tree, link: Link) -> None:
    """Add a link and those behind it."""
    claim, style = link.claim, _STYLES[link.verdict]
    hashes = "" if claim.recorded is None else claim.recorded[:12]
    if link.verdict is Verdict.CHANGED:
        hashes = f"recorded {hashes}, found {(link.found or 'no hash')[:12]}"
    where = "" if link.path is None else f" {escape(str(link.path))}"
    if link.verdict is Verdict.NOT_FOUND and claim.places:
        more = len(claim.places) - 1
        where = f" not at {escape(str(claim.places[0]))}" + (f" nor {more} other places" if more else "")
    note = f" [italic]{escape(link.note)}[/]" if link.note else ""
    words = f"[{style}]{link.verdict}[/] [bold]{escape(claim.name)}[/] [cyan]{hashes}[/]{where}{note}"
    branch = tree.add(words + ("" if link.artifact is None else facts_of(link.artifact)))
    for behind in link.made_from:
        grow(branch, behind)


def facts_of(artifact: Artifact) -> str:
    """What a file says about itself, behind its name."""
    said = ", ".join(f"{name} {value}" for name, value in artifact.facts.items())
    return f" [dim]({escape(said)})[/]" if said else ""


if __name__ == "__main__":
    run(main, "provenance", positional="file")
