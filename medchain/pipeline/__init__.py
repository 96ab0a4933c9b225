"""The roads that cross the house: a table, a model and a ledger meet here and nowhere else."""
