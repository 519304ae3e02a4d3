"""Runs circuits on Aer, inside the simulator process."""

from __future__ import annotations

from collections import Counter

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from quantum_queue.worker.circuit import CircuitError, Program, read_program
from quantum_queue.worker.frames import Answer, Order

_WARM_UP = "OPENQASM 3; gate g a { h a; } qubit[2] q; g q[0]; cx q[0], q[1]; measure q;"
# For smaller states, waking a second thread costs more than it saves (0: as many as there are).
_WORTH_THREADS = 15
_ALWAYS_NATIVE = frozenset({"barrier"})


class Runner:
    """A simulator with everything built that takes long to build."""

    def __init__(self, max_qubits: int) -> None:
        self._max_qubits = max_qubits
        self._simulator = AerSimulator()
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
            program = read_program(order.circuit, self._max_qubits)
            return Answer(counts=self._simulate(program, order.shots))
        except CircuitError as error:
            return Answer(error=str(error))
        except RecursionError:
            return Answer(error="the circuit is nested too deeply")
        except MemoryError:
            return Answer(error="the circuit needs more memory than the simulator may use")
        except Exception as error:
            # Whatever a library says of the circuit, it will say again: retrying is no use.
            reason = getattr(error, "message", None) or str(error)
            return Answer(
                error=f"the circuit cannot be simulated: {type(error).__name__}: {reason}"
            )

    def _simulate(self, program: Program, shots: int) -> dict[str, int]:
        circuit = program.circuit
        if not self._is_native(circuit):
            circuit = self._unroll.run(circuit)
        threads = 0 if circuit.num_qubits >= _WORTH_THREADS else 1
        job = self._simulator.run(circuit, shots=shots, max_parallel_threads=threads)
        result = job.result()
        if not result.success:
            raise CircuitError(f"the simulator refused the circuit: {_reason(result)}")
        return outcomes(result.data(0)["counts"], program.outcome_bits)

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
    return next(filter(None, statuses), str(getattr(result, "status", "unknown")))


def outcomes(counts: dict[str, int], bits: tuple[int, ...]) -> dict[str, int]:
    """Return counts by bit string, most significant bit left, of the given classical bits."""
    merged: Counter[str] = Counter()
    for key, count in counts.items():
        value = int(key, 16)
        merged["".join("1" if value >> bit & 1 else "0" for bit in reversed(bits))] += int(count)
    return dict(sorted(merged.items()))
