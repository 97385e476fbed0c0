"""Referral partners: who sends customers, what they earn for it, and what they are paid."""
