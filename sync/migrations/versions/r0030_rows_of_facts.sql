-- Rows as the sync worker sends them: arrays of these types. An array for each column takes both sides twice as long.
-- A type is not changed while workers run that know it as it was: a new column needs a new type.

CREATE TYPE reservation_row AS (
  id text,
  event_id integer,
  customer_id text,
  status text,
  details text,
  digest text,
  places integer,
  total_minor bigint,
  created_ms bigint,
  expires_ms bigint,
  ended_ms bigint,
  paid_ms bigint,
  code text,
  code_kind text,
  currency text,
  updated_ms bigint
);

CREATE TYPE item_row AS (
  reservation_id text,
  position smallint,
  ticket_id integer,
  pool text,
  quantity integer,
  unit_minor bigint,
  created_ms bigint,
  first_of_ticket boolean,
  seats integer[],
  off_minor bigint
);

CREATE TYPE payment_row AS (
  reservation_id text,
  id text,
  status text,
  amount_minor bigint,
  reason text,
  digest text,
  started_ms bigint,
  settled_ms bigint,
  completed_ms bigint,
  received_minor bigint,
  received_currency text,
  note text,
  currency text,
  exchange text
);

CREATE TYPE refund_row AS (
  reservation_id text,
  payment_id text,
  id text,
  place smallint,
  amount_minor bigint,
  created_ms bigint,
  settled_ms bigint,
  places text,
  worth_minor bigint
);

CREATE TYPE kept_item_row AS (
  reservation_id text,
  position smallint,
  event_id integer,
  ticket_id integer,
  pool text,
  quantity integer,
  unit_minor bigint,
  seats integer[],
  off_minor bigint
);

CREATE TYPE eticket_row AS (
  event_id integer,
  number integer,
  reservation_id text,
  ticket_id integer,
  pool text,
  seat integer,
  issue integer,
  status text,
  holder text,
  transfer_id text,
  first_in_ms bigint,
  changed_ms bigint
);
