"""Codes of events: made, changed and withdrawn by managers; and what one opens to a customer."""
