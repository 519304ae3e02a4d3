"""What quantum mechanics says of each circuit in ../circuits: outcome to probability.

Everything here comes from a formula, worked out by hand; nothing was read off a simulator. The
rightmost bit is the one that was declared (or measured) first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from math import asin, cos, pi, sin, sqrt

Distribution = Mapping[str, float]


def certain(outcome: str) -> Distribution:
    return {outcome: 1.0}


def equal(*outcomes: str) -> Distribution:
    return dict.fromkeys(outcomes, 1 / len(outcomes))


def any_of(bits: int) -> Distribution:
    return equal(*("".join(word) for word in product("01", repeat=bits)))


def turned(angle: float) -> Distribution:
    """A qubit that was 0, turned by an angle about an axis across: 1 with sin^2(angle / 2)."""
    return {"0": cos(angle / 2) ** 2, "1": sin(angle / 2) ** 2}


def ones(probability: float) -> Distribution:
    return {"0": 1 - probability, "1": probability}


def beside(left: Distribution, right: Distribution) -> Distribution:
    """Independent of each other."""
    return {a + b: p * q for a, p in left.items() for b, q in right.items()}


def given(right: Distribution, left: Callable[[str], Distribution]) -> Distribution:
    """The left bits depend on the right ones."""
    return {a + b: p * q for b, q in right.items() for a, p in left(b).items()}


def renamed(source: Distribution, name: Callable[[str], str]) -> Distribution:
    return {name(outcome): p for outcome, p in source.items()}


def estimated(phase: float, bits: int) -> Distribution:
    """Phase estimation: the Dirichlet kernel about the phase."""
    size = 2**bits
    found = {}
    for k in range(size):
        off = phase - k / size
        found[f"{k:0{bits}b}"] = (sin(pi * size * off) / (size * sin(pi * off))) ** 2
    return found


def searched(outcome: str, rounds: int) -> Distribution:
    """Grover's search: each round turns the state by twice the angle of the first overlap."""
    size = 2 ** len(outcome)
    hit = sin((2 * rounds + 1) * asin(sqrt(1 / size))) ** 2
    words = ("".join(word) for word in product("01", repeat=len(outcome)))
    return {word: hit if word == outcome else (1 - hit) / (size - 1) for word in words}


def skipped_flips() -> Distribution:
    """Three rounds; each flips unless a 1 was seen. The left bit is the parity of the flips."""
    seen = sin(0.3) ** 2
    even = (1 + (1 - 2 * (1 - seen)) ** 2) / 2  # flips of the first two rounds
    return {
        "01": seen * even,
        "11": seen * (1 - even),
        "10": (1 - seen) * even,
        "00": (1 - seen) * (1 - even),
    }


THEORY: dict[str, Distribution] = {
    "bell": equal("00", "11"),
    "bell_singlet": equal("01", "10"),
    "bell_half_measured": equal("0", "1"),
    # Equal with the squared cosine of half the angle between the directions.
    "bell_angles": {
        "00": cos(0.55) ** 2 / 2,
        "11": cos(0.55) ** 2 / 2,
        "01": sin(0.55) ** 2 / 2,
        "10": sin(0.55) ** 2 / 2,
    },
    "ghz_wide": equal("0" * 24, "1" * 24),
    "ghz_broadcast": equal("0000", "1111"),
    "w_state": equal("001", "010", "100"),
    "uniform": any_of(5),
    "interference": certain("1"),
    "biased_coin": ones(1 / 4),
    "three_angles": turned(0.7),
    "ramsey": turned(1.1),
    "phase_kickback": turned(0.9),
    # (1 - Re e^(-0.7i)) / 2
    "hadamard_test": ones((1 - cos(0.7)) / 2),
    # (1 - overlap) / 2, of states that are 1.3 apart
    "swap_test": ones((1 - cos(0.65) ** 2) / 2),
    "controlled_u": given(any_of(1), lambda c: turned(1.3) if c == "1" else certain("0")),
    "qft_of_a_number": any_of(3),
    "qft_of_a_period": equal("000", "010", "100", "110"),
    "inverse_qft": certain("101"),
    "phase_estimation_exact": certain("011"),
    "phase_estimation_between": estimated(0.3, 4),
    "grover_two_qubits": certain("11"),  # sin^2(3 * 30 degrees)
    "grover_one_round": searched("101", 1),
    "grover_two_rounds": searched("101", 2),
    "deutsch_jozsa_constant": certain("000"),
    "deutsch_jozsa_balanced": certain("101"),
    "bernstein_vazirani": certain("1011"),
    "simon": equal("000", "001", "110", "111"),
    "teleportation": beside(turned(1.2), any_of(2)),
    "superdense_coding": certain("01"),
    "entanglement_swapping": beside(equal("00", "11"), any_of(2)),
    "bit_flip_code": beside(turned(0.8), certain("11")),
    "reset_and_reuse": beside(certain("0"), any_of(1)),
    "active_reset": beside(certain("0"), turned(1.0)),
    "reset_of_a_half": beside(any_of(1), certain("0")),
    "repeat_until_zero": certain("00"),
    "four_tosses": ones(1 / 2**4),
    "skipped_flips": skipped_flips(),
    # Each step turns over with sin^2(pi/16), so its bias shrinks by cos(pi/8).
    "zeno": ones((1 - cos(pi / 8) ** 4) / 2),
    "if_else": given(any_of(1), lambda c: turned(0.5) if c == "1" else turned(1.5)),
    "nested_if": given(any_of(2), lambda c: certain("1" if c == "11" else "0")),
    "register_comparison": given(any_of(2), lambda c: certain("1" if c == "10" else "0")),
    "summed_angles": turned(1.0),
    "counting_down": certain("101010"),
    "nested_loops": certain("11101"),
    "constants": equal("000", "100"),
    # The pole is carried around an axis 0.8 away from it.
    "gate_with_parameters": ones(sin(0.8) ** 2 * sin(1.0) ** 2),
    "gates_of_gates": renamed(turned(1.1), lambda bit: bit * 2),
    "own_gate_with_a_known_name": turned(0.4),
    "control": given(any_of(2), lambda c: turned(1.0) if c == "11" else certain("0")),
    "negative_control": given(turned(0.9), lambda c: certain("0" if c == "1" else "1")),
    "mixed_controls": given(any_of(2), lambda c: certain("1" if c == "01" else "0")),
    "inverse": turned(0.7),
    "powers": beside(any_of(1), beside(turned(0.6), turned(1.2))),
    "controlled_phase": turned(1.3),
    "broadcast_of_pairs": renamed(beside(turned(1.9), turned(0.7)), lambda bits: bits * 2),
    "several_registers": certain("10010"),
    "aliases": certain("10101"),
    "hardware_qubits": equal("00", "11"),
    "older_style": renamed(turned(0.9), lambda bit: bit * 2),
    "full_adder": given(any_of(3), lambda bits: certain(f"{bits.count('1'):02b}")),
    "idle_time": turned(0.5),
    # Two ways lead to each of two places, with amplitudes of 1/2 that do not meet.
    "walk": equal("00", "10"),
}
