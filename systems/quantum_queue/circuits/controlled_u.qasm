// The four angles of cu.
OPENQASM 3;
qubit[2] q;
h q[0];
cu(1.3, 0.2, 0.4, 0.6) q[0], q[1];
measure q;
