#!/usr/bin/env python3
"""Renew requirements/*.txt: every package, transitive ones included, at one version.

    .venv/bin/python scripts/pin.py            renew all pins
    .venv/bin/python scripts/pin.py --check    change nothing; exit 1 if the pins do not hold

What is asked for stands in pyproject.toml (dependencies, dependency groups, build-system) and in
that of each system (its extra `dev`, build-system); what the systems pin in their own
requirements.txt is a given, so that all of it fits into one .venv.
Everything is resolved with each supported Python in turn (`python3.11` and so on, from PATH or
pyenv), and a package that only some of them need gets a marker.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = ("quantum_queue",)
HEADER = "# {what}. Written by scripts/pin.py; edit pyproject.toml instead.\n"

#: One version per package, by normalised name.
Pins = dict[str, str]


class Unresolvable(Exception):
    """pip found no set of versions; the message is pip's own."""


@dataclass(frozen=True)
class Wanted:
    """One requirements file: what it is for, and what is asked for."""

    file: str
    what: str
    asked: tuple[str, ...]


def wanted() -> list[Wanted]:
    files = [
        ROOT / "pyproject.toml",
        *(ROOT / f"systems/{name}/pyproject.toml" for name in SYSTEMS),
    ]
    project, *systems = (tomllib.loads(file.read_text()) for file in files)
    dev = list(project["dependency-groups"]["dev"])
    browser: list[str] = []
    # hatchling asks for `editables` when it makes an editable package
    build = [*project["build-system"]["requires"], "editables"]
    for system in systems:
        extras = system["project"].get("optional-dependencies", {})
        dev += extras.get("dev", [])
        browser += extras.get("browser", [])
        build += system["build-system"]["requires"]
    return [
        Wanted("base.txt", "What Seatrial runs with", tuple(project["project"]["dependencies"])),
        Wanted("dev.txt", "Test and lint tools", tuple(dev)),
        Wanted("build.txt", "What the packages of this checkout are built with", tuple(build)),
        Wanted("optional/browser.txt", "What drives a browser (make browser)", tuple(browser)),
    ]


def system_requirements() -> list[Path]:
    files = [ROOT / "systems" / name / "requirements.txt" for name in SYSTEMS]
    return [file for file in files if file.exists()]


def interpreter(version: str) -> str:
    """The path of that Python. Exits with a message where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (f"python{version}", *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))):
        try:
            found = subprocess.run(
                [candidate, "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except OSError:
            continue
        if found.stdout.strip() == version:
            return candidate
    sys.exit(f"pin: python{version} is needed to resolve for it, and is not here")


def resolve(
    python: str, asked: Sequence[str], constraints: Mapping[str, str] | None = None
) -> Pins:
    """What that Python would install. Raises Unresolvable."""
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        call = [python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        call += ["--no-input", "--only-binary", ":all:", "--report", str(report)]
        for file in system_requirements():
            call += ["-c", str(file)]
        if constraints:
            pinned = Path(folder, "constraints.txt")
            pinned.write_text("".join(f"{name}=={at}\n" for name, at in constraints.items()))
            call += ["-c", str(pinned)]
        done = subprocess.run([*call, *asked], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unresolvable(done.stderr)
        installed = json.loads(report.read_text())["install"]
    return {normalised(item["metadata"]["name"]): item["metadata"]["version"] for item in installed}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def marker(versions: Sequence[str]) -> str:
    """An environment marker that is true for exactly these of PYTHONS, "" for all of them."""
    if tuple(versions) == PYTHONS:
        return ""
    return " ; " + " or ".join(f'python_version == "{version}"' for version in versions)


def merged(by_python: Mapping[str, Pins]) -> list[str]:
    """The lines of a requirements file from what each Python would install."""
    lines = []
    for name in sorted(set().union(*by_python.values())):
        versions: dict[str, list[str]] = {}
        for python, pins in by_python.items():
            if name in pins:
                versions.setdefault(pins[name], []).append(python)
        lines += [f"{name}=={at}{marker(pythons)}\n" for at, pythons in versions.items()]
    return lines


def renew() -> None:
    everything = [requirement for file in wanted() for requirement in file.asked]
    systems = [argument for file in system_requirements() for argument in ("-r", str(file))]
    together = {at: resolve(interpreter(at), [*everything, *systems]) for at in PYTHONS}
    for file in wanted():
        pins = {at: resolve(interpreter(at), file.asked, together[at]) for at in PYTHONS}
        lines = merged(pins)
        (ROOT / "requirements" / file.file).write_text(
            HEADER.format(what=file.what) + "".join(lines)
        )
        print(f"pin: requirements/{file.file}: {len(lines)} packages")


def check() -> None:
    """All files in one environment, and nothing that is asked for missing from them."""
    files = [*sorted((ROOT / "requirements").rglob("*.txt")), *system_requirements()]
    arguments = [argument for file in files for argument in ("-r", str(file))]
    everything = [requirement for file in wanted() for requirement in file.asked]
    for version in PYTHONS:
        python = interpreter(version)
        pinned = resolve(python, arguments)
        asked = resolve(python, [*everything, *arguments], pinned)
        if loose := sorted(set(asked) - set(declared(files))):
            raise Unresolvable(f"not pinned: {', '.join(loose)}")
        print(f"pin: Python {version}: {len(pinned)} packages fit together")


def declared(files: Sequence[Path]) -> set[str]:
    lines = [line for file in files for line in file.read_text().splitlines()]
    return {normalised(line.split("==")[0]) for line in lines if "==" in line}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 on a conflict")
    try:
        check() if parser.parse_args().check else renew()
    except Unresolvable as problem:
        sys.exit(f"pin: {problem}")


if __name__ == "__main__":
    main()
