import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";

import { ANSWERS } from "../src/examples.js";
import { NoAnswer, Onsale, ProblemError, ServerClock, unwrap, withChange, withSeats } from "../src/index.js";
import { handlers, problem } from "../src/mock.js";
import { OPERATIONS } from "../src/operations.js";
import type { OperationId, Schemas } from "../src/types.js";

const BASE = "https://onsale.test";
const server = setupServer(...handlers(BASE));

before(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
after(() => server.close());

const ORDER = { items: [{ ticket_id: 7, quantity: 2 }], customer: { id: "22" } };

/** A client that does not wait, and the pauses that it would have made. */
function client(options: Partial<ConstructorParameters<typeof Onsale>[0]> = {}): { onsale: Onsale; pauses: number[] } {
  const pauses: number[] = [];
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
  return { onsale: new Onsale({ baseUrl: BASE, sleep, random: () => 1, ...options }), pauses };
}

const DOCUMENTS = (Object.keys(OPERATIONS) as OperationId[]).filter((id) => ANSWERS[id][0]?.media === "application/json");

test("the mock answers each operation with its example", async () => {
  const { onsale } = client();
  const loose = onsale as unknown as { call(id: OperationId, input: object): Promise<{ ok: boolean; data: unknown }> };
  const path = new Proxy({}, { get: () => "1" });
  assert.ok(DOCUMENTS.length > 60);
  for (const id of DOCUMENTS) {
    const body = OPERATIONS[id].method === "GET" ? undefined : {};
    const result = await loose.call(id, { path, body });
    assert.deepEqual([id, result.ok, result.data], [id, true, ANSWERS[id][0]?.body]);
  }
});

test("a mocked problem is told apart by its code", async () => {
  const { onsale } = client();
  server.use(problem(BASE, "create_reservation", "sold_out", { available: 1 }));
  const result = await onsale.call("create_reservation", { body: ORDER });
  assert.equal(result.ok, false);
  if (!result.ok) {
    switch (result.problem.code) {
      case "sold_out": {
        const left: number = result.problem.available;
        assert.equal(left, 1);
        break;
      }
      // @ts-expect-error: reserving never answers so
      case "payment_settled":
        break;
      default:
        assert.fail(result.problem.detail);
    }
  }
  assert.throws(() => unwrap(result), (error: unknown) => error instanceof ProblemError && error.problem.code === "sold_out");
});

test("what an operation takes is checked", () => {
  const { onsale } = client();
  const wrong = (): unknown[] => [
    // @ts-expect-error: it has a body
    onsale.call("create_reservation"),
    // @ts-expect-error: it has an id in its path
    onsale.call("read_event", {}),
    // @ts-expect-error: no such status
    onsale.call("list_events", { query: { status: "open" } }),
  ];
  assert.equal(typeof wrong, "function");
});

test("the key stays over retries, and Retry-After is honoured", async () => {
  const keys: (string | null)[] = [];
  const answers = [
    () => new HttpResponse("{}", { status: 503, headers: { "Retry-After": "3", "Content-Type": "application/problem+json" } }),
    () => HttpResponse.error(),
    () => new HttpResponse("<html>", { status: 502 }),
    () => HttpResponse.json({ id: "1-a" }, { status: 201, headers: { "Idempotency-Replayed": "true" } }),
  ];
  server.use(
    http.post(`${BASE}/v1/reservations`, ({ request }) => {
      keys.push(request.headers.get("Idempotency-Key"));
      return answers[keys.length - 1]?.();
    }),
  );
  const { onsale, pauses } = client();
  const result = await onsale.call("create_reservation", { body: ORDER });
  assert.deepEqual([result.ok, result.ok && result.replayed], [true, true]);
  assert.equal(keys.length, 4);
  assert.equal(new Set(keys).size, 1);
  assert.match(keys[0] ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(pauses, [3000, 500, 1000]);
});

test("another call has another key, and an intent keeps its own", async () => {
  const keys: (string | null)[] = [];
  server.use(
    http.post(`${BASE}/v1/reservations`, ({ request }) => {
      keys.push(request.headers.get("Idempotency-Key"));
      return HttpResponse.json({}, { status: 201 });
    }),
  );
  const { onsale } = client();
  await onsale.call("create_reservation", { body: ORDER });
  const buy = onsale.intent("create_reservation", { body: ORDER });
  await buy.send();
  await buy.send();
  assert.equal(keys[1], keys[2]);
  assert.equal(keys[1], buy.idempotencyKey);
  assert.notEqual(keys[0], keys[1]);
});

test("a request that may have had an effect is not repeated without a key", async () => {
  let times = 0;
  server.use(http.post(`${BASE}/v1/payments/:id/settle`, () => (times++, HttpResponse.error())));
  const { onsale } = client();
  const settled = onsale.call("settle_payment", { path: { payment_id: "p" }, body: { outcome: "failed", note: "x" } });
  await assert.rejects(settled, NoAnswer);
  assert.equal(times, 1);
});

test("a client gives up when the time for retries is over, with the last answer", async () => {
  server.use(problem(BASE, "list_events", "unavailable"));
  const { onsale, pauses } = client({ retryForMs: 2000, clock: ticking(300) });
  const result = await onsale.call("list_events");
  assert.equal(result.ok ? "" : result.problem.code, "unavailable");
  assert.equal(pauses.length, 1);
});

/** A clock that goes on by so many milliseconds each time it is read. */
function ticking(ms: number): ServerClock {
  let now = 0;
  return new ServerClock(() => (now += ms));
}

test("lists are read page by page", async () => {
  server.use(
    http.get(`${BASE}/v1/events`, ({ request }) => {
      const cursor = new URL(request.url).searchParams.get("cursor");
      return HttpResponse.json(cursor ? { items: [{ id: 2 }], next_cursor: null } : { items: [{ id: 1 }], next_cursor: "c" });
    }),
  );
  const ids: number[] = [];
  for await (const event of client().onsale.pages("list_events", { query: { status: "on_sale" } })) ids.push(event.id);
  assert.deepEqual(ids, [1, 2]);
});

test("a token is asked for before each try", async () => {
  const seen: (string | null)[] = [];
  server.use(
    http.get(`${BASE}/v1/reservations`, ({ request }) => {
      seen.push(request.headers.get("Authorization"));
      const headers = { "Retry-After": "1", "Content-Type": "application/problem+json" };
      return seen.length === 1 ? new HttpResponse("{}", { status: 503, headers }) : HttpResponse.json({ items: [] });
    }),
  );
  let made = 0;
  await client({ token: async () => `t${++made}` }).onsale.call("list_all_reservations");
  assert.deepEqual(seen, ["Bearer t1", "Bearer t2"]);
});

function streamOf(...parts: string[]): Response {
  return new HttpResponse(parts.join(""), { headers: { "Content-Type": "text/event-stream" } });
}

const COUNTS = ANSWERS.read_availability[0]?.body as Schemas["Availability"];

test("a stream goes on where it was when its connection is lost", async () => {
  const ids: (string | null)[] = [];
  const states: string[] = [];
  const answers = [
    () => streamOf(`id: 1-1\nevent: snapshot\ndata: ${JSON.stringify(COUNTS)}\n\n: still here\n\n`),
    () => new HttpResponse("{}", { status: 503, headers: { "Retry-After": "5", "Content-Type": "application/problem+json" } }),
    () => HttpResponse.error(),
    () => streamOf('id: 1-2\nevent: change\ndata: {"as_of": "x", "next_return_at": null,\ndata: "tickets": []}\n\n'),
  ];
  server.use(
    http.get(`${BASE}/v1/events/:id/availability/stream`, ({ request }) => {
      ids.push(request.headers.get("Last-Event-ID"));
      return answers[ids.length - 1]?.() as Response;
    }),
  );
  const { onsale, pauses } = client();
  let shown: Schemas["Availability"] | undefined;
  const options = { onState: (state: string) => void states.push(state) };
  for await (const event of onsale.stream("stream_availability", { event_id: 1 }, options)) {
    if (event.type === "snapshot") shown = event.data;
    if (event.type === "change" && shown) {
      shown = withChange(shown, event.data);
      break;
    }
  }
  assert.deepEqual(ids, [null, "1-1", "1-1", "1-1"]);
  assert.deepEqual(pauses, [500, 5000, 2000]);
  assert.deepEqual(states, ["open", "reconnecting", "reconnecting", "reconnecting", "open"]);
  assert.deepEqual([shown?.as_of, shown?.tickets], ["x", COUNTS.tickets]);
});

test("a stream of what is not there ends with its problem", async () => {
  server.use(problem(BASE, "stream_queue", "not_found"));
  const next = client().onsale.stream("stream_queue", { event_id: 9 }).next();
  await assert.rejects(next, (error: unknown) => error instanceof ProblemError && error.problem.code === "not_found");
});

test("a silent stream is taken for lost", async () => {
  let times = 0;
  server.use(
    http.get(`${BASE}/v1/events/:id/queue/stream`, () =>
      ++times === 1
        ? new HttpResponse(new ReadableStream(), { headers: { "Content-Type": "text/event-stream" } })
        : streamOf('event: queue\ndata: {"event_id": 7}\n\n'),
    ),
  );
  for await (const event of client().onsale.stream("stream_queue", { event_id: 7 }, { silenceMs: 20 })) {
    assert.equal(event.data.event_id, 7);
    break;
  }
  assert.equal(times, 2);
});

test("seats after a change", () => {
  const before = { section_id: 1, as_of: "a", rows: [{ name: "A", first_seat_id: 101, seats: "aahsb" }] };
  const after = withSeats(before, { as_of: "b", seats: [[101, 1], [103, 0]] });
  assert.deepEqual([after.as_of, after.rows[0]?.seats], ["b", "haasb"]);
});

test("the server's clock is known within the shortest round trip", () => {
  let here = 0;
  const clock = new ServerClock(() => here);
  const ahead = 5_000_000_000_000;
  assert.equal(clock.known, false);
  for (const [sent, answered, received] of [[0, 300, 400], [1000, 1010, 1020], [2000, 2400, 2900]] as const) {
    here = received;
    clock.observe(ahead + answered, sent, received);
  }
  assert.ok(clock.uncertaintyMs <= 11, String(clock.uncertaintyMs));
  assert.ok(Math.abs(clock.now() - (ahead + here)) <= clock.uncertaintyMs);
  clock.observe(here, here, here); // it was set
  assert.ok(Math.abs(clock.now() - here) <= 1);
  assert.equal(clock.until(new Date(here - 5).toISOString()), 0);
});

test("answers cut to a second give the clock too", async () => {
  const server_ms = Date.UTC(2027, 5, 1, 18, 0, 7, 400);
  const { onsale } = client();
  const headers = { Date: new Date(server_ms).toUTCString(), "Cache-Control": "public, max-age=1" };
  server.use(http.get(`${BASE}/v1/events`, () => HttpResponse.json({ items: [], next_cursor: null }, { headers })));
  await onsale.call("list_events");
  assert.ok(Math.abs(onsale.clock.now() - server_ms) <= onsale.clock.uncertaintyMs + 1);
  assert.ok(onsale.clock.uncertaintyMs < 2000);
});
