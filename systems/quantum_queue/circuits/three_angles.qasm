// The one built-in gate.
OPENQASM 3;
qubit q;
U(0.7, 0.3, 1.9) q;
measure q;
