// A phase of 0.3 lies between the numbers that four bits can hold.
OPENQASM 3;
include "stdgates.inc";
qubit[4] count;
qubit target;
bit[4] c;
x target;
h count;
cp(2 * pi * 0.3 * 1) count[0], target;
cp(2 * pi * 0.3 * 2) count[1], target;
cp(2 * pi * 0.3 * 4) count[2], target;
cp(2 * pi * 0.3 * 8) count[3], target;
// inverse Fourier transform
swap count[0], count[3];
swap count[1], count[2];
h count[0];
cp(-pi / 2) count[0], count[1];
h count[1];
cp(-pi / 4) count[0], count[2];
cp(-pi / 2) count[1], count[2];
h count[2];
cp(-pi / 8) count[0], count[3];
cp(-pi / 4) count[1], count[3];
cp(-pi / 2) count[2], count[3];
h count[3];
c = measure count;
