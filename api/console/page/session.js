// Who is signed in. The token is kept for this tab until it is closed (sessionStorage): no other tab and no later day has it.

import { call } from "/assets/api.js";
import { fragment } from "/assets/router.js";
import { session as store } from "/assets/store.js";

const TOKEN = "token";
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;
let known = null;

/** The token; null without one. */
export const token = () => store.get(TOKEN);

/**
 * Take the token out of the address, where a link from `onsale token --link` has it after the #. Returns "kept", "wrong"
 * for what cannot be a token, or null without one.
 */
export function takeTokenFromAddress() {
  const given = fragment().get("token");
  if (given === null) return null;
  history.replaceState(null, "", location.pathname);
  return keepToken(given) ? "kept" : "wrong";
}

/** Keep a token, as somebody pasted it: alone, after `Bearer`, or as a link. False for what cannot be one. */
export function keepToken(text) {
  const given = text.trim().replace(/^.*#token=/s, "").replace(/^bearer\s+/i, "");
  if (!SHAPE.test(given)) return false;
  store.set(TOKEN, given);
  return true;
}

/** Forget the token. */
export function forgetToken() {
  known = null;
  store.set(TOKEN, null);
}

/** Ask the server who this is. Throws a Refusal for a token that is not valid, or not a manager's. */
export async function signIn() {
  known = await call("GET", "/console/session");
  return known;
}

/**
 * The manager: `name`, `auth` ("off": no token is needed), `expires_at`, and `events`: the ids of those that the token is
 * good for, or null for all. Null before anybody is signed in.
 */
export const manager = () => known;
