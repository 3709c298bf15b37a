-- Who changed what. Nobody but the owner of the tables may change or delete entries; `onsale audit` checks the hashes.
CREATE TABLE audit_log (
  chain smallint NOT NULL, -- a partition, or -1: the catalogue
  number bigint NOT NULL CHECK (number > 0),
  at timestamptz NOT NULL,
  actor text NOT NULL,
  role text NOT NULL,
  token_id text NOT NULL,
  address text NOT NULL,
  action text NOT NULL,
  resource text NOT NULL,
  event_id integer,
  before jsonb,
  after jsonb,
  request_id text NOT NULL,
  reason text NOT NULL,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (chain, number)
);

CREATE INDEX audit_log_newest ON audit_log (at DESC, chain DESC, number DESC);
CREATE INDEX audit_log_of_event ON audit_log (event_id, at DESC);
CREATE INDEX audit_log_of_actor ON audit_log (actor, at DESC);
