// One control, a register of targets.
OPENQASM 3;
qubit a;
qubit[3] b;
h a;
cx a, b;
measure a;
measure b;
