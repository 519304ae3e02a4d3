// A qubit that is reset is 0, whatever it was.
OPENQASM 3;
qubit q;
bit first;
bit second;
h q;
first = measure q;
reset q;
second = measure q;
