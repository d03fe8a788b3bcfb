// The lens: its state, what visitors can do, and which of its panels draw what has changed by it.
//
// The value arrives once per search (see lens_value.py) and everything is drawn from it, so that moving from token to
// token asks the server nothing.
//
// A panel has some of these methods, in the order of a new search:
//   arrive()     for another search
//   build()      for another page, or one more; `measure()` once all panels are built
//   show(view)   for other tokens, or another drawing of them
//   reveal()     once a search over other tokens is on show
//   count()      for other tokens that count
//   point()      for another patch under the pointer
//   zoom()       for another part of the page
//   moved()      for another place of the page on the screen
//   await(key)   for a page that was asked of the server

import { partsOf, stored } from "../shared/dom.js";
import { decoded } from "../shared/found.js";
import { Palette } from "../shared/palette.js";
import { quoted } from "../shared/text.js";
import { ADDED, itemsOf } from "../shared/tokens.js";
import { restored } from "./link.js";
import { LensState } from "./state.js";
import { MAX_PINS, viewOf } from "./view.js";

const ranksOf = (ranking) => new Map(ranking.map((entry) => [entry.key, entry.rank]));
const KEPT = ["unit", "scale", "measure"]; // what the browser remembers of the state, for the tab

export class Lens {
  /** host: {element, trigger, props} of the component. */
  constructor({ element, trigger, props }) {
    Object.assign(this, { element, trigger, props });
    this.part = partsOf(element);
    this.palette = new Palette(props);
    this.state = new LensState();
    for (const name of KEPT) this.state[name] = stored?.getItem(`lens-${name}`) || this.state[name];
    this.view = null; // what is on show, see viewOf
    this.panels = [];
    this.latest = null; // the value that came last, while its arrays may still be on their way
  }

  /** Whether there is no server to ask, or none whose model is there. */
  get alone() {
    return Boolean(this.props.offline || this.state.found.value.opening);
  }

  /** Call a method of every panel that has it. */
  call(method, ...values) {
    for (const panel of this.panels) panel[method]?.(...values);
  }

  /** Announce to other components on the page what has changed: "page", "selection" or "patch". */
  announce(what) {
    const detail = { what, lens: this.element.lens };
    this.element.dispatchEvent(new CustomEvent("lens-change", { bubbles: true, detail }));
  }

  // -------------------------------------------------------------------------------------------- drawing

  /** Draw everything that depends on what is chosen, and announce what has changed. */
  show(what = "selection") {
    if (!this.state.found) return;
    this.view = viewOf(this.state);
    this.call("show", this.view);
    this.announce(what);
  }

  /** Everything that depends on the page, too. */
  build() {
    this.state.ranking = this.state.found.ranked(this.state.off);
    this.call("build");
    this.call("measure");
    this.show("page");
  }

  /** The page stands elsewhere on the screen, or has another size. */
  moved() {
    if (this.state.found) this.call("moved");
  }

  // -------------------------------------------------------------------------------------------- what visitors do

  preview(id) {
    if (this.state.preview === id) return;
    this.state.preview = id;
    this.show();
  }

  /** Pin an item as a click with these keys does; that of the tokens that the model adds opens. */
  pinBy(event, id) {
    if (id === ADDED) return this.setUnit(this.state.unit, true);
    this.pin(id, event.shiftKey || event.ctrlKey || event.metaKey || this.state.several);
  }

  pin(id, more = false) {
    this.state.pin(id, more, MAX_PINS);
    this.show();
  }

  /** Listeners that preview an item while the pointer is over something. */
  previewing(id) {
    return {
      onpointerenter: (event) => {
        if (event.pointerType === "touch") return; // a tap pins; previews are for pointers that hover
        this.preview(id);
      },
      onpointerleave: () => this.preview(null),
    };
  }

  /** Change how things are drawn. */
  set(name, value) {
    this.state[name] = value;
    if (KEPT.includes(name)) stored?.setItem(`lens-${name}`, value);
    this.show();
  }

  setUnit(unit, open = this.state.open) {
    stored?.setItem("lens-unit", unit);
    this.state.setUnit(unit, open, MAX_PINS);
    this.build();
  }

  /** Tell of tokens their lead, or their part of the score. */
  setMeasure(measure) {
    stored?.setItem("lens-measure", measure);
    this.state.measure = measure;
    this.build();
  }

  setPicture(picture) {
    this.state.picture = picture;
    this.build();
  }

  setPatch(patch) {
    this.state.patch = patch;
    this.call("point");
    this.announce("patch");
  }

  setZoom(factor, x, y) {
    const keep = (start) => Math.max(0, Math.min(1 - 1 / factor, start));
    this.state.zoom = { factor, x: keep(x), y: keep(y) };
    this.call("zoom");
    this.moved();
  }

  /** Let tokens count or not; null: let all count. */
  setOff(indices, off) {
    this.state.setOff(indices, off);
    this.call("count");
    this.show("page");
  }

  openPage(key) {
    const { state } = this;
    if (!state.found.pages.has(key)) return this.request(key);
    if (key === state.other) state.other = null;
    Object.assign(state, { key, patch: null, preview: null });
    this.build();
  }

  /** Compare the page on show with another; null ends it. */
  compare(key) {
    const { state } = this;
    if (key && !state.found.pages.has(key)) {
      state.wanted = key;
      return this.request(key);
    }
    Object.assign(state, { other: key, patch: null, preview: null });
    this.build();
  }

  request(key) {
    this.call("await", key);
    this.trigger("open_page", { key, search: this.state.found.value.search });
  }

  /** Let go of the patch, or else of the tokens. */
  release() {
    const { state } = this;
    if (!state.found) return;
    if (state.patch) state.patch = null;
    else state.pins = [];
    state.preview = null;
    this.show();
  }

  // -------------------------------------------------------------------------------------------- the value

  /** Show the value of the component: a search, or a message. */
  async load() {
    const { value } = this.props;
    this.latest = value;
    if (!value?.focus) return this.showMessage(value);
    let found;
    try {
      found = await decoded(value);
    } catch {
      return this.showMessage({ title: "This explanation is gone", message: "Search again." });
    }
    if (this.latest !== value) return;
    const same = this.replace(found);
    this.part("lens").removeAttribute("aria-busy");
    this.part("empty").hidden = true;
    this.part("body").hidden = false;
    this.call("arrive");
    this.build();
    if (!same) this.call("reveal");
    this.element.dataset.search = value.search;
  }

  /** Put a search in the place of the one on show. Returns whether both have the same tokens. */
  replace(found) {
    const { state } = this;
    const { value } = found;
    const before = state.found?.value;
    const words = ({ query }) => JSON.stringify(query.tokens);
    const same = Boolean(before) && words(before) === words(value);
    const versus = same && state.wanted === value.focus && found.pages.has(state.key);
    // What was computed beforehand gives way to the search itself: leave the visitor at the page they look at.
    const relieved = same && before.opening && found.pages.has(state.key);
    const key = versus || relieved ? state.key : value.focus;
    const kept = same && found.pages.has(state.other) && state.other !== key ? state.other : null;
    const other = versus ? value.focus : kept;
    const items = itemsOf(value.query, state.unit, state.open);
    Object.assign(state, { found, key, other, items, wanted: null, patch: null, preview: null });
    if (!same) this.begin(before);
    // Asked once more: all tokens count again, and no arrows are left that nobody explains.
    else if (before.search !== value.search && !before.opening) this.countAll();
    return same;
  }

  /** Choose what to show first of a search over other tokens than `before`. */
  begin(before) {
    const { state, props } = this;
    const { value } = state.found;
    state.off = new Set();
    const address = props.offline ? "" : window.location.search;
    const start = before ? "" : props.start || address;
    if (!restored(state, start)) state.pins = [];
    // Encoded otherwise than before: show which pages moved.
    const { query, model } = value;
    const otherwise = query.prefix !== model.prefix || query.augmentation !== model.augmentation;
    const again = otherwise && before && !before.opening && before.query.text === query.text;
    state.before = ranksOf(again ? before.ranking : value.ranking);
  }

  countAll() {
    this.state.off = new Set();
    this.state.before = ranksOf(this.state.found.value.ranking);
  }

  /** A search is under way: what is on show is that of another. */
  ask(text) {
    if (!text.trim()) return;
    const { part } = this;
    part("lens").setAttribute("aria-busy", "true");
    const line = `Searching for ${quoted(text.trim())} …`;
    part("headline").textContent = line;
    part("beats").replaceChildren();
    if (!this.state.found) Object.assign(part("empty-title"), { textContent: line });
  }

  /** No search is under way any more. */
  settle() {
    const busy = this.part("lens").hasAttribute("aria-busy");
    this.part("lens").removeAttribute("aria-busy");
    if (!busy) return;
    if (this.state.found) this.build();
    else this.showMessage(this.message); // which does not arrive anew where the answer is the same
  }

  showMessage(value) {
    this.part("lens").removeAttribute("aria-busy");
    this.message = value;
    this.state.found = null;
    delete this.element.dataset.search;
    this.part("notes").replaceChildren();
    this.part("empty-title").textContent = value?.title || "";
    this.part("empty-text").textContent = value?.message || "";
    this.part("empty").hidden = false;
    this.part("body").hidden = true;
    this.announce("page");
  }
}
