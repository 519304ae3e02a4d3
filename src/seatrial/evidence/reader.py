"""Reading a run's evidence back, for the gate, the reports and whoever comes a year later.

What cannot be read is never passed over in silence: a line that is torn in the middle of a file,
or a record of a type that this version does not know, becomes an `Unreadable`, and evidence with
one of those never gives a `go`. Only the last line of a file may be torn: its process was killed
while it wrote, and what it then did not report is missed elsewhere.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from seatrial.errors import EvidenceError
from seatrial.evidence.records import (
    ANY_RECORD,
    EVIDENCE_VERSION,
    AnyRecord,
    Collected,
    Record,
    RunFinished,
    RunStarted,
    TrialFinished,
)
from seatrial.evidence.trials import Trial, trials_of
from seatrial.evidence.writer import FOLDER, LONGEST_LINE

LARGEST_RUN = 256 * 1024 * 1024  # bytes of evidence that are read
MOST_FILES = 1000

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Unreadable:
    """A piece of evidence that could not be understood; `line` is 1-based, 0 for a whole file."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}" if self.line else self.reason


@dataclass(frozen=True)
class RunEvidence:
    """All that is known of a run. `records` are in the order of their time."""

    records: tuple[AnyRecord, ...]
    problems: tuple[Unreadable, ...] = ()
    torn: tuple[str, ...] = ()  # files whose last line was cut off
    folder: Path | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        records: Sequence[AnyRecord],
        problems: Sequence[Unreadable] = (),
        torn: Sequence[str] = (),
        folder: Path | None = None,
    ) -> RunEvidence:
        """Put records in order, and find what is wrong with them as a whole."""
        ordered = tuple(sorted(records, key=lambda record: record.at))
        return cls(ordered, (*problems, *_as_a_whole(ordered)), tuple(torn), folder)

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """The records of one type."""
        return tuple(record for record in self.records if isinstance(record, kind))

    @cached_property
    def started(self) -> RunStarted | None:
        return next(iter(self.all(RunStarted)), None)

    @cached_property
    def finished(self) -> RunFinished | None:
        return next(iter(self.all(RunFinished)), None)

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial that was collected or that finished."""
        return tuple(trials_of(self.all(Collected), self.all(TrialFinished)))


def read_run(folder: Path) -> RunEvidence:
    """Read all evidence in a run's folder. Raises EvidenceError if there is none, or too much."""
    records: list[AnyRecord] = []
    problems: list[Unreadable] = []
    torn: list[str] = []
    for path in _files(folder):
        try:
            with path.open("rb") as file:
                for line, raw in _lines(file):
                    try:
                        records.append(ANY_RECORD.validate_json(raw))
                    except ValidationError as error:
                        if raw.endswith(b"\n") or len(raw) > LONGEST_LINE:
                            problems.append(Unreadable(path.name, line, _reason(error)))
                        else:
                            torn.append(path.name)
        except OSError as error:
            raise EvidenceError(
                f"{path} cannot be read: {error.strerror}",
                hint="read it as the user who made the run",
            ) from error
    return RunEvidence.of(records, problems, torn, folder)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, none longer than a line can be; what follows a longer one is left unread."""
    line = 0
    while raw := file.readline(LONGEST_LINE + 1):
        line += 1
        yield line, raw
        if len(raw) > LONGEST_LINE:
            return


def _files(folder: Path) -> list[Path]:
    inside = folder / FOLDER
    try:
        paths = sorted(path for path in inside.iterdir() if path.suffix == ".jsonl")
        found = [path.lstat() for path in paths]
    except OSError as error:
        raise EvidenceError(
            f"{folder} holds no evidence that can be read: {error.strerror}",
            hint="name the folder of a run, as `seatrial run` prints it",
        ) from error
    if not paths:
        raise EvidenceError(
            f"{folder} holds no evidence", hint="name the folder of a run that was started"
        )
    for path, info in zip(paths, found, strict=True):
        if not stat.S_ISREG(info.st_mode):
            raise EvidenceError(f"{path} is no regular file", hint="remove it")
    size = sum(info.st_size for info in found)
    if len(paths) > MOST_FILES or size > LARGEST_RUN:
        raise EvidenceError(
            f"{folder} holds {len(paths)} files of evidence with {size} bytes; "
            f"{MOST_FILES} files and {LARGEST_RUN} bytes are read at most",
            hint="split the suite into several runs",
        )
    return paths


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


def _as_a_whole(records: Sequence[AnyRecord]) -> Iterator[Unreadable]:
    started = [record for record in records if isinstance(record, RunStarted)]
    if len(started) > 1:
        runs = ", ".join(record.run_id for record in started)
        yield Unreadable("", 0, f"the evidence of several runs lies in one folder: {runs}")
    for record in started:
        if record.evidence_version > EVIDENCE_VERSION:
            yield Unreadable(
                "",
                0,
                f"a newer Seatrial ({record.seatrial_version}) wrote evidence of version "
                f"{record.evidence_version}; this one reads up to {EVIDENCE_VERSION}",
            )
