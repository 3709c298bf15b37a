-- The sync worker acts on their behalf, so that the audit log names them.
ALTER TABLE event_cancellations
  ADD COLUMN cancelled_by text NOT NULL DEFAULT '',
  ADD COLUMN refund_by text NOT NULL DEFAULT '';
COMMENT ON COLUMN event_cancellations.cancelled_by IS 'Who cancelled it, as JSON (engine/acting.py); empty: not known.';
COMMENT ON COLUMN event_cancellations.refund_by IS 'Who asked first for the refund of everybody; the same.';
