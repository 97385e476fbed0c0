"""Whose card it is: customers, accounts, cards."""
