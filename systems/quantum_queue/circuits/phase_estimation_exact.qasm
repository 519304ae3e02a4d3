// A phase of 3/8, in three bits.
OPENQASM 3;
include "stdgates.inc";
qubit[3] count;
qubit target;
bit[3] c;
x target;
h count;
cp(2 * pi * 0.375 * 1) count[0], target;
cp(2 * pi * 0.375 * 2) count[1], target;
cp(2 * pi * 0.375 * 4) count[2], target;
// inverse Fourier transform
swap count[0], count[2];
h count[0];
cp(-pi / 2) count[0], count[1];
h count[1];
cp(-pi / 4) count[0], count[2];
cp(-pi / 2) count[1], count[2];
h count[2];
c = measure count;
