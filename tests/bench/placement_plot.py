"""Draws how long runs waited, by placement and load, as an SVG that reads on light and dark."""
import math
import statistics
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 760, 220, 30
TOP, ROW, PANEL_HEAD, PANEL_GAP = 64, 20, 26, 34
LEAST_S, MOST_S = 0.01, 2000  # the axis; what is below is drawn at its left end
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .panel { font-weight: 600 }
  .soft { fill: #59636e }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .jobe { stroke: #b35900; stroke-width: 1.5; stroke-dasharray: 4 3 }
  .limit { fill: #b35900 }
  .range { stroke-width: 3; stroke-linecap: round; opacity: .45 }
  .queued { fill: #0969da; stroke: #0969da }
  .pushed { fill: #8c4a2f; stroke: #8c4a2f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .soft { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .jobe { stroke: #f0a35e }
    .limit { fill: #f0a35e }
    .queued { fill: #58a6ff; stroke: #58a6ff }
    .pushed { fill: #e0916f; stroke: #e0916f }
  }
"""


def x_of(seconds):
    part = math.log(max(seconds, LEAST_S) / LEAST_S) / math.log(MOST_S / LEAST_S)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def grid(top, bottom):
    lines = []
    for seconds in (0.01, 0.1, 1, 10, 100, 1000):
        x = x_of(seconds)
        kind = "jobe" if seconds == 10 else "grid"
        label = "≤ 0.01" if seconds == 0.01 else f"{seconds:,}"
        lines.append(f'<line class="{kind}" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>'
                     f'<text class="soft" x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">'
                     f'{label} s</text>')
    return lines


def panel(load, placements, top):
    """The drawing of one load, and where it ends."""
    first = top + PANEL_HEAD
    bottom = first + ROW * len(placements)
    drawn = [f'<text class="panel" x="16" y="{top + 15}">{escape(load.capitalize())}</text>']
    drawn += grid(first - 4, bottom)
    for number, (placement, played) in enumerate(placements.items()):
        y = first + ROW * number + ROW / 2
        waits = [result["p99_ms"] / 1000 for result in played]
        middle = statistics.median(waits)
        kind = "pushed" if placement.startswith("pushed") else "queued"
        drawn.append(
            f'<g><title>{escape(load)}, {escape(placement)}: p99 {middle:.2f} s, '
            f'{min(waits):.2f} to {max(waits):.2f} s over the seeds</title>'
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(placement)}</text>'
            f'<line class="range {kind}" x1="{x_of(min(waits)):.1f}" y1="{y}" '
            f'x2="{x_of(max(waits)):.1f}" y2="{y}"/>'
            + (f'<circle class="{kind}" cx="{x_of(middle):.1f}" cy="{y}" r="5"/>'
               if kind == "queued" else
               f'<rect class="{kind}" x="{x_of(middle) - 4.5:.1f}" y="{y - 4.5}" width="9" '
               f'height="9"/>') + "</g>")
    return drawn, bottom + PANEL_GAP


def draw(results):
    drawn, y = [], TOP
    for load, placements in results.items():
        lines, y = panel(load, placements, y)
        drawn += lines
    limit = x_of(10)
    head = (
        f'<text class="title" x="16" y="22">The longest waits: 99th percentile, logarithmic</text>'
        f'<circle class="queued" cx="22" cy="42" r="5"/><text x="34" y="46">the master queues</text>'
        f'<rect class="pushed" x="160" y="37.5" width="9" height="9"/>'
        f'<text x="176" y="46">pushed to a host at once</text>'
        f'<text class="limit" x="{limit + 5:.1f}" y="46">10 s: Jobe refuses what waits there</text>'
        f'<line class="jobe" x1="{limit:.1f}" y1="34" x2="{limit:.1f}" y2="{TOP + PANEL_HEAD}"/>')
    worst = describe(results)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
            f'height="{y}" role="img" aria-labelledby="title text">\n'
            f'<title id="title">How long runs wait, by placement</title>\n'
            f'<desc id="text">{escape(worst)}</desc>\n<style>{STYLE}</style>\n{head}\n'
            + "\n".join(drawn) + "\n</svg>\n")


def describe(results):
    """The plot in words, for those who do not see it."""
    sentences = []
    for load, placements in results.items():
        waits = ", ".join(
            f"{placement} {statistics.median(r['p99_ms'] for r in played) / 1000:.2f} s"
            for placement, played in placements.items())
        sentences.append(f"{load.capitalize()}, 99th percentile of waiting: {waits}.")
    return " ".join(sentences)
