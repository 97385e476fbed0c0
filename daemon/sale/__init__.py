"""One sale: from what was shown to the posting and its answer."""
