"""Which of the installed servers is taken, what is said where none will do, and who runs it."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.errors import ServerMissing
from seatrial.kinds.installed import Looked, RunAs, run_as

LOOKED = Looked("Thing", ("thing-server",), "SEATRIAL_TEST_THING", "a folder with things")


@dataclass(frozen=True)
class Thing:
    version: str | None


@pytest.mark.parametrize(
    ("there", "wanted", "taken"),
    [
        (["9.6", "15.18", "13"], None, "15.18"),
        (["9.6", "15.18", "13"], "<15", "13"),
        ([None, "9.6"], ">=9", "9.6"),
        ([None], None, None),
    ],
)
def test_the_newest_that_will_do(
    there: list[str | None], wanted: str | None, taken: str | None
) -> None:
    assert LOOKED.newest(wanted, [Thing(one) for one in there]) == Thing(taken)


@pytest.mark.parametrize(("wanted", "taken"), [(None, "15"), (">=14", "15"), (">=16", "18")])
def test_an_earlier_source_comes_first(wanted: str | None, taken: str) -> None:
    assert LOOKED.newest(wanted, [Thing("15")], [Thing("18")]) == Thing(taken)


@pytest.mark.parametrize(
    ("there", "override", "hint"),
    [
        (["9.6", None, "9.6"], "", "what is here is 9.6, an unknown version: install version"),
        (["9.6"], "/things", "SEATRIAL_TEST_THING=/things holds 9.6; unset it"),
        ([], "/things", "SEATRIAL_TEST_THING=/things holds no server; unset it"),
        ([], "", "thing-server"),
    ],
)
def test_none_that_will_do(
    there: list[str | None], override: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_TEST_THING", override)
    with pytest.raises(ServerMissing) as missing:
        LOOKED.newest(">=99", [Thing(one) for one in there])
    assert "Thing of version >=99 is not installed" in missing.value.message
    assert hint in (missing.value.hint or "")


def test_as_oneself_where_there_is_no_such_user(tmp_path: Path) -> None:
    oneself = RunAs(None, os.geteuid(), os.getegid())
    assert run_as("no-such-user", "no-such-user-either") == oneself
    oneself.give(tmp_path)
    assert (tmp_path.stat().st_uid, oneself.owner) == (os.geteuid(), None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a server as another user")
def test_as_root_the_first_user_that_there_is(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    found = run_as("no-such-user", "nobody", "root")
    assert found == RunAs("nobody", nobody.pw_uid, nobody.pw_gid)
    link = tmp_path / "link"
    link.symlink_to("/etc/passwd")
    (tmp_path / "file").touch()
    found.give(tmp_path / "file", link)
    assert (tmp_path / "file").stat().st_uid == nobody.pw_uid
    assert Path("/etc/passwd").stat().st_uid == 0  # the link alone was given
