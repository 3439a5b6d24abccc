"""Pixels in, pixels out; no networks."""
