"""`onsale export`: files for analysts."""
