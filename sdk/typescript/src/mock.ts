// Handlers for Mock Service Worker that answer with the API's own examples.

import { http, HttpResponse, type HttpHandler } from "msw";

import { ANSWERS, PROBLEMS, type ExampleAnswer } from "./examples.js";
import { OPERATIONS } from "./operations.js";
import type { Problem } from "./problems.js";
import type { Answer, OperationId, ProblemOf } from "./types.js";

const STREAMED: Partial<Record<OperationId, [type: string, of: OperationId, at: number][]>> = {
  stream_availability: [["snapshot", "read_availability", 0]],
  stream_seats: [["snapshot", "read_seats", 0]],
  stream_queue: [["queue", "read_queue", 0]],
};

/** A handler for each operation. */
export function handlers(baseUrl: string): HttpHandler[] {
  return (Object.keys(OPERATIONS) as OperationId[]).map((id) => on(baseUrl, id, () => example(id)));
}

/** A handler that answers with this document, with the status of the example. */
export function answer<Id extends OperationId>(baseUrl: string, id: Id, data: Answer<Id>): HttpHandler {
  return on(baseUrl, id, () => HttpResponse.json(data as never, { status: ANSWERS[id][0]?.status ?? 200 }));
}

/** A handler that answers with a problem which the operation may have. */
export function problem<Id extends OperationId>(
  baseUrl: string,
  id: Id,
  code: ProblemOf<Id>["code"],
  members: Partial<ProblemOf<Id>> = {},
): HttpHandler {
  const told: Problem = { ...PROBLEMS[code], ...members } as Problem;
  const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
  if (told.status === 429 || told.status === 503) headers["Retry-After"] = "1";
  return on(baseUrl, id, () => new HttpResponse(JSON.stringify(told), { status: told.status, headers }));
}

function on(baseUrl: string, id: OperationId, respond: () => HttpResponse<never> | HttpResponse<string> | Response): HttpHandler {
  const { method, path } = OPERATIONS[id];
  const url = baseUrl.replace(/\/$/, "") + path.replace(/{(\w+)}/g, ":$1");
  const verb = method.toLowerCase() as "get" | "post" | "put" | "patch" | "delete";
  return http[verb](url, respond as () => Response);
}

function example(id: OperationId): Response {
  const told = ANSWERS[id][0] as ExampleAnswer;
  const headers = new Headers(told.headers);
  if (told.media === null) return new Response(null, { status: told.status, headers });
  headers.set("Content-Type", told.media);
  return new Response(text(id, told), { status: told.status, headers });
}

function text(id: OperationId, told: ExampleAnswer): string {
  if (told.media === "application/json") return JSON.stringify(told.body);
  if (told.media !== "text/event-stream") return `An example of ${told.media ?? "nothing"}`;
  return (STREAMED[id] ?? [])
    .map(([type, of, at]) => `id: 1\nevent: ${type}\ndata: ${JSON.stringify(ANSWERS[of][at]?.body)}\n\n`)
    .join("");
}
