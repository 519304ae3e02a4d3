"""`seatrial init --ci github`: what it writes is valid, and its steps do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from seatrial.compose.files import find
from tests.compose.conftest import Copy, Ended, Project
from tests.compose.engine import Engine

WORKFLOW = Path(".github") / "workflows" / "seatrial.yml"
SCRIPT = '#!/bin/sh\necho "$0" >> called\n'


def refused(file: Path, schema: str = "vendor.github-workflows") -> str | None:
    """What the schema says against the file; None where it is valid."""
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr


def declared(copy: Copy, name: str) -> Project:
    project = copy(name)
    text = f"system: {name}\ncompose: {file_of(project.folder).name}\n"
    text += "components: {mq: {kind: rabbitmq}}\n"
    (project.folder / "seatrial.yaml").write_text(text)
    (project.folder / "trials").mkdir()
    (project.folder / "trials" / "test_p1_first.py").write_text("def test_it(): pass\n")
    return project


def file_of(folder: Path) -> Path:
    found = find(folder, {})
    assert found is not None
    return found


def steps(file: Path) -> dict[str, dict[str, object]]:
    (job,) = yaml.safe_load(file.read_text())["jobs"].values()
    return {step.get("name", step.get("uses")): step for step in job["steps"]}


class Ci:
    """Runs the shell steps as a CI does: each by `bash -e`, with files for what it says."""

    def __init__(self, project: Project, file: Path, folder: Path) -> None:
        self.project, self.steps, self.folder = project, steps(file), folder
        self.output, self.summary = folder / "output", folder / "summary"
        for one in (self.output, self.summary):
            one.touch()

    def __call__(self, name: str) -> Ended:
        env: Mapping[str, str] = {
            **self.project.env,
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }
        done = subprocess.run(
            ["bash", "-e", "-c", str(self.steps[name]["run"])],
            cwd=self.project.folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


# -- the file -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [".", "systems/shop", "it's a shop: #1"])
def test_it_is_valid_wherever_the_system_lies(copy: Copy, tmp_path: Path, place: str) -> None:
    project = declared(copy, "dispatch")
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    folder = root / place
    if place == ".":
        for one in project.folder.iterdir():
            one.rename(root / one.name)
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        project.folder.rename(folder)
    done = Project(folder, project.env).seatrial("init", "--ci", "github", "--json")
    assert done.code == 0, done.err
    assert done.json == {"workflow": str(root / WORKFLOW), "environment": "compose"}
    assert refused(root / WORKFLOW) is None
    written = yaml.safe_load((root / WORKFLOW).read_text())
    where = written.get("defaults", {"run": {"working-directory": "."}})
    assert where["run"]["working-directory"] == place
    kept = steps(root / WORKFLOW)["Keep the reports"]["with"]
    assert isinstance(kept, dict)
    assert kept["path"] == (Path(place) / "reports").as_posix()


def test_the_schema_would_refuse_a_bad_one(copy: Copy) -> None:
    project = declared(copy, "dispatch")
    project.seatrial("init", "--ci", "github")
    file = project.folder / WORKFLOW
    file.write_text(file.read_text().replace("runs-on:", "runs-at:"))
    assert "runs-at" in (refused(file) or "")


def test_images_are_built_and_judged_before_anything_is_promoted(copy: Copy) -> None:
    project = declared(copy, "gateway")
    project.seatrial("init", "--ci", "github")
    found = steps(project.folder / WORKFLOW)
    assert list(found)[-6:] == [
        "Build the change's images",
        "Sea trials",
        "Publish the summary",
        "Keep the reports",
        "Promote",
        "Roll back",
    ]
    promote, back = str(found["Promote"]["if"]), str(found["Roll back"]["if"])
    assert "success()" in promote
    assert "failure()" in back
    assert all("github.event_name == 'push'" in one for one in (promote, back))


def test_it_names_no_branch_and_leaves_no_token(copy: Copy) -> None:
    project = declared(copy, "gateway")
    project.seatrial("init", "--ci", "github")
    written = yaml.safe_load((project.folder / WORKFLOW).read_text())
    assert written[True] == {"pull_request": None, "push": None}  # `on`, as YAML 1.1 reads it
    (job,) = written["jobs"].values()
    assert (
        "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)"
        in (job["if"])
    )
    checkout = steps(project.folder / WORKFLOW)["actions/checkout@v4"]
    assert checkout["with"] == {"persist-credentials": False}


def test_a_compose_file_elsewhere_and_an_environment_beside_local(copy: Copy) -> None:
    project = copy("dispatch")
    (project.folder / "deploy").mkdir()
    (project.folder / "compose.yaml").rename(project.folder / "deploy" / "stack.yml")
    (project.folder / "seatrial.yaml").write_text(
        "system: dispatch\ncompose: deploy/stack.yml\ncomponents: {mq: {kind: rabbitmq}}\n"
        "environments:\n  local: {provider: local}\n  boxes: {provider: compose}\n"
    )
    assert project.seatrial("init", "--ci", "github").code == 0
    found = steps(project.folder / WORKFLOW)
    assert str(found["Build the change's images"]["run"]).splitlines() == [
        "cd deploy && docker compose -f stack.yml build",
        "docker compose -f stack.yml pull --ignore-buildable --policy missing",
    ]
    assert "seatrial run --env boxes " in str(found["Sea trials"]["run"])


def test_files_that_are_there_stay(copy: Copy) -> None:
    project = declared(copy, "dispatch")
    mine, declaration = project.folder / WORKFLOW, project.folder / "seatrial.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("# mine\n")
    before = declaration.read_text() + "# and mine\n"
    declaration.write_text(before)
    done = project.seatrial("init", "--ci", "github")
    assert (done.code, mine.read_text()) == (2, "# mine\n")
    assert "--force" in done.err
    assert project.seatrial("init", "--ci", "github", "--force").code == 0
    assert refused(mine) is None
    assert declaration.read_text() == before


def test_a_system_without_containers_is_refused(copy: Copy) -> None:
    project = copy("dispatch")
    text = "system: dispatch\ncomponents: {mq: {kind: rabbitmq}}\n"
    (project.folder / "seatrial.yaml").write_text(text)
    done = project.seatrial("init", "--ci", "github")
    assert done.code == 2
    assert "no environment of it runs in containers" in done.err
    assert not (project.folder / ".github").exists()


# -- its steps ----------------------------------------------------------------------------------


def test_a_failed_run_is_told_to_the_steps_after_it(copy: Copy, tmp_path: Path) -> None:
    """Without an engine: the environment does not come up, which is a no_go of exit code 3."""
    project = declared(copy, "dispatch")
    project.seatrial("init", "--ci", "github")
    ci = Ci(project, project.folder / WORKFLOW, tmp_path)
    assert ci("Publish the summary").code == 0
    assert ci.summary.read_text() == "No verdict: a step before it failed.\n"
    assert ci("Sea trials").code == 3
    assert ci.output.read_text() == "exit=3\n"
    assert '"3"' in str(ci.steps["Roll back"]["if"])


@pytest.mark.parametrize(("step", "script"), [("Promote", "promote"), ("Roll back", "rollback")])
def test_the_users_step_is_called_where_there_is_one(
    copy: Copy, tmp_path: Path, step: str, script: str
) -> None:
    project = declared(copy, "dispatch")
    project.seatrial("init", "--ci", "github")
    ci = Ci(project, project.folder / WORKFLOW, tmp_path)
    without = ci(step)
    assert without.code == 0
    assert f"there is no {script}.sh" in without.out
    mine = project.folder / f"{script}.sh"
    mine.write_text(SCRIPT)
    mine.chmod(0o755)
    assert ci(step).code == 0
    assert (project.folder / "called").read_text() == f"./{script}.sh\n"
    mine.write_text("#!/bin/sh\nexit 7\n")
    assert ci(step).code == 7


@pytest.mark.engine
def test_the_whole_job(copy: Copy, engine: Engine, tmp_path: Path) -> None:
    before = engine.everything()
    project = copy("bookshop", engine)
    assert project.seatrial("init").code == 0
    project.seatrial("init", "--ci", "github")
    ci = Ci(project, project.folder / WORKFLOW, tmp_path)
    if engine.compose_command == ("docker", "compose"):
        built = ci("Build the change's images")
    else:
        built = project.shell("docker-compose build")
    assert built.code == 0, built.err
    there = engine.everything()["images"]
    began = engine.docker("info", "--format", "{{.SystemTime}}").strip()  # a build makes some, too
    ran = ci("Sea trials")
    assert ran.code == 0, ran.out + ran.err
    # What was judged is what was built, and what promote.sh finds.
    assert engine.everything()["images"] == there
    made = ("events", "--since", began, "--until", "0s", "--filter", "event=create")
    judged = engine.docker(*made, "--filter", "type=container", "--format", "{{.From}}").split()
    joint = "-" if engine.compose_command == ("docker", "compose") else "_"
    built_here = {f"bookshop{joint}{service}" for service in ("web", "mails")}
    assert built_here <= set(judged) <= built_here | {"postgres:15", "redis:7"}
    assert ci.output.read_text() == "exit=0\n"
    assert ci("Publish the summary").code == 0
    assert "go: bookshop" in ci.summary.read_text()
    assert os.listdir(project.folder / "reports")
    new = {one.partition("=")[0] for one in set(there) - set(before["images"])}
    engine.docker("image", "rm", *(new - {"<none>:<none>"}))  # which go with what has a name
    assert engine.everything() == before
