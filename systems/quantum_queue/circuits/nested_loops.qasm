// Every pair of two registers.
OPENQASM 3;
qubit[2] a;
qubit[3] b;
x a[0];
for int i in [0:1] {
    for int j in [0:2] {
        cx a[i], b[j];
    }
}
measure a;
measure b;
