"""Commands in what is told mean the deployment they are about, wherever Seatrial was called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.environment.deployment import Deployment, start
from seatrial.environment.handover import VARIABLE, Handover
from seatrial.errors import KeeperError
from seatrial.keeper.protocol import Action
from seatrial.outcome import Priority

from .conftest import Yard

pytest_plugins = ("pytester",)


@pytest.fixture
def second(yard: Yard) -> Iterator[Deployment]:
    with start(yard.system, "second") as deployment:
        deployment.wait_until_ready()
        deployment.act(Action.STOP, "web")
        yield deployment


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def test_hints_of_the_keeper(
    yard: Yard, second: Deployment, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(elsewhere)
    with pytest.raises(KeeperError) as refused:
        second.act(Action.PAUSE, "web")
    restart = f"seatrial restart web --system {yard.folder} --name second"
    assert refused.value.hint == f"start it first: {restart}"


def test_advice_of_trials_in_a_run(
    yard: Yard, second: Deployment, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pytest works in the system's folder; whoever called the run need not."""
    handover = Handover(
        deployment=second.id,
        file=yard.folder / "seatrial.yaml",
        environment="local",
        run="20250101T000000Z-abcdef",
        session="p1",
        priorities=(Priority.P1,),
        evidence=yard.folder / "run",
        name="second",
        here=elsewhere,
    )
    monkeypatch.setenv(VARIABLE, handover.text())
    yard.trials("test_p1_web.py", "def test_web(component): component('web')")
    told = yard.run(evidence=False)
    restart = f"seatrial restart web --system {yard.folder} --name second"
    assert f"to do: {restart}\n" in told.text
    assert [one["finding"]["fix"] for one in told.all("finding")] == [restart]
