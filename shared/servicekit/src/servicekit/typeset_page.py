"""`python -m servicekit.typeset_page PACKAGE TEMPLATE`: the view as JSON on stdin, the PDF on stdout."""

import resource
import sys
from importlib.metadata import files as files_of
from importlib.resources import files
from pathlib import Path

import typst

FONT_PACKAGE, FONT = "mplfonts", "NotoSansCJKsc-Regular.otf"
MAX_MEMORY_BYTES = 2 * 1024**3
MAX_CPU_SECONDS = 20


def typeset(package: str, template: str, view: str, form: str = "pdf") -> bytes | list[bytes]:
    """The document, without a date of its making, so that the same view gives the same bytes."""
    source = (files(package) / "templates" / f"{template}.typ").read_bytes()
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[font_folder()])
    return typst.Compiler(source, font_paths=fonts, sys_inputs={"view": view}).compile(format=form, timestamp=0) or b""  # pyright: ignore[reportArgumentType]


def font_folder() -> Path:
    """Where the package has its fonts; it is not imported, since it would bring a plotting library along."""
    found = next(file for file in files_of(FONT_PACKAGE) or () if file.name == FONT)
    return Path(str(found.locate())).parent


def main() -> None:
    """One document, within a bound of memory and time."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    package, template = sys.argv[1:3]
    document = typeset(package, template, sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(b"".join(document) if isinstance(document, list) else document)


if __name__ == "__main__":
    main()
