// A reset of one half leaves the other one mixed.
OPENQASM 3;
qubit[2] q;
h q[0];
cx q[0], q[1];
reset q[0];
h q[1];
measure q;
