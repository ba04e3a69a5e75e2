import { shown } from "./score.js";

/** @import { EndMessage } from "./protocol.js" */
/** @import { Mood } from "./partner-eyes.js" */

/**
 * How the end of a round is said.
 *
 * @param {EndMessage} end
 * @returns {{says: string, gain: string, mood: Mood}} the partner's words, the points if any, and its look
 */
export function told(end) {
  switch (end.outcome) {
    case "recognised":
      return { says: "I see it!", gain: `+${shown(end.points)}`, mood: "delighted" };
    case "timeout":
      if (end.reason) return { says: "I missed it: that was not you. What you painted is kept.", gain: "", mood: "sorry" };
      return { says: "Out of time. It was a hard one.", gain: "", mood: "sorry" };
    case "skipped":
      return { says: "Skipped.", gain: "", mood: "calm" };
    case "flagged":
      return { says: "Thank you. We will look at it.", gain: "", mood: "calm" };
  }
}
