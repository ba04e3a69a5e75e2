import { shown } from "./score.js";

/** @import { EndMessage } from "./protocol.js" */
/** @import { Mood } from "./partner-eyes.js" */

/**
 * How the end of a round is said.
 *
 * @param {EndMessage} end
 * @param {boolean} isResting whether the partner is away
 * @returns {{says: string, gain: string, mood: Mood}} the partner's words, the points if any, and its look
 */
export function told(end, isResting = false) {
  switch (end.outcome) {
    case "recognised":
      return { says: "I see it!", gain: `+${shown(end.points)}`, mood: "delighted" };
    case "timeout":
      if (isResting) return { says: "I was resting, and missed it. What you painted is kept.", gain: "", mood: "resting" };
      return { says: "Out of time. It was a hard one.", gain: "", mood: "sorry" };
    case "skipped":
      return { says: "Skipped.", gain: "", mood: "calm" };
    case "flagged":
      return { says: "Thank you. We will look at it.", gain: "", mood: "calm" };
  }
}
