"""Fuzzing that takes longer than a test may."""
