-- Few of many: what managers look for on the day of a sale.
CREATE INDEX payments_open ON payments (started_at) WHERE status = 'pending' OR note = '';
CREATE INDEX refunds_due ON refunds (created_at) WHERE settled_at IS NULL;
