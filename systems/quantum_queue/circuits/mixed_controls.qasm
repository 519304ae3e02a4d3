// One control on 1 and one on 0, of a gate of one's own.
OPENQASM 3;
gate flip q { x q; }
qubit[3] q;
h q[0];
h q[1];
ctrl @ negctrl @ flip q[0], q[1], q[2];
measure q;
