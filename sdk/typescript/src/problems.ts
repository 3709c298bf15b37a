// Made by `make sdk`; do not edit.
import type { components } from "./schema.js";

interface Common {
  type: string;
  title: string;
  /** Tells a person what to do next. */
  detail: string;
}

/** The request cannot be read. */
export interface MalformedJsonProblem extends Common {
  code: "malformed_json";
  status: 400 | 408;
}

/** Authentication required. */
export interface UnauthenticatedProblem extends Common {
  code: "unauthenticated";
  status: 401;
}

/** The card was declined. */
export interface CardDeclinedProblem extends Common {
  code: "card_declined";
  status: 402;
}

/** The payment failed. */
export interface PaymentFailedProblem extends Common {
  code: "payment_failed";
  status: 402;
}

/** Not allowed. */
export interface ForbiddenProblem extends Common {
  code: "forbidden";
  status: 403;
}

/** Not found. */
export interface NotFoundProblem extends Common {
  code: "not_found";
  status: 404;
}

/** The code is not valid. */
export interface CodeUnknownProblem extends Common {
  code: "code_unknown";
  status: 404;
}

/** Method not allowed. */
export interface MethodNotAllowedProblem extends Common {
  code: "method_not_allowed";
  status: 405;
}

/** Sold out. */
export interface SoldOutProblem extends Common {
  code: "sold_out";
  status: 409;
  ticket_id: number;
  available: number;
  next_return_at: string | null;
  largest_block?: number;
}

/** Seat taken. */
export interface SeatTakenProblem extends Common {
  code: "seat_taken";
  status: 409;
  seat_ids: number[];
}

/** The slot is full. */
export interface SlotFullProblem extends Common {
  code: "slot_full";
  status: 409;
  available: number;
  capacity?: number;
}

/** Customer limit exceeded. */
export interface LimitExceededProblem extends Common {
  code: "limit_exceeded";
  status: 409;
  limit: number;
  taken?: number;
  hold_seconds?: number;
  retry_seconds?: number;
}

/** The sale is closed. */
export interface SaleClosedProblem extends Common {
  code: "sale_closed";
  status: 409;
}

/** The sale is paused. */
export interface SalePausedProblem extends Common {
  code: "sale_paused";
  status: 409;
}

/** Not on sale yet. */
export interface NotOnSaleYetProblem extends Common {
  code: "not_on_sale_yet";
  status: 409;
  opens_at: string | null;
}

/** The price has changed. */
export interface PriceChangedProblem extends Common {
  code: "price_changed";
  status: 409;
  total: components["schemas"]["Money"];
}

/** Already paid. */
export interface AlreadyPaidProblem extends Common {
  code: "already_paid";
  status: 409;
}

/** A payment is in progress. */
export interface PaymentInProgressProblem extends Common {
  code: "payment_in_progress";
  status: 409;
}

/** The reservation's state does not allow it. */
export interface NotHeldProblem extends Common {
  code: "not_held";
  status: 409;
  state?: components["schemas"]["State"];
}

/** Capacity below the places taken. */
export interface BelowTakenProblem extends Common {
  code: "below_taken";
  status: 409;
  taken: number;
  slot?: string;
}

/** In use. */
export interface InUseProblem extends Common {
  code: "in_use";
  status: 409;
}

/** The payment has the opposite outcome. */
export interface PaymentSettledProblem extends Common {
  code: "payment_settled";
  status: 409;
}

/** A place in the waiting room is required. */
export interface QueueRequiredProblem extends Common {
  code: "queue_required";
  status: 409;
}

/** Not your turn yet. */
export interface NotYourTurnProblem extends Common {
  code: "not_your_turn";
  status: 409;
  ahead: number | null;
}

/** The pass has expired. */
export interface PassExpiredProblem extends Common {
  code: "pass_expired";
  status: 409;
}

/** Nobody can be let in at the moment. */
export interface InsideFullProblem extends Common {
  code: "inside_full";
  status: 409;
}

/** Nobody can join now. */
export interface QueueClosedProblem extends Common {
  code: "queue_closed";
  status: 409;
  reason?: components["schemas"]["QueueEnd"] | null;
  ticket_id?: number;
  available?: number;
}

/** The code is used up. */
export interface CodeUsedUpProblem extends Common {
  code: "code_used_up";
  status: 409;
}

/** Expired. */
export interface ExpiredProblem extends Common {
  code: "expired";
  status: 410;
}

/** The reservation was cancelled. */
export interface CancelledProblem extends Common {
  code: "cancelled";
  status: 410;
}

/** Changed since it was read. */
export interface PreconditionFailedProblem extends Common {
  code: "precondition_failed";
  status: 412;
}

/** The body is too large. */
export interface TooLargeProblem extends Common {
  code: "too_large";
  status: 413;
}

/** The body must be application/json. */
export interface UnsupportedMediaTypeProblem extends Common {
  code: "unsupported_media_type";
  status: 415;
}

/** The request is not valid. */
export interface InvalidProblem extends Common {
  code: "invalid";
  status: 422 | 417 | 421;
  fields: components["schemas"]["WrongField"][];
}

/** The amount does not match the total. */
export interface AmountMismatchProblem extends Common {
  code: "amount_mismatch";
  status: 422;
  total: components["schemas"]["Money"];
}

/** Another currency. */
export interface CurrencyNotSupportedProblem extends Common {
  code: "currency_not_supported";
  status: 422;
}

/** The slot is not in the schedule. */
export interface SlotNotScheduledProblem extends Common {
  code: "slot_not_scheduled";
  status: 422;
  times?: string[];
}

/** The idempotency key was used for another request. */
export interface KeyReusedProblem extends Common {
  code: "key_reused";
  status: 422;
}

/** The code is not for these places. */
export interface CodeNotApplicableProblem extends Common {
  code: "code_not_applicable";
  status: 422;
  limit?: number;
}

/** Too many requests. */
export interface RateLimitedProblem extends Common {
  code: "rate_limited";
  status: 429;
  limited: "address" | "customer" | "expiries" | "keys" | "payments";
  limit?: number;
  taken?: number;
  hold_seconds?: number;
}

/** Internal error. */
export interface InternalProblem extends Common {
  code: "internal";
  status: 500;
}

/** Temporarily unavailable. */
export interface UnavailableProblem extends Common {
  code: "unavailable";
  status: 503;
  missing?: string[];
}

/** A problem document (RFC 9457): `code` tells which. */
export type Problem =
  | MalformedJsonProblem
  | UnauthenticatedProblem
  | CardDeclinedProblem
  | PaymentFailedProblem
  | ForbiddenProblem
  | NotFoundProblem
  | CodeUnknownProblem
  | MethodNotAllowedProblem
  | SoldOutProblem
  | SeatTakenProblem
  | SlotFullProblem
  | LimitExceededProblem
  | SaleClosedProblem
  | SalePausedProblem
  | NotOnSaleYetProblem
  | PriceChangedProblem
  | AlreadyPaidProblem
  | PaymentInProgressProblem
  | NotHeldProblem
  | BelowTakenProblem
  | InUseProblem
  | PaymentSettledProblem
  | QueueRequiredProblem
  | NotYourTurnProblem
  | PassExpiredProblem
  | InsideFullProblem
  | QueueClosedProblem
  | CodeUsedUpProblem
  | ExpiredProblem
  | CancelledProblem
  | PreconditionFailedProblem
  | TooLargeProblem
  | UnsupportedMediaTypeProblem
  | InvalidProblem
  | AmountMismatchProblem
  | CurrencyNotSupportedProblem
  | SlotNotScheduledProblem
  | KeyReusedProblem
  | CodeNotApplicableProblem
  | RateLimitedProblem
  | InternalProblem
  | UnavailableProblem;

export type ProblemCode = Problem["code"];
