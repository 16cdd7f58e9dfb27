"""The folder of a memory on disk: one SQLite database, which is the truth, and FAISS caches of its vectors.

`folder` opens and locks it and words its errors, `schema` holds the tables, `sqlite` transactions and damage,
`database` the queries, `units` the writes, `faiss_index` the caches; `search` finds hits, with `full_text` and
`spelling`.
"""
