"""Runs circuits on Aer, inside the simulator process."""

from __future__ import annotations

from collections import Counter

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from quantum_queue.contracts.words import MAX_SHOTS, MIN_SHOTS
from quantum_queue.worker.bounds import MAX_RESULT_CHARACTERS
from quantum_queue.worker.circuit import Program, read_program
from quantum_queue.worker.frames import Answer, Order
from quantum_queue.worker.reasons import CircuitError, shortened

_WARM_UP = "OPENQASM 3; gate g a { h a; } qubit[2] q; g q[0]; cx q[0], q[1]; measure q;"
# For smaller states, waking a second thread costs more than it saves (0: as many as there are).
_WORTH_THREADS = 15
_ALWAYS_NATIVE = frozenset({"barrier"})


class Runner:
    """A simulator with everything built that takes long to build."""

    def __init__(self, max_qubits: int, memory_mb: int = 0, seed: int | None = None) -> None:
        """Take circuits of up to `max_qubits`, and states of up to `memory_mb` MiB (0: any)."""
        self._max_qubits = max_qubits
        self._seed = seed
        options = {"max_memory_mb": memory_mb} if memory_mb else {}
        self._simulator = AerSimulator(**options)
        self._native = frozenset(self._simulator.target.operation_names) | _ALWAYS_NATIVE
        # With its defaults, transpiling costs more than all the rest: no optimisation, built
        # once, and used only for circuits with gates that the simulator does not know.
        self._unroll = generate_preset_pass_manager(optimization_level=0, backend=self._simulator)

    def warm_up(self) -> None:
        """Run a small circuit through every stage, so that the first task is not slower."""
        self.run(Order(circuit=_WARM_UP, shots=1))

    def run(self, order: Order) -> Answer:
        """Return the counts, or why this circuit can never run."""
        try:
            return Answer(counts=self._counts(order))
        except CircuitError as error:
            reason = str(error)
        except RecursionError:
            reason = "the circuit is nested too deeply"
        except MemoryError:
            reason = "the circuit needs more memory than the simulator may use"
        except Exception as error:
            # Whatever a library says of the circuit, it will say again: retrying is no use.
            said = getattr(error, "message", None) or str(error)
            reason = f"the circuit cannot be simulated: {type(error).__name__}: {said}"
        return Answer(error=shortened(reason))

    def _counts(self, order: Order) -> dict[str, int]:
        if not MIN_SHOTS <= order.shots <= MAX_SHOTS:
            raise CircuitError(f"shots must be from {MIN_SHOTS} to {MAX_SHOTS}")
        return self._simulate(read_program(order.circuit, self._max_qubits), order.shots)

    def _simulate(self, program: Program, shots: int) -> dict[str, int]:
        circuit = program.circuit
        if not self._is_native(circuit):
            circuit = self._unroll.run(circuit)
        threads = 0 if circuit.num_qubits >= _WORTH_THREADS else 1
        job = self._simulator.run(
            circuit, shots=shots, max_parallel_threads=threads, seed_simulator=self._seed
        )
        result = job.result()
        if not result.success:
            raise CircuitError(f"the simulator refused the circuit: {_reason(result)}")
        counts = result.data(0)["counts"]
        if len(counts) * len(program.outcome_bits) > MAX_RESULT_CHARACTERS:
            raise CircuitError(
                f"too large: {len(counts)} different outcomes of {len(program.outcome_bits)} bits; "
                f"the limit is {MAX_RESULT_CHARACTERS} bits in all; measure less"
            )
        return outcomes(counts, program.outcome_bits)

    def _is_native(self, circuit: QuantumCircuit) -> bool:
        for instruction in circuit.data:
            operation = instruction.operation
            if operation.name not in self._native:
                return False
            blocks = getattr(operation, "blocks", ())
            if not all(self._is_native(block) for block in blocks):
                return False
        return True


def _reason(result: object) -> str:
    """Return what Aer says: the reason for the one experiment is better than the summary."""
    experiments = getattr(result, "results", None) or []
    statuses = [str(getattr(experiment, "status", "")) for experiment in experiments]
    said = next(filter(None, statuses), str(getattr(result, "status", "unknown")))
    return said.removeprefix("ERROR:").strip()


def outcomes(counts: dict[str, int], bits: tuple[int, ...]) -> dict[str, int]:
    """Return counts by bit string, most significant bit left, of the given classical bits."""
    width = max(bits) + 1
    places = [width - 1 - bit for bit in reversed(bits)]
    merged: Counter[str] = Counter()
    for key, count in counts.items():
        digits = format(int(key, 16), f"0{width}b")[-width:]
        merged["".join([digits[place] for place in places])] += int(count)
    return dict(sorted(merged.items()))
