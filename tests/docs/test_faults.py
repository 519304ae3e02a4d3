"""The reference of faults is that of the code: names, what happens, parameters and defaults."""

from __future__ import annotations

import inspect

from seatrial.faults.fault import Fault
from seatrial.faults.registry import FAULTS
from seatrial.plugin.always import Always
from tests.docs.documents import ROOT, names, sections

PAGE = sections(ROOT / "docs" / "faults.md")
ROWS, PARAMETERS = PAGE["The faults"].tables


def _row(fault: type[Fault]) -> list[str]:
    subjects = " ".join(map(str.upper, fault.subjects))
    parameters = [name for name in fault.model_fields if name not in fault.subjects]
    return [
        f"`{fault.in_trials}`",
        f"`{fault.name} {subjects}`",
        fault.summary,
        ", ".join(f"`{name}`" for name in parameters),
    ]


def test_every_fault_has_its_row() -> None:
    assert [_row(fault) for fault in FAULTS.values()] == ROWS


def test_every_parameter_is_explained_with_what_it_is_by_default() -> None:
    fields = {
        name: field
        for fault in FAULTS.values()
        for name, field in fault.model_fields.items()
        if name not in fault.subjects
    }
    told = {names(row[0])[0]: row[1] for row in PARAMETERS}
    assert told.keys() == fields.keys()
    required = {name for name, field in fields.items() if field.is_required()}
    assert {name for name, default in told.items() if default == "required"} == required


def test_defaults_of_a_steady_state() -> None:
    signature = inspect.signature(Always.__call__)
    defaults = {
        name: one.default
        for name, one in signature.parameters.items()
        if one.default is not inspect.Parameter.empty
    }
    text = PAGE["A steady state"].text
    assert defaults.pop("until") is bool
    for name, value in defaults.items():
        shown = f'"{value}"' if isinstance(value, str) else str(value).removesuffix(".0")
        assert f"{name}={shown}" in text
