-- A delivery is sent long after its transaction, perhaps by another worker.
ALTER TABLE webhook_deliveries ADD COLUMN trace text NOT NULL DEFAULT '';
COMMENT ON COLUMN webhook_deliveries.trace IS 'The traceparent of the transaction that wrote it; empty if it is not traced.';
