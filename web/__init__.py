"""Phone cards over HTTP: joining, the card page and its codes."""
