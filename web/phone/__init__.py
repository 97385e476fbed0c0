"""The pages and passes of phone cards."""
