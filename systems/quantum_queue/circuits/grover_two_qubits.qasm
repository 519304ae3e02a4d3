// One of four, found at once.
OPENQASM 3;
qubit[2] q;
h q;
cz q[0], q[1];
h q;
x q;
cz q[0], q[1];
x q;
h q;
measure q;
