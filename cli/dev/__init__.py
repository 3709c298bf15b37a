"""`onsale dev`: the whole product in one command, with embedded servers."""
