// Adds three bits that are all possibilities at once.
OPENQASM 3;
qubit[3] arg;
qubit[2] sum;
h arg;
ccx arg[0], arg[1], sum[1];
cx arg[0], arg[1];
ccx arg[1], arg[2], sum[1];
cx arg[1], arg[2];
cx arg[2], sum[0];
// undone, so that the arguments can be read
cx arg[1], arg[2];
cx arg[0], arg[1];
measure arg;
measure sum;
