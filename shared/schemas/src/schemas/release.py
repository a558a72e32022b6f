"""`python -m schemas.release`: what `make schemas` wrote becomes what the next release must be compatible with."""

import shutil
import sys
from pathlib import Path

from schemas.compatibility import breaks, read_contracts, report
from schemas.export import FOLDER, differences


def release(folder: Path = FOLDER) -> str | None:
    """Takes schemas and examples over into `released/`. None, or the text that says why it cannot."""
    if stale := differences(folder):
        return "\n".join(stale)
    released = folder / "released"
    if found := breaks(read_contracts(released), read_contracts(folder / "json")):
        return report(found)
    shutil.copytree(folder / "json", released, dirs_exist_ok=True)
    shutil.copytree(folder / "examples", released / "examples", dirs_exist_ok=True)
    return None


if __name__ == "__main__":
    sys.exit(release())
