"""Set the formulas and letters of the formula sheet, and store their outlines beside `llmcalc.outlines`.

The file also holds the widths of Helvetica, from the table that comes with Matplotlib: lines are broken by them.
"""

import json
import re
from dataclasses import asdict
from pathlib import Path

import matplotlib

from llmcalc.outlines import STORE, set_anew
from llmcalc.views.printed import mathematics


def widths(name):
    """Widths of the printable ASCII letters, in thousandths of the letters' size."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "afm" / f"{name}.afm"
    rows = re.findall(r"(?m)^C (\d+) ; WX (\d+) ;", path.read_text(encoding="latin-1"))
    return {chr(int(code)): int(width) for code, width in rows if 32 <= int(code) < 127}


def main():
    formulas = {latex: asdict(set_anew(latex)) for latex in sorted(set(mathematics()))}
    held = {
        "matplotlib": matplotlib.__version__,
        "plain": widths("phvr8a"),
        "bold": widths("phvb8a"),
        "formulas": formulas,
    }
    STORE.write_text(json.dumps(held, indent=0) + "\n", encoding="utf-8")
    print(f"{STORE.name}: {len(formulas)} outlines, {STORE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
