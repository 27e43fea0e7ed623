/** Isolates the page where its host does not, by a service worker and one reload. */

/** Set while a reload is tried, so that a browser in which it does not help is not reloaded for ever. */
const triedKey = "magnets.isolation";
/** A service worker is ready within moments, or something keeps it from that. */
const patienceMs = 5000;

/**
 * Makes sure of what can be had: returns at once in a page that is isolated, and in one that cannot be.
 *
 * @returns whether the page is about to be loaded again, so that nothing else needs to begin
 */
export async function isolate(): Promise<boolean> {
  if (crossOriginIsolated) {
    forgetTry();
    return false;
  }
  // None in an address that is not secure, and in some private windows.
  if (!("serviceWorker" in navigator) || !mayTry()) return false;
  try {
    const address = new URL("isolate.js", document.baseURI);
    await navigator.serviceWorker.register(address);
    await Promise.race([
      navigator.serviceWorker.ready,
      new Promise((_, reject) => setTimeout(() => reject(new Error("too slow")), patienceMs)),
    ]);
  } catch {
    return false; // one thread, then; the page says so
  }
  location.reload();
  return true;
}

/** Notes a try; false: one was made just now, or nothing can be noted. */
function mayTry(): boolean {
  try {
    if (sessionStorage.getItem(triedKey)) return false;
    sessionStorage.setItem(triedKey, "yes");
    return true;
  } catch {
    return false;
  }
}

function forgetTry(): void {
  try {
    sessionStorage.removeItem(triedKey);
  } catch {
    // Nothing was noted, then.
  }
}
