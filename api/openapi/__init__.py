"""The OpenAPI document, its examples and links."""
