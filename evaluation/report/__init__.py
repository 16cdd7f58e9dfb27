"""Reports: an evaluation as a table, plots, a page, and in the formats of other programs."""
