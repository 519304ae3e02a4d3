// A global phase is none under a control.
OPENQASM 3;
qubit q;
h q;
ctrl @ gphase(1.3) q;
h q;
measure q;
