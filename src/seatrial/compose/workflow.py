"""A first CI workflow for a compose project: build, judge, publish, keep, then hand over."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seatrial.compose.drive import BUILD

GITHUB = Path(".github") / "workflows" / "seatrial.yml"
PROMOTE, ROLLBACK = "promote.sh", "rollback.sh"  # of the user, beside seatrial.yaml
_REPORTS = "reports"
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


@dataclass(frozen=True)
class Workflow:
    """What a workflow must know of the system that it judges."""

    environment: str  # one whose provider is compose
    folder: str  # of the system, from the repository's root: "." or "systems/shop"
    compose_folder: str  # of its compose file, from the system's: mostly "."
    compose: str  # how Compose is called there

    def github(self) -> str:
        """The workflow file."""
        return "\n".join(self._github()) + "\n"

    def _github(self) -> Iterator[str]:
        yield from _HEAD.splitlines()
        if self.folder != ".":
            yield from ("", "defaults:", "  run:", f"    working-directory: {_quoted(self.folder)}")
        enter = "" if self.compose_folder == "." else f"cd {shlex.quote(self.compose_folder)} && "
        run = f"seatrial run --env {shlex.quote(self.environment)} --report-dir {_REPORTS}"
        parts = {
            "<build>": f"{enter}{self.compose} build",
            "<pull>": f"{self.compose} pull --ignore-buildable --policy missing",
            "<run>": f"{BUILD}=0 {run}",
            "<reports>": _quoted((Path(self.folder) / _REPORTS).as_posix()),
        }
        for line in _JOBS.splitlines():
            place = next((one for one in parts if one in line), None)
            yield line if place is None else line.replace(place, parts[place])


def root_of(folder: Path) -> Path:
    """The root of the repository that it is in, where CI looks; the folder itself without one."""
    above = (one for one in (folder, *folder.parents) if (one / ".git").exists())
    return next(above, folder)


def _quoted(text: str) -> str:
    """As YAML."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


_DEFAULT = "format('refs/heads/{0}', github.event.repository.default_branch)"

_HEAD = """\
# Written by `seatrial init --ci github`, and yours to edit: docs/ci.md says what each part is for.
name: sea trials

on:
  pull_request:
  push:  # of the default branch, whatever its name; see `if` below

permissions:
  contents: read

concurrency:
  group: sea-trials-${{ github.ref }}
  cancel-in-progress: ${{ github.event_name == 'pull_request' }}"""

_JOBS = f"""
jobs:
  sea-trials:
    if: github.event_name == 'pull_request' || github.ref == {_DEFAULT}
    runs-on: ubuntu-24.04
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false  # what runs below is the change's own code
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Install Seatrial
        env:
          SEATRIAL: ${{{{ vars.SEATRIAL }}}}
        run: python -m pip install "${{SEATRIAL:?set the variable SEATRIAL to what pip installs}}"
      # Trials that import more than Seatrial brings need it here: python -m pip install -r ...
      # Those that are not built are fetched, too: a registry that is silent is no fault of the change.
      - name: Build the change's images
        run: |
          <build>
          <pull>
      # {BUILD}=0: the run builds nothing; the images that were just built are what it judges.
      - name: Sea trials
        id: trials
        run: |
          code=0
          <run> || code=$?
          echo "exit=$code" >> "$GITHUB_OUTPUT"
          exit "$code"
      - name: Publish the summary
        if: ${{{{ !cancelled() }}}}
        run: |
          if [ -f {_REPORTS}/summary.md ]; then
            cat {_REPORTS}/summary.md >> "$GITHUB_STEP_SUMMARY"
          else
            echo "No verdict: a step before it failed." >> "$GITHUB_STEP_SUMMARY"
          fi
      - name: Keep the reports
        if: ${{{{ !cancelled() }}}}
        uses: actions/upload-artifact@v4
        with:
          name: sea-trials
          path: <reports>
          if-no-files-found: ignore
          retention-days: 30
      # Yours, and never called for a pull request: the images that were judged are in this
      # machine's engine, under the names that Compose gave them as it built them.
      - name: Promote
        if: ${{{{ success() && github.event_name == 'push' }}}}
        run: |
          if [ -x {PROMOTE} ]; then
            ./{PROMOTE}
          else
            echo "::notice::go, and nothing was promoted: there is no {PROMOTE}"
          fi
      # For a no_go alone: what is inconclusive, or could not be run, says nothing of the change.
      - name: Roll back
        if: ${{{{ failure() && github.event_name == 'push' && contains(fromJSON('["1", "3"]'), steps.trials.outputs.exit) }}}}
        run: |
          if [ -x {ROLLBACK} ]; then
            ./{ROLLBACK}
          else
            echo "::notice::no_go, and nothing was rolled back: there is no {ROLLBACK}"
          fi"""  # noqa: E501
