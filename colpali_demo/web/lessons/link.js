// Links to a card: #lesson-3.

const LINK = /^#lesson-(\d+)$/;

/** The number of the card that the address names, counted from 1; NaN where it names none. */
export const linkedNumber = () => Number(LINK.exec(window.location.hash)?.[1]);

/** Only a link that somebody follows goes into the history: turning cards must not fill it. */
export function setLink(number) {
  window.history.replaceState(window.history.state, "", `#lesson-${number}`);
}
