// The rest of a round is left out when a 1 was seen.
OPENQASM 3;
qubit[2] q;
bit c;
bit out;
for int i in [1:3] {
    ry(0.6) q[0];
    c = measure q[0];
    reset q[0];
    if (c) {
        continue;
    }
    x q[1];
}
out = measure q[1];
