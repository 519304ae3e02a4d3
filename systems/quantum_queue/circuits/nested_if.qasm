// A branch within a branch.
OPENQASM 3;
qubit[3] q;
bit[2] c;
bit out;
h q[0];
h q[1];
c = measure q[0:1];
if (c[0] == true) {
    if (c[1] != 0) {
        x q[2];
    }
}
out = measure q[2];
