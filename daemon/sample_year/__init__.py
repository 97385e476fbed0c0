"""A year of a shop that there never was, for whoever looks at the demo: drawn with a seed.

drawn_people  who buys, who sent them, who sells   no I/O
trade         what is bought on which day          no I/O
letters       mailings, with whom they leave out
planted       who does what detectors look for     in the last four weeks
year          a till whose clock runs through the year; all of it is sold at its checkout

Nothing is written past the till: what the reports of the demo show is what a till has made of it.
"""
