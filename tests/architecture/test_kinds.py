"""Every kind has all that a kind has to have: code, documents, tests, a row in the contract."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from seatrial.declaration.models import ComponentConfig, ProgramConfig
from seatrial.kinds.base import Kind
from seatrial.kinds.registry import KINDS
from tests.architecture.source import KIND_FOLDERS, ROOT, TESTS
from tests.kinds import test_contract as contract

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
LAZY = [one.name for one in fields(Kind) if one.name.endswith("_at")]


def test_every_folder_is_a_kind_of_its_name() -> None:
    assert [folder.name for folder in KIND_FOLDERS] == sorted(KINDS)
    assert len(KINDS) >= 5


@kinds
def test_it_has_a_config_and_a_probe(kind: Kind) -> None:
    assert issubclass(kind.config, ComponentConfig)
    assert kind.config.model_validate({"kind": kind.name}).kind == kind.name
    assert kind.config.__module__ == f"seatrial.kinds.{kind.name}.config"
    assert inspect.iscoroutinefunction(kind.probe)
    assert list(inspect.signature(kind.probe).parameters) == ["target", "context", "deadline"]
    assert kind.summary


@kinds
@pytest.mark.parametrize("facet", LAZY)
def test_its_facets_are_there_and_its_own(kind: Kind, facet: str) -> None:
    reference = getattr(kind, facet)
    if reference:
        module, _, attribute = reference.partition(":")
        assert module.startswith(f"seatrial.kinds.{kind.name}.")
        assert callable(getattr(import_module(module), attribute)) or facet in (
            "launch_at",
            "clean_up_at",
            "containers_at",
        )


@kinds
def test_what_goes_together_is_there_together(kind: Kind) -> None:
    assert bool(kind.endpoints) == bool(kind.schemes), "an endpoint has a URL"
    assert bool(kind.server_at) == bool(kind.packages), "a server comes in packages"
    assert kind.expect is None or kind.expectations_at, "what may be declared is checked"
    assert bool(kind.clean_up) == bool(kind.clean_up_at), "what may be declared is done"
    program = issubclass(kind.config, ProgramConfig)
    assert not kind.launch_at or program or kind.packages, "a native start is of something"


@kinds
def test_its_packages_are_known_to_the_setup(kind: Kind) -> None:
    setup = (ROOT / "scripts" / "setup.sh").read_text()
    packages = re.search(r"^server_packages=\((.*)\)$", setup, re.MULTILINE)
    assert packages is not None
    assert set(kind.packages) <= set(packages[1].split())


@kinds
def test_it_is_documented_and_tested(kind: Kind) -> None:
    assert (ROOT / "docs" / "kinds" / f"{kind.name}.md").is_file()
    page = (ROOT / "docs" / "kinds" / f"{kind.name}.md").read_text()
    assert bool(kind.drills_at) == ("\n## Drills\n" in page), "its drills are listed there"
    tests = TESTS / "kinds" / kind.name
    assert any("probe" in file.stem for file in tests.glob("test_*.py"))
    for facet in ("client", "expect", "clean_up", "meters"):
        if getattr(kind, "expectations_at" if facet == "expect" else f"{facet}_at"):
            sources = [file.read_text() for file in tests.glob("*.py")]
            assert any(re.search(rf"\b\w*{facet}\w*\b", text) for text in sources), facet


def test_every_kind_is_held_to_the_contract() -> None:
    assert sorted(contract.ROWS) == sorted(KINDS)


def test_pages_are_of_kinds() -> None:
    pages = {page.stem for page in Path(ROOT / "docs" / "kinds").glob("*.md")}
    assert pages == set(KINDS)
