"""The page of a leaderboard says who leads, by how much, at which cost, and what to doubt."""

import re

from src.eval.leaderboard import Leaderboard, Objective, advantage
from src.eval.leaderboard_page import Subject, Winner, leaderboard_page, pareto_chart, summary
from src.eval.report import page_html
from tests.eval.sweeps import grid, ranked, trial

SUBJECT = Subject("architectures", {"models": "architecture"}, "models", (("Data hash", "ab12"),))
ENERGY = trial(900, 0.2, kind="control", group="energy", axes={"models": "energy"}, latency_ms=22.5)


def winner_of(board: Leaderboard, *passed_over: tuple[str, str]) -> Winner:
    row = board.rows[0]
    against = {other.label: advantage(row, other, draws=50, seed=0) for other in board.controls}
    return Winner(row, row.best, against, passed_over)


def test_the_page_names_the_leader_its_margin_and_its_costs() -> None:
    board = ranked(*grid(seeds=(0, 1)), ENERGY)
    page = leaderboard_page(board, winner_of(board), SUBJECT)
    assert page.summary.startswith(
        "tcn \u00b7 mel \u00b7 lookahead 4 is the best of 18 configurations by val/lip_r, above energy"
    )
    assert "Validation data chose it" in page.summary
    tiles = {figure.label: figure.value for figure in page.headline}
    assert tiles["val/lip_r"] == "0.461"  # 0.46 and 0.461 by two seeds
    assert tiles["Lip r above energy"] == "0.261"
    assert tiles["Algorithmic latency"] == 182.5
    assert tiles["Trials with a figure"] == "37 of 37"
    html = page_html(page)
    for title in ("Quality against algorithmic latency", "Quality against computing time", "What each choice is worth",
                  "Choices and what came of them", "What the columns mean", "Against the controls"):  # fmt: skip
        assert f"<h2>{title}</h2>" in html
    assert "ab12" in html


def test_a_leader_that_a_control_may_equal_is_not_praised() -> None:
    board = ranked(trial(0, 0.3), trial(1, 0.3, kind="control", axes={"models": "energy"}))
    said = summary(board, winner_of(board))
    assert "not surely above energy" in said


def test_a_winner_that_does_not_lead_is_said_to_be_what_it_is() -> None:
    board = ranked(trial(0, 0.5), trial(1, 0.4, group="b"), trial(2, 0.4, group="b", seed=1))
    row = board.rows[1]
    said = summary(board, Winner(row, row.best, {}, [("tcn", "too slow")]))
    assert said.startswith("tcn \u00b7 lookahead 1, at place 2 of 2 configurations by val/lip_r, is the best of those ")
    assert "were tried with 2 seeds and the live loop can use. Validation" in said


def test_the_pareto_chart_marks_the_best_at_each_latency() -> None:
    board = ranked(*grid())
    drawing = pareto_chart(board, SUBJECT, "latency").svg
    assert drawing.count('class="point') == 18
    assert drawing.count("beaten") == 15
    assert re.findall(r'<span class="tag[^>]*>#(\d+)<small> ([^<]*)', drawing)[0] == (
        "1",
        "tcn \u00b7 mel \u00b7 lookahead 4",
    )
    assert re.findall(r'class="series s\d"><svg.*?</svg>([^<]*)</li>', drawing) == ["lstm", "tcn", "transformer"]


def test_a_sweep_with_nothing_finished_has_a_page_that_says_so() -> None:
    board = ranked(trial(0, None), trial(1, None, state="unfinished", error=""))
    page = leaderboard_page(board, Winner(None, None, {}, ()), SUBJECT)
    assert page.summary == "No configuration can be named best so far. No result yet: 1 of 2 trials."
    html = page_html(page)
    assert "it broke" in html
    assert html.count("No configuration has both figures yet") == 2


def test_what_was_passed_over_and_why_is_on_the_page() -> None:
    board = ranked(trial(0, 0.4))
    html = page_html(leaderboard_page(board, winner_of(board, ("lstm, seed 0", "reads from both ends")), SUBJECT))
    assert "reads from both ends" in html


def test_a_hundred_configurations_and_a_cost_that_is_unknown_make_a_page() -> None:
    entries = [trial(number, 0.3 + 0.001 * number, cpu_ms=None, axes={"models": "tcn", "lr": number * 1e-5})
               for number in range(100)]  # fmt: skip
    board = ranked(*entries, objective=Objective("val/lip_r", "max"))
    html = page_html(leaderboard_page(board, winner_of(board), SUBJECT))
    assert html.count("No configuration has both figures yet") == 1


def test_hostile_names_are_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>|'
    board = ranked(
        trial(0, 0.4, axes={"models": evil, evil: 1}),
        trial(1, 0.3, axes={"models": evil, evil: 2}),
        trial(2, 0.2, kind="control", axes={"models": evil + "control"}),
        trial(3, None, error=evil, axes={evil: evil}),
    )
    page = leaderboard_page(board, winner_of(board, (evil, evil)), Subject(evil, {}, "models", ((evil, evil),)))
    assert "<script>alert" not in page_html(page)
