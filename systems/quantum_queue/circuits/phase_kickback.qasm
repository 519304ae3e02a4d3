// The phase of a controlled gate turns up in its control.
OPENQASM 3;
qubit[2] q;
bit c;
x q[1];
h q[0];
cp(0.9) q[0], q[1];
h q[0];
c = measure q[0];
