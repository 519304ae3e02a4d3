// Every outcome is orthogonal to the hidden 110.
OPENQASM 3;
qubit[3] x_;
qubit[3] y;
bit[3] c;
h x_;
cx x_, y;
cx x_[1], y[1];
cx x_[1], y[2];
h x_;
c = measure x_;
