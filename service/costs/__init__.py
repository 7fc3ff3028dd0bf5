"""What was spent, on what, and what it would have been: reports over the ledger. Spends nothing itself."""
