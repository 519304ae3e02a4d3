// A quarter turn in four steps, looked at after each.
OPENQASM 3;
qubit q;
bit c;
for int i in [1:4] {
    ry(pi / 8) q;
    c = measure q;
}
