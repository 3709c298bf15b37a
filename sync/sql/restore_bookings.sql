-- Bookings that have not expired at the instant $2.
SELECT record FROM booking_records WHERE event_id = ANY ($1::integer[]) AND expires_at > instant($2)
