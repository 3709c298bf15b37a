"""The catalogue over HTTP: events, tickets, venues, seats, availability, and their management."""
