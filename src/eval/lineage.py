"""What a file was made from, link by link, and whether that is still what it was.

Files name what they were made from by hash: a session report its model and avatar, an exported model its checkpoint, a
checkpoint its configuration, data and code. `Tracer` follows these claims from file to file. It trusts no path: a path
only says where to look first, and what lies there counts if its hash is the one that was claimed.

How files are read, hashed and searched for is handed in, so nothing here knows a format.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any


class Verdict(StrEnum):
    """What became of a claim."""

    OK = "OK"
    """Found, with the hash that was claimed."""

    CHANGED = "CHANGED"
    """Something is where it should be, and it is something else."""

    NOT_FOUND = "NOT FOUND"
    """Nothing with that hash is where it was looked for."""

    NOT_RECORDED = "NOT RECORDED"
    """Nobody wrote down which one it was: an older file, say."""


@dataclass(frozen=True)
class Claim:
    """What a file says about something behind it.

    Attributes:
        name: of the link, such as "checkpoint".
        kind: how the thing is hashed: "file", "folder", "store" and so on; known to whoever reads files.
        recorded: the hash that is claimed; None if the file says nothing.
        places: where it may be, most likely first. Another thing there is a changed one.
        nearby: further places, where another thing means nothing.
        details: what its kind needs besides, such as names.
        note: what else is known, in words.
        is_end: what is found says nothing that this file does not say itself, if it has the hash.
    """

    name: str
    kind: str
    recorded: str | None
    places: tuple[Path, ...] = ()
    nearby: tuple[Path, ...] = ()
    details: tuple[str, ...] = ()
    note: str = ""
    is_end: bool = False


@dataclass(frozen=True)
class Artifact:
    """A file or folder that was read.

    Attributes:
        kind: in words.
        path: of it.
        facts: what a person wants to know of it.
        claims: about what it was made from, in the order of the chain.
    """

    kind: str
    path: Path
    facts: dict[str, str]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Found:
    """What lies at a place.

    Attributes:
        sha256: its hash, in the way of the claim's kind; None where it has none that could be compared.
        note: what a person should know, such as which parts differ.
    """

    sha256: str | None
    note: str = ""


@dataclass(frozen=True)
class Link:
    """A claim, and what became of it.

    Attributes:
        path: what was found; None for nothing.
        found: its hash.
        note: why, in words.
        artifact: what was found, if it says where it comes from.
        made_from: its own links.
    """

    claim: Claim
    verdict: Verdict
    path: Path | None
    found: str | None
    note: str = ""
    artifact: Artifact | None = None
    made_from: tuple["Link", ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            "name": self.claim.name,
            "kind": self.claim.kind,
            "verdict": str(self.verdict),
            "recorded": self.claim.recorded,
            "found": self.found,
            "path": None if self.path is None else str(self.path),
            "looked_at": [str(place) for place in self.claim.places],
            "note": self.note,
            "facts": {} if self.artifact is None else self.artifact.facts,
            "made_from": [link.to_dict() for link in self.made_from],
        }


@dataclass(frozen=True)
class Lineage:
    """All that is known of what a file was made from.

    Attributes:
        root: the file.
        links: from it, each with those behind it.
    """

    root: Artifact
    links: tuple[Link, ...]

    def all_links(self) -> Iterator[Link]:
        """Every link, a file's own before those behind it."""
        waiting = list(self.links)
        while waiting:
            link = waiting.pop(0)
            yield link
            waiting[:0] = link.made_from

    def counts(self) -> dict[str, int]:
        """Links by verdict."""
        verdicts = [link.verdict for link in self.all_links()]
        return {str(verdict): verdicts.count(verdict) for verdict in Verdict}

    def holds(self, *, strict: bool) -> bool:
        """Whether nothing was changed; if `strict`, also whether nothing is missing."""
        bad = set(Verdict) - {Verdict.OK} if strict else {Verdict.CHANGED}
        return not any(link.verdict in bad for link in self.all_links())

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            "file": str(self.root.path),
            "kind": self.root.kind,
            "facts": self.root.facts,
            "counts": self.counts(),
            "made_from": [link.to_dict() for link in self.links],
        }


class Tracer:
    """Follows claims from file to file; everything is looked at once."""

    def __init__(
        self,
        *,
        read: Callable[[Path], Artifact | None],
        look: Callable[[Claim, Path], Found | None],
        search: Callable[[Claim], Iterable[Path]],
    ) -> None:
        """Take the ways of reading, hashing and searching.

        Args:
            read: what a file says it was made from; None for one that says nothing or can't be read.
            look: what lies at a place, hashed in the way of the claim's kind; None for nothing of that kind.
            search: further places for a claim, where another thing means nothing.
        """
        self._read, self._look, self._search = read, look, search
        self._followed: dict[tuple[str, str], Link] = {}
        self._opened: set[Path] = set()

    def trace(self, root: Artifact) -> Lineage:
        """Follow all claims of a file."""
        self._opened.add(root.path.resolve())
        return Lineage(root, tuple(self._follow(claim) for claim in root.claims))

    def _follow(self, claim: Claim) -> Link:
        if claim.recorded is None:
            return self._unrecorded(claim)
        key = (claim.kind, claim.recorded)
        known = self._followed.get(key)
        if known is not None and known.verdict is Verdict.OK:
            return replace(known, claim=claim, note="as above", artifact=None, made_from=())
        link = self._compared(claim, claim.recorded)
        self._followed[key] = link
        return link if claim.is_end and link.verdict is Verdict.OK else replace(link, **self._behind(claim, link.path))

    def _compared(self, claim: Claim, recorded: str) -> Link:
        others: list[tuple[Path, Found]] = []
        notes = [claim.note] if claim.note else []
        for place in dict.fromkeys((*claim.places, *claim.nearby)):
            found = self._look(claim, place)
            if found is None:
                continue
            if found.sha256 == recorded:
                notes += [f"another one is at {path}" for path, _ in others]
                return Link(claim, Verdict.OK, place, recorded, "; ".join(filter(None, [*notes, found.note])))
            if found.sha256 is None:
                notes.append(found.note)
            elif place in claim.places:
                others.append((place, found))
        for place in self._search(claim):
            found = self._look(claim, place)
            if found is not None and found.sha256 == recorded:
                words = filter(None, [*notes, "found by searching", found.note])
                return Link(claim, Verdict.OK, place, recorded, "; ".join(words))
        if others:
            place, found = others[0]
            return Link(claim, Verdict.CHANGED, place, found.sha256, "; ".join(filter(None, [*notes, found.note])))
        return Link(claim, Verdict.NOT_FOUND, None, None, "; ".join(notes))

    def _unrecorded(self, claim: Claim) -> Link:
        """A link of which no hash is known; what lies at its first place is read all the same."""
        for place in claim.places:
            found = self._look(claim, place)
            if found is not None:
                note = claim.note or "nothing says that it is this one"
                link = Link(claim, Verdict.NOT_RECORDED, place, found.sha256, note)
                return replace(link, **self._behind(claim, place))
        return Link(claim, Verdict.NOT_RECORDED, None, None, claim.note)

    def _behind(self, claim: Claim, path: Path | None) -> dict[str, Any]:
        """What a found thing was made from; what it says about itself, if the claim says it too, is no further link."""
        if path is None or path.resolve() in self._opened:
            return {}
        self._opened.add(path.resolve())
        artifact = self._read(path)
        if artifact is None:
            return {}
        own = [one for one in artifact.claims if one.recorded is None or one.recorded != claim.recorded]
        return {"artifact": artifact, "made_from": tuple(self._follow(one) for one in own)}
