-- Names that are still there, so that the eraser does not read all that was ever sold. It uses reservations_named likewise.
CREATE INDEX etickets_issued_again ON etickets (reservation_id) WHERE issue > 0;
CREATE INDEX waiting_entries_named ON waiting_entries (ended_at) WHERE details::text <> '{}' OR contact::text <> '{}';
