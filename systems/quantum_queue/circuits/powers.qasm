// The third power, the inverse, and a root.
OPENQASM 3;
qubit[3] q;
pow(3) @ ry(0.4) q[0];
pow(-2) @ ry(0.3) q[1];
pow(1 / 2.0) @ x q[2];
measure q;
