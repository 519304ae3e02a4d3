// Both ways of a branch.
OPENQASM 3;
qubit[2] q;
bit c;
bit out;
h q[0];
c = measure q[0];
if (c) {
    ry(0.5) q[1];
} else {
    ry(1.5) q[1];
}
out = measure q[1];
