// Two qubits that never met, entangled.
OPENQASM 3;
qubit[4] q;
bit[2] m;
bit[2] out;
h q[0];
cx q[0], q[1];
h q[2];
cx q[2], q[3];
cx q[1], q[2];
h q[1];
m[0] = measure q[1];
m[1] = measure q[2];
if (m[1]) { x q[3]; }
if (m[0]) { z q[3]; }
out[0] = measure q[0];
out[1] = measure q[3];
