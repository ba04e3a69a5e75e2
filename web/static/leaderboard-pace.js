const EVERY_MS = 5000;
const LONGEST_MS = 60_000;

/**
 * How long to wait before the next look.
 *
 * @param {number} failures in a row
 * @param {number} chance in [0, 1): after a failure, so that not all pages come back at one time
 * @returns {number} ms
 */
export function waitAfter(failures, chance) {
  const wait = Math.min(LONGEST_MS, EVERY_MS * 2 ** failures);
  return failures ? wait * (0.5 + chance / 2) : wait;
}
