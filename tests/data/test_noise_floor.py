import json
from pathlib import Path

import pytest

from src.data.noise_floor import floors_of, noise_floors
from src.errors import DataError
from src.motion import ARKIT55, CORE7


def write_report(folder: Path, content: object) -> Path:
    (folder / "report.json").write_text(json.dumps(content), "utf-8")
    return folder


def test_floors_are_those_of_the_report_and_what_was_never_still_has_none(tmp_path: Path) -> None:
    quality = {"jaw_open": {"noise_floor": 0.004}, "eye_blink": {"noise_floor": None}}
    assert noise_floors(write_report(tmp_path, {"clips_ok": 1, "label_qa": quality})) == {"jaw_open": 0.004}


def test_a_store_whose_labels_were_not_measured_has_none(tmp_path: Path) -> None:
    assert noise_floors(tmp_path) is None
    assert noise_floors(write_report(tmp_path, {"clips_ok": 1})) is None


def test_a_damaged_report_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{", "utf-8")
    with pytest.raises(DataError, match=r"report\.json: .* `python -m scripts\.data_card store="):
        noise_floors(tmp_path)
    with pytest.raises(DataError, match="can't be read"):
        noise_floors(write_report(tmp_path, {"label_qa": {"jaw_open": {}}}))


def test_a_specification_gets_its_own_channels_by_their_plain_names() -> None:
    floors = {"jaw_open": 0.1, "head_yaw": 0.2, "jawOpen": 0.3, "arkit55.head_yaw": 0.4}
    assert floors_of(floors, CORE7) == {"jaw_open": 0.1, "head_yaw": 0.2}
    assert floors_of(floors, ARKIT55) == {"jawOpen": 0.3, "head_yaw": 0.4}
