"""Run mypy and pyright: they must accept all of ``right.py``, and see each mistake in ``wrong.py``."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CHECKERS = {
    "mypy": ["mypy", "--strict", "--no-error-summary", "--hide-error-context"],
    "pyright": ["pyright"],
}


def errors(checker: str, file: Path) -> dict[int, str]:
    """Line numbers with an error, and what the checker says."""
    command = [sys.executable, "-m", *CHECKERS[checker], str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = re.findall(
        rf"{file.name}:(\d+).*?error: (.*)", run.stdout.replace(" - error", ": error")
    )
    if run.returncode not in (0, 1) or bool(found) != bool(run.returncode):
        sys.exit(f"{checker} failed:\n{run.stdout}{run.stderr}")
    return {int(line): text for line, text in found}


def main() -> None:
    faults = 0
    for checker in CHECKERS:
        for file in (HERE / "right.py", HERE / "wrong.py"):
            seen = errors(checker, file)
            lines = file.read_text(encoding="utf-8").splitlines()
            expected = {k for k, line in enumerate(lines, 1) if line.endswith("# wrong")}
            for k in sorted(expected ^ seen.keys()):
                faults += 1
                print(
                    f"{checker}: {file.name}:{k}: {seen.get(k, 'the mistake is not seen')}: {lines[k - 1]}"
                )
            print(
                f"{checker}: {file.name}: {len(expected & seen.keys())} of {len(expected)} mistakes seen"
            )
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
