// A link to a card opens the tab of the lessons, also before the cards are there; frame.js turns to the card.

import { linked } from "./link.js";

export function mount() {
  const follow = () => {
    if (linked()) document.getElementById("how-it-works-button")?.click();
  };
  window.addEventListener("hashchange", follow);
  follow();
}
