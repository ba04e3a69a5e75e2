/**
 * Who plays in this browser, and the consent that a new player gives.
 *
 * @typedef {{player: number | string, name: string, total: number, rank: number | null}} Player
 */

/**
 * @returns {Promise<Player | null>} null for a guest who has not agreed yet
 * @throws {TypeError} where the server cannot be reached, {Error} where it cannot answer
 */
export async function me() {
  const answer = await fetch("/api/me");
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(await reason(answer));
  return answer.json();
}

/**
 * @param {string} version of the consent text that was on the page
 * @throws {TypeError} where the server cannot be reached, {Error} where it refuses, with its reason
 */
export async function agree(version) {
  const answer = await fetch("/api/players", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ consent: version }),
  });
  if (!answer.ok) throw new Error(await reason(answer));
}

/** @param {Response} answer */
async function reason(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return "The server cannot answer just now. Please try again in a moment.";
  }
}
