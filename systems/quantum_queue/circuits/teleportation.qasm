// A state goes from q[0] to q[2], with two bits and no more.
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit c0;
bit c1;
bit out;
ry(1.2) q[0];
h q[1];
cx q[1], q[2];
cx q[0], q[1];
h q[0];
c0 = measure q[0];
c1 = measure q[1];
if (c1 == 1) x q[2];
if (c0 == 1) { z q[2]; }
out = measure q[2];
