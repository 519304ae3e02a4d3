// Other names for parts of registers.
OPENQASM 3;
qubit[3] a;
qubit[2] b;
let ends = a[{0, 2}];
let all = a ++ b;
x ends;
x all[4];
measure all;
