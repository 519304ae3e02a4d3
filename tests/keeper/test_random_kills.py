"""Client and keeper killed at random moments of real servers' lives: nothing is left after 5 s.

Root and a user get there in different ways (whose processes the servers are, what may be seen of
them), so as root all of it is done twice: by root, and by a user who may do nothing.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from seatrial.keeper import client, processes
from seatrial.keeper.places import Place
from seatrial.waiting import eventually
from tests.kinds.harness import dying_with_us, open_folder

from .conftest import Fleet

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
USER = "nobody"
LIMIT = 1500  # s; each takes some 270
MOMENTS = 50
LONGEST = 4.0  # s after the start: most of these fall before everything is ready
COMPONENTS = (
    "  db: {kind: postgres}\n"
    "  broker: {kind: rabbitmq}\n"
    "  daemon: {kind: process, run: [python, '{P}/daemon.py'], ready: notify, needs: [db]}\n"
)


def left_of(place: Place) -> list[str]:
    """Command lines of live processes that carry the deployment's marker or name its folder."""
    marked = set(processes.marked(processes.DEPLOYMENT, place.id))
    found = []
    for number in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        with suppress(OSError):  # it has just ended
            line = Path(f"/proc/{number}/cmdline").read_text(errors="replace")
            if (number in marked or str(place.folder) in line) and _alive(number):
                found.append(line)
    return found


def _alive(number: int) -> bool:
    found = processes.stat_of(number)
    return found is not None and found.state not in "ZX"


def gone_within_five_seconds(place: Place, moment: float) -> None:
    eventually(
        lambda: left_of(place),
        until=lambda left: left == [],
        timeout=5.0,
        what=f"nothing is left of what was killed after {moment:.3f} s",
    )
    client.wait_until_gone(place, 5.0)


def test_the_keeper_killed_at_random_moments(fleet: Fleet) -> None:
    system = fleet.system(COMPONENTS)
    fleet.up(COMPONENTS).close()  # it can come up, and its templates are there
    moments = random.Random(20).sample(range(int(LONGEST * 1000)), MOMENTS)
    for moment in (milliseconds / 1000 for milliseconds in moments):
        place = Place.private()
        started = client.start(system, place)
        time.sleep(moment)  # the moment is what is being tried
        status = started.greeting.status
        assert status is not None
        state = client.read_state(place)
        assert state is not None
        os.kill(state.keeper, signal.SIGKILL)
        gone_within_five_seconds(place, moment)
        started.close()


def test_the_client_killed_at_random_moments_before_ready(fleet: Fleet) -> None:
    system = fleet.system(COMPONENTS)
    fleet.up(COMPONENTS).close()  # it can come up, and its templates are there
    place = Place.of(system.folder, "local")
    command = [sys.executable, "-P", "-m", "seatrial", "up", str(system.folder)]
    moments = random.Random(21).sample(range(int(LONGEST * 1000)), MOMENTS)
    before_ready = 0
    for moment in (milliseconds / 1000 for milliseconds in moments):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as up:
            time.sleep(moment)  # the moment is what is being tried
            up.kill()
        if up.returncode == 0 or asked_to_live_on(place):
            ended = client.attach(place)
            assert ended is not None
            ended.down()
        else:
            before_ready += 1
            gone_within_five_seconds(place, moment)
    assert before_ready >= MOMENTS // 2


def asked_to_live_on(place: Place) -> bool:
    """Whether `up` had got as far as that in the very moment when it was killed."""
    log = place.keeper_log
    return log.exists() and "kept" in log.read_text()


@pytest.fixture
def of_user() -> Iterator[Path]:
    """A folder of that user's own."""
    with open_folder() as folder:
        own = folder / "own"
        own.mkdir()
        shutil.chown(own, USER)
        yield own


def python_of_user(folder: Path) -> Path:
    """Ours, where that user may run it, else the machine's own with our packages."""
    for base in map(Path, (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}")):
        runs = [*dying_with_us(USER), "test", "-x", str(base.resolve()), "-a", "-r", __file__]
        if subprocess.run(runs, check=False).returncode != 0:
            continue
        if base == Path(sys.executable):
            return base
        subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
        (packages,) = folder.glob("lib/python*/site-packages")
        ours = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"
        (packages / "ours.pth").write_text(ours)
        return folder / "bin" / "python"
    pytest.skip(f"{USER} may not read this checkout, or run any Python of this version")


@pytest.mark.skipif(os.geteuid() != 0, reason="who runs the tests is such a user")
@pytest.mark.parametrize(
    "test",
    [
        test_the_keeper_killed_at_random_moments,
        test_the_client_killed_at_random_moments_before_ready,
    ],
)
def test_as_a_user_who_may_do_nothing(of_user: Path, test: Callable[[Fleet], None]) -> None:
    env = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    command = [*dying_with_us(USER), str(python_of_user(of_user / "python")), "-P", "-m", "pytest"]
    command += ["-m", "long", "-p", "no:cacheprovider", f"--basetemp={of_user}/pytest"]
    done = subprocess.run(
        [*command, "--timeout", str(LIMIT), f"{__file__}::{test.__name__}"],
        cwd=ROOT,
        env={**env, "HOME": str(of_user)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT + 60,
        check=False,
    )
    if done.returncode != 0 or "1 passed" not in done.stdout:
        pytest.fail(done.stdout[-20_000:])
