"""Files that several of our pages for browsers share."""
