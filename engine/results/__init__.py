"""Results of commands by subject: one struct per word. A refusal is a value, never an exception.

The words are the tags here and the `reply` calls in `lua/`. Decoding refuses a word that is not listed: that is a bug.
"""
