// One outcome of four is picked out.
OPENQASM 3;
qubit[3] q;
bit[2] c;
bit out;
h q[0];
h q[1];
c = measure q[0:1];
if (c == 2) {
    x q[2];
}
out = measure q[2];
