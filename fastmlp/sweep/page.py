"""Pieces of HTML: one self-contained page, with pictures inside of it and a script that sorts tables."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

STYLE = r"""
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
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.number { white-space: normal; }
tr.failed td { color: #a33; }
.badge { display: inline-block; border-radius: 1em; padding: 0 .7em; font-size: .8rem;
  font-weight: 600; white-space: nowrap; }
.yes { background: #dcefe0; color: #1d6b34; }
.no { background: #e9ebf0; color: #556; }
.maybe { background: #fdf0d0; color: #7a5200; }
.note { border-left: 3px solid var(--accent); padding-left: .9rem; }
code { font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f3f4f7; border-radius: 8px;
  padding: .8rem 1rem; margin: .6rem 0 0; }
th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid var(--accent); }
th button::after { content: " \2195"; color: #aab; }
th[aria-sort=ascending] button::after { content: " \2191"; color: var(--accent); }
th[aria-sort=descending] button::after { content: " \2193"; color: var(--accent); }
@media (max-width: 640px) {
  main { padding: 1.2rem .7rem 2rem; } section { padding: 1rem .9rem; } h1 { font-size: 1.5rem; }
  .scroll figure, figure.wide { overflow-x: auto; } figure.wide img { max-width: none; width: 720px; }
  table.stacked, .stacked tbody, .stacked tr, .stacked td { display: block; }
  .stacked thead { display: none; } .stacked td { border: 0; padding: .1rem 0; }
  .stacked tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
}
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""


# A click on a column's head sorts by it, another one turns the order round. A cell sorts by its
# data-value; rows without one stay at the end.
SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, k) => head.firstElementChild.addEventListener("click", () => {
    const up = head.ariaSort !== "ascending";
    heads.forEach(other => other.ariaSort = null);
    head.ariaSort = up ? "ascending" : "descending";
    const value = row => row.cells[k].dataset.value ?? "";
    const number = [...body.rows].every(row => !isNaN(value(row)));
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return (number ? x - y : x.localeCompare(y)) * (up ? 1 : -1);
    });
    body.append(...rows);
  }));
}
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + f"\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
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


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def code(text: str) -> str:
    """A command to copy."""
    return f"<pre><code>{escape(text)}</code></pre>"


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
        f'<figure class="wide"><img alt="{escape(alternative)}" src="data:image/svg+xml;base64,{data}">{below}'
        "\n</figure>"
    )


def table(titles: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> str:
    """A table of text that is stacked on a narrow screen; each row is its cells, already HTML, and a class."""
    body = [_row("td", cells, [False] * len(titles), kind) for cells, kind in rows]
    return _table("stacked", _row("th", map(escape, titles), [False] * len(titles), ""), body)


def sortable(
    titles: Sequence[str], rows: Iterable[tuple[Sequence[tuple[str, object]], str]]
) -> str:
    """A table that is sorted by a click on a title.

    Each row is its cells and a class; each cell is (text, value), where the value is what it sorts by:
    a number, a text, or None, which is last. A column of numbers stands to the right.
    """
    rows = list(rows)
    right = [
        all(value is None or isinstance(value, (int, float)) for value in column)
        for column in zip(*([value for _, value in cells] for cells, _ in rows), strict=True)
    ]
    heads = [f'<button type="button">{escape(title)}</button>' for title in titles]
    body = [
        _row("td", [escape(text) for text, _ in cells], right, kind, [value for _, value in cells])
        for cells, kind in rows
    ]
    return _table("sortable", _row("th", heads, right, ""), body)


def _row(tag, cells, right, kind, values=None):
    values = values or [None] * len(right)
    line = ""
    for cell, numeric, value in zip(cells, right, values, strict=True):
        line += f"<{tag}"
        line += ' class="number"' if numeric else ""
        line += "" if value is None else f' data-value="{escape(str(value))}"'
        line += f">{cell}</{tag}>"
    return f'<tr class="{kind}">{line}</tr>' if kind else f"<tr>{line}</tr>"


def _table(kind, head, body):
    return "\n".join(
        [f'<div class="scroll"><table class="{kind}">', f"<thead>{head}</thead>", "<tbody>", *body,
         "</tbody></table></div>"]
    )  # fmt: skip
