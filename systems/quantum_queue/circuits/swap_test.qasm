// The overlap of two states.
OPENQASM 3;
qubit ancilla;
qubit[2] s;
bit c;
ry(0.5) s[0];
ry(1.8) s[1];
h ancilla;
cswap ancilla, s[0], s[1];
h ancilla;
c = measure ancilla;
