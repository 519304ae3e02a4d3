// A function that is 1 for half of its arguments: x0 xor x2.
OPENQASM 3;
qubit[3] x_;
qubit y;
bit[3] c;
x y;
h x_;
h y;
cx x_[0], y;
cx x_[2], y;
h x_;
c = measure x_;
