// Links to a card, #lesson-3, and to the lecturer's notes, #lesson-notes.

const LINK = /^#lesson-(\d+|notes)$/;

/** What the address names: "notes", the number of a card as it stands there, or undefined. */
export const linked = () => LINK.exec(window.location.hash)?.[1];

/** Only a link that somebody follows goes into the history: turning cards must not fill it. `to` as in `linked`. */
export function setLink(to) {
  window.history.replaceState(window.history.state, "", `#lesson-${to}`);
}
