// A turn by b about an axis that is tilted by a.
OPENQASM 3;
gate tilted(a, b) q {
    ry(a) q;
    rz(b) q;
    ry(-a) q;
}
qubit q;
tilted(0.8, 2.0) q;
measure q;
