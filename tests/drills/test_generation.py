"""Which drills follow from a declaration, and the system's own."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.drills.own import read_own
from seatrial.drills.standard import drills
from seatrial.errors import UsageError
from seatrial.exercise import all_drills, chosen
from seatrial.kinds.drill import Drill
from seatrial.kinds.registry import KINDS
from seatrial.outcome import CAUSES
from tests.docs.documents import ROOT, blocks

SHOP = """
system: shop
components:
  db: {kind: postgres}
  broker: {kind: rabbitmq}
  schema: {kind: task, run: [python, -m, schema], env: {URL: "{db.url}"}}
  api:
    kind: http
    run: [python, -m, api]
    health: /health
    env: {PORT: "{api.port}", HOST: "{db.host}", DATABASE_URL: "sql+{db.url}?x=1"}
  worker: {kind: process, run: [python, -m, worker], replicas: 3, env: {API: "{api.url}"}}
  other: {kind: http}
"""


def declared(folder: Path, text: str = SHOP) -> System:
    (folder / "seatrial.yaml").write_text(text)
    return load(folder, KINDS, environment=None, variables=os.environ)


def names(system: System) -> list[str]:
    return [drill.name for drill in drills(system)]


def test_the_graph_says_which_there_are(tmp_path: Path) -> None:
    found = names(declared(tmp_path))
    assert len(found) == len(set(found))
    assert {"db.away", "db.hangs", "broker.away", "schema.crash", "worker.exits"} <= set(found)
    assert {one for one in found if one.startswith("api.DATABASE_URL.")} == {
        f"api.DATABASE_URL.{what}"
        for what in ("missing", "misspelt", "malformed", "wrong-password", "wrong-database")
    }
    assert "worker.half-frozen" in found
    assert "api.half-frozen" not in found, "it has one replica"
    assert "worker.API.missing" in found
    assert "worker.API.wrong-password" not in found, "an HTTP service has no login here"
    assert not {"schema.away", "schema.exits", "schema.hangs"} & set(found), "it ends by itself"
    assert [one for one in found if "PORT" in one or "HOST" in one] == []
    assert not {"other.crash", "other.slow"} & set(found), "nobody here starts it"


def test_what_is_not_declared_is_not_drilled(tmp_path: Path) -> None:
    bare = names(declared(tmp_path))
    assert not {"db.missing-index", "broker.not-durable", "broker.expiry"} & set(bare)
    expect = """
expect:
  db: {tables: {orders: {columns: {id: uuid}, indexes: [by_time]}}}
  broker: {queues: {orders: {durable: true, lossless: false}, more: {dead_letter: true}}}
"""
    found = set(names(declared(tmp_path, SHOP + expect))) - set(bare)
    assert found == {"db.missing-index", "db.column-type", "broker.not-durable"}


def test_every_right_answer_is_one_that_its_kind_can_give(tmp_path: Path) -> None:
    system = declared(tmp_path)
    for drill in drills(system):
        assert drill.answers
        for component, causes in drill.answers.items():
            kind = system.components[component].kind
            possible = {row.cause for row in CAUSES if row.covers(kind)}
            assert causes & possible, drill.name


def test_choosing_by_name_and_pattern(tmp_path: Path) -> None:
    everything = drills(declared(tmp_path))
    assert [d.name for d in chosen(everything, ["db.away"])] == ["db.away"]
    assert {d.name.split(".")[0] for d in chosen(everything, ["api.*", "db.*"])} == {"api", "db"}
    with pytest.raises(UsageError) as refused:
        chosen(everything, ["db.awya"])
    assert "db.away" in str(refused.value)


def test_own_drills_are_read_and_mistakes_name_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "drills"
    folder.mkdir()
    assert read_own(tmp_path).drills == ()
    file = folder / "drill_mine.py"
    text = "from seatrial.kinds.drill import Drill\n"
    file.write_text(f"{text}DRILLS = [Drill('mine', '', {{}}, None)]\nVARIABLES = {{'N': '2'}}\n")
    (folder / "program.py").write_text("raise SystemExit('not a drill')\n")
    own = read_own(tmp_path)
    assert [type(d) for d in own.drills] == [Drill]
    assert own.variables == {"N": "2"}
    trials = [f"DRILLS = []\nTRIALS = {wrong}\n" for wrong in ("1", "{'a': 'b'}", "{'a': ()}")]
    variables = "DRILLS = []\nVARIABLES = {'N': 2}\n"
    for wrong in ("x = 1\n", "DRILLS = ['no']\n", "1 / 0\n", variables, *trials):
        file.write_text(wrong)
        with pytest.raises(UsageError, match=r"drill_mine\.py"):
            read_own(tmp_path)
    assert sys.modules.get("seatrial_own_drill_mine") is None


def test_trials_notice_what_no_check_can(tmp_path: Path) -> None:
    system = declared(tmp_path)
    (tmp_path / "drills").mkdir()
    file = tmp_path / "drills" / "drill_mine.py"
    file.write_text("DRILLS = []\nTRIALS = {'api.DATABASE_URL.*': ['test_order']}\n")
    noticed = {drill.name: drill.trials for drill in all_drills(system, read_own(tmp_path))}
    assert {name for name, trials in noticed.items() if trials == ("test_order",)} == {
        name for name in noticed if name.startswith("api.DATABASE_URL.")
    }
    file.write_text("DRILLS = []\nTRIALS = {'db.awway': ['test_order']}\n")
    with pytest.raises(UsageError, match=r"no standard drill 'db\.awway'") as refused:
        all_drills(system, read_own(tmp_path))
    assert refused.value.hint == "did you mean db.away?"


def test_the_example_in_the_documents_is_read(tmp_path: Path) -> None:
    (example,) = blocks(ROOT / "docs" / "drills.md", "python")
    (tmp_path / "drills").mkdir()
    (tmp_path / "drills" / "drill_orders.py").write_text(example.text)
    system = declared(tmp_path, SHOP.replace("{API: ", '{DATABASE_URL: "{db.url}", API: '))
    own = all_drills(system, read_own(tmp_path))[-1]
    assert own.name == "orders-left-lying"
    assert own.trials
    assert own.says


@pytest.mark.parametrize("kind", ["postgres", "rabbitmq", "http"])
def test_the_pages_of_kinds_list_their_drills(kind: str, tmp_path: Path) -> None:
    facet, queue = KINDS[kind].drills, ROOT / "systems" / "quantum_queue"
    assert facet is not None
    system = load(queue, KINDS, environment=None, variables=os.environ)
    component = next(one for one in system.components.values() if one.kind == kind)
    page = (ROOT / "docs" / "kinds" / f"{kind}.md").read_text().partition("\n## Drills\n")[2]
    rows = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([\w-]+)`", row[0])}
    assert {drill.name.split(".")[1] for drill in facet(component)} == listed
    causes = {cause for row in rows for cause in re.findall(r"`(\w+)`", row[2])}
    assert {c for drill in facet(component) for cs in drill.answers.values() for c in cs} == causes
