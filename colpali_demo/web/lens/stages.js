// The page on show and the one that it is compared with: picture, overlay, winners, caption.

import { onPage } from "../overlays/layers.js";
import { node } from "../shared/dom.js";
import { Stage } from "../shared/stage.js";
import { drawnTraces, tracesOf } from "../shared/traces.js";
import { PatchCard } from "./card.js";
import { listenTo } from "./pointing.js";
import { registerMarks, winnerMarks } from "./view.js";

const FRAME = {
  tabindex: 0,
  role: "application",
  "aria-roledescription": "page with patches",
  "aria-label":
    "Patches of the page. The arrow keys move from patch to patch, Enter goes to the winner, plus and minus zoom.",
};

/** The panel of both stages. */
export class Stages {
  constructor(lens) {
    this.lens = lens;
    this.both = [new LensStage(lens, 0), new LensStage(lens, 1)];
  }

  /** The stages on show. */
  get all() {
    return this.both.slice(0, this.lens.state.keys.length);
  }

  build() {
    const { part, state } = this.lens;
    part("stages").replaceChildren(...this.all.map(({ stage }) => stage.root));
    part("columns").classList.toggle("comparing", Boolean(state.other));
    for (const each of this.all) each.open();
  }

  /** To be called once everything around the pages is in place, which may change their size. */
  measure() {
    for (const { stage } of this.all) stage.surface.measure();
  }

  show(view) {
    for (const each of this.all) each.show(view);
  }

  point() {
    for (const each of this.all) each.card.draw();
  }

  zoom() {
    for (const each of this.all) each.zoom();
  }
}

/** One page of the lens. `side` is 0 for the page on show, 1 for the page it is compared with. */
class LensStage {
  constructor(lens, side) {
    this.lens = lens;
    this.side = side;
    this.stage = new Stage({ palette: lens.palette, frame: FRAME, onresize: () => lens.moved() });
    this.caption = node("figcaption", { class: "caption" });
    this.stage.root.dataset.side = side;
    this.stage.root.append(this.caption);
    this.card = new PatchCard(lens, this);
    listenTo(this, lens);
  }

  get key() {
    return this.lens.state.keys[this.side];
  }

  /** The maps of its page; undefined while there is no page. */
  get maps() {
    return this.lens.state.found?.pages.get(this.key);
  }

  open() {
    const { state } = this.lens;
    const { entry } = this.maps;
    const input = state.picture === "input" && entry.input;
    const { width, height } = input ? state.found.value.model.input : entry;
    const picture = {
      url: input ? entry.input.url : entry.image.url,
      alt: `${entry.source}, page ${entry.page}${input ? ", as the model sees it" : ""}`,
      ratio: width / height,
    };
    this.ratio = picture.ratio;
    this.stage.open(picture, entry.grid);
    this.stage.zoomTo(state.zoom);
  }

  show(view) {
    const { state } = this.lens;
    const layers = view.layers.map((layer) => onPage(layer, this.side));
    this.stage.canvas.style.opacity = state.opacity;
    this.stage.surface.smooth = state.smooth;
    this.stage.paint((surface) => view.overlay.paint(surface, layers));
    const value = (token) => state.valueOf(this.key, [token]);
    const winners = view.overlay.unboxed ? [] : winnerMarks(view, this.maps, value);
    this.stage.mark([...winners, ...(state.registers ? registerMarks(this.maps) : [])]);
    this.stage.trace(drawnTraces(this.traces(view), this.ratio));
    this.drawCaption(view);
    this.card.draw();
  }

  /** What erasing has left on the page: of the whole query only what was typed has its arrows. */
  traces(view) {
    const parts = view.whole ? view.parts.filter((item) => item.kind === "word") : view.parts;
    return tracesOf(
      parts.flatMap((item) => item.tokens),
      this.maps.entry,
    );
  }

  zoom() {
    this.stage.zoomTo(this.lens.state.zoom);
    this.stage.paint();
    this.card.draw();
  }

  drawCaption(view) {
    const { state } = this.lens;
    const { grid, source, page: number, rank, erased } = this.maps.entry;
    const [title, text] = view.overlay.caption(view, {
      tokens: view.items.map((item) => item.name).join(", "),
      minus: state.calibrated ? " minus a blank page’s" : "",
      patches: state.other ? "the patches" : `${grid.rows} × ${grid.cols} patches`,
    });
    const letter = state.other ? `${"AB"[this.side]} · ` : "";
    const now = state.ranked(this.key).rank;
    const whatIf = state.off.size ? ` (all tokens: ${rank})` : "";
    const where = `${letter}${source}, page ${number} · rank ${now} of ${state.ranking.length}${whatIf}`;
    this.caption.replaceChildren(
      node("span", { title: `${title}${text}` }, node("b", {}, title), text),
      node("span", { title: source }, where),
      ...(erased ? [node("span", { class: "erased-label", title: erased.text }, erased.text)] : []),
    );
  }
}
