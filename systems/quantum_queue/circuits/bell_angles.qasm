// A Bell pair, measured along directions that differ by 0.4 + 0.7.
OPENQASM 3;
qubit[2] q;
h q[0];
cx q[0], q[1];
ry(-0.4) q[0];
ry(0.7) q[1];
measure q;
