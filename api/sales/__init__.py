"""Sales over HTTP: reservations, payments, carts, payment callbacks."""
