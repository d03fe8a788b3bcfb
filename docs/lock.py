"""Make the lock files anew: `make lock`. They name every package that the demo installs, by version and by hash.

`requirements.lock` has all but torch; `requirements-torch.lock` has the torch of PyPI, with what of CUDA it brings
on Linux. The CPU build of torch comes from an index of its own, where its hashes stand, too.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from tempfile import NamedTemporaryFile

ROOT = Path(__file__).resolve().parents[1]
TORCHS_OWN = re.compile(r"(torch|triton|nvidia-|cuda-)")
HEAD = "# Made by `make lock` from requirements.txt; for Python 3.11 or newer, on any platform.\n"


def main() -> None:
    """Resolve the requirements as installed here, and write both files."""
    torch, rest = [], []
    # A package begins its line; its hashes, and what it is for, are indented.
    for package in re.split(r"\n(?=\w)", resolved()):
        (torch if TORCHS_OWN.match(package) else rest).append(package.rstrip() + "\n")
    (ROOT / "requirements.lock").write_text(HEAD + "".join(rest))
    (ROOT / "requirements-torch.lock").write_text(HEAD + "".join(torch))


def resolved() -> str:
    """Resolve the requirements with `uv`; packages that are installed here keep their versions, which were tested."""
    with NamedTemporaryFile("w", suffix=".txt") as installed:
        for package in distributions():
            installed.write(f"{package.name}=={package.version.partition('+')[0]}\n")
        installed.flush()
        command = (
            *(
                sys.executable,
                "-m",
                "uv",
                "pip",
                "compile",
                "requirements.txt",
                "--universal",
                "--python-version",
                "3.11",
            ),
            *("--generate-hashes", "--no-header", "--quiet", "--constraints", installed.name),
            *("--no-annotate", "--default-index", "https://pypi.org/simple"),
        )
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
