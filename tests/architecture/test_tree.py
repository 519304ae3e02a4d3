"""The source tree keeps the rules of the house."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import seatrial
from tests.architecture.source import KINDS, ROOT, SEATRIAL, imported_first, imports, python_files

MOST_LINES = 400
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
#: Third-party clients of servers, those of later kinds too.
CLIENTS = {
    *("httpx", "requests", "aiohttp", "urllib3"),
    *("psycopg", "psycopg2", "asyncpg", "sqlalchemy"),
    *("aiormq", "pamqp", "aio_pika", "pika"),
    *("redis", "qdrant_client", "locust"),
}
SOURCES = [SEATRIAL, *sorted(ROOT.glob("systems/*/src"))]


@pytest.mark.parametrize("folder", SOURCES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_file_is_too_long(folder: Path) -> None:
    sizes = {file: len(file.read_text().splitlines()) for file in python_files(folder)}
    assert sizes
    assert {str(file): lines for file, lines in sizes.items() if lines > MOST_LINES} == {}


@pytest.mark.parametrize("folder", SOURCES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_module_has_a_name_that_says_nothing(folder: Path) -> None:
    assert [file for file in python_files(folder) if VAGUE & set(file.with_suffix("").parts)] == []


def test_only_kinds_import_clients_of_servers() -> None:
    outside = [file for file in python_files(SEATRIAL) if not file.is_relative_to(KINDS)]
    found = {
        str(file): CLIENTS & {name.split(".")[0] for name in imports(file)} for file in outside
    }
    assert {file: names for file, names in found.items() if names} == {}
    inside = {name.split(".")[0] for file in python_files(KINDS) for name in imports(file)}
    assert CLIENTS & inside, "they are imported somewhere, so this test looks at the right place"


def imported_by(statement: str, *, env: dict[str, str] | None = None, cwd: Path = ROOT) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import seatrial.plugin", {"pydantic", "yaml", "click", "asyncio"}),
        ("import seatrial.cli", {"pydantic", "yaml"}),
        ("import seatrial.kinds.registry", set()),
        ("import seatrial.gate.decide, seatrial.report.write", set()),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_must_start_quickly_imports_little(statement: str, absent: set[str]) -> None:
    found = imported_by(statement)
    assert "seatrial" in found
    assert found & (absent | CLIENTS) == set()


def modules_of_seatrial() -> list[str]:
    walked = pkgutil.walk_packages(seatrial.__path__, "seatrial.")
    found = [one.name for one in walked if not one.name.endswith("__main__")]
    assert len(found) > 100
    return found


def test_no_module_needs_another_first(tmp_path: Path) -> None:
    """Modules import each other in no circle, so each can be the first."""
    TopologicalSorter(imported_first(SEATRIAL.parent)).prepare()
    (tmp_path / "one.py").write_text("import two\n")
    (tmp_path / "two.py").write_text("def later():\n    import one\n")
    TopologicalSorter(imported_first(tmp_path)).prepare()
    (tmp_path / "two.py").write_text("if 1:\n    from one import x\n")
    with pytest.raises(CycleError):  # it would be seen
        TopologicalSorter(imported_first(tmp_path)).prepare()


def test_importing_does_nothing(tmp_path: Path) -> None:
    """No module writes anything by being imported."""
    modules = modules_of_seatrial()
    home = tmp_path / "home"
    here = tmp_path / "here"
    here.mkdir()
    env = {"SEATRIAL_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    assert "seatrial" in imported_by(f"import {', '.join(modules)}", env=env, cwd=here)
    assert not home.exists()
    assert list(here.iterdir()) == []


# -- import-linter ------------------------------------------------------------------------------

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def _of_type(name: str) -> list[dict[str, object]]:
    return [one for one in CONTRACTS["contracts"] if one["type"] == name]


def test_the_layers_hold_every_room() -> None:
    (layers,) = _of_type("layers")
    assert layers["containers"] == ["seatrial"]
    assert layers["exhaustive"] is True
    named = " | ".join(str(line) for line in layers["layers"])  # type: ignore[attr-defined]
    rooms = {one.name for one in pkgutil.iter_modules(seatrial.__path__)} - {"__main__"}
    assert rooms <= {name.strip().strip("()") for name in named.split("|")}


def test_the_gate_and_reports_reach_nothing_but_evidence() -> None:
    (contract,) = (
        one for one in _of_type("forbidden") if "seatrial.gate" in one["source_modules"]
        and "seatrial.keeper" in one["forbidden_modules"]
    )  # fmt: skip
    assert set(contract["source_modules"]) == {"seatrial.report", "seatrial.gate"}
    assert "allow_indirect_imports" not in contract
    assert {"seatrial.keeper", "seatrial.environment", "seatrial.kinds"} <= set(
        contract["forbidden_modules"]
    )


def test_library_and_systems_do_not_know_each_other() -> None:
    (contract,) = _of_type("independence")
    systems = {one.name for one in ROOT.glob("systems/*/src/*") if (one / "__init__.py").exists()}
    assert {"seatrial", *systems} <= set(contract["modules"])  # type: ignore[call-overload]
    assert set(CONTRACTS["root_packages"]) == {"seatrial", *systems}
