"""Phone cards over HTTP."""
