"""The programme: what a basket costs and earns. Pure functions of their arguments."""
