// A flipped qubit is found by its syndrome and put right.
OPENQASM 3;
qubit[3] data;
qubit[2] check;
bit[2] syndrome;
bit out;
ry(0.8) data[0];
cx data[0], data[1];
cx data[0], data[2];
x data[1];
cx data[0], check[0];
cx data[1], check[0];
cx data[1], check[1];
cx data[2], check[1];
syndrome = measure check;
if (syndrome == 1) { x data[0]; }
if (syndrome == 3) { x data[1]; }
if (syndrome == 2) { x data[2]; }
cx data[0], data[2];
cx data[0], data[1];
out = measure data[0];
