"""Thin HTTP controllers, one noun a file."""
