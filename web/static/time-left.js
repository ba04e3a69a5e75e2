const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * A stretch of time as people say it, rounded up: in its two largest units from an hour on.
 *
 * @param {number} ms more than 0
 * @returns {string} "40 s", "12 min", "4 h 10 min", "2 days 3 h"
 */
export function spoken(ms) {
  const seconds = Math.ceil(ms / SECOND);
  const minutes = Math.ceil(ms / MINUTE);
  const hours = Math.ceil(ms / HOUR);
  if (seconds < 60) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < DAY / MINUTE) return both(`${Math.floor(minutes / 60)} h`, minutes % 60, "min");
  const days = Math.floor(hours / 24);
  return both(days === 1 ? "1 day" : `${days} days`, hours % 24, "h");
}

/**
 * @param {string} first
 * @param {number} rest
 * @param {string} unit
 */
function both(first, rest, unit) {
  return rest ? `${first} ${rest} ${unit}` : first;
}

/**
 * How long what `spoken` says of a stretch stays true while it runs out.
 *
 * @param {number} ms more than 0
 * @returns {number} ms
 */
export function trueFor(ms) {
  const unit = ms <= MINUTE ? SECOND : ms <= DAY ? MINUTE : HOUR;
  return ms % unit || unit;
}
