from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from src.data.layouts import Hdtf, Mead, Source, VideoFolder, VideoTree, VoxCeleb
from src.errors import DataError

COMMON = {"extensions": [".mp4", ".mkv"], "language": "", "licence": "", "consent": "", "fix_offset": False}


def layout(root: Path, **changed: object) -> VideoFolder:
    manifests = {"manifests": ["MANIFEST.csv", "manifest.csv"], "licence_columns": ["licence", "repo_licence"]}
    return VideoFolder(root=str(root), **{**COMMON, **manifests, **changed})  # type: ignore[arg-type]


def speakers(layout: VideoTree) -> dict[str, str]:
    return {source.name: source.speaker for source in layout.sources()}


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_every_video_is_found_in_order_and_nothing_else(tmp_path: Path) -> None:
    names = ("b.mp4", "a/c.MKV", "a/notes.txt", ".hidden.mp4", ".trash/d.mp4", "a.mp4")
    touch(*(tmp_path / name for name in names))
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
        "file,speaker,speaker_group,language,repo_licence,consent\n"
        f'{prefix}a.mp4,ann,g1,en,"MIT, really",signed\n{prefix}sub/b.mp4,bob,,ar,,\n'
    )
    found = {source.name: source for source in layout(root, licence="CC0", language="de").sources()}
    a, b, c = found["a.mp4"], found["sub/b.mp4"], found["c.mp4"]
    assert (a.speaker, a.language, a.licence) == ("g1", "en", "MIT, really")  # the group keeps splits apart
    assert (b.speaker, b.language, b.licence) == ("bob", "ar", "CC0")
    assert (c.speaker, c.language, c.licence) == ("c", "de", "CC0")
    assert [each.consent for each in (a, b, c)] == ["signed", "", ""]


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


def test_what_is_true_of_all_videos_is_said_once(tmp_path: Path) -> None:
    touch(tmp_path / "id1" / "video" / "1.mp4")
    said = {"language": "en", "licence": "CC BY 4.0", "consent": "forms/", "fix_offset": True}
    (source,) = VoxCeleb(root=str(tmp_path), **{**COMMON, **said}).sources()  # type: ignore[arg-type]
    name = "id1/video/1.mp4"
    assert source == Source(tmp_path / name, name, "id1", "en", "CC BY 4.0", "forms/", fix_offset=True)
    assert source.file_name == name


def test_voxceleb_is_read_as_released_and_as_cut(tmp_path: Path) -> None:
    names = ("id00012/video/1.mp4", "dev/mp4/id00017/21Uxsk56VDQ/00001.mp4", "test/mp4/id00018/x/1.mp4", "intro.mp4")
    touch(*(tmp_path / name for name in names))
    assert speakers(VoxCeleb(root=str(tmp_path), **COMMON)) == {
        "dev/mp4/id00017/21Uxsk56VDQ/00001.mp4": "id00017",
        "id00012/video/1.mp4": "id00012",
        "test/mp4/id00018/x/1.mp4": "id00018",
    }


def test_recordings_of_one_person_in_hdtf_stay_together(tmp_path: Path) -> None:
    clips = {
        "RD_Radio3_000.mp4": "Radio3",
        "RD_Radio30_000.mp4": "Radio30",
        "WDA_NancyPelosi0_000.mp4": "NancyPelosi",
        "WDA_NancyPelosi1_001.mp4": "NancyPelosi",
        "split_video_25fps/WRA_MittRomney_000_cfr25.mp4": "MittRomney",
        "split_video_25fps/WDA_LucilleRoybal-Allard_000.mp4": "LucilleRoybal-Allard",
    }
    touch(*(tmp_path / name for name in [*clips, "_videos_raw/WDA_NancyPelosi0_000.mp4", "_videos_raw/WDA_Ann.mp4"]))
    assert speakers(Hdtf(root=str(tmp_path), **COMMON)) == clips


def test_mead_gives_the_wanted_views(tmp_path: Path) -> None:
    touch(*(tmp_path / "M003/video" / view / "happy/level_1/001.mp4" for view in ("front", "left_30", "top")))
    touch(tmp_path / "W009/video-001/video/front/neutral/level_1/002.mp4", tmp_path / "M003/audio/happy/level_1/1.mp4")
    assert speakers(Mead(root=str(tmp_path), views=["front"], **COMMON)) == {
        "M003/video/front/happy/level_1/001.mp4": "M003",
        "W009/video-001/video/front/neutral/level_1/002.mp4": "W009",
    }
    assert len(Mead(root=str(tmp_path), views=["left_30", "top"], **COMMON).sources()) == 2


@pytest.mark.parametrize("kind", [VoxCeleb, Hdtf])
def test_another_tree_is_refused_with_the_arrangement_expected(tmp_path: Path, kind: type[VideoTree]) -> None:
    touch(tmp_path / "holidays" / "1.mp4")
    with pytest.raises(DataError, match=r"1 videos, but none as `.*holidays/1\.mp4.*data=folder"):
        kind(root=str(tmp_path), **COMMON).sources()  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"gone: no such folder"):
        kind(root=str(tmp_path / "gone"), **COMMON).sources()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["folder", "voxceleb", "hdtf", "mead", "manifest"])
def test_every_layout_has_its_configuration(tmp_path: Path, name: str) -> None:
    config = OmegaConf.load(Path(__file__).parents[2] / "conf" / "data" / f"{name}.yaml")
    config["manifest" if name == "manifest" else "root"] = str(tmp_path / "gone")
    with pytest.raises(DataError, match="gone: no such"):
        instantiate(config).sources()
