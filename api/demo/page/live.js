// Follow data of the API: by its stream while there is one, otherwise by polling with growing pauses.

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
    if (ended) return;
    if (Date.now() > again) {
      open();
      return;
    }
    failures = await poll().then(() => 0, () => failures + 1);
    timer = setTimeout(() => pollUntil(again), POLL_MS[Math.min(failures, POLL_MS.length - 1)]);
  };

  function open() {
    source = new EventSource(`/v1${path}`);
    for (const [kind, act] of Object.entries(on)) {
      source.addEventListener(kind, ({ data }) => act(JSON.parse(data)));
    }
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
      source.close();
      pollUntil(Date.now() + TRY_STREAM_AGAIN_MS);
    });
  }

  open();
  return () => {
    ended = true;
    source.close();
    clearTimeout(timer);
  };
}
