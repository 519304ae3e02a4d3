"""A component's log: its last lines, and that it cannot fill the disk."""

from __future__ import annotations

import threading
from itertools import takewhile
from pathlib import Path

from seatrial.keeper.log import BOUNDS, Bounds, Log
from seatrial.keeper.places import Place
from seatrial.secrecy import LEFT_OUT
from seatrial.waiting import eventually

from .conftest import Fleet

SMALL = Bounds(first=10_000, last=100_000, most=300_000)
LINE = "{:07} " + "x" * 91 + "\n"  # 100 bytes


def numbers(lines: list[str]) -> list[int]:
    return [int(line[:7]) for line in lines]


def parts(file: Path) -> tuple[list[str], str, list[str]]:
    """The lines before what is left out, the line that says so, and those after it."""
    first, gap, rest = file.read_bytes().partition(b"[seatrial: ")
    said, _, rest = rest.partition(b"\n")
    zeros = len(rest) - len(rest.lstrip(b"\0"))
    return (
        first.decode().splitlines(),
        (gap + said).decode(),
        rest[zeros:].decode().splitlines(),
    )


def room(file: Path) -> int:
    return file.stat().st_blocks * 512


def test_the_first_lines_and_the_newest_are_kept_while_it_is_written(tmp_path: Path) -> None:
    file, number, over = tmp_path / "it.log", 20_000, threading.Event()
    log = Log(file)

    def write() -> None:
        with file.open("ab", buffering=0) as stream:  # as components do
            for n in range(number):
                stream.write(LINE.format(n).encode())
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not over.is_set():
        log.bound(SMALL)
    writer.join()
    log.bound(SMALL)
    first, gap, rest = parts(file)
    assert numbers(first) == list(range(len(first)))
    assert 90 <= len(first) <= 100
    assert "left out" in gap
    assert numbers(rest) == list(range(number - len(rest), number))  # all lines whole, none lost
    assert len(rest) * 100 >= SMALL.last
    assert room(file) <= SMALL.most + 100_000
    assert file.stat().st_size == number * 100  # whoever reads on from a place finds it again


def test_a_short_log_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "it.log"
    file.write_text("".join(LINE.format(n) for n in range(2_000)))
    before = file.read_bytes()
    Log(file).bound(SMALL)
    Log(tmp_path / "none.log").bound(SMALL)
    assert file.read_bytes() == before


def test_lines_without_an_end_are_bounded_too(tmp_path: Path) -> None:
    file = tmp_path / "it.log"
    file.write_bytes(b"y" * 1_000_000)
    Log(file).bound(SMALL)
    assert room(file) < 200_000
    assert file.read_bytes().endswith(b"y" * 100_000)


def test_the_last_lines_say_that_some_are_left_out_before_them(tmp_path: Path) -> None:
    file = tmp_path / "it.log"
    file.write_text("".join(LINE.format(n) for n in range(10_000)))
    log = Log(file)
    log.bound(SMALL)
    assert numbers(list(log.tail(3))) == [9_997, 9_998, 9_999]
    everything = log.tail(100_000, most=10_000_000)
    said = [line for line in everything if "left out" in line]
    assert len(said) == 1
    assert not any("\0" in line for line in everything)
    first = list(takewhile(lambda line: line not in said, everything))
    assert numbers(first) == list(range(len(first)))


def test_what_was_printed_before_a_place_is_none_of_its_last_lines(tmp_path: Path) -> None:
    log = Log(tmp_path / "a.log")
    log.file.write_text("error of before\n")
    since = log.size
    assert log.tail(since=since) == ()
    with log.file.open("a") as stream:
        stream.write("of now\n")
    assert log.tail(since=since) == ("of now",)
    assert log.tail(most=4, since=since)[0] == LEFT_OUT


def test_the_rest_of_a_secret_that_a_cut_parted_is_not_shown(tmp_path: Path) -> None:
    secret, file = "correct-horse-battery-staple", tmp_path / "it.log"
    for after in (5_000 * "\nnext", 50_000 * "x"):
        for most in range(len(after), len(after) + len(secret) + 2):
            file.write_text(f"before {secret}{after}")
            shown = "\n".join(Log(file).tail(100_000, most))
            assert LEFT_OUT in shown
            assert shown.endswith(after[-5:])
            assert "ple" not in shown


def test_a_component_that_floods_its_log(fleet: Fleet) -> None:
    prints = "print('begins'); [print('z' * 999) for _ in range(60_000)]; print('ends')"
    program = f"import time; {prints}; time.sleep(600)"
    flood = f'  one:\n    kind: process\n    run: [python, -c, "{program}"]\n'
    started = fleet.up(flood)
    file = Log.of(Place(started.place.id), "one").file
    eventually(lambda: file.stat().st_size > 60_000_000, timeout=30, what="all is printed")
    eventually(lambda: room(file), lambda used: used <= BOUNDS.most, timeout=10)
    assert file.read_bytes()[:7] == b"begins\n"
    assert started.logs("one", 2) == ("z" * 999, "ends")
