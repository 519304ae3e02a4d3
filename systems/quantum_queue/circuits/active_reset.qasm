// Measured, and flipped back if need be.
OPENQASM 3;
qubit q;
bit seen;
bit after;
ry(1.0) q;
seen = measure q;
if (seen) { x q; }
after = measure q;
