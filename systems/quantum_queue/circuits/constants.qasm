// Numbers with a name, and arithmetic.
OPENQASM 3;
const int n = 2 + 1;
const float turn = tau / 8;
qubit[n] q;
ry(turn * 2) q[n - 1];
measure q;
