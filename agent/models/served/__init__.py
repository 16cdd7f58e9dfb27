"""Chat models on servers, in the order in which a question goes.

`openai_compatible` is the policy, `request` makes what is sent, `endpoints` and `wire` send it; `faults` and `retries`
tell what went wrong and ask again; `completions` puts rows and streams right, and `replies` makes messages of them.
"""
