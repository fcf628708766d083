"""Following claims: what counts is the hash, wherever a thing lies."""

from pathlib import Path

import pytest

from src.eval.lineage import Artifact, Claim, Found, Lineage, Tracer, Verdict

WORLD = {"a": "1", "b": "2", "b/copy": "3", "c": "3", "broken": ""}
"""Hashes by place."""

SAYS = {
    "a": (Claim("b", "file", "2", (Path("b"),)),),
    "b": (Claim("c", "file", "3", (Path("gone"), Path("c"))), Claim("a", "file", None, (Path("a"),))),
}


def trace(*claims: Claim, found_below: tuple[str, ...] = ()) -> Lineage:
    looked: list[str] = []

    def look(claim: Claim, place: Path) -> Found | None:
        looked.append(str(place))
        return Found(WORLD[str(place)]) if str(place) in WORLD else None

    def read(path: Path) -> Artifact | None:
        return Artifact("thing", path, {}, SAYS[str(path)]) if str(path) in SAYS else None

    tracer = Tracer(read=read, look=look, search=lambda claim: map(Path, found_below))
    return tracer.trace(Artifact("root", Path("root"), {}, claims))


def test_links_are_followed_to_the_end_and_circles_are_not() -> None:
    lineage = trace(Claim("a", "file", "1", (Path("a"),)))
    assert [(link.claim.name, link.verdict) for link in lineage.all_links()] == [
        ("a", Verdict.OK),
        ("b", Verdict.OK),
        ("c", Verdict.OK),
        ("a", Verdict.NOT_RECORDED),
    ]
    assert lineage.holds(strict=False)
    assert not lineage.holds(strict=True)
    assert lineage.counts() == {"OK": 3, "CHANGED": 0, "NOT FOUND": 0, "NOT RECORDED": 1}
    assert lineage.to_dict()["made_from"][0]["made_from"][0]["recorded"] == "2"


@pytest.mark.parametrize(
    ("claim", "verdict", "path"),
    [
        (Claim("c", "file", "3", (Path("c"),)), Verdict.OK, "c"),
        (Claim("c", "file", "3", (Path("b"),), (Path("c"),)), Verdict.OK, "c"),
        (Claim("c", "file", "9", (Path("c"),)), Verdict.CHANGED, "c"),
        (Claim("c", "file", "9", (Path("gone"),), (Path("c"),)), Verdict.NOT_FOUND, None),
        (Claim("c", "file", "9", ()), Verdict.NOT_FOUND, None),
        (Claim("c", "file", "9", (Path("broken"),)), Verdict.CHANGED, "broken"),
        (Claim("c", "file", None, (Path("gone"), Path("c"))), Verdict.NOT_RECORDED, "c"),
        (Claim("c", "file", None), Verdict.NOT_RECORDED, None),
    ],
)
def test_what_lies_at_a_place_counts_by_its_hash(claim: Claim, verdict: Verdict, path: str | None) -> None:
    (link,) = trace(claim).links
    assert (link.verdict, None if link.path is None else str(link.path)) == (verdict, path)


def test_searching_finds_what_moved_and_never_says_changed() -> None:
    (link,) = trace(Claim("c", "file", "3", (Path("gone"),)), found_below=("a", "c")).links
    assert (link.verdict, link.path, link.note) == (Verdict.OK, Path("c"), "found by searching")
    (link,) = trace(Claim("c", "file", "9", (Path("gone"),)), found_below=("a", "c")).links
    assert link.verdict is Verdict.NOT_FOUND


def test_another_thing_beside_the_right_one_is_mentioned() -> None:
    (link,) = trace(Claim("c", "file", "3", (Path("a"), Path("c")))).links
    assert (link.verdict, link.note) == (Verdict.OK, "another one is at a")


def test_a_link_that_is_there_twice_is_followed_once() -> None:
    twice = Claim("b", "file", "2", (Path("b"),))
    first, second = trace(twice, twice).links
    assert first.made_from
    assert (second.verdict, second.note, second.made_from) == (Verdict.OK, "as above", ())


def test_the_end_of_a_chain_is_not_opened_unless_it_was_changed() -> None:
    (same,) = trace(Claim("b", "file", "2", (Path("b"),), is_end=True)).links
    (other,) = trace(Claim("b", "file", "9", (Path("b"),), is_end=True)).links
    assert same.artifact is None
    assert other.artifact is not None
