"""The table of styles by itself; what it does in networks is in `test_networks.py`."""

import pytest
import torch

from src.errors import ConfigError
from src.models.style import Style


def style(**changes: float) -> Style:
    torch.manual_seed(0)
    return Style(**{"style_size": 4, "style_dropout": 0.3, "num_speakers": 3, "hidden_size": 6, **changes})


def test_it_changes_nothing_before_training() -> None:
    styles, hidden = style(), torch.randn(2, 5, 6)
    assert torch.equal(styles(hidden, styles.state(2, torch.tensor([1, 2]))), hidden)


def test_speakers_differ_from_the_start_and_the_unknown_is_in_their_middle() -> None:
    table = style().table
    assert torch.equal(table[0], torch.zeros(4))
    assert len(torch.unique(table, dim=0)) == 4


def test_a_new_table_has_room_for_all_speakers() -> None:
    styles = style().eval()
    styles.set_speakers(9)
    assert styles.num_speakers == 9
    assert styles.state(2, torch.tensor([9, 0]))[0].shape == (2, 4)


@pytest.mark.parametrize("ids", [[4, 0], [-1, 0], [1], [[1, 2]]], ids=str)
def test_ids_that_the_table_lacks_are_refused(ids: list) -> None:
    with pytest.raises(ConfigError, match=r"for 2 streams of a network that knows 3.*0 \(unknown\) to 3"):
        style().state(2, torch.tensor(ids))


@pytest.mark.parametrize("wrong", [{"style_size": -1}, {"style_dropout": 1.1}, {"num_speakers": -2}], ids=str)
def test_impossible_numbers_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        style(**wrong)


def test_without_a_size_there_is_no_style() -> None:
    none = style(style_size=0)
    hidden = torch.randn(2, 5, 6)
    assert none.state(2, torch.tensor([7, 0])) == ()
    assert none(hidden, ()) is hidden
    assert not list(none.parameters())
