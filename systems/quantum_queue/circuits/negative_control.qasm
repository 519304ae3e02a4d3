// A control that acts on 0.
OPENQASM 3;
qubit[2] q;
ry(0.9) q[0];
negctrl @ x q[0], q[1];
measure q;
