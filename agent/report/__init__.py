"""The report: one run's trace as one self-contained HTML page."""

from .page import ReportError, write_report

__all__ = ["ReportError", "write_report"]
