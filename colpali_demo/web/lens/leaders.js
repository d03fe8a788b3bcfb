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
    if (!view.overlay.numbered) return svg.replaceChildren();
    const body = part("body").getBoundingClientRect();
    svg.setAttribute("viewBox", `0 0 ${body.width} ${body.height}`);
    const starts = this.starts();
    svg.replaceChildren(...this.stages.all.flatMap((owner) => this.lines(owner, view, starts, body)));
  }

  moved() {
    if (this.lens.view) this.show(this.lens.view);
  }

  /** Where lines begin on the screen: id of an item -> {x, y}; chips that are scrolled out of sight have none. */
  starts() {
    const list = this.lens.part("chips");
    const row = list.getBoundingClientRect();
    const starts = new Map();
    for (const chip of list.querySelectorAll(".chip")) {
      const box = chip.getBoundingClientRect();
      const x = box.left + box.width / 2;
      if (x >= row.left && x <= row.right) starts.set(chip.dataset.token, { x, y: box.bottom });
    }
    return starts;
  }

  /** The lines to one page, drawn from the corner of the lens's body. */
  lines({ stage, maps }, view, starts, body) {
    const page = stage.frame.getBoundingClientRect();
    const paths = [];
    for (const item of view.parts)
      for (const { cells } of maps.matches(item.tokens)) {
        const from = starts.get(item.id);
        const { across, down } = endOf(stage, cells);
        if (!from || across < 0 || across > 1 || down < 0 || down > 1) continue;
        const [x, y] = [from.x - body.left, from.y - body.top];
        const [toX, toY] = [page.left + across * page.width - body.left, page.top + down * page.height - body.top];
        const bend = (toY - y) * 0.45;
        const d = `M${x} ${y}C${x} ${y + bend} ${toX} ${toY - bend} ${toX} ${toY}`;
        const path = svgNode("path", { d, class: item.kind === "word" ? "typed" : "" });
        if (view.items.length > 1) path.style.stroke = item.color;
        paths.push(path);
      }
    return paths;
  }
}

/** Where a line ends: above the only cell of a winner, or in the middle of several. */
function endOf(stage, cells) {
  const { row, col } = centerOf(cells);
  return stage.placeInFrame(cells.length === 1 ? boundsOf(cells).top : row, col);
}
