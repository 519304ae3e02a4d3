// What OpenQASM 2 programs look like, under version 3.
OPENQASM 3;
include "stdgates.inc";
qreg q[2];
creg c[2];
u3(0.9, 0, 0) q[0];
CX q[0], q[1];
measure q -> c;
