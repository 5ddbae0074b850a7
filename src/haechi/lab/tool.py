"""Programs of the machine under the lab, each a package that `make setup` installs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from haechi.lab.podman import LabError


def run(argv: Sequence[str], stdin: bytes | None = None, timeout: int = 120) -> None:
    """Run a program that has to succeed.

    Raises ``LabError`` with the program's own last words when it is missing, fails or hangs.
    """
    try:
        subprocess.run(argv, input=stdin, capture_output=True, check=True, timeout=timeout)
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed: run `make setup`") from error
    except subprocess.CalledProcessError as error:
        raise LabError(f"{argv[0]}: {error.stderr.decode(errors='replace').strip()[-500:]}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{argv[0]}: no answer in {timeout} s") from error
