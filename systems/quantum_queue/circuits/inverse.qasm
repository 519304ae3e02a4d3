// A gate and its inverse leave what was there.
OPENQASM 3;
gate mix q { h q; t q; ry(0.3) q; }
qubit q;
ry(0.7) q;
mix q;
inv @ mix q;
measure q;
