"""E-tickets and doors: the documents of places that were paid for, and letting their holders in."""
