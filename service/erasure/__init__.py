"""Erasure: what goes, what is rewritten, and the receipt for it."""
