"""Every circuit of ../circuits gives the distribution that theory predicts.

Each test has its share of a family-wise significance of 0.1 % (Bonferroni), and a fixed seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from chi_square import FAMILY_WISE, p_value
from theory import THEORY, Distribution, estimated, ones, turned

from quantum_queue.worker.frames import Order
from quantum_queue.worker.runner import Runner

CIRCUITS = Path(__file__).parents[1] / "circuits"
SHOTS = 20_000
SEED = 20_261_120
SIGNIFICANCE = FAMILY_WISE / len(THEORY)


@cache
def runner() -> Runner:
    return Runner(max_qubits=24, seed=SEED)


@cache
def counts_of(name: str) -> Mapping[str, int]:
    text = (CIRCUITS / f"{name}.qasm").read_text(encoding="utf-8")
    answer = runner().run(Order(circuit=text, shots=SHOTS))
    assert answer.counts is not None, answer.error
    return answer.counts


def test_every_circuit_has_its_theory_and_there_are_enough() -> None:
    assert {path.stem for path in CIRCUITS.iterdir()} == set(THEORY)
    assert len(THEORY) >= 40


@pytest.mark.parametrize("name", THEORY)
def test_the_theory_is_a_distribution(name: str) -> None:
    assert sum(THEORY[name].values()) == pytest.approx(1)
    assert len({len(outcome) for outcome in THEORY[name]}) == 1


@pytest.mark.parametrize("name", THEORY)
def test_the_counts_follow_the_theory(name: str) -> None:
    counts = counts_of(name)
    assert sum(counts.values()) == SHOTS
    assert p_value(counts, THEORY[name]) > SIGNIFICANCE, (counts, THEORY[name])


@pytest.mark.parametrize("name", THEORY)
def test_a_theory_that_is_a_little_wrong_is_refuted(name: str) -> None:
    assert p_value(counts_of(name), slightly_wrong(THEORY[name])) <= SIGNIFICANCE


def slightly_wrong(right: Distribution) -> Distribution:
    """Move 6 % of all the probability from the likelier half of the outcomes to the other one."""
    ordered = sorted(right, key=lambda outcome: (-right[outcome], outcome))
    if len(ordered) == 1:
        other = ordered[0].translate(str.maketrans("01", "10"))
        return {ordered[0]: 0.94, other: 0.06}
    half = len(ordered) // 2
    upper = sum(right[outcome] for outcome in ordered[:half])
    lower = 1 - upper
    shift = 0.06 if upper > 0.06 else upper / 2
    wrong = {outcome: right[outcome] * (1 - shift / upper) for outcome in ordered[:half]}
    return wrong | {outcome: right[outcome] * (1 + shift / lower) for outcome in ordered[half:]}


@pytest.mark.parametrize(
    ("name", "mistaken"),
    [
        ("ramsey", turned(1.1 + 0.1)),
        ("zeno", turned(4 * 3.14159265 / 8)),  # as if nobody had looked
        ("phase_estimation_between", estimated(0.31, 4)),
        ("four_tosses", ones(1 / 2**3)),
    ],
)
def test_a_theory_of_something_else_is_refuted(name: str, mistaken: Distribution) -> None:
    assert p_value(counts_of(name), mistaken) <= SIGNIFICANCE


def test_the_test_itself_on_counts_that_are_known() -> None:
    # 5.024 is the 2.5 % point of chi-square with one degree of freedom.
    off = round((5.024 * 2500) ** 0.5)
    counts = {"0": 5000 + off, "1": 5000 - off}
    assert p_value(counts, {"0": 0.5, "1": 0.5}) == pytest.approx(0.025, abs=0.001)
    assert p_value({"0": 5000, "1": 5000}, {"0": 0.5, "1": 0.5}) == pytest.approx(1)


def test_an_impossible_outcome_is_refuted_at_once() -> None:
    assert p_value({"0": 9999, "1": 1}, {"0": 1.0, "1": 0.0}) == 0
    assert p_value({"0": 10_000}, {"0": 1.0}) == 1


def test_rare_outcomes_are_put_together_but_not_forgotten() -> None:
    theory = {"00": 0.999, "01": 0.0004, "10": 0.0003, "11": 0.0003}
    assert p_value({"00": 9990, "01": 4, "10": 3, "11": 3}, theory) > 0.9
    assert p_value({"00": 9900, "01": 40, "10": 30, "11": 30}, theory) < 1e-6


def test_a_seed_decides_and_none_does_not() -> None:
    order = Order(circuit=(CIRCUITS / "uniform.qasm").read_text(encoding="utf-8"), shots=1000)
    first, second = (Runner(24, seed=1).run(order).counts for _ in range(2))
    assert first == second
    assert Runner(24, seed=2).run(order).counts != first
    free = Runner(24)
    assert free.run(order).counts != free.run(order).counts
