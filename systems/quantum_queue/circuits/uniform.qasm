// Every outcome alike, by a broadcast.
OPENQASM 3;
qubit[5] q;
h q;
measure q;
