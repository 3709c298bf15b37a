-- As count_holds. No seat is booked or waited for, and no booking has a ticket.
SELECT
  (
    SELECT count(*)
    FROM bookings AS b
    WHERE $2::integer IS NULL
      AND $4::integer IS NULL
      AND b.status = 'booked'
      AND b.starts_at > now()
      AND ($1::integer IS NULL OR b.event_id = $1)
      AND ($3::text IS NULL OR b.customer_id = $3)
      AND ($5::integer[] IS NULL OR b.event_id = ANY ($5))
  ) AS bookings,
  (
    SELECT coalesce(sum(w.quantity), 0)::bigint
    FROM waiting_entries AS w
    WHERE $4::integer IS NULL
      AND w.status = 'waiting'
      AND ($1::integer IS NULL OR w.event_id = $1)
      AND ($2::integer IS NULL OR w.ticket_id = $2)
      AND ($3::text IS NULL OR w.customer_id = $3)
      AND ($5::integer[] IS NULL OR w.event_id = ANY ($5))
  ) AS waiting
