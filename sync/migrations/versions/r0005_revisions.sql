-- What a change was made from: requests with If-Match change only what is as they say.

ALTER TABLE events ADD COLUMN revision bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN events.revision IS
  'Version of the last change that was committed. Unlike `version`, it stays where a change is refused or repeated.';

ALTER TABLE tickets ADD COLUMN revision bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN tickets.revision IS 'The revision of its event with which it was changed last; 0: not since it was made.';

ALTER TABLE webhooks ADD COLUMN revision bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN webhooks.revision IS 'How often it was changed. A new secret is no change.';
