"""The ledger, format 1: what `docs/format.md` says, module by module.

Nothing here needs more than the standard library; the C core, where compiled, is only faster.
"""
