"""Files of the kit for front-end teams that are made from the API's table of routes."""
