// A range with a step: 5, 3, 1.
OPENQASM 3;
qubit[6] q;
for uint i in [5:-2:0] {
    x q[i];
}
measure q;
