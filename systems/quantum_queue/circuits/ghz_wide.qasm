// As wide as the default allows.
OPENQASM 3;
qubit[24] q;
h q[0];
for int i in [0:22] {
    cx q[i], q[i + 1];
}
measure q;
