// Server-sent events over fetch: they carry tokens, and tell of problems, which EventSource does not.

import { retryAfterMs, ProblemError } from "./client.js";
import type { ServerClock } from "./clock.js";
import type { Problem } from "./problems.js";
import type { Schemas } from "./types.js";

export type Availability = Schemas["Availability"];
export type CompactSeats = Schemas["CompactSeats"];

/** Counts that changed. */
export type AvailabilityChange = Pick<Availability, "as_of" | "next_return_at" | "tickets">;

export interface Sale {
  status: Schemas["EventStatus"];
  sale_opens_at: string | null;
  sale_closes_at: string | null;
  server_time: string;
}

/** Pairs of a seat's id and its status: 0 available, 1 held, 2 sold, 3 blocked. */
export interface SeatsChange {
  as_of: string;
  seats: [seatId: number, status: 0 | 1 | 2 | 3][];
}

interface Events {
  stream_availability: { snapshot: Availability; change: AvailabilityChange; sale: Sale };
  stream_seats: { snapshot: CompactSeats; change: SeatsChange };
  stream_queue: { queue: Schemas["Queue"] };
}

export type StreamId = keyof Events;

/** An event of a stream: `type` tells which. */
export type StreamEvent<Id extends StreamId> = {
  [Type in keyof Events[Id] & string]: { type: Type; data: Events[Id][Type]; id: string };
}[keyof Events[Id] & string];

export interface StreamOptions {
  signal?: AbortSignal;
  /** Told when a connection is lost, and when it is there again. */
  onState?: (state: "open" | "reconnecting") => void;
  /** A stream that is silent for longer is taken for lost; the server sends a comment every 15 s. */
  silenceMs?: number;
}

interface Means {
  fetch: typeof fetch;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  random: () => number;
  headers: () => Promise<Headers>;
  clock: ServerClock;
}

const LONGEST_PAUSE_MS = 10_000;

export async function* openStream<Id extends StreamId>(
  url: string,
  options: StreamOptions,
  means: Means,
): AsyncGenerator<StreamEvent<Id>> {
  let lastId = "";
  let failures = 0;
  while (!options.signal?.aborted) {
    const closing = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal;
    let wait = 0;
    try {
      const headers = await means.headers();
      headers.set("Accept", "text/event-stream");
      if (lastId) headers.set("Last-Event-ID", lastId);
      const response = await means.fetch(url, { headers, signal });
      if (response.ok && response.body) {
        options.onState?.("open");
        for await (const event of events(response.body, signal, options.silenceMs ?? 40_000)) {
          failures = 0;
          lastId = event.id || lastId;
          noteTime(event, means.clock);
          yield event as unknown as StreamEvent<Id>;
        }
      } else {
        wait = retryAfterMs(response.headers);
        await refuse(response);
      }
    } catch (error) {
      if (options.signal?.aborted) return;
      if (error instanceof ProblemError) throw error;
    } finally {
      closing.abort();
    }
    options.onState?.("reconnecting");
    // All whom a process loses must not come back in the same moment.
    wait = Math.max(wait, Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures++) * (0.5 + means.random() / 2));
    try {
      await means.sleep(wait, options.signal);
    } catch {
      return; // aborted
    }
  }
}

/** Throws for what another try cannot mend. */
async function refuse(response: Response): Promise<void> {
  if (response.status === 429 || response.status >= 500) return;
  if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) {
    throw new ProblemError((await response.json()) as Problem);
  }
}

interface RawEvent {
  type: string;
  data: unknown;
  id: string;
}

/** The events of a connection (WHATWG HTML, 9.2.6). Ends when the connection does, or is silent for too long. */
async function* events(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  silenceMs: number,
): AsyncGenerator<RawEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await readWithin(silenceMs, reader, signal);
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split(/\r\n\r\n|\n\n|\r\r/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parse(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => undefined); // not awaited: a copy of the body may end later
  }
}

/** The next part; none if the signal aborts or nothing comes in time. */
async function readWithin(
  ms: number,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
): Promise<{ done: boolean; value?: Uint8Array | undefined }> {
  let end = (): void => undefined;
  const ended = new Promise<{ done: true }>((resolve) => (end = () => resolve({ done: true })));
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end);
  try {
    return await Promise.race([reader.read(), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

function parse(block: string): RawEvent | undefined {
  let [type, id] = ["message", ""];
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name === "event") type = value ?? "";
    else if (name === "data") data.push(value ?? "");
    else if (name === "id") id = value ?? "";
  }
  return data.length ? { type, id, data: JSON.parse(data.join("\n")) } : undefined;
}

/** A `sale` event tells the server's time; it was under way for an unknown time, but below that of a reconnect. */
function noteTime(event: RawEvent, clock: ServerClock): void {
  if (event.type !== "sale") return;
  const told = Date.parse((event.data as Sale).server_time);
  const received = clock.mark();
  clock.observe(told, received - 5000, received);
}

/** The counts after a change. */
export function withChange(before: Availability, change: AvailabilityChange): Availability {
  const changed = new Map(change.tickets.map((ticket) => [ticket.ticket_id, ticket]));
  return { ...before, ...change, tickets: before.tickets.map((ticket) => changed.get(ticket.ticket_id) ?? ticket) };
}

/** The seats after a change. */
export function withSeats(before: CompactSeats, change: SeatsChange): CompactSeats {
  const changed = new Map(change.seats);
  const rows = before.rows.map((row) => ({
    ...row,
    seats: [...row.seats].map((was, at) => "ahsb"[changed.get(row.first_seat_id + at) ?? "ahsb".indexOf(was)]).join(""),
  }));
  return { ...before, as_of: change.as_of, rows };
}
