// The console: who is signed in sees the views, everybody else the form for a token.

import { manager, takeTokenFromAddress, signIn, token } from "./session.js";
import { callAs } from "/assets/api.js";
import { byId, el } from "/assets/dom.js";
import { whenBack } from "/assets/service.js";
import { fillIn, loadWords, t } from "/assets/words.js";
import { showFrame } from "./frame.js";
import { showSignIn } from "./sign_in.js";
import { VIEWS } from "./views.js";

const link = takeTokenFromAddress();

/** What is wrong with the token that somebody came with; nothing without one. */
const wrong = (problem) => (link === "wrong" ? { message: t("sign_in.no_token") } : token() && problem);

async function start() {
  try {
    await signIn();
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) return showSignIn(wrong(problem), enter);
    byId("main").replaceWith(el("main", { id: "main" }, el("h1", {}, t("sorry.title")), el("p", {}, problem.message)));
    const forget = whenBack(() => {
      forget();
      start();
    });
    return;
  }
  enter();
}

/** A manager of some events is not offered what concerns all. */
const enter = () => showFrame(VIEWS.filter(({ concernsAll }) => !concernsAll || !manager().events));

callAs({ token, sentence: ({ detail }) => detail });
await loadWords("/console/assets", ["en"]);
fillIn(document);
addEventListener("pageshow", ({ persisted }) => persisted && location.reload()); // "back" after signing out shows nothing
addEventListener("hashchange", () => takeTokenFromAddress() && location.reload()); // a link that was pasted into this tab
start();
