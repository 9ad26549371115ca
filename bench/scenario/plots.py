"""Plots as SVG, of text alone: bars in groups, and lines over time."""

import html

COLOURS = ("#4878a8", "#d08040", "#609060", "#a05070")
WIDTH, HEIGHT = 720, 340
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 50, 60


class Canvas:
    """A title, a scale on the left and a legend; `place` turns values into points."""

    def __init__(self, title, unit, highest, names):
        self.highest = nice(highest)
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        ]
        self.text(WIDTH / 2, 18, title, "middle", 14)
        for i in range(5):
            value = self.highest * i / 4
            y = self.y(value)
            self.parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
            self.text(LEFT - 6, y + 4, f"{value:g}{unit}", "end")
        for i, name in enumerate(names):
            x = LEFT + i * (WIDTH - LEFT - RIGHT) / len(names)
            self.parts.append(f'<rect x="{x:.1f}" y="28" width="10" height="10" fill="{COLOURS[i]}"/>')
            self.text(x + 14, 37, name)

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.highest

    def text(self, x, y, words, anchor="start", size=12):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
                          f'{html.escape(words)}</text>')

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>", ""]))


def nice(highest):
    """The next round number above."""
    step = 1e-3
    while True:
        for factor in (1, 2, 4, 8):
            if step * factor >= highest:
                return step * factor
        step *= 10


def bars(path, title, unit, names, groups):
    """`groups` is a list of (label, a value for each name); None leaves a gap."""
    canvas = Canvas(title, unit, max(v for _, values in groups for v in values if v is not None), names)
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    width = room * 0.8 / len(names)
    for i, (label, values) in enumerate(groups):
        left = LEFT + i * room + room * 0.1
        canvas.text(left + room * 0.4, HEIGHT - BOTTOM + 32, label, "middle")
        for j, value in enumerate(values):
            if value is None:
                continue
            y = canvas.y(value)
            canvas.parts.append(f'<rect x="{left + j * width:.1f}" y="{y:.1f}" width="{width * 0.92:.1f}" '
                                f'height="{HEIGHT - BOTTOM - y:.1f}" fill="{COLOURS[j]}"/>')
            canvas.text(left + (j + 0.46) * width, y - 4, f"{value:.4g}", "middle", 10)
    canvas.write(path)


def steps(path, title, unit, x_unit, series):
    """`series` maps a name to [(x, value), ...]; a value holds until the next."""
    canvas = Canvas(title, unit, max(v for points in series.values() for _, v in points), list(series))
    last = max(x for points in series.values() for x, _ in points) or 1

    def x(value):
        return LEFT + (WIDTH - LEFT - RIGHT) * value / last

    for i in range(5):
        canvas.text(x(last * i / 4), HEIGHT - BOTTOM + 18, f"{last * i / 4:.0f} {x_unit}", "middle")
    for colour, points in zip(COLOURS, series.values()):
        path_text, before = [f"M{x(0):.1f} {canvas.y(0):.1f}"], 0
        for at, value in thinned(points, last):
            path_text.append(f"L{x(at):.1f} {canvas.y(before):.1f}L{x(at):.1f} {canvas.y(value):.1f}")
            before = value
        canvas.parts.append(f'<path d="{"".join(path_text)}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
    canvas.write(path)


def thinned(points, last, most=300):
    """The last value in each of so many stretches: what a plot can show."""
    kept = {}
    for at, value in points:
        kept[int(at / last * most)] = (at, value)
    return kept.values()
