"""The shop's secret keys: of chips, of phones, and on a token."""
