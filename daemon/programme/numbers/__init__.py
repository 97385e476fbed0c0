"""A number of the programme: a constant, or one of the kinds that `registry` lists."""
