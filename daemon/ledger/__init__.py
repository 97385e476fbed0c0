"""The ledger: every sale exactly once, append-only, under one writer."""
