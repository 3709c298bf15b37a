// The client: one method for all operations, with retries that have one effect.

import { ServerClock } from "./clock.js";
import { OPERATIONS } from "./operations.js";
import type { Problem } from "./problems.js";
import { openStream, type StreamEvent, type StreamId, type StreamOptions } from "./streams.js";
import type { Answer, Arguments, Input, OperationId, Options, ProblemOf, Result } from "./types.js";

export interface ClientOptions {
  /** Where the API is: `https://tickets.example`. */
  baseUrl: string;
  /** A token, or a function that gets one. It is asked before each try. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Milliseconds of one try. */
  timeoutMs?: number;
  /** Milliseconds in which a call is tried again; then it ends with what was answered last. */
  retryForMs?: number;
  fetch?: typeof fetch;
  clock?: ServerClock;
  /** Waits; for tests. */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  random?: () => number;
}

/** No answer of the API came: the network failed, or a proxy answered. What the call did is unknown. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
  readonly status: number | undefined;

  constructor(message: string, status?: number, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

/** A problem as an error, see `unwrap`. */
export class ProblemError<P extends Problem = Problem> extends Error {
  override name = "ProblemError";
  readonly problem: P;

  constructor(problem: P) {
    super(`${problem.code}: ${problem.detail}`);
    this.problem = problem;
  }
}

/** The document of a good answer. Throws `ProblemError` for a problem. */
export function unwrap<Id extends OperationId>(result: Result<Id>): Answer<Id> {
  if (!result.ok) throw new ProblemError(result.problem);
  return result.data;
}

/** A request that may be sent several times and has one effect, such as a press of "Buy". */
export interface Intent<Id extends OperationId> {
  readonly idempotencyKey: string | undefined;
  send(): Promise<Result<Id>>;
}

const RETRIED = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

export class Onsale {
  readonly clock: ServerClock;
  readonly #options: ClientOptions;
  readonly #fetch: typeof fetch;
  readonly #sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly #random: () => number;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.clock = options.clock ?? new ServerClock();
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#sleep = options.sleep ?? sleep;
    this.#random = options.random ?? Math.random;
  }

  /**
   * Calls an operation. A problem is a result, not an exception.
   *
   * After 429 and 503 it waits as `Retry-After` says and sends the same again, with the same Idempotency-Key. It does so
   * also after a lost connection, unless a repeat could have a second effect. Throws `NoAnswer`.
   */
  call<Id extends OperationId>(id: Id, ...[input]: Arguments<Id>): Promise<Result<Id>> {
    return this.#send(id, input, keyOf(id, input));
  }

  /** The same request with a key that stays, for a button that may be pressed again after a failure. */
  intent<Id extends OperationId>(id: Id, ...[input]: Arguments<Id>): Intent<Id> {
    const idempotencyKey = keyOf(id, input);
    return { idempotencyKey, send: () => this.#send(id, input, idempotencyKey) };
  }

  /** All items of a list, page by page. Throws `ProblemError`. */
  async *pages<Id extends ListId>(id: Id, ...[input]: Arguments<Id>): AsyncGenerator<ItemOf<Id>> {
    let cursor: string | null | undefined;
    do {
      const given = input as Loose | undefined;
      const next = { ...given, query: { ...given?.query, ...(cursor ? { cursor } : {}) } } as unknown as Input<Id>;
      const page = unwrap(await this.#send(id, next, undefined)) as unknown as Page<ItemOf<Id>>;
      yield* page.items;
      cursor = page.next_cursor;
    } while (cursor);
  }

  /** The events of a stream, over reconnects, until the loop is left or the signal aborts. Throws `ProblemError`. */
  stream<Id extends StreamId>(id: Id, path: Input<Id>["path"], options: StreamOptions = {}): AsyncGenerator<StreamEvent<Id>> {
    const url = this.#url(id, { path } as Loose);
    return openStream<Id>(url, options, {
      fetch: this.#fetch,
      sleep: this.#sleep,
      random: this.#random,
      headers: () => this.#headers(undefined, undefined),
      clock: this.clock,
    });
  }

  async #send<Id extends OperationId>(id: Id, given: Input<Id> | undefined, key: string | undefined): Promise<Result<Id>> {
    const input = given as Loose | undefined;
    const { method } = OPERATIONS[id];
    const url = this.#url(id, input);
    const body = input?.body === undefined ? undefined : JSON.stringify(input.body);
    // A POST without a key may have done something before its connection was lost.
    const repeatable = method !== "POST" || key !== undefined;
    const ends = this.clock.mark() + (this.#options.retryForMs ?? 20_000);
    for (let tries = 0; ; tries++) {
      let wait = this.#backoff(tries);
      let result: Result<Id> | NoAnswer;
      try {
        const headers = await this.#headers(key, input);
        if (body !== undefined) headers.set("Content-Type", "application/json");
        const response = await this.#once(url, { method, headers, ...(body === undefined ? {} : { body }) }, input?.signal);
        result = await read<Id>(response);
        if (!RETRIED.has(response.status) || (result instanceof NoAnswer && !repeatable)) return settled(result);
        wait = Math.max(wait, retryAfterMs(response.headers));
      } catch (error) {
        if (input?.signal?.aborted || error instanceof NoAnswer) throw error;
        result = new NoAnswer("the API did not answer", undefined, error);
        if (!repeatable) throw result;
      }
      if (this.clock.mark() + wait > ends) return settled(result);
      await this.#sleep(wait, input?.signal);
    }
  }

  async #once(url: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
    const late = AbortSignal.timeout(this.#options.timeoutMs ?? 8_000);
    const sent = this.clock.mark();
    const response = await this.#fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, late]) : late });
    const date = Date.parse(response.headers.get("Date") ?? "");
    if (!Number.isNaN(date) && !response.headers.has("Age")) {
      // A browser may have kept the answer for as long as it was allowed to.
      const kept = Number(/max-age=(\d+)/.exec(response.headers.get("Cache-Control") ?? "")?.[1] ?? 0);
      this.clock.observe(date, sent, this.clock.mark(), (1 + kept) * 1000);
    }
    return response;
  }

  async #headers(key: string | undefined, input: Loose | undefined): Promise<Headers> {
    const headers = new Headers();
    const { token } = this.#options;
    const told = typeof token === "function" ? await token() : token;
    if (told) headers.set("Authorization", `Bearer ${told}`);
    if (key !== undefined) headers.set("Idempotency-Key", key);
    if (input?.ifMatch !== undefined) headers.set("If-Match", input.ifMatch);
    return headers;
  }

  #backoff(tries: number): number {
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries) * (0.5 + this.#random() / 2);
  }

  #url(id: OperationId, input: Loose | undefined): string {
    const path = OPERATIONS[id].path.replace(/{(\w+)}/g, (_, name: string) =>
      encodeURIComponent(String(input?.path?.[name])),
    );
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(input?.query ?? {})) {
      if (value !== undefined && value !== null) query.set(name, String(value));
    }
    const text = query.toString();
    return this.#options.baseUrl.replace(/\/$/, "") + path + (text && `?${text}`);
  }
}

interface Loose extends Options {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
}

interface Page<Item> {
  items: Item[];
  next_cursor?: string | null;
}

type ListId = {
  [Id in OperationId]: Extract<Answer<Id>, { items: unknown[] }> extends never ? never : Id;
}[OperationId];
type ItemOf<Id extends OperationId> = Extract<Answer<Id>, { items: unknown[] }> extends { items: (infer Item)[] } ? Item : never;

function keyOf<Id extends OperationId>(id: Id, input: Input<Id> | undefined): string | undefined {
  return OPERATIONS[id].keyed ? ((input as Loose | undefined)?.idempotencyKey ?? crypto.randomUUID()) : undefined;
}

function settled<Id extends OperationId>(result: Result<Id> | NoAnswer): Result<Id> {
  if (result instanceof NoAnswer) throw result;
  return result;
}

async function read<Id extends OperationId>(response: Response): Promise<Result<Id> | NoAnswer> {
  const { status, headers } = response;
  const media = headers.get("Content-Type")?.split(";")[0] ?? "";
  if (media === "application/problem+json") {
    return { ok: false, status, problem: (await response.json()) as ProblemOf<Id> };
  }
  if (!response.ok) {
    return new NoAnswer(`something before the API answered ${status}`, status);
  }
  const data = status === 204 ? undefined : await (media === "application/json" ? response.json() : response.blob());
  const replayed = headers.get("Idempotency-Replayed") === "true";
  return { ok: true, status, data, replayed, etag: headers.get("ETag") } as Result<Id>;
}

/** Milliseconds of `Retry-After`: seconds or a date; 0 without it. */
export function retryAfterMs(headers: Headers): number {
  const told = headers.get("Retry-After");
  if (told === null) return 0;
  return /^\d+$/.test(told) ? Number(told) * 1000 : Math.max(0, (Date.parse(told) || 0) - Date.now());
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
  });
}
