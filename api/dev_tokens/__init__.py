"""Tokens for development, which only `onsale dev --auth jwt` serves."""
