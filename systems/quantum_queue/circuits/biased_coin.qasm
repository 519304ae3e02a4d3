// A rotation by a third of a half turn.
OPENQASM 3;
qubit q;
ry(pi / 3) q;
measure q;
