// Qubits of the machine, by number.
OPENQASM 3;
h $0;
cx $0, $1;
measure $0;
measure $1;
