"""What the owner asks of the books: each figure follows from entries and can name them."""
