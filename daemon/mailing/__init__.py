"""Messages to customers: texts, who gets them, sending, and what came of it."""
