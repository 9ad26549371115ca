"""Figures, and how they are printed."""

import statistics


class Figure:
    """One measured thing: a value for each run, and what it has to reach, if anything."""

    def __init__(self, row, what, values, unit="", floor=None, ceiling=None):
        self.row = row
        self.what = what
        self.values = values
        self.unit = unit
        self.floor = floor
        self.ceiling = ceiling

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def reached(self):
        return ((self.floor is None or self.median >= self.floor)
                and (self.ceiling is None or self.median <= self.ceiling))

    def bound(self):
        if self.floor is not None:
            return f"≥ {number(self.floor)}"
        return f"≤ {number(self.ceiling)}" if self.ceiling is not None else ""

    def as_json(self):
        return {"row": self.row, "what": self.what, "unit": self.unit, "median": self.median,
                "values": self.values, "floor": self.floor, "ceiling": self.ceiling,
                "reached": self.reached}


def number(value):
    """1234567 → 1,234,567; 0.12345 → 0.123; 92.6 → 92.6"""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"


def markdown(machine, figures):
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"commit {machine['commit']}, load average {machine['load_average']}",
        "",
        "| row | what | median | lowest to highest | runs | bound | |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for f in figures:
        unit = f" {f.unit}" if f.unit else ""
        spread = f"{number(min(f.values))} to {number(max(f.values))}" if len(f.values) > 1 else ""
        verdict = "" if f.floor is None and f.ceiling is None else "reached" if f.reached else "**missed**"
        lines.append(f"| {f.row} | {f.what} | {number(f.median)}{unit} | {spread} | {len(f.values)} "
                     f"| {f.bound()} | {verdict} |")
    return "\n".join(lines)
