/** How long an answer may take before a core is left to those who work on it, and before timers are fine enough. */
const EAGER_MS = 0.2;
const SHORT_MS = 20;
/** Pauses in short waits, in which the whole thread sleeps, and in longer ones. */
const NAP_MS = 0.2;
const PAUSE_MS = 1;
const BED = new Int32Array(new SharedArrayBuffer(4));

let isPatient = false;

/**
 * Dawn's binding for Node asks whether work is done at every turn of the event loop, by way of the global `setImmediate`,
 * which keeps a core busy for as long as an answer takes. A software driver needs that core: with two of them, a step of training
 * takes nearly twice as long. From now on, what native code hands to `setImmediate` waits a little when the answer is not
 * there at once. Functions of JavaScript go the usual way.
 */
export function pollPatiently(): void {
  if (isPatient) return;
  isPatient = true;
  const usual = globalThis.setImmediate;
  let isAsking = false;
  let since = 0;
  const later = (ask: () => void): unknown => {
    // A question that follows from the one before belongs to the same wait.
    if (!isAsking) since = performance.now();
    const asked = (): void => {
      isAsking = true;
      try {
        ask();
      } finally {
        isAsking = false;
      }
    };
    const waited = performance.now() - since;
    if (waited >= SHORT_MS) return setTimeout(asked, PAUSE_MS);
    if (waited >= EAGER_MS) Atomics.wait(BED, 0, 0, NAP_MS);
    return usual(asked);
  };
  globalThis.setImmediate = new Proxy(usual, {
    apply: (target, self, args: [() => void, ...unknown[]]) =>
      isNative(args[0]) ? later(args[0]) : Reflect.apply(target, self, args),
  });
}

function isNative(callback: unknown): boolean {
  return (
    typeof callback === 'function' && /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(callback))
  );
}
