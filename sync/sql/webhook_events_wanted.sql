-- Types of messages that any endpoint wants: most batches end here.
SELECT DISTINCT unnest(events) FROM webhooks WHERE enabled
