// Two registers, qubit by qubit.
OPENQASM 3;
qubit[2] a;
qubit[2] b;
ry(0.7) a[0];
ry(1.9) a[1];
cx a, b;
measure a;
measure b;
