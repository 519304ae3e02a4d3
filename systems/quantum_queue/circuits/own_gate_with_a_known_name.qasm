// The author's definition goes before the library's.
OPENQASM 3;
gate h q { ry(0.4) q; }
qubit q;
h q;
measure q;
