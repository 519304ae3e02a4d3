"""The worked examples of CONTRIBUTING.md are complete: they are put in place, and used."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import seatrial.faults
import seatrial.kinds
import seatrial.report
from seatrial.checks.run import CheckReport, run_checks
from seatrial.declaration.load import load
from seatrial.errors import DeclarationError, UsageError
from seatrial.faults.registry import FAULTS, in_trials
from seatrial.gate.decide import decide
from seatrial.keeper.network.impairment import Impairment
from seatrial.keeper.remote import remote_context
from seatrial.kinds import registry
from seatrial.kinds.base import Kind
from seatrial.outcome import Cause, ExitCode, Health, Outcome
from seatrial.report import write
from tests.docs.documents import ROOT, blocks, sections
from tests.unit.evidence import builder
from tests.unit.report.sample import report_of

CONTRIBUTING = ROOT / "CONTRIBUTING.md"

SYSTEM = """
system: mail
components:
  relay: {{kind: tcp, time_limit: 0.5}}
environments:
  there: {{provider: remote, endpoints: {{relay: "tcp://{address}"}}}}
expect:
  relay: {{{expect}}}
"""


_EXAMPLES = ("seatrial.kinds.tcp", "seatrial.report.trials_csv", "seatrial.faults.satellite")


def _extend(package: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The examples' files, as if they lay in the source tree."""
    for block in blocks(CONTRIBUTING, "python"):
        path = re.match(r"# src/seatrial/(\S+)", block.text)
        assert path is not None
        file = tmp_path / path[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text)
    _extend(seatrial.kinds, tmp_path / "kinds", monkeypatch)
    _extend(seatrial.report, tmp_path / "report", monkeypatch)
    _extend(seatrial.faults, tmp_path / "faults", monkeypatch)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(_EXAMPLES):
            del sys.modules[name]


@pytest.fixture
def tcp(placed: None, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """The example's kind, found as the registry finds those in the source tree."""
    kind = import_module("seatrial.kinds.tcp").KIND
    assert isinstance(kind, Kind)
    monkeypatch.setitem(registry.KINDS, kind.name, kind)
    return kind


async def _check(folder: Path, address: str, expect: str = 'greeting: "220"') -> CheckReport:
    file = folder / "seatrial.yaml"
    file.write_text(SYSTEM.format(address=address, expect=expect))
    system = load(file, registry.KINDS, environment=None, variables={})
    context = remote_context(system)
    return await run_checks(system, context.targets, context, 5.0)


async def _check_server(folder: Path, line: bytes) -> CheckReport:
    """What the checks find of a server that says this line to whoever connects."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        return await _check(folder, f"{host}:{port}")


def test_the_kind_finds_a_server_that_is_well(tcp: Kind, tmp_path: Path) -> None:
    report = asyncio.run(_check_server(tmp_path, b"220 relay ready\r\n"))
    assert report.exit_code is ExitCode.GO
    (relay,) = report.components
    assert relay.health is Health.HEALTHY
    assert relay.response_time_ms is not None
    assert [one.outcome for one in report.expectations] == [Outcome.PASSED]


def test_the_kind_finds_a_server_that_greets_otherwise(tcp: Kind, tmp_path: Path) -> None:
    report = asyncio.run(_check_server(tmp_path, b"554 go away\r\n"))
    (finding,) = report.findings
    assert (finding.id, finding.cause) == ("relay.greeting", Cause.WRONG_PROGRAM)
    assert "554 go away" in finding.found


def test_the_kind_does_not_know_what_a_silent_server_says(tcp: Kind, tmp_path: Path) -> None:
    report = asyncio.run(_check_server(tmp_path, b""))
    (finding,) = report.findings
    assert finding.cause is Cause.NOT_MEASURED
    assert report.exit_code is ExitCode.INCONCLUSIVE


def test_the_kind_finds_nothing_at_a_port(tcp: Kind, tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        report = asyncio.run(_check(tmp_path, f"127.0.0.1:{bound.getsockname()[1]}"))
    assert [one.id for one in report.findings] == ["relay.refused"]
    assert report.exit_code is ExitCode.DOWN


def test_the_kind_finds_a_name_without_an_address(tcp: Kind, tmp_path: Path) -> None:
    report = asyncio.run(_check(tmp_path, "nowhere.invalid:7"))
    assert [one.id for one in report.findings] == ["relay.dns"]


def test_the_kinds_expectations_are_bound(tcp: Kind, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="greeting"):
        asyncio.run(_check(tmp_path, "localhost:7", expect="greetings: 220"))


def test_every_facet_is_there(tcp: Kind) -> None:
    assert callable(tcp.probe)
    assert callable(tcp.expectations)


def test_the_report_is_written_with_the_others(
    placed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_csv = import_module("seatrial.report.trials_csv").as_csv
    evidence = builder.run_with(builder.trial("trials/test_p1_x.py::test_x", duration_s=0.5))
    report = report_of(evidence)
    rows = as_csv(report).splitlines()
    assert rows[0] == "name,priority,status,seconds"
    assert "trials/test_p1_x.py::test_x,p1,passed,0.5" in rows
    assert len(rows) == 1 + len(report.trials)
    monkeypatch.setitem(write.WRITERS, "trials.csv", as_csv)
    written = write.write_reports(evidence, decide(evidence), tmp_path / "out")
    assert written["trials.csv"].read_text().splitlines() == rows


def test_the_fault_is_one_of_them(placed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    satellite = import_module("seatrial.faults.satellite").Satellite
    monkeypatch.setitem(FAULTS, satellite.name, satellite)
    fault = in_trials()["satellite"].of("api", "db", rate="64KB", share="50%")
    assert str(fault) == "satellite between api and db, 50% of the connections"
    assert fault.impairment() == Impairment(share=0.5, delay=0.3, rate=64_000)
    assert satellite.of("api", "db").impairment().rate == 32_000
    with pytest.raises(UsageError, match="rate: 'slow' is not a number of bytes"):
        satellite.of("api", "db", rate="slow")


def test_the_folders_of_tests_are_those_there_are() -> None:
    (table,) = sections(CONTRIBUTING)["The tests"].tables
    named = set(re.findall(r"`tests/(\w+)`", " ".join(row[0] for row in table)))
    there = {one.parent.name for one in (ROOT / "tests").glob("*/__init__.py")}
    assert named == there
