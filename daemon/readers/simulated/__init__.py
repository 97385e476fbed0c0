"""Simulated devices that send and take the bytes of real ones."""
