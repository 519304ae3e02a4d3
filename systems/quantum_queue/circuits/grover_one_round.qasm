// One of eight, after one round.
OPENQASM 3;
gate ccz a, b, c { h c; ccx a, b, c; h c; }
gate oracle a, b, c { x b; ccz a, b, c; x b; }
gate diffuse a, b, c {
    h a; h b; h c;
    x a; x b; x c;
    ccz a, b, c;
    x a; x b; x c;
    h a; h b; h c;
}
qubit[3] q;
h q;
for int round in [1:1] {
    oracle q[0], q[1], q[2];
    diffuse q[0], q[1], q[2];
}
measure q;
