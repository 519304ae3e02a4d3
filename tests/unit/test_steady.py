"""What looks at a steady state come to, with a clock that the test sets."""

from __future__ import annotations

import pytest

from seatrial import steady
from seatrial.errors import UsageError
from seatrial.outcome import Outcome
from seatrial.steady import Allowance, NotMeasured, NotSteady, Watch, raise_unless_steady


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(steady, "time", clock)
    return clock


def watch(clock: Clock, looks: str, at_most: float | str | None = None, **more: float) -> Watch:
    """A look a second, each of 0.1 s: `+` holds, `-` does not, `!` raises, `.` is none."""
    made = Watch(
        bool,
        every=more.get("every", 1.0),
        gap=more.get("gap", 2.0),
        allowed=Allowance.of(at_most),
        what="it is well",
        began=clock.now,
        _last=clock.now,
    )
    for look in looks:
        began = clock.now
        clock.now += 0.1
        if look == "!":
            made.failed(began, ConnectionError("gone"))
        elif look != ".":
            made.saw(began, look == "+")
        clock.now = began + 1
    return made


@pytest.mark.parametrize(
    ("looks", "at_most", "outcome"),
    [
        ("+++++", None, Outcome.PASSED),
        ("++-++", None, Outcome.FAILED),
        ("++!++", None, Outcome.FAILED),
        ("++--+", "2s", Outcome.PASSED),
        ("+---+", "2s", Outcome.FAILED),
        ("+-+-+", 2.0, Outcome.PASSED),
        ("+-+-+-+", 2.0, Outcome.FAILED),
        ("+--", "1s", Outcome.FAILED),
        ("+++++++++-", "10%", Outcome.PASSED),
        ("++++++++--", "10%", Outcome.FAILED),
        ("", None, Outcome.NOT_MEASURED),
        ("+....+", None, Outcome.NOT_MEASURED),
        ("+++...", None, Outcome.NOT_MEASURED),
        ("+....+", "50%", Outcome.NOT_MEASURED),
        ("+-...+", None, Outcome.FAILED),
        ("++.++", None, Outcome.PASSED),
    ],
)
def test_outcomes(clock: Clock, looks: str, at_most: float | str | None, outcome: Outcome) -> None:
    concluded = watch(clock, looks, at_most).conclude()
    assert concluded.outcome is outcome, concluded
    assert bool(concluded.reason) is (outcome is not Outcome.PASSED)


def test_the_moments_when_it_did_not_hold(clock: Clock) -> None:
    concluded = watch(clock, "+-!++-").conclude()
    assert [(m.offset, round(m.duration, 3), m.found) for m in concluded.moments] == [
        (1.0, 2.0, "False"),
        (5.0, 1.0, "False"),
    ]
    assert (concluded.samples, concluded.failing) == (6, 3)
    assert "did not hold for 3.000 s of 6.000 s (3 of 6 looks)" in str(concluded)
    assert "1.000 s  for 2.000 s  False" in str(concluded)
    with pytest.raises(NotSteady, match="it is well: did not hold"):
        raise_unless_steady(concluded)


def test_many_moments_are_counted_and_not_listed(clock: Clock) -> None:
    concluded = watch(clock, "+-" * 50).conclude()
    assert len(concluded.moments) == 20
    assert concluded.more_moments == 30
    assert len(str(concluded).splitlines()) == 22


def test_a_gap_says_how_long_it_was(clock: Clock) -> None:
    concluded = watch(clock, "+....+").conclude()
    with pytest.raises(NotMeasured, match=r"nobody looked for 5\.000 s; 2 s are allowed"):
        raise_unless_steady(concluded)


def test_a_condition_that_raises_does_not_hold(clock: Clock) -> None:
    made = Watch(lambda value: value["x"], 1.0, 2.0, Allowance(), "")
    assert made.saw(clock.now, {}) is False
    assert "KeyError" in made.conclude().moments[0].found


def test_the_pace(clock: Clock) -> None:
    made = watch(clock, "")
    assert made.pause(clock.now - 0.25) == pytest.approx(0.75)
    assert made.pause(clock.now - 60) == 0.01, "late, but no flood"


@pytest.mark.parametrize(("every", "gap"), [(0, 1), (-1, 1), (2, 1), (0.5, 1e9)])
def test_a_pace_that_makes_no_sense(clock: Clock, every: float, gap: float) -> None:
    with pytest.raises(UsageError, match="do not go together"):
        watch(clock, "", every=every, gap=gap)


@pytest.mark.parametrize("at_most", ["often", "-1s", "1kg", "x%"])
def test_an_allowance_that_is_none(at_most: str) -> None:
    with pytest.raises(UsageError, match="at_most: "):
        Allowance.of(at_most)


def test_allowances_in_words() -> None:
    words = [str(Allowance.of(one)) for one in (None, 2, "500ms", "1%", "0.5%")]
    assert words == ["", "at most 2 s", "at most 500 ms", "at most 1%", "at most 0.5%"]
