// The chips: one for each word or token, with its lead or its MaxSim; one for all that the model adds; one for the sum.

import { mend, node, roving } from "../shared/dom.js";
import { shown, signed } from "../shared/text.js";
import { ADDED, byWord, KINDS, place, SUM } from "../shared/tokens.js";
import { isNumbered } from "./view.js";

export class Chips {
  constructor(lens) {
    this.lens = lens;
    this.list = lens.part("chips");
    // The keyboard previews as the pointer does: the chip with the focus is shown until the focus leaves.
    roving(this.list, ".chip", (chip) => lens.preview(chip.dataset.token ?? null));
    this.list.addEventListener("focusout", (event) => {
      if (!this.list.contains(event.relatedTarget) && !this.list.matches(":hover")) lens.preview(null);
    });
    this.list.addEventListener("scroll", () => lens.moved(), { passive: true });
  }

  build() {
    const { list } = this;
    const { state } = this.lens;
    const values = new Map(state.items.map((item) => [item, state.valueOf(state.key, item.tokens)]));
    // What the model adds is many tokens: its bar must not make those of the words small.
    const top = Math.max(
      ...state.items.filter(({ id }) => id !== ADDED).map((item) => Math.abs(values.get(item))),
      1e-6,
    );
    const chips = [
      this.sumChip(),
      // Subwords of one typed word stand together.
      ...byWord(state.items).map((items) =>
        node(
          "span",
          { class: "group", role: "presentation" },
          ...items.map((item) => this.itemChip(item, values.get(item), values.get(item) / top)),
        ),
      ),
      ...(state.open ? [this.foldChip()] : []),
    ];
    const scroll = list.children.length ? list.scrollLeft : 0;
    const focused = list.contains(document.activeElement) && (document.activeElement.dataset.token ?? ADDED);
    list.replaceChildren(...chips);
    if (scroll) list.scrollLeft = scroll;
    const find = (id) => id && list.querySelector(`[data-token="${CSS.escape(id)}"]`);
    const opened = focused === ADDED && state.open ? list.querySelector(".chip:not(.word, .total)") : null;
    const stop = opened || find(focused) || find(state.pins[0] || SUM) || chips[0];
    for (const made of list.querySelectorAll(".chip")) made.tabIndex = made === stop ? 0 : -1;
    if (focused) stop.focus({ preventScroll: true });
  }

  count() {
    this.build();
  }

  chip(id, kind, text, title, value, share) {
    const bar = node("span", { class: share < 0 ? "chip-bar behind" : "chip-bar" }, node("i"));
    bar.firstChild.style.width = `${Math.min(100, 100 * Math.abs(share))}%`;
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

  sumChip() {
    const { state } = this.lens;
    const score = state.scoreOf(state.key);
    if (state.by === "score") return this.chip(SUM, "total", "Score", "The whole query: all terms", shown(score, 2), 1);
    const { text } = state.found.comparison(state.key);
    const lead = signed(state.valueOf(state.key, state.counted), 2);
    return this.chip(SUM, "total", "Lead", `The whole query: its score minus the mean of ${text}`, lead, 1);
  }

  itemChip(item, value, share) {
    const { state } = this.lens;
    const matches = state.matchesOf(item);
    const made = this.chip(item.id, item.kind, item.label, this.titleOf(item, matches), this.textOf(value), share);
    made.prepend(node("span", { class: "chip-number", "aria-hidden": "true" }, String(item.number)));
    if (item.id === ADDED) mend(made, "aria-expanded", "false");
    else if (matches.some((match) => match.slot !== "patch")) made.classList.add("away");
    const off = item.tokens.filter((token) => state.off.has(token)).length;
    if (off) made.classList.add(off === item.tokens.length ? "off" : "partly");
    return made;
  }

  textOf(value) {
    return this.lens.state.by === "lead" ? signed(value, 2) : shown(value);
  }

  titleOf(item, matches) {
    const { state } = this.lens;
    const terms = state.found.ledger(state.key);
    const several = item.tokens.length > 1;
    const sum = several && item.id !== ADDED ? ` = ${item.tokens.map((token) => shown(terms[token])).join(" + ")}` : "";
    const maxsim = `MaxSim ${shown(state.sumOf(state.key, item.tokens))}${sum}`;
    const lead = state.by === "lead" ? ` · lead ${signed(state.valueOf(state.key, item.tokens))}` : "";
    if (item.id === ADDED)
      return `Start token, prefix and augmentation, added to every query: ${maxsim}${lead}. Click to see each`;
    return `${item.name}, ${KINDS[item.kind]} · ${maxsim}${lead} · ${matches.map(place).join("; ")}`;
  }

  /** Folds the tokens that the model adds. */
  foldChip() {
    const { lens } = this;
    const title = "Fold the tokens that the model adds";
    const onclick = () => lens.setUnit(lens.state.unit, false);
    return node(
      "button",
      { type: "button", class: "chip added fold", title, "aria-label": title, "aria-expanded": "true", onclick },
      "×",
    );
  }

  /** Ids of what is on show: a token that is shown by itself lights up the word that it is part of, too. */
  litBy({ whole, items }) {
    const words = whole ? [] : items.map((item) => this.lens.state.itemWith(item.tokens[0])?.id);
    return new Set([...items.map((item) => item.id), ...words]);
  }

  /** Light up what is on show, in the ledger and its stack, too, and say which color is whose. */
  show(view) {
    const { part, state } = this.lens;
    const several = view.items.length > 1;
    const lit = this.litBy(view);
    const colors = several ? new Map(view.items.map((item) => [item.id, item.color])) : new Map();
    const pinned = new Set(state.pins.length ? state.pins : [SUM]);
    this.list.classList.toggle("numbered", isNumbered(view));
    for (const holder of [this.list, part("ledger"), part("stack")])
      for (const one of holder.querySelectorAll("[data-token]")) {
        const id = one.dataset.token;
        one.classList.toggle("lit", lit.has(id));
        const color = colors.get(id) || "";
        if (one.style.getPropertyValue("--pin") !== color) one.style.setProperty("--pin", color);
        if (one.classList.contains("chip") && id !== ADDED) mend(one, "aria-pressed", String(pinned.has(id)));
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
