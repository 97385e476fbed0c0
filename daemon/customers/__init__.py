"""The people behind the cards: what a shop asks them, what it may use it for, and finding them."""
