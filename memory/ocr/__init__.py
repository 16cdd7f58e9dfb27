"""Text on screen as people read it: pictures are read by RapidOCR, lines are followed over time and made into blocks.

`reader` reads one picture, `changes` reads again what changed, `timeline` follows lines over a span, `exact_times`
finds the frames at which one comes and goes; `lines` says when two of them are one text, `layout` and `blocks` which
lines stand together.
"""
