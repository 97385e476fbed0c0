"""The POS protocol: JSON-RPC lines over a local socket."""
