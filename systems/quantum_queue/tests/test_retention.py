"""What the command accepts; what it removes is shown by the trials, on a real database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from quantum_queue import retention


@pytest.mark.parametrize(
    ("text", "hours"), [("1h", 1), ("36h", 36), ("30d", 720), ("8w", 1344), ("9999w", 1679832)]
)
def test_an_age_is_a_number_and_a_unit(text: str, hours: int) -> None:
    assert retention.age(text) == timedelta(hours=hours)


WRONG = ["", "0d", "30", "d", "-1d", "1.5d", "30 d", "30D", "10000w", "30days", "٣d"]


@pytest.mark.parametrize("text", WRONG)
def test_anything_else_is_refused_before_a_connection(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)  # nor is it asked for yet
    with pytest.raises(SystemExit) as ended:
        retention.main([f"--older-than={text}", "--delete"])
    assert ended.value.code == 2
    assert "is no age such as 36h, 30d or 8w" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--batch=0", "--batch=10001", "--seconds=-1", "--seconds=nan"])
def test_bounds_are_held(option: str) -> None:
    with pytest.raises(SystemExit) as ended:
        retention.main(["--older-than=1d", option])
    assert ended.value.code == 2


def test_without_an_age_nothing_is_guessed() -> None:
    with pytest.raises(SystemExit) as ended:
        retention.main(["--delete"])
    assert ended.value.code == 2


def test_without_a_database_it_says_which_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(SystemExit) as ended:
        retention.main(["--older-than=1d"])
    assert ended.value.code == 2
    assert "retention: cannot start: DATABASE_URL" in capsys.readouterr().err


def test_a_database_that_is_away_is_status_1_without_its_password(
    closed_port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:correct-horse@127.0.0.1:{closed_port}/db")
    assert retention.main(["--older-than=1d", "--delete"]) == 1
    said = capsys.readouterr()
    assert "out of reach" in said.err
    assert "correct-horse" not in said.out + said.err
