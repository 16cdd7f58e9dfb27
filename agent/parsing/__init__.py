"""Reading what a model writes: `reply` is the one parser, for the loop and for the rewards of training.

The other files each read one part for it: thoughts, loose JSON, the JSON of an answer, options and their letters, and
citations. `settling` makes messages of any policy safe to keep.
"""
