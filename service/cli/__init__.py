"""The `motif` command, one group a file."""
