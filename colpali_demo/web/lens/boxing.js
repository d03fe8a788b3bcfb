// Choosing a box of the page: by dragging, by a click on a patch, or by keyboard from patch to patch.

import { arrowMove, node } from "../shared/dom.js";
import { boxOf } from "../shared/traces.js";

const LEAST = 0.006; // of the page: what is smaller was a click

export class Boxing {
  /** Choose a box of the page of `owner`, {stage, maps}, while it is `on`; `chosen(box)` gets it, `left()` is told. */
  constructor(lens, owner, { chosen, left }) {
    Object.assign(this, { lens, owner, chosen, left, on: false, from: null, anchor: null });
    this.frame = owner.stage.frame;
    this.selection = node("div", { class: "selection", "aria-hidden": "true", hidden: true });
    owner.stage.over.append(this.selection);
    // Before what pointers and keys do otherwise.
    const listen = (name, act) =>
      this.frame.addEventListener(name, (event) => this.on && act.call(this, event), { capture: true });
    listen("pointerdown", this.press);
    listen("pointermove", this.drag);
    listen("pointerup", this.release);
    listen("pointercancel", this.cancel);
    listen("click", (event) => event.stopPropagation());
    listen("dblclick", (event) => event.stopPropagation());
    listen("keydown", this.type);
  }

  begin() {
    Object.assign(this, { on: true, from: null, anchor: null });
    this.frame.classList.add("boxing");
    this.frame.focus({ preventScroll: true });
    this.frame.scrollIntoView({ block: "nearest" });
  }

  end() {
    Object.assign(this, { on: false, from: null, anchor: null });
    this.frame.classList.remove("boxing");
    this.selection.hidden = true;
  }

  /** The place of a pointer in shares of the page. */
  at({ clientX, clientY }) {
    const box = this.frame.getBoundingClientRect();
    const { factor, x, y } = this.owner.stage.zoom;
    const within = (share) => Math.max(0, Math.min(1, share));
    return [
      within(x + (clientX - box.left) / box.width / factor),
      within(y + (clientY - box.top) / box.height / factor),
    ];
  }

  boxTo([x, y]) {
    const [fromX, fromY] = this.from;
    return [Math.min(x, fromX), Math.min(y, fromY), Math.max(x, fromX), Math.max(y, fromY)];
  }

  press(event) {
    event.stopPropagation();
    if (event.button || this.from) return;
    this.frame.setPointerCapture(event.pointerId);
    this.from = this.at(event);
  }

  drag(event) {
    if (!this.from) return;
    event.stopPropagation();
    this.select(this.boxTo(this.at(event)));
  }

  release(event) {
    if (!this.from) return;
    event.stopPropagation();
    const [left, top, right, bottom] = this.boxTo(this.at(event));
    this.from = null;
    const dragged = right - left >= LEAST && bottom - top >= LEAST;
    const patch = this.owner.stage.patchAt(event);
    const box = dragged ? [left, top, right, bottom] : patch && this.boxAround([patch]);
    if (box) setTimeout(() => this.choose(box)); // once the click is over, which means nothing else here
  }

  cancel() {
    this.from = null;
    this.selection.hidden = true;
  }

  type(event) {
    const { state } = this.lens;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.end();
      this.left();
    } else if (event.key === "Enter" && state.patch) {
      event.stopPropagation();
      event.preventDefault();
      this.choose(this.boxAround([this.anchor ?? state.patch, state.patch]));
    } else if (arrowMove(event.key)) this.anchor = event.shiftKey ? (this.anchor ?? state.patch) : null;
  }

  /** The keyboard's cursor has moved. */
  point() {
    const { patch } = this.lens.state;
    if (!this.on || this.from) return;
    if (patch && this.anchor) this.select(this.boxAround([this.anchor, patch]));
    else this.selection.hidden = true;
  }

  boxAround(patches) {
    return boxOf(
      patches.map(({ row, col }) => [row, col]),
      this.owner.stage.grid,
    );
  }

  select([left, top, right, bottom]) {
    const share = (value) => `${100 * value}%`;
    this.selection.hidden = false;
    Object.assign(this.selection.style, {
      left: share(left),
      top: share(top),
      width: share(right - left),
      height: share(bottom - top),
    });
  }

  choose(box) {
    this.end();
    this.chosen(box);
  }
}
