"""docs/circuits.md tells the truth: each row of its tables is tried out."""

from __future__ import annotations

from pathlib import Path

import pytest
from openqasm3 import ast

from quantum_queue.contracts.settings import Settings
from quantum_queue.contracts.words import MAX_SHOTS
from quantum_queue.worker import bounds
from quantum_queue.worker.circuit import read_program
from quantum_queue.worker.features import UNSUPPORTED
from quantum_queue.worker.reasons import CircuitError

PAGE = (Path(__file__).parents[1] / "docs" / "circuits.md").read_text(encoding="utf-8")
DECLARED = "qubit q; qubit[2] p; bit c; bit[2] r;"


def rows_under(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table under a heading, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


REFUSED = rows_under("What is refused")


@pytest.mark.parametrize(("feature", "example", "reason"), REFUSED)
def test_what_is_refused_is_refused_for_that_reason(
    feature: str, example: str, reason: str
) -> None:
    text = f"{example.strip('`')}\nmeasure q;"
    if not text.startswith("OPENQASM"):
        text = f"{DECLARED}\n{text}"
    with pytest.raises(CircuitError) as caught:
        read_program(text, max_qubits=24)
    message = str(caught.value)
    assert message.endswith(f": {reason}")
    assert message.startswith(f"line {1 if text.startswith('OPENQASM') else 2}")


def test_the_table_holds_all_that_the_code_names() -> None:
    unheard = {
        # Without subroutines, functions and arrays, the parser or an earlier refusal is first.
        ast.ReturnStatement,
        ast.ExpressionStatement,
        ast.CalibrationGrammarDeclaration,
        ast.DurationOf,
        ast.ArrayLiteral,
        ast.ImaginaryLiteral,
        ast.CompoundStatement,
    }
    reasons = {reason for _, _, reason in REFUSED}
    assert {UNSUPPORTED[kind] for kind in UNSUPPORTED if kind not in unheard} <= reasons


ACCEPTED = [example.strip("`") for example, _ in rows_under("What is accepted")]


def test_what_is_accepted_is_accepted() -> None:
    assert "for int i in [0:3] { x q[i]; }" in ACCEPTED
    for text in (
        "h p[0]; measure p;",
        "OPENQASM 3.0; qubit p; measure p;",
        "qubit[4] q; for int i in [0:3] { x q[i]; } measure q;",
        "const int n = 3; qubit[n] p; measure p;",
        "bit[2] c; qubit q; c[0] = measure q; if (c[0] == 1) { x q; } measure q;",
    ):
        declared = "" if "qubit" in text else DECLARED
        assert read_program(declared + text, max_qubits=24).outcome_bits


def test_the_bounds_are_those_of_the_code() -> None:
    documented = {bound: int(value) for bound, value, _ in rows_under("What a circuit may cost")}
    defaults = Settings(database_url="", rabbitmq_url="")
    assert documented == {
        "qubits": defaults.max_qubits,
        "shots": MAX_SHOTS,
        "classical bits": bounds.MAX_CLASSICAL_BITS,
        "words and signs in the text": bounds.MAX_TOKENS,
        "brackets within each other": bounds.MAX_NESTING,
        "characters of one number": bounds.MAX_NUMBER_CHARACTERS,
        "gate definitions that use each other": bounds.MAX_GATE_DEPTH,
        "steps": bounds.MAX_STEPS,
        "qubits of a gate under `pow`": bounds.MAX_POWER_QUBITS,
        "exponent of `pow`": bounds.MAX_EXPONENT,
        "bits of all different outcomes together": bounds.MAX_RESULT_CHARACTERS,
    }
    costs = (bounds.COST_OF_COPY, bounds.COST_OF_BINDING, bounds.COST_OF_REGISTER)
    assert costs == (5, 20, 10)  # five times, twenty times; ten
