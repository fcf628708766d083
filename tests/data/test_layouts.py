from pathlib import Path

import pytest

from src.data.layouts import VideoFolder
from src.errors import DataError


def layout(root: Path) -> VideoFolder:
    return VideoFolder(
        root=str(root),
        extensions=[".mp4", ".mkv"],
        manifests=["MANIFEST.csv", "manifest.csv"],
        licence_columns=["licence", "repo_licence"],
    )


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_every_video_is_found_in_order_and_nothing_else(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("b.mp4", "a/c.MKV", "a/notes.txt", ".hidden.mp4", "a.mp4")))
    assert [source.name for source in layout(tmp_path).sources()] == ["a.mp4", "a/c.MKV", "b.mp4"]


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("id00017/video/00001.mp4", "id00017"),
        ("dev/id00017/video/00001.mp4", "id00017"),
        ("Ann/monday/1.mp4", "Ann"),
        ("lecture.mp4", "lecture"),
        ("ideas/1.mp4", "ideas"),
    ],
)
def test_the_speaker_is_told_by_the_folders(tmp_path: Path, name: str, speaker: str) -> None:
    touch(tmp_path / name)
    (source,) = layout(tmp_path).sources()
    assert (source.speaker, source.language, source.licence) == (speaker, "", "")


@pytest.mark.parametrize("beside", [False, True])
def test_a_manifest_knows_better_in_the_folder_or_beside_it(tmp_path: Path, beside: bool) -> None:
    root = tmp_path / "video"
    touch(root / "a.mp4", root / "sub" / "b.mp4", root / "c.mp4")
    prefix = "video/" if beside else ""
    (tmp_path / "MANIFEST.csv" if beside else root / "MANIFEST.csv").write_text(
        "file,speaker,speaker_group,language,repo_licence\n"
        f'{prefix}a.mp4,ann,g1,en,"MIT, really"\n{prefix}sub/b.mp4,bob,,ar,\n'
    )
    found = {source.name: source for source in layout(root).sources()}
    a, b, c = found["a.mp4"], found["sub/b.mp4"], found["c.mp4"]
    assert (a.speaker, a.language, a.licence) == ("g1", "en", "MIT, really")  # the group keeps splits apart
    assert (b.speaker, b.language, b.licence) == ("bob", "ar", "")
    assert c.speaker == "c"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: no such folder"):
        layout(tmp_path / "gone").sources()


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    with pytest.raises(DataError, match=r"no video in this folder or below it.*\.mp4, \.mkv"):
        layout(tmp_path).sources()


def test_a_manifest_without_file_names_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    (tmp_path / "manifest.csv").write_text("path,who\na.mp4,ann\n")
    with pytest.raises(DataError, match="no column `file` .it has: path, who"):
        layout(tmp_path).sources()
