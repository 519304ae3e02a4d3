// A definition that uses another one twice.
OPENQASM 3;
gate half(t) q { ry(t / 2) q; }
gate whole(t) q { half(t) q; half(t) q; }
gate pair(t) a, b { whole(t) a; cx a, b; }
qubit[2] q;
pair(1.1) q[0], q[1];
measure q;
