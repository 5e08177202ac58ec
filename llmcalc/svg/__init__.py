"""A small drawing room: bars, ranges and lines as SVG text, with a sentence for those who cannot see them.

Strings, because an explorer has to redraw in a few milliseconds, and because the same string serves three readers:
the live page (it takes the theme's colours), the stored notebook (as an image with its own card), and a test.
"""

from llmcalc.svg.areas import stacked_areas
from llmcalc.svg.bars import ranges, stacked_bars
from llmcalc.svg.lanes import lanes
from llmcalc.svg.lines import line_chart
from llmcalc.svg.ticks import number_line

__all__ = ["lanes", "line_chart", "number_line", "ranges", "stacked_areas", "stacked_bars"]
