// Left early at the first 0.
OPENQASM 3;
qubit q;
bit c;
for int i in [1:4] {
    h q;
    c = measure q;
    if (!c) {
        break;
    }
}
