// A loop that ends by measuring.
OPENQASM 3;
qubit q;
bit c;
x q;
c = measure q;
while (c) {
    h q;
    c = measure q;
}
measure q;
