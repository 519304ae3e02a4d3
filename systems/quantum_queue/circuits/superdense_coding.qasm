// Two bits in one qubit.
OPENQASM 3;
qubit[2] q;
h q[0];
cx q[0], q[1];
z q[0];
cx q[0], q[1];
h q[0];
measure q;
