"""Faults validate what they are told, and are made of what the documents say."""

from __future__ import annotations

import pytest

from seatrial import units
from seatrial.errors import UsageError
from seatrial.faults import registry
from seatrial.faults.fault import Fault
from seatrial.faults.network import NetworkFault
from seatrial.faults.registry import FAULTS
from seatrial.keeper.network.impairment import Direction, Effect, Impairment
from tests.architecture.source import SEATRIAL

BASES = {"fault", "processes", "network"}


def test_every_file_is_a_fault_and_every_fault_a_file() -> None:
    files = {file.stem for file in (SEATRIAL / "faults").glob("*.py")}
    modules = {fault.__module__.rpartition(".")[2] for fault in FAULTS.values()}
    assert files - modules == BASES | {"__init__", "registry", "applied"}
    assert {name.replace("-", "_") for name in FAULTS} == modules


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_every_parameter_is_described(fault: type[Fault]) -> None:
    assert all(field.description for field in fault.model_fields.values())
    assert set(fault.subjects) <= set(fault.model_fields)
    assert fault.name in fault.usage()
    assert fault.__module__.startswith(registry.__name__.rpartition(".")[0])


@pytest.mark.parametrize(
    ("name", "subjects", "parameters", "said"),
    [
        ("latency", ("api", "db"), {"by": "200 parsec"}, "latency: by: '200 parsec' is not a dur"),
        ("latency", ("api", "db"), {"by": "-1s"}, "latency: by: '-1s' is not a duration"),
        ("latency", ("api", "db"), {"by": "0"}, "latency: by: Input should be greater than 0"),
        ("latency", ("api", "db"), {"by": "2min"}, "latency: by: Input should be less than or"),
        ("latency", ("api", "db"), {"by": True}, "latency: by: True is not a duration"),
        ("latency", ("api", "db"), {}, "latency: by is missing"),
        ("latency", ("api", "db"), {"by": 1, "to": 2}, "latency has no parameter to"),
        ("latency", ("api", "db"), {"bye": 1}, "latency has no parameter bye"),
        ("latency", ("api",), {"by": 1}, "latency: target is missing"),
        ("latency", ("api", "db", "x"), {"by": 1}, "latency takes 2 names, and 3 were given"),
        ("cut", ("api", "db"), {"share": "120%"}, "cut: share: Input should be less than or equal"),
        ("cut", ("api", "db"), {"share": 0}, "cut: share: Input should be greater than 0"),
        ("bandwidth", ("api", "db"), {"rate": "fast"}, "bandwidth: rate: 'fast' is not a number"),
        ("slicing", ("api", "db"), {"size": "0.1"}, "slicing: size: Input should be greater than"),
        ("black-hole", ("a", "b"), {"direction": "up"}, "black-hole: direction: Input should be"),
        ("stop", ("api",), {"replica": -1}, "stop: replica: Input should be greater than or"),
        ("stop", ("api",), {"replica": "one"}, "stop: replica: Input should be a valid integer"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_would_be_right(
    name: str, subjects: tuple[str, ...], parameters: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        FAULTS[name].of(*subjects, **parameters)
    assert refused.value.message.startswith(said)
    assert refused.value.hint


def test_what_faults_are_made_of() -> None:
    def made(name: str, **parameters: object) -> Impairment:
        fault = FAULTS[name].of("api", "db", **parameters)
        assert isinstance(fault, NetworkFault)
        assert fault.components == ("api", "db")
        return fault.impairment()

    down = Direction.DOWNSTREAM
    latency = made("latency", by="200ms", jitter="50 ms", share="25%")
    assert latency == Impairment(delay=0.2, jitter=0.05, share=0.25, direction=down)
    assert made("cut") == Impairment(refuse=True)
    assert made("reset", after=2) == Impairment(reset_after=2)
    assert made("reset") == Impairment(reset_after=0)
    assert made("black-hole", direction="upstream").direction is Direction.UPSTREAM
    assert made("bandwidth", rate="64KB") == Impairment(rate=64_000)
    assert made("slicing", size=10, gap="10ms") == Impairment(piece=10, gap=0.01)


def test_effects_add_up_in_any_order() -> None:
    these = [
        Impairment(delay=0.1, rate=500),
        Impairment(delay=0.2, rate=400, direction=Direction.UPSTREAM),
        Impairment(hold=True, piece=3, direction=Direction.DOWNSTREAM),
    ]
    up = Effect.of(these, Direction.UPSTREAM)
    assert up == Effect.of(these[::-1], Direction.UPSTREAM)
    assert (round(up.delay, 6), up.rate, up.hold, up.piece) == (0.3, 400, False, None)
    down = Effect.of(these, Direction.DOWNSTREAM)
    assert (down.delay, down.rate, down.hold, down.piece) == (0.1, 500, True, 3)
    assert Effect(delay=0.01, jitters=(5.0,)).wait() >= 0


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (FAULTS["stop"].of("api", replica=1), "stop of api (replica 1)"),
        (FAULTS["cut"].of("api", "db", share=0.5), "cut between api and db, 50% of the conn"),
        (FAULTS["latency"].of("api", "db", by=0.2), "latency of 200 ms between api and db"),
        (FAULTS["black-hole"].of("api", "db"), "black hole between api and db"),
        (FAULTS["slicing"].of("api", "db", size=9), "slices of 9 bytes between api and db"),
    ],
)
def test_faults_in_words(fault: Fault, text: str) -> None:
    assert str(fault).startswith(text)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.seconds, "200ms", 0.2),
        (units.seconds, " 1.5 s ", 1.5),
        (units.seconds, "2min", 120),
        (units.seconds, "1H", 3600),
        (units.seconds, 3, 3),
        (units.octets, "64KB", 64_000),
        (units.octets, "1MiB", 1_048_576),
        (units.share, "25%", 0.25),
        (units.share, ".5", 0.5),
    ],
)
def test_units(read, text: object, value: float) -> None:
    assert read(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "ms", "1 2", "-1", "1e400", "inf", "nan", None, [1], "1kg"])
def test_what_is_no_measure(text: object) -> None:
    for read in (units.seconds, units.octets, units.share):
        with pytest.raises(ValueError, match="is not a"):
            read(text)
