// Barriers, delays and identities change nothing.
OPENQASM 3;
qubit q;
ry(0.5) q;
barrier q;
delay[100ns] q;
id q;
gphase(0.4);
measure q;
