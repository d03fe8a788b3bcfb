// The page of a card: a stage without zoom, on which patches are picked.

import { arrowMove, node } from "../shared/dom.js";
import { Stage } from "../shared/stage.js";

const GRID = "rgba(36, 70, 156, 0.28)"; // color of the lines between patches

/**
 * The page with its grid of patches over it. With `pick`, a click and the arrow keys choose a patch, (row, col); with
 * `hover`, so does the pointer. `grid` draws lines between patches; `picture` is shown instead of the page.
 */
export class Sheet {
  constructor(study, palette, { label, pick = null, hover = null, grid = false, picture = null, caption = "" }) {
    const { width, height, image, grid: cells } = study.page;
    const frame = pick ? { class: "pick", tabindex: 0, role: "group" } : { role: "img" };
    this.study = study;
    this.layer = null;
    this.lines = grid;
    this.stage = new Stage({ palette, frame: { ...frame, "aria-label": label } });
    this.stage.open({ url: (picture || image).url, alt: "", ratio: picture ? 1 : width / height }, cells);
    this.stage.paint((surface) => this.paint(surface));
    this.root = this.stage.root;
    this.frame = this.stage.frame;
    if (caption) this.root.append(node("figcaption", {}, caption));
    if (pick) this.listen(pick, hover);
  }

  listen(pick, hover) {
    const { frame, stage } = this;
    const withPatch = (use) => (event) => {
      const patch = stage.patchAt(event);
      if (patch) use(patch.row, patch.col);
    };
    frame.addEventListener("click", withPatch(pick));
    if (hover)
      frame.addEventListener("pointermove", (event) => event.pointerType !== "touch" && withPatch(hover)(event));
    frame.addEventListener("keydown", (event) => {
      const move = arrowMove(event.key);
      if (!move) return;
      event.preventDefault();
      event.stopPropagation(); // the cards stay
      const [row, col] = this.study.patch;
      const next = stage.nearest(row + move[0], col + move[1]);
      pick(next.row, next.col);
    });
  }

  /** Color the cells: `values` row by row, nothing below `threshold`, full color at `hi`. */
  color(values, threshold, hi) {
    this.layer = { values, threshold, hi };
    this.stage.paint();
  }

  /** Outline sets of cells: {cells, kind} each. */
  mark(...marks) {
    this.stage.mark(marks);
  }

  paint(surface) {
    if (this.layer) surface.fill(this.layer, surface.palette.heat(this.layer));
    if (this.lines) paintLines(surface);
  }
}

function paintLines({ context, canvas, grid: { rows, cols } }) {
  const thin = Math.max(1, (window.devicePixelRatio || 1) / 2);
  context.fillStyle = GRID;
  for (let col = 1; col < cols; col++)
    context.fillRect(Math.round((col * canvas.width) / cols), 0, thin, canvas.height);
  for (let row = 1; row < rows; row++)
    context.fillRect(0, Math.round((row * canvas.height) / rows), canvas.width, thin);
}
