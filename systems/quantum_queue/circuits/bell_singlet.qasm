// Two qubits that differ.
OPENQASM 3;
qubit[2] q;
x q;
h q[0];
cx q[0], q[1];
measure q;
