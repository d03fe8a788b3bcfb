// The lessons on the page: the cards turn by buttons, by arrow keys and by links.

import { Frame, linkedCard } from "./frame.js";

export function mount({ element, trigger, props, watch }) {
  const frame = new Frame({ element, trigger, props });
  const { part } = frame;
  part("back").addEventListener("click", () => frame.turnTo(frame.current - 1, true));
  part("next").addEventListener("click", () => frame.turnTo(frame.current + 1, true));
  document.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !frame.study || !turnsCards(event, part)) return;
    event.preventDefault();
    frame.turnTo(frame.current + step, true);
  });
  window.addEventListener("hashchange", () => {
    if (linkedCard() !== null && frame.study) frame.turnTo(linkedCard());
  });
  element.lessonValue = () => frame.study?.value; // the JSON behind the cards, for scripts
  watch("value", () => frame.load());
  frame.load();
}

/** Whether an arrow key means the cards. */
function turnsCards(event, part) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return false;
  // Also right after following a link to a card or clicking the tab, when nothing in the cards has the focus yet.
  const outside = !part("lessons").contains(event.target);
  if (outside && event.target !== document.body && event.target.id !== "how-it-works-button") return false;
  return !event.target.closest("input, select, textarea, .article") && part("card").offsetParent !== null;
}
