// The lessons on the page: the cards turn by buttons, by keys, by a clicker and by links.

import { Presenter } from "../shared/presenter.js";
import { Frame } from "./frame.js";
import { linked } from "./link.js";

const ARROWS = { ArrowRight: 1, ArrowLeft: -1 };
const CLICKER = { PageDown: 1, PageUp: -1 }; // what the buttons of a presenter's remote control send
const CONTROLS = "input, select, textarea, button, .page"; // they have a use of their own for the space bar

export function mount({ element, trigger, props, watch }) {
  const frame = new Frame({ element, trigger, props });
  const { part } = frame;
  const presenter = new Presenter(part("lessons"), {
    changed: () => frame.present(presenter.on),
    shaded: () => frame.draw(),
  });
  const turn = (step) => frame.turnTo(frame.current + step, true);
  const listen = (name, act) => part(name).addEventListener("click", act);
  listen("back", () => turn(-1));
  listen("next", () => turn(1));
  listen("notes-button", () => frame.showNotes(!frame.notesShown));
  listen("present", () => presenter.enter());
  listen("shade", () => presenter.shade());
  listen("leave", () => presenter.leave());
  document.addEventListener("keydown", (event) => {
    if (!frame.study || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const step = presenter.on ? stepOfHall(event) : turnsCards(event, part) && ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    turn(step);
  });
  window.addEventListener("hashchange", () => {
    if (linked() && frame.study) frame.follow();
  });
  element.lessonValue = () => frame.study?.value; // the JSON behind the cards, for scripts
  watch("value", () => frame.load());
  frame.load();
}

/** How many cards a key turns while they are presented. */
function stepOfHall({ key, shiftKey, target }) {
  if (CLICKER[key]) return CLICKER[key];
  if (key === " ") return target.closest(CONTROLS) ? 0 : shiftKey ? -1 : 1;
  return target.closest("input, select, textarea") ? 0 : { ...ARROWS, ArrowDown: 1, ArrowUp: -1 }[key];
}

/** Whether an arrow key means the cards. */
function turnsCards({ target }, part) {
  // Also right after following a link to a card or clicking the tab, when nothing in the cards has the focus yet.
  const outside = !part("lessons").contains(target);
  if (outside && target !== document.body && target.id !== "how-it-works-button") return false;
  return !target.closest("input, select, textarea, .article") && part("card").offsetParent !== null;
}
