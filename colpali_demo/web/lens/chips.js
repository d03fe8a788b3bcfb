// The chips: one for each token or word, with its MaxSim; and one for the sum.

import { mend, node, roving } from "../shared/dom.js";
import { shown } from "../shared/text.js";
import { byWord, KINDS, place, SUM } from "../shared/tokens.js";
import { isNumbered } from "./view.js";

export class Chips {
  constructor(lens) {
    this.lens = lens;
    this.list = lens.part("chips");
    // The keyboard previews as the pointer does: the chip with the focus is shown until the focus leaves.
    roving(this.list, ".chip", (chip) => lens.preview(chip.dataset.token));
    this.list.addEventListener("focusout", (event) => {
      if (!this.list.contains(event.relatedTarget) && !this.list.matches(":hover")) lens.preview(null);
    });
    this.list.addEventListener("scroll", () => lens.moved(), { passive: true });
  }

  build() {
    const { list } = this;
    const { state } = this.lens;
    const values = new Map(state.items.map((item) => [item, state.sumOf(state.key, item.tokens)]));
    const top = Math.max(...values.values(), 1e-6);
    const chips = [
      this.chip(SUM, "total", "SUM", "Contribution map of the whole query", shown(state.scoreOf(state.key), 2), 1),
      // Subwords of one typed word stand together.
      ...byWord(state.items).map((items) =>
        node(
          "span",
          { class: "group", role: "presentation" },
          ...items.map((item) => this.itemChip(item, values.get(item), values.get(item) / top)),
        ),
      ),
    ];
    const scroll = list.children.length ? list.scrollLeft : 0;
    const focused = list.contains(document.activeElement) && document.activeElement.dataset.token;
    list.replaceChildren(...chips);
    if (scroll) list.scrollLeft = scroll;
    const stop = list.querySelector(`[data-token="${CSS.escape(focused || state.pins[0] || SUM)}"]`) || chips[0];
    for (const made of list.querySelectorAll(".chip")) made.tabIndex = made === stop ? 0 : -1;
    if (focused) stop.focus({ preventScroll: true });
  }

  count() {
    this.build();
  }

  chip(id, kind, text, title, value, share) {
    const bar = node("span", { class: "chip-bar" }, node("i"));
    bar.firstChild.style.width = `${Math.max(0, 100 * share)}%`;
    return node(
      "button",
      {
        type: "button",
        class: `chip ${kind}`,
        "data-token": id,
        title,
        onclick: (event) => this.lens.pinBy(event, id),
        ...this.lens.previewing(id),
      },
      node("span", { class: "chip-text" }, text),
      node("span", { class: "chip-value" }, value),
      bar,
    );
  }

  itemChip(item, value, share) {
    const { state } = this.lens;
    const terms = state.found.ledger(state.key);
    const matches = state.matchesOf(item);
    const sum = item.tokens.length > 1 ? ` = ${item.tokens.map((token) => shown(terms[token])).join(" + ")}` : "";
    const found = `MaxSim ${shown(value)}${sum} · ${matches.map(place).join("; ")}`;
    const title = `${item.name}, ${KINDS[item.kind]} · ${found}`;
    const made = this.chip(item.id, item.kind, item.label, title, shown(value), share);
    made.prepend(node("span", { class: "chip-number", "aria-hidden": "true" }, String(item.number)));
    if (matches.some((match) => match.slot !== "patch")) made.classList.add("away");
    const off = item.tokens.filter((token) => state.off.has(token)).length;
    if (off) made.classList.add(off === item.tokens.length ? "off" : "partly");
    return made;
  }

  /** Light up what is on show, in the ledger and its stack, too, and say which color is whose. */
  show(view) {
    const { part, state } = this.lens;
    const several = view.items.length > 1;
    const lit = new Set(view.items.map((item) => item.id));
    const colors = several ? new Map(view.items.map((item) => [item.id, item.color])) : new Map();
    const pinned = new Set(state.pins.length ? state.pins : [SUM]);
    this.list.classList.toggle("numbered", isNumbered(view));
    for (const holder of [this.list, part("ledger"), part("stack")])
      for (const one of holder.querySelectorAll("[data-token]")) {
        const id = one.dataset.token;
        one.classList.toggle("lit", lit.has(id));
        const color = colors.get(id) || "";
        if (one.style.getPropertyValue("--pin") !== color) one.style.setProperty("--pin", color);
        if (one.classList.contains("chip")) mend(one, "aria-pressed", String(pinned.has(id)));
      }
    part("key").replaceChildren(...(several ? view.items.map(keyPin) : []));
  }

  /** Where the chips scroll, on small screens: bring the pinned one into sight. */
  reveal() {
    const { list } = this;
    const { left, width } = list.querySelector("[aria-pressed=true]").getBoundingClientRect();
    const box = list.getBoundingClientRect();
    if (list.scrollWidth > list.clientWidth) list.scrollLeft += left - box.left - (box.width - width) / 2;
  }
}

function keyPin(item) {
  const swatch = node("span", { class: "key-pin" }, node("b", {}, String(item.number)), ` ${item.name}`);
  swatch.style.setProperty("--pin", item.color);
  return swatch;
}
