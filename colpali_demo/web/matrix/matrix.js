// The matrix draws what the lens found, and the two move each other: hovering a cell here shows its token and its patch
// there, and the other way round. Nothing is asked of the server.

import { highestOf } from "../shared/arrays.js";
import { node, partsOf, segments } from "../shared/dom.js";
import { Palette } from "../shared/palette.js";
import { count, plural, shown } from "../shared/text.js";
import { label, slotText, spoken } from "../shared/tokens.js";
import { Columns, winnerPlaces } from "./columns.js";
import { paintCosines, paintMarks } from "./painting.js";

const ORDERS = [
  ["query", "Query order"],
  ["maxsim", "By MaxSim"],
];

export class Matrix {
  /** host: {element, props} of the component. */
  constructor({ element, props }) {
    this.part = partsOf(element);
    this.palette = new Palette(props);
    this.lens = null; // what the lens lets others see of it
    this.order = "query";
    this.rows = []; // indices of tokens from top to bottom
    this.at = null; // {row, place} under the pointer or the keyboard's cursor
    this.near = true; // whether it is on the screen, or nearly
    this.stale = null; // what has to be painted when it is: "all", "marks" or null
    this.markOrder = segments(this.part("order"), ORDERS, (choice) => {
      this.order = choice;
      this.build();
    });
  }

  get maps() {
    return this.lens.found.pages.get(this.lens.key);
  }

  get tokens() {
    return this.lens.found.tokens;
  }

  get columns() {
    return this.maps.cached("columns", () => new Columns(this.maps.cells, this.maps.entry.others.slots.length));
  }

  get dark() {
    return Boolean(this.part("matrix").closest(".dark"));
  }

  /** What the canvases show, see painting.js. */
  get table() {
    const { maps, rows, columns, lens } = this;
    return {
      rows,
      columns,
      value: (token, place) => maps.at(token, place),
      winners: (token) => this.winners(token),
      off: lens.off,
      dark: this.dark,
      ...this.scale,
    };
  }

  /** One scale for the whole matrix, patches and others. */
  get scale() {
    const { maps } = this;
    return maps.cached("matrix", () => {
      const { lo, hi } = maps.extentOfAll(false);
      return { lo: maps.others.reduce((low, value) => Math.min(low, value), lo), hi: highestOf(maps.others, hi) };
    });
  }

  winners(token) {
    return winnerPlaces(this.maps.entry.tokens[token], this.maps);
  }

  /** Show what the lens shows; `what` has changed of it: "page", "selection" or "patch". */
  follow(lens, what) {
    this.lens = lens;
    if (what === "page") {
      this.at = null;
      this.build();
    } else if (lens?.found && !this.part("matrix").hidden) this.draw("marks");
  }

  // -------------------------------------------------------------------------------------------- around the cells

  build() {
    const { part } = this;
    part("matrix").hidden = !this.lens?.found;
    if (!this.lens?.found) return;
    const { entry } = this.maps;
    this.rows = this.tokens.map((token) => token.index);
    if (this.order === "maxsim") this.rows.sort((a, b) => entry.tokens[b].maxsim - entry.tokens[a].maxsim);
    const height = this.rowHeight();
    part("grid").style.setProperty("--row", `${height}px`);
    part("cells").style.height = `${height * this.rows.length}px`;
    part("labels").replaceChildren(...this.rows.map((index) => this.rowEnd(index, label(this.tokens[index]))));
    part("sums").replaceChildren(...this.rows.map((index) => this.rowEnd(index, shown(entry.tokens[index].maxsim))));
    part("title").textContent = "The whole computation: keep each row’s maximum, add them up";
    part("text").textContent = this.explanation();
    part("total").textContent = this.total();
    part("axis").replaceChildren(...this.axis());
    this.markOrder(this.order);
    this.draw("all");
  }

  /** As high as can be while the rows fit on a screen, but never so low that labels touch. */
  rowHeight() {
    const type = Number.parseFloat(getComputedStyle(this.part("labels")).fontSize);
    return Math.round(type * Math.max(1.12, Math.min(1.92, 37 / this.rows.length)));
  }

  /** What stands at the left and at the right of a row. */
  rowEnd(index, text) {
    const token = this.tokens[index];
    return node(
      "span",
      {
        class: `${token.kind}${this.lens.off.has(index) ? " off" : ""}`,
        "data-token": index,
        title: spoken(token, this.tokens),
        onpointerenter: () => this.point({ row: this.rows.indexOf(index), place: null }),
        onpointerleave: () => this.point(null),
        onclick: (event) => this.lens.pin(index, event.shiftKey),
      },
      text,
    );
  }

  explanation() {
    const { entry } = this.maps;
    const { lo, hi } = this.scale;
    const column =
      entry.vectors === this.columns.places
        ? "A column is a vector of the page"
        : "A column is a patch, or a vector that is none; patches that share a vector have the same column";
    return (
      `${plural(this.rows.length, "token")} × ${plural(entry.vectors, "vector")} of ${entry.source}, ` +
      `page ${entry.page}. ${column}, a row a token of the query, a cell their cosine; rings mark the maximum of ` +
      `each row. ${this.dark ? "Lighter" : "Darker"} is higher, on one scale from ${shown(lo, 2)} to ` +
      `${shown(hi, 2)}; where columns are narrower than a pixel, the highest is drawn.`
    );
  }

  total() {
    const { off } = this.lens;
    const counted = this.tokens.filter(({ index }) => !off.has(index));
    const score = counted.reduce((sum, { index }) => sum + this.maps.entry.tokens[index].maxsim, 0);
    return `${off.size ? `${counted.length}: ` : "= "}${shown(score, 2)}`;
  }

  axis() {
    const { patches, places } = this.columns;
    const order = node("span", { class: "order" }, ", in reading order →");
    const ends = [node("span", {}, `${count(patches)} patches`, order)];
    if (places === patches) return ends;
    const end = node("span", { class: "end" }, `${count(places - patches)} ${this.kindsOfOthers()}`);
    end.style.left = "100%";
    return [...ends, end];
  }

  kindsOfOthers() {
    const kinds = new Set(this.maps.entry.others.slots.map((slot) => slot.slot));
    if (kinds.size > 1) return "prompt tokens and thumbnail tiles";
    return kinds.has("tile") ? "thumbnail tiles" : "prompt tokens";
  }

  // -------------------------------------------------------------------------------------------- the cells

  /** Paint "all" or the "marks" now, or when somebody can see it: above it the lens is busy enough. */
  draw(what) {
    if (!this.near) this.stale = what === "all" ? what : (this.stale ?? what);
    else if (what === "all") this.paint(true);
    else this.paintMarks();
  }

  /** The matrix has come near, or has gone away. */
  come(near) {
    this.near = near;
    if (!near || !this.stale || !this.lens?.found) return;
    this.draw(this.stale);
    this.stale = null;
  }

  resized() {
    if (!this.lens?.found) return;
    if (this.near) this.paint();
    else this.draw("all");
  }

  paint(force = false) {
    const canvas = this.part("base");
    const box = this.part("cells").getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (!width || !height) return;
    if (force || canvas.width !== width || canvas.height !== height) {
      for (const name of ["base", "marks"]) Object.assign(this.part(name), { width, height });
      paintCosines(canvas, this.table, this.palette);
    }
    this.paintMarks();
  }

  /** The rings, the row and the column of what the lens shows. */
  paintMarks() {
    const { part, lens } = this;
    const { view, patch } = lens;
    const lit = new Set(view.whole ? this.rows : view.items.flatMap((item) => item.tokens));
    const place = this.at?.place ?? (patch ? this.maps.cell(patch.row, patch.col) : null);
    paintMarks(part("marks"), this.table, lit, place);
    for (const holder of [part("labels"), part("sums")])
      for (const one of holder.children) one.classList.toggle("lit", !view.whole && lit.has(Number(one.dataset.token)));
    this.drawReadout(place, view);
  }

  drawReadout(place, view) {
    const line = this.part("readout");
    const chosen = view.whole || view.items[0].tokens.length > 1 ? null : view.items[0].tokens[0];
    const token = this.at ? this.rows[this.at.row] : chosen;
    if (place === null || token === null) return line.replaceChildren();
    const value = this.maps.at(token, place);
    const below = this.maps.entry.tokens[token].maxsim - value;
    line.replaceChildren(
      `S[${spoken(this.tokens[token], this.tokens)}, ${this.nameOf(place)}] = `,
      node("b", {}, shown(value)),
      this.winners(token).includes(place)
        ? " · the row’s maximum: its MaxSim"
        : ` · ${shown(below)} below the row’s maximum`,
    );
  }

  nameOf(place) {
    const { grid, others } = this.maps.entry;
    const { patches } = this.columns;
    if (place < patches) return `patch ${place} (row ${Math.floor(place / grid.cols)}, col ${place % grid.cols})`;
    const slot = others.slots[place - patches];
    return slot.slot === "text" ? `prompt token ${slotText(slot)}, off the image` : "thumbnail tile, off the image";
  }

  // -------------------------------------------------------------------------------------------- pointing

  /** Move the lens to a cell {row, place}; null: away. A place of null is the whole row. */
  point(at) {
    if (at?.row === this.at?.row && at?.place === this.at?.place) return;
    this.at = at;
    const { cols } = this.maps.entry.grid;
    const onPatch = at && at.place !== null && at.place < this.columns.patches;
    const patch = onPatch ? { row: Math.floor(at.place / cols), col: at.place % cols } : null;
    this.lens.point(at ? this.rows[at.row] : null, patch);
  }

  pin(at, more) {
    this.lens.pin(this.rows[at.row], more);
  }

  /** The cell under a pointer, or null. */
  cellAt(event) {
    const box = this.part("cells").getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows.length);
    if (row < 0 || row >= this.rows.length) return null;
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    return { row, place: this.columns.at(share) };
  }

  /** The cell that a key leads to, from the cursor or from the first token on show; undefined for other keys. */
  cellBy(key) {
    const lit = this.lens.view.items[0]?.tokens[0];
    const row = this.at?.row ?? Math.max(0, this.rows.indexOf(lit));
    const place = this.at?.place ?? this.winners(this.rows[row])[0];
    const to = (r, p) => ({
      row: Math.max(0, Math.min(this.rows.length - 1, r)),
      place: Math.max(0, Math.min(this.columns.places - 1, p)),
    });
    return {
      ArrowUp: to(row - 1, place),
      ArrowDown: to(row + 1, place),
      ArrowLeft: to(row, place - 1),
      ArrowRight: to(row, place + 1),
      Home: to(row, this.winners(this.rows[row])[0]),
      Enter: { row, place },
    }[key];
  }
}
