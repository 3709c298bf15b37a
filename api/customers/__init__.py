"""Personal data of customers over HTTP: shown and erased."""
