// Two paths that cancel.
OPENQASM 3;
qubit q;
h q;
z q;
h q;
measure q;
