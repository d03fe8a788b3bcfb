// Taking the explanation away: a picture of what is on show, files that the server makes, a link.

import { node } from "../shared/dom.js";
import { restoring, restoringQuery } from "./link.js";
import { pictureOf } from "./picture.js";

const TAKEN = [
  ["png", "PNG", "The page as it is on show, with its legend"],
  ["pdf", "PDF", "A figure for print, of the token on show"],
  ["svg", "SVG", "The same figure as SVG"],
  ["json", "JSON", "Every number behind this score, exact"],
  ["html", "Web page", "The lens with these pages in one file that opens offline"],
  ["link", "Link", "An address that restores sample, query, token and overlay"],
];
const NO_LINK = "Only searches over samples alone can be restored: your pages are yours";
const KEEP_MS = 10_000; // milliseconds until a saved file's address goes, so that slow browsers have read it

export class Take {
  constructor(lens, stages) {
    this.lens = lens;
    this.stages = stages;
    document.addEventListener("delivery", () => lens.part("take").removeAttribute("aria-busy"));
  }

  arrive() {
    const { part, alone } = this.lens;
    const { samples } = this.lens.state.found.value;
    const button = ([kind, name, title]) => {
      const barred = kind === "link" && !samples;
      return node(
        "button",
        {
          type: "button",
          "data-take": kind,
          title: barred ? NO_LINK : title,
          disabled: barred,
          onclick: () => this.take(kind),
        },
        name,
      );
    };
    const offered = TAKEN.filter(([kind]) => kind === "png" || !alone);
    part("take").replaceChildren(node("span", { class: "take-title" }, "Export"), ...offered.map(button));
    part("take-link").hidden = true;
  }

  take(kind) {
    if (kind === "png") return this.takePicture();
    if (kind === "link") return this.showLink();
    const { lens } = this;
    const { state } = lens;
    lens.part("take").setAttribute("aria-busy", "true");
    lens.trigger("take_away", {
      kind,
      key: state.key,
      search: state.found.value.search,
      token: this.tokenOnShow(),
      scale: state.scale,
      measure: state.by,
      start: new URLSearchParams(restoring(state)).toString(),
    });
  }

  /** The token that a figure shows: of a word, the one that found most; "" for the whole query. */
  tokenOnShow() {
    const { state, view } = this.lens;
    if (view.whole) return "";
    const terms = state.found.ledger(state.key);
    return String(view.items[0].tokens.reduce((best, each) => (terms[each] > terms[best] ? each : best)));
  }

  async takePicture() {
    const { source, page } = this.lens.state.entryOf(this.lens.state.key);
    const url = URL.createObjectURL(await pictureOf(this.lens, this.stages));
    node("a", { href: url, download: `${fileStem(source)}-page-${page}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
  }

  showLink() {
    const { part, state } = this.lens;
    const field = part("take-link");
    const { origin, pathname } = window.location;
    field.hidden = false;
    field.value = `${origin}${pathname}?${restoringQuery(state)}`;
    field.focus();
    field.select();
    const note = (text) => {
      part("take-note").textContent = text;
    };
    // A page inside another may not be allowed to copy; then the link is there to be copied by hand.
    navigator.clipboard?.writeText(field.value).then(
      () => note("Copied."),
      () => note("Copy the link above."),
    );
  }
}

/** A file's name without its ending, of letters, digits and hyphens; as downloads.file_name makes it. */
function fileStem(source) {
  const stem = source
    .replace(/\.[^.]*$/, "")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return stem.slice(0, 60) || "document";
}
