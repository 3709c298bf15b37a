// The frame of the console: views, sign-in, notices. This is what a view can count on.
//
// **A view** is a module that exports `{ name, draw }`, listed in views.js. Its address is /console/NAME; what it shows of
// itself (a chosen event, a filter) is behind the # (`fragment()` of /assets/router.js, and `history.replaceState`).
// To add one: its files in ConsoleAsset, its name in ConsoleView (both in api/console/handlers.py), and its texts in
// en.json. "view.NAME" is its name in the navigation, its heading and its title.
// `concernsAll: true`: it is not for managers of some events.
// `draw(main)` fills the element `main`, with an h1 first, and returns nothing or `{ end, takesFocus }`; `end()` is called
// when another view comes. It may be async; what it throws is shown in place of the view, and it is tried again when the
// server is back.
//
// **Calls**: `call`, `all`, `file` of /assets/api.js. They throw a Refusal (`status`, `code`, `members`; `message` is the
// API's own sentence) or NoAnswer. Let what you do not expect pass: `button(text, work)` and `once` of /assets/dom.js, and
// `failed(problem)`, hand it to the frame. A token that has ended leads to the sign-in; all else becomes a notice.
// While the server is away a banner says so; `whenBack(act)` of /assets/service.js tells of its return.
//
// **Changes**: `askReason(title, says, { yes })`, then `act(method, path, body, wishOf(reason))`, both of reasons.js.
//
// **Notices**: `tell(sentence)` of /assets/notices.js for what went wrong, `done(sentence)` here for what was done,
// `announce(sentence)` of /assets/announce.js for what is only to be heard.
//
// **Live data**: `repeat(work, everyMs)` of /assets/polling.js. It pauses while nobody looks, and backs off. Streams
// (`follow` of /assets/live.js) are for one thing that is looked at: a browser opens six connections to a server.
//
// **The manager**: `manager()` of session.js; `manager().events` are the ids of the events that the token is good for, null
// for all. What a manager of some events may not do is best not offered.

import { now } from "/assets/clock.js";
import { byId, button, el, onFailure } from "/assets/dom.js";
import { clock, instant } from "/assets/format.js";
import { tellProblem } from "/assets/notices.js";
import { presentPage, showPages } from "/assets/pages.js";
import { t } from "/assets/words.js";
import { forgetToken, manager } from "./session.js";
import { showSignIn } from "./sign_in.js";

const HALF_A_DAY_MS = 43_200_000;

/** Say what was done, until the next is. */
export function done(sentence) {
  byId("done").textContent = sentence;
  byId("done").hidden = !sentence;
}

function showManager() {
  const { name, auth, expires_at: ends } = manager();
  const until = ends && (Date.parse(ends) - now() < HALF_A_DAY_MS ? clock(ends) : instant(ends));
  byId("signed-in").textContent = auth === "off" ? t("who.open") : t("who.signed_in", { name, until });
  byId("who").querySelector("button")?.remove();
  if (auth !== "off") byId("who").append(button(t("who.sign_out"), () => signOut(), { className: "quiet small" }));
  byId("who").hidden = false;
}

/** Forget the token, and all that was shown with it. The page is loaded again, so nothing stays in its memory. */
function signOut() {
  forgetToken();
  location.assign("/console");
}

function showViews(views) {
  byId("views").querySelector("ul").replaceChildren(...views.map(({ name }) =>
    el("li", {}, el("a", { href: `/console/${name}` }, t(`view.${name}`)))));
  byId("views").hidden = false;
}

function markView(name) {
  for (const link of byId("views").querySelectorAll("a")) {
    if (link.pathname === `/console/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** What a view that cannot be shown says; null where the form for a token is shown. */
function sorry(problem) {
  if (problem.status === 401) return whenFailed(problem);
  return { title: t("sorry.title"), children: [el("h1", {}, t("sorry.title")), el("p", {}, problem.message)] };
}

/** A token that has ended, or is not good for this, leads to the form for another one. */
function whenFailed(problem) {
  if (problem.status !== 401) return tellProblem(problem);
  forgetToken();
  presentPage()?.end?.();
  byId("who").hidden = true;
  byId("views").hidden = true;
  showSignIn(problem, () => location.reload());
  return null;
}

/** Show the views to the manager who is signed in. */
export function showFrame(views) {
  onFailure(whenFailed);
  showManager();
  showViews(views);
  const pages = Object.fromEntries(views.map(({ name, draw }) => [name, async (main) => {
    const made = await draw(main);
    done("");
    markView(name);
    return { title: t(`view.${name}`), ...made };
  }]));
  const first = views[0].name;
  const patterns = [[/^\/console\/?$/, first], ...views.map(({ name }) => [new RegExp(`^/console/${name}/?$`), name])];
  showPages(patterns, pages, { first, sorry, site: t("site") });
}
