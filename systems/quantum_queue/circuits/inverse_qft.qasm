// Reads the number 5 out of the phases that encode it.
OPENQASM 3;
include "stdgates.inc";
qubit[3] q;
h q;
p(2 * pi * 5 / 8) q[0];
p(2 * pi * 5 / 4) q[1];
p(2 * pi * 5 / 2) q[2];
swap q[0], q[2];
h q[0];
cp(-pi / 2) q[0], q[1];
h q[1];
cp(-pi / 4) q[0], q[2];
cp(-pi / 2) q[1], q[2];
h q[2];
measure q;
