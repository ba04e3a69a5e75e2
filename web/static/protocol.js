/**
 * The messages of the socket /ws/play, as types. Nothing here runs.
 *
 * Places are integer pixels of the 256x256 photograph, x right, y down. Times are whole milliseconds since the
 * first press. `points` and `total` are in rounds: 1 is a photograph recognised at once, shown as 100.
 *
 * @typedef {{x: number, y: number}} Place
 * @typedef {{x: number, y: number, t: number}} Bubble
 * @typedef {"mouse" | "touch" | "pen" | "keyboard"} Pointer
 * @typedef {"label" | "quality" | "other"} FlagReason
 * @typedef {"recognised" | "timeout" | "skipped" | "flagged"} Outcome
 *
 * @typedef {object} Rules
 * @property {number} size side of the photograph, px
 * @property {number} bubble side of a bubble, px
 * @property {number} reveal side of what a bubble shows the partner, px
 * @property {string} fill what the partner sees elsewhere
 * @property {number} tick_ms one bubble in each of these
 * @property {number} step_px the farthest a bubble may fall from the last one
 * @property {number} limit_ms when the round ends
 * @property {number} top_k how many names the partner may try
 *
 * @typedef {{id: number, name: string, closes_at: string}} Contest the one that is open; closes_at as in ISO 8601
 * @typedef {{t: "round", round: number, image: string, category: string, rules: Rules, contest: Contest | null}}
 *     RoundMessage
 * @typedef {{t: "begun", round: number}} BegunMessage
 * @typedef {{t: "ack", round: number, n: number}} AckMessage
 * @typedef {{t: "resumed", round: number, n: number, left_ms: number}} ResumedMessage
 * @typedef {"partner_away" | "partner_slow" | "photograph_damaged" | "server_gone"} Reason
 *
 * @typedef {object} EndMessage
 * @property {"end"} t
 * @property {number} round
 * @property {Outcome} outcome
 * @property {Reason | null} reason of a timeout that says nothing about the player
 * @property {number} points
 * @property {number} total
 * @property {number | null} rank
 *
 * @typedef {{t: "partner", away: boolean}} PartnerMessage
 * @typedef {{t: "error", code: string, message: string, round?: number | null}} ErrorMessage
 * @typedef {RoundMessage | BegunMessage | AckMessage | ResumedMessage | EndMessage | PartnerMessage | ErrorMessage}
 *     ServerMessage
 *
 * @typedef {{t: "next"}} NextMessage
 * @typedef {{t: "begin", round: number, pointer: Pointer}} BeginMessage
 * @typedef {{t: "bubbles", round: number, n: number, xyt: number[]}} BubblesMessage
 * @typedef {{t: "skip", round: number}} SkipMessage
 * @typedef {{t: "flag", round: number, reason: FlagReason, note: string | null}} FlagMessage
 * @typedef {{t: "resume", round: number}} ResumeMessage
 * @typedef {NextMessage | BeginMessage | BubblesMessage | SkipMessage | FlagMessage | ResumeMessage} BrowserMessage
 */

export {};
