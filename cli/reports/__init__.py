"""`onsale report`: reports as tables, CSV and pages."""
