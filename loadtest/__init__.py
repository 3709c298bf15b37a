"""Load: what Onsale does when everybody comes at once, and how fast that is."""
