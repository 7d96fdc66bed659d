const LOOK_EVERY = 2000;
/** A second is set, not slewed: NTP corrects by 1 ms in two seconds at most without a step. */
const STEP = 1000;

/**
 * Calls back when the wall clock was set, or went on while the machine slept, with the milliseconds it gained. Timers
 * count time that passes; what is to happen at a time of day (an expiry) is looked at again here. Polled, because Node
 * has no timerfd that tells; one comparison in two seconds.
 * @returns what ends the watching.
 */
export function watchClock(changed: (gained: number) => void): () => void {
  const offset = () => Date.now() - performance.now();
  let before = offset();
  const timer = setInterval(() => {
    const now = offset();
    const gained = now - before;
    before = now;
    if (Math.abs(gained) >= STEP) changed(gained);
  }, LOOK_EVERY).unref();
  return () => clearInterval(timer);
}
