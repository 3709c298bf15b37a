"""Names, phones and contacts of customers: erasing them on request, and when they are old."""
