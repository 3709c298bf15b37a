-- Refunds of earlier releases moved it. Their rows stay as they are: records in Redis have the same instant.
COMMENT ON COLUMN payments.settled_at IS
  'When the gateway told the outcome; null while pending. It stays when the money goes back, as completed_at does.';
