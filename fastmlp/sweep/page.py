"""Pieces of HTML: one self-contained page without scripts, and pictures inside of it."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { --ink: #1d2129; --muted: #667; --line: #e3e5ea; --accent: #1f5fa8; --paper: #fff; }
* { box-sizing: border-box; }
body { margin: 0; background: #f3f4f7; color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 0 0 .4rem; }
p { margin: .4rem 0; max-width: 75ch; }
.muted, figcaption, footer { color: var(--muted); font-size: .9rem; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.4rem 1.6rem; margin: 1.4rem 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 1rem;
  margin: 1.4rem 0; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.2rem; }
.tile b { display: block; font-size: 1.5rem; line-height: 1.3; font-weight: 650; }
.tile span { display: block; color: var(--muted); font-size: .85rem; }
figure { margin: .8rem 0 0; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { margin-top: .5rem; max-width: 75ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin-top: .6rem; }
th { text-align: left; color: var(--muted); font-weight: 600; border-bottom: 2px solid var(--line);
  vertical-align: bottom; }
th, td { padding: .35rem .7rem .35rem 0; }
td { border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.failed td { color: #a33; }
.badge { display: inline-block; border-radius: 1em; padding: 0 .7em; font-size: .8rem;
  font-weight: 600; white-space: nowrap; }
.yes { background: #dcefe0; color: #1d6b34; }
.no { background: #fbe3d6; color: #9a3f0b; }
.maybe { background: #e9ebf0; color: #556; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def tiles(facts: Iterable[tuple[str, str, str]]) -> str:
    """Figures to be seen first: what, how much, and a remark."""
    return "\n".join(
        ['<div class="tiles">']
        + [
            f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b>'
            f"<span>{escape(remark)}</span></div>"
            for name, value, remark in facts
        ]
        + ["</div>"]
    )


def section(name: str, title: str, *parts: str) -> str:
    """A card with a heading; `name` is what links go to."""
    return "\n".join([f'<section id="{name}">', f"<h2>{escape(title)}</h2>", *parts, "</section>"])


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def picture(figure, alternative: str, caption: str = "") -> str:
    """A matplotlib figure as an image within the page, sharp at any size."""
    import matplotlib

    file = io.BytesIO()
    # No date and no random names: the same results make the same picture.
    with matplotlib.rc_context({"svg.hashsalt": alternative}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    data = base64.b64encode(file.getvalue()).decode()
    below = f"\n<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure><img alt="{escape(alternative)}" src="data:image/svg+xml;base64,{data}">{below}'
        "\n</figure>"
    )


def table(titles: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> str:
    """A table; each row is its cells, already HTML, and a class. Cells that begin with a digit
    stand to the right, as do their titles."""
    rows = list(rows)
    numeric = [
        bool(rows) and all(cells[k][:1].isdigit() or cells[k] in ("", "–") for cells, _ in rows)
        for k in range(len(titles))
    ]

    def line(tag, cells):
        return "".join(
            f'<{tag} class="number">{cell}</{tag}>' if right else f"<{tag}>{cell}</{tag}>"
            for cell, right in zip(cells, numeric, strict=True)
        )

    body = [
        f'<tr class="{kind}">{line("td", cells)}</tr>' if kind else f"<tr>{line('td', cells)}</tr>"
        for cells, kind in rows
    ]
    head = line("th", [escape(title) for title in titles])
    return "\n".join(
        ['<div class="scroll"><table>', f"<thead><tr>{head}</tr></thead>", "<tbody>", *body,
         "</tbody></table></div>"]
    )  # fmt: skip
