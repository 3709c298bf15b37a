// Arguments and answers of each operation, from the generated types.

import { OPERATIONS } from "./operations.js";
import type { Problem, ProblemCode } from "./problems.js";
import type { components, operations } from "./schema.js";

export type OperationId = keyof typeof OPERATIONS;
export type Schemas = components["schemas"];

type Parameters<Id extends OperationId> = operations[Id]["parameters"];
type PathOf<Id extends OperationId> = Parameters<Id> extends { path: infer Path } ? Path : never;
type QueryOf<Id extends OperationId> = Parameters<Id> extends { query?: infer Query } ? NonNullable<Query> : never;
type BodyOf<Id extends OperationId> = operations[Id] extends { requestBody?: infer Request }
  ? NonNullable<Request> extends { content: { "application/json": infer Body } }
    ? Body
    : never
  : never;
type RequiresBody<Id extends OperationId> = operations[Id] extends { requestBody: object } ? true : false;

type PathPart<Id extends OperationId> = [PathOf<Id>] extends [never] ? { path?: never } : { path: PathOf<Id> };
type QueryPart<Id extends OperationId> = [QueryOf<Id>] extends [never] ? { query?: never } : { query?: QueryOf<Id> };
type BodyPart<Id extends OperationId> = [BodyOf<Id>] extends [never]
  ? { body?: never }
  : RequiresBody<Id> extends true
    ? { body: BodyOf<Id> }
    : { body?: BodyOf<Id> };

/** What an operation takes: `path`, `query` and `body`, as far as it has them. */
export type Input<Id extends OperationId> = PathPart<Id> & QueryPart<Id> & BodyPart<Id> & Options;

export interface Options {
  /** The key of an earlier try, so that both have one effect. Made by the client if it is left out. */
  idempotencyKey?: string;
  /** ETag of the document that a change was made from (`If-Match`). */
  ifMatch?: string;
  signal?: AbortSignal;
}

type Required_<Id extends OperationId> = PathOf<Id> | (RequiresBody<Id> extends true ? BodyOf<Id> : never);

/** The arguments after the name: none are needed if the operation needs none. */
export type Arguments<Id extends OperationId> = [Required_<Id>] extends [never] ? [input?: Input<Id>] : [input: Input<Id>];

type ContentOf<Response> = Response extends { content: infer Content }
  ? Content extends { "application/json": infer Body }
    ? Body
    : Blob
  : undefined;

type Good = 200 | 201 | 202 | 204;
type Responses<Id extends OperationId> = operations[Id]["responses"];

/** The document of a successful answer. */
export type Answer<Id extends OperationId> = {
  [Status in keyof Responses<Id> & Good]: ContentOf<Responses<Id>[Status]>;
}[keyof Responses<Id> & Good];

type CodeOf<Id extends OperationId> = (typeof OPERATIONS)[Id]["problems"][number];

/** The problems that an operation may answer with: `code` tells which. */
export type ProblemOf<Id extends OperationId> = Extract<Problem, { code: CodeOf<Id> }>;

export type Result<Id extends OperationId> =
  | { ok: true; status: number; data: Answer<Id>; replayed: boolean; etag: string | null; problem?: undefined }
  | { ok: false; status: number; problem: ProblemOf<Id>; data?: undefined };

export type { Problem, ProblemCode };
