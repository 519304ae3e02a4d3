// Finds 1011 with one question.
OPENQASM 3;
qubit[4] x_;
qubit y;
bit[4] c;
x y;
h x_;
h y;
for int i in {0, 1, 3} {
    cx x_[i], y;
}
h x_;
c = measure x_;
