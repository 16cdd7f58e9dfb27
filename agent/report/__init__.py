"""The report: one run's trace as one self-contained HTML page.

`run_summary` reads a trace leniently, `thumbnails` reads the frames, `timeline` lays out the spans, and `page` fills
the Jinja templates.
"""

from .page import ReportError, page_policy, page_style, render_template, write_report

__all__ = ["ReportError", "page_policy", "page_style", "render_template", "write_report"]
