// A function that is always 1.
OPENQASM 3;
qubit[3] x_;
qubit y;
bit[3] c;
x y;
h x_;
h y;
x y;
h x_;
c = measure x_;
