// Three qubits, exactly one of which is 1; 1.9106... is 2 arccos(1/sqrt(3)).
OPENQASM 3;
qubit[3] q;
ry(1.9106332362490186) q[0];
ch q[0], q[1];
cx q[1], q[2];
cx q[0], q[1];
x q[0];
measure q;
