// The variable of a loop as an angle: 0.1 + 0.2 + 0.3 + 0.4.
OPENQASM 3;
qubit q;
for int i in [1:4] {
    rx(i * 0.1) q;
}
measure q;
