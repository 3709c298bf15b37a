// Which page an address shows. Links between the pages change the address without a reload; back and forward work.

let pages = []; // patterns of paths, each with the name of its page
let shown = ""; // the path of the page that is shown
let draw = () => {};

/** The page of an address, as [name, argument]; null for what is no page of ours. */
function pageOf(path) {
  for (const [pattern, name] of pages) {
    const found = path.match(pattern);
    if (found) return [name, found[1] && decodeURIComponent(found[1])];
  }
  return null;
}

function show(isNew) {
  shown = location.pathname;
  draw(pageOf(shown), { isNew });
}

/** Go to the address of a page. */
export function go(path) {
  history.pushState(null, "", path);
  show(true);
}

/** What follows the # of the address, by name. */
export const fragment = () => new URLSearchParams(location.hash.slice(1));

/**
 * Begin with the present address; `draw(page, {isNew})` is called for it and for each change. `patterns` are paths as
 * regular expressions, each with the name of its page; a group is its argument.
 */
export function route(patterns, drawPage) {
  pages = patterns;
  draw = drawPage;
  addEventListener("popstate", () => location.pathname !== shown && show(true)); // else only what follows the # changed
  document.addEventListener("click", (click) => {
    const link = click.target.closest("a[href]");
    const plain = click.button === 0 && !click.metaKey && !click.ctrlKey && !click.shiftKey && !click.altKey;
    if (!link || !plain || link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    if (!pageOf(link.pathname) || (link.pathname === location.pathname && link.hash)) return;
    click.preventDefault();
    go(link.pathname + link.hash);
  });
  show(false);
}
