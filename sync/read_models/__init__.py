"""Read models: reservations, bookings, statistics and reports from Postgres."""
