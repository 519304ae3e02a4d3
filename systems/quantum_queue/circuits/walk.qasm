// Two steps of a walk on a circle of four, with a coin.
OPENQASM 3;
gate step coin, low, high {
    h coin;
    ctrl(2) @ x coin, low, high;
    ctrl @ x coin, low;
    x coin;
    x low;
    ctrl(2) @ x coin, low, high;
    x low;
    ctrl @ x coin, low;
    x coin;
}
qubit coin;
qubit[2] place;
bit[2] c;
step coin, place[0], place[1];
step coin, place[0], place[1];
c = measure place;
