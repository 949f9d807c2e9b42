"""How charts look, and how a figure of matplotlib becomes SVG that belongs to a page.

Text stays text. Colours are stand-ins that to_svg() replaces: by CSS variables in a page, so that one drawing
serves light and dark, or by the colours of one of the two in a file of its own. Nothing in the SVG changes
from one run to the next, and ids are its own.
"""

import html
import io
import re

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot, ticker  # noqa: E402

# Stand-in by name; a name is a CSS variable of style.css.
NAMES = ("ink", "quiet", "line", "paper", "accent",
         *(f"{family}-{shade}" for family in ("c", "go", "rust", "limit") for shade in range(3)),
         *(f"phase-{name}" for name in ("read", "parse", "queue", "db", "json", "send", "other")))
COLOURS = {name: f"#0d0e{number:02x}" for number, name in enumerate(NAMES, 16)}

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif"
WIDE, NARROW = 920, 360  # CSS pixels: a desk, a phone

STYLE = {
    "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 12, "figure.dpi": 72,
    "text.color": COLOURS["ink"], "axes.labelcolor": COLOURS["quiet"], "axes.edgecolor": COLOURS["line"],
    "xtick.color": COLOURS["line"], "ytick.color": COLOURS["line"], "xtick.labelcolor": COLOURS["quiet"],
    "ytick.labelcolor": COLOURS["quiet"], "xtick.labelsize": 11, "ytick.labelsize": 11, "axes.labelsize": 11,
    "axes.titlesize": 12, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.titlecolor": COLOURS["ink"],
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": COLOURS["line"], "grid.linewidth": 0.7, "lines.linewidth": 2,
    "lines.solid_capstyle": "round", "axes.unicode_minus": True, "path.simplify": False,
}


def new_figure(width, height, panels=1, **options):
    """A figure in CSS pixels, its panels side by side on a wide one, else stacked. height: of one panel."""
    across = panels if width >= WIDE else 1
    down = 1 if width >= WIDE else panels
    size = (width / 72, height * down / 72)
    figure, axes = pyplot.subplots(down, across, figsize=size, squeeze=False, **options)
    return figure, list(axes.flat)


def log_ticks():
    """1, 2, 5, 10 …"""
    return ticker.LogLocator(subs=(1, 2, 5), numticks=12)


def colour(contestant):
    return COLOURS[f"{contestant.family}-{contestant.shade}"]


def line_style(contestant):
    return ("-", (0, (5, 2)), (0, (1.5, 1.5)))[contestant.shade]


def spread_out(positions, gap):
    """Moves positions apart, as little as need be, until neighbours are gap apart; the order stays."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    groups = []
    for index in order:
        centre, members = positions[index], [index]
        while groups and centre - groups[-1][0] < gap * (len(members) + len(groups[-1][1])) / 2:
            before, others = groups.pop()
            centre = (before * len(others) + centre * len(members)) / (len(others) + len(members))
            members = others + members
        groups.append((centre, members))
    placed = list(positions)
    for centre, members in groups:
        for place, index in enumerate(members):
            placed[index] = centre + (place - (len(members) - 1) / 2) * gap
    return placed


def label_ends(axes, ends, gap=13):
    """Names beside the last points of lines, none over another. ends: (x, y, text, colour)."""
    if not ends:
        return
    to_pixels, to_data = axes.transData, axes.transData.inverted()
    pixels = [to_pixels.transform((x, y)) for x, y, _, _ in ends]
    right = max(x for x, _ in pixels)
    heights = spread_out([y for _, y in pixels], gap)
    for (_, _, text, ink), (x, y), height in zip(ends, pixels, heights):
        start = to_data.transform((x + 3, y))
        end = to_data.transform((right + 16, height))
        axes.plot([start[0], end[0]], [start[1], end[1]], color=ink, linewidth=0.8, clip_on=False, zorder=1)
        place = to_data.transform((right + 19, height))
        axes.text(*place, text, color=ink, va="center_baseline", fontsize=11, clip_on=False)


def paint(svg, palette):
    for name, stand_in in COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{name})" if palette is None else palette[name])
    return svg


def own_ids(svg, key):
    """Ids that something refers to get the figure's name in front; the others go."""
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: f' id="{key}-{match[1]}"' if match[1] in used else "", svg)
    svg = re.sub(r'(?:xlink:)?href="#', f'href="#{key}-', svg)
    return svg.replace("url(#", f"url(#{key}-")


def to_svg(figure, key, title, description, palette=None):
    """The figure as one <svg> element, closed for pyplot. palette: colour by name, None for CSS variables."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": key}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    width, height = (round(size * 72) for size in figure.get_size_inches())
    pyplot.close(figure)
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg"):], flags=re.S)
    body = own_ids(svg[svg.index(">") + 1:], key)
    body = re.sub(r"'DejaVu Sans'[^;\"]*", FONT, body)
    body = re.sub(r"(\d+\.\d\d)\d+", r"\1", body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{html.escape(title)}">\n<desc>{html.escape(description)}</desc>')
    return paint(head + body.rstrip(), palette)
