// A period of 4 in 8 leaves the even numbers.
OPENQASM 3;
include "stdgates.inc";
qubit[3] q;
h q[2]; // 0 and 4
// Fourier transform
h q[2];
cp(pi / 2) q[1], q[2];
cp(pi / 4) q[0], q[2];
h q[1];
cp(pi / 2) q[0], q[1];
h q[0];
swap q[0], q[2];
measure q;
