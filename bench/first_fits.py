"""README's table of the first fit, cold and warm, from the bars that measure it.

``python bench/bars.py first-fit first-ever wheel-first --readme README.md`` measures and renews it.
"""

import environment

MARKERS = "<!-- first fit: begin -->", "<!-- first fit: end -->"
COMMAND = "python bench/bars.py first-fit first-ever wheel-first --readme README.md"
# Bar -> what its seconds are.
ROWS = {
    "wheel-first": "a wheel with kernels: fit and prediction of 1,000 rows, the slowest mini-batch solver",
    "first-fit": "a build from source, its kernels in the cache: one epoch of MNIST, more than a second fit",
    "first-ever": "a build from source, nothing compiled yet: one epoch of MNIST, once",
}


def block(results):
    """Return the table between its markers; ``results`` are those of `bars.run`."""
    values = {result["name"]: result.get("value") for result in results}
    lacking = [name for name in ROWS if values.get(name) is None]
    if lacking:
        raise ValueError(f"not measured: {', '.join(lacking)}")
    machine = environment.describe()
    changed = ", with changes" if environment.changed_code() else ""
    return "\n".join([
        MARKERS[0],
        "| the first fit of a process, after | seconds |",
        "|---|--:|",
        *(f"| {what} | {values[name]:.2f} |" for name, what in ROWS.items()),
        "",
        f"{machine['cpu']}, {machine['usable_cores']} cores, commit {machine['commit']}{changed}.",
        MARKERS[1],
    ])  # fmt: skip
