// Two controls on a rotation.
OPENQASM 3;
qubit[3] q;
h q[0];
h q[1];
ctrl(2) @ ry(1.0) q[0], q[1], q[2];
measure q;
