// Follow data of the API: by its stream while there is one, otherwise by polling with growing pauses. A tab that nobody
// looks at follows nothing, because a browser opens only six connections to a server.

const POLL_MS = [1000, 2000, 4000, 8000, 15_000];
const TRY_STREAM_AGAIN_MS = 30_000;

/**
 * Call `on[kind](data)` for each event of the stream at `path`, and `poll()` while there is no stream.
 * Returns a function that ends it.
 */
export function follow(path, on, poll) {
  let source = null;
  let timer = null;
  let failures = 0;
  let ended = false;

  const pollUntil = async (again) => {
    if (ended || document.hidden) return;
    if (Date.now() > again) {
      open();
      return;
    }
    failures = await poll().then(() => 0, () => failures + 1);
    timer = setTimeout(() => pollUntil(again), POLL_MS[Math.min(failures, POLL_MS.length - 1)]);
  };

  function open() {
    close();
    source = new EventSource(`/v1${path}`);
    for (const [kind, act] of Object.entries(on)) {
      source.addEventListener(kind, ({ data }) => act(JSON.parse(data)));
    }
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
      pollUntil(Date.now() + TRY_STREAM_AGAIN_MS);
    });
  }

  function close() {
    source?.close();
    clearTimeout(timer);
  }

  const look = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", look);
    close();
  };
}
