// The register that is declared last is left.
OPENQASM 3;
qubit[2] a;
qubit b;
bit[2] first;
bit second;
bit[2] third;
x a[1];
first = measure a;
second = measure b;
third[1] = measure a[1];
