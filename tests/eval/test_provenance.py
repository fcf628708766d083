"""Reports say which code and machine their numbers come from."""

import json

from src.eval.provenance import provenance


def test_the_record_is_plain_json_and_names_machine_and_versions() -> None:
    record = json.loads(json.dumps(provenance().to_dict()))
    assert record["cores"] >= 1
    assert record["cpu"]
    assert record["packages"]["numpy"].count(".") >= 1
