// The real part of an expectation value.
OPENQASM 3;
qubit ancilla;
qubit target;
bit c;
h ancilla;
crz(1.4) ancilla, target;
h ancilla;
c = measure ancilla;
