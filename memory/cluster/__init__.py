"""More than one machine: files dealt out to shards, memories put together, and work on a Ray cluster.

`shards` deals files out, `merge` puts the memories of shards together (`tables` says what refers to what in them),
`ray_pool` is a pool of workers on a Ray cluster.
"""
