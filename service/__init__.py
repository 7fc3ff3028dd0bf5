"""Motif: learns a team's recurring engineering patterns and gives them back where they help."""

__version__ = "0.1.0"
