// Lines from the chips to their winners on the page.

import { boundsOf, centerOf } from "../shared/cells.js";
import { svgNode } from "../shared/dom.js";

export class Leaders {
  constructor(lens, stages) {
    this.lens = lens;
    this.stages = stages;
  }

  show(view) {
    const { part } = this.lens;
    const svg = part("leaders");
    if (view.whole && !view.overlay.numbered) return svg.replaceChildren();
    const body = part("body").getBoundingClientRect();
    const starts = this.starts();
    svg.replaceChildren(...this.stages.all.flatMap((owner) => this.lines(owner, view, starts, body)));
  }

  moved() {
    if (this.lens.view) this.show(this.lens.view);
  }

  /** The parts that lines lead from: of the whole query only what was typed, unless all tokens have their chips. */
  partsOf(view) {
    return view.whole ? view.parts.filter((item) => item.kind === "word" || this.lens.state.open) : view.parts;
  }

  /** Where lines begin on the screen: id of an item -> {x, y}; chips that are scrolled out of sight have none. */
  starts() {
    const list = this.lens.part("chips");
    const row = list.getBoundingClientRect();
    const starts = new Map();
    for (const chip of list.querySelectorAll(".chip")) {
      const box = chip.getBoundingClientRect();
      const x = box.left + box.width / 2;
      if (chip.dataset.token && x >= row.left && x <= row.right) starts.set(chip.dataset.token, { x, y: box.bottom });
    }
    return starts;
  }

  /** How much a token adds to a page: a function to shares of what the strongest of some items adds. */
  sharesOf(parts, key) {
    const { state } = this.lens;
    const strength = (token) => Math.abs(state.valueOf(key, [token]));
    const top = Math.max(...parts.flatMap((item) => item.tokens.map(strength)), 1e-6);
    return (token) => strength(token) / top;
  }

  /** The lines to one page, drawn from the corner of the lens's body. */
  lines({ stage, maps, key }, view, starts, body) {
    const page = stage.frame.getBoundingClientRect();
    const parts = this.partsOf(view);
    const share = this.sharesOf(parts, key);
    const ends = parts.flatMap((item) => maps.matches(item.tokens).map((match) => ({ item, match })));
    return ends.flatMap(({ item, match }) => {
      const from = starts.get(item.id) ?? starts.get(this.lens.state.itemWith(match.index)?.id);
      const { across, down } = endOf(stage, match.cells);
      if (!from || !inSight(across) || !inSight(down)) return [];
      const [x, y] = [from.x - body.left, from.y - body.top];
      const [toX, toY] = [page.left + across * page.width - body.left, page.top + down * page.height - body.top];
      const bend = (toY - y) * 0.45;
      const d = `M${x} ${y}C${x} ${y + bend} ${toX} ${toY - bend} ${toX} ${toY}`;
      const path = svgNode("path", { d, class: item.kind === "word" ? "typed" : "" });
      if (view.items.length > 1) path.style.stroke = item.color;
      if (view.whole) path.style.setProperty("--share", share(match.index));
      return [path];
    });
  }
}

const inSight = (share) => share >= 0 && share <= 1;

/** Where a line ends: above the only cell of a winner, or in the middle of several. */
function endOf(stage, cells) {
  const { row, col } = centerOf(cells);
  return stage.placeInFrame(cells.length === 1 ? boundsOf(cells).top : row, col);
}
