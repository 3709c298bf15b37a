-- Bookings of a partition ($2 of $1) that have not expired at the instant $3.
SELECT record FROM booking_records WHERE event_id % $1 = $2 AND expires_at > instant($3)
