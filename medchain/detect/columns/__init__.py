"""What the cells of each column mean, whatever wrote them; needs the standard library alone.

A plan (`plan`) says of each column how it is read; `decide` makes one from a table, `toml` writes
it for people, and `reader` turns cells into plain ones: numbers with a point, one spelling of each
level, nothing where a value is missing.
"""
