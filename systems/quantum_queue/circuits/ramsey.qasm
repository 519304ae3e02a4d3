// A phase seen through interference.
OPENQASM 3;
qubit q;
h q;
rz(1.1) q;
h q;
measure q;
