"""What is written is whole, private, bounded and redacted."""

from __future__ import annotations

import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seatrial.errors import EvidenceError
from seatrial.evidence import records as r
from seatrial.evidence.reader import read_run
from seatrial.evidence.redaction import MASK, Redactor
from seatrial.evidence.writer import EvidenceWriter
from seatrial.outcome import Outcome
from tests.unit.evidence import builder

SECRET = "correct-horse-battery"


def written(folder: Path, record: r.AnyRecord, *secrets: str) -> str:
    with EvidenceWriter(folder, "main", Redactor(secrets)) as writer:
        writer.write(record)
    return writer.path.read_text()


def test_every_record_of_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    run = builder.run_with(builder.finding(), builder.trial(properties=(("a", "b"),)))
    with EvidenceWriter(tmp_path, "main", Redactor()) as writer:
        for record in run.records:
            writer.write(record)
    assert read_run(tmp_path) == run


def test_files_and_folder_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with EvidenceWriter(tmp_path, "main", Redactor()) as writer:
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(writer.path.parent.stat().st_mode) == 0o700


def test_no_string_of_any_record_holds_a_secret(tmp_path: Path) -> None:
    text = f"x {SECRET} y"
    records: list[r.AnyRecord] = [
        builder.run_started(declaration=json.dumps({"env": {"URL": f"amqp://u:{SECRET}@h"}})),
        r.EnvironmentFailed(component="api", cause=None, error=text, log_tail=(text, text)),
        r.EnvironmentUp(
            attached=True,
            components=(
                r.DeployedComponent(
                    name="api", kind="http", state="ready", endpoints={text: (text, text)}
                ),
            ),
            capabilities=(text,),
            duration_s=1,
        ),
        builder.finding(found=text, fix=text),
        builder.trial(error=text, properties=(("note", text), (text, "")), criteria=(text,)),
        r.RequestMade(
            node="n", component="api", request="POST /", status=200, duration_ms=1, sent=text
        ),
    ]
    for number, record in enumerate(records):
        line = written(tmp_path / str(number), record, SECRET)
        assert SECRET not in line
        assert MASK in line


def test_a_property_is_redacted_by_its_key(tmp_path: Path) -> None:
    line = written(tmp_path, builder.trial(properties=(("api_token", "abc"), ("n", "abc"))))
    assert json.loads(line)["properties"] == [["api_token", MASK], ["n", "abc"]]


def test_our_own_words_are_never_redacted(tmp_path: Path) -> None:
    line = written(tmp_path, builder.trial(), "passed", "trial_finished")
    assert json.loads(line)["outcome"] == "passed"
    assert json.loads(line)["type"] == "trial_finished"
    assert read_run(tmp_path).trials[0].outcome is Outcome.PASSED


@pytest.mark.parametrize("place", [8 * 1024 - 10, 8 * 1024 + 10, 0])
def test_bodies_are_redacted_first_and_capped_then(tmp_path: Path, place: int) -> None:
    body = "x" * place + SECRET + "y" * 20_000
    line = written(
        tmp_path,
        r.RequestMade(
            node="n",
            component="api",
            request="POST /",
            status=200,
            duration_ms=1,
            sent=body,
            received="short",
        ),
        SECRET,
    )
    sent = json.loads(line)["sent"]
    assert len(sent) < 8 * 1024 + 40
    assert SECRET[:6] not in sent
    assert json.loads(line)["received"] == "short"


def test_a_body_of_megabytes_is_capped_without_reading_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    redact = Redactor.redact
    monkeypatch.setattr(Redactor, "redact", lambda s, t: seen.append(len(t)) or redact(s, t))
    body = SECRET + "x" * 5_000_000
    request = r.RequestMade(
        node="n", component="api", request="GET /", status=200, duration_ms=1, received=body
    )
    received = json.loads(written(tmp_path, request, SECRET))["received"]
    assert received.startswith("***xxx")
    assert received.endswith(f"... ({len(body) - len(SECRET) + len(MASK) - 8192} bytes more)")
    assert max(seen) < 30_000


def test_a_secret_that_hides_behind_many_others_is_not_cut_into_view(tmp_path: Path) -> None:
    body = SECRET * 20_000  # redaction makes it shorter than the cap
    request = r.RequestMade(
        node="n", component="api", request="GET /", status=200, duration_ms=1, received=body
    )
    received = json.loads(written(tmp_path, request, SECRET))["received"]
    assert SECRET[:6] not in received


def test_other_texts_are_capped_too(tmp_path: Path) -> None:
    error = json.loads(written(tmp_path, builder.trial(error="e" * 1_000_000)))["error"]
    assert 64 * 1024 <= len(error) < 64 * 1024 + 40
    assert error.endswith("bytes more)")


def test_a_record_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.evidence.writer.LONGEST_LINE", 100_000)
    nodes = [(f"t::{n}", builder.P1) for n in range(10_000)]
    with (
        EvidenceWriter(tmp_path, "main", Redactor()) as writer,
        pytest.raises(EvidenceError, match="collected record has"),
    ):
        writer.write(builder.collected(*nodes))
    assert writer.path.read_text() == ""


def test_text_that_is_no_utf8_can_be_written_and_read(tmp_path: Path) -> None:
    written(tmp_path, builder.trial(error="caf\udce9 \x00 \x1b[31m"))
    [trial] = read_run(tmp_path).trials
    assert trial.attempts[0].error == "caf\\udce9 \x00 \x1b[31m"


def test_a_number_that_json_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="trial_finished"):
        written(tmp_path, builder.trial(duration_s=float("nan")))


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    with EvidenceWriter(tmp_path, "main", Redactor()) as writer:

        def work(number: int) -> None:
            start.wait()
            for n in range(50):
                writer.write(builder.trial(f"t::{number}-{n}", error="e" * 10_000))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    found = read_run(tmp_path)
    assert len(found.trials) == 400
    assert not found.problems


def test_each_record_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, lines = os.write, []

    def write(file: int, octets: bytes) -> int:
        lines.append(octets)
        return real(file, octets)

    monkeypatch.setattr(os, "write", write)
    written(tmp_path, builder.trial(error="e" * 60_000))
    [line] = lines
    assert line.endswith(b"}\n")


def test_a_write_that_the_kernel_cut_short_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, octets: real(file, octets[:100]))
    written(tmp_path, builder.trial(error="e" * 500))
    assert read_run(tmp_path).trials


def test_a_full_disk_is_an_error_and_nothing_follows_half_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def write(file: int, octets: bytes) -> int:
        if len(octets) < 200:
            raise OSError(28, "No space left on device")
        return real(file, octets[: len(octets) - 100])

    with EvidenceWriter(tmp_path, "main", Redactor()) as writer:
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(EvidenceError, match="No space left"):
            writer.write(builder.trial())
        monkeypatch.setattr(os, "write", real)
        with pytest.raises(EvidenceError, match="No space left"):  # still: that is why it is lost
            writer.write(builder.trial())
    assert read_run(tmp_path).torn == ("main.jsonl",)


def test_what_a_killed_process_left_torn_stays_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "evidence" / "main.jsonl"
    path.parent.mkdir()
    path.write_text('{"type": "trial_fin')
    with EvidenceWriter(tmp_path, "main", Redactor()) as writer:
        writer.write(builder.trial())
    found = read_run(tmp_path)
    assert len(found.trials) == 1
    assert [problem.line for problem in found.problems] == [1]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a\nb", "x" * 200])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvidenceError, match="cannot be the name"):
        EvidenceWriter(tmp_path, name, Redactor())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "main.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EvidenceError, match="cannot be written"):
        EvidenceWriter(tmp_path, "main", Redactor())


def test_writing_after_close_is_refused(tmp_path: Path) -> None:
    writer = EvidenceWriter(tmp_path, "main", Redactor())
    writer.close()
    writer.close()
    with pytest.raises(EvidenceError, match="closed"):
        writer.write(builder.trial())
