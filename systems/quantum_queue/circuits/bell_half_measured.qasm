// One half of a Bell pair is a fair coin.
OPENQASM 3;
qubit[2] q;
bit c;
h q[0];
cx q[0], q[1];
c = measure q[1];
