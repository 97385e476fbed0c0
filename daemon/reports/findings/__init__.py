"""What may be fraud: detectors that look at a day that is over, and what they have found."""
