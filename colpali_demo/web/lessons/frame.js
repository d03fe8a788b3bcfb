// The frame around the cards: which page they are about, which card is shown, links to each.

import { fetched } from "../shared/arrays.js";
import { node, partsOf, stored } from "../shared/dom.js";
import { Palette } from "../shared/palette.js";
import { quoted } from "../shared/text.js";
import { CARDS } from "./cards/index.js";
import { linkedNumber, setLink } from "./link.js";
import { question, tokenChips } from "./parts.js";
import { Sheet } from "./sheet.js";
import { Study } from "./study.js";

/** The card that the address names, counted from 0, or null. */
export function linkedCard() {
  const number = linkedNumber();
  return number >= 1 && number <= CARDS.length ? number - 1 : null;
}

async function picture(file) {
  const image = new Image();
  image.src = file.url;
  await image.decode();
  return image;
}

export class Frame {
  /** host: {element, trigger, props} of the component. */
  constructor({ element, trigger, props }) {
    Object.assign(this, { element, trigger, props });
    this.part = partsOf(element);
    this.palette = new Palette(props);
    this.study = null;
    this.current = linkedCard() ?? Number(stored?.getItem("lesson-card") || 0);
    this.leave = null; // what the card on show wants done when it goes
    this.latest = null; // the value that came last, while its files may still be on their way
  }

  /** What cards use besides the study: what needs the template, the colors or the server. */
  get kit() {
    const { study, palette, trigger, element } = this;
    return {
      sheet: (options) => new Sheet(study, palette, options),
      chips: (choose) => tokenChips(study, choose),
      question: (...about) => question(study.answers, ...about),
      /** A copy of a formula of the article. */
      formula: (name) => element.querySelector(`.article [data-math="${name}"]`).cloneNode(true),
      measure: () => trigger("measure", {}),
    };
  }

  // -------------------------------------------------------------------------------------------- cards

  turnTo(at, focus = false) {
    const { part } = this;
    this.current = Math.max(0, Math.min(CARDS.length - 1, at));
    stored?.setItem("lesson-card", this.current);
    if (linkedCard() !== null) setLink(this.current + 1); // an address that names a card names the one on show
    this.draw();
    if (!focus) return;
    part("card").focus({ preventScroll: true });
    if (part("steps").getBoundingClientRect().top < 0) part("steps").scrollIntoView();
  }

  draw() {
    const { part, current, study } = this;
    const card = CARDS[current];
    this.leave?.();
    this.drawSteps();
    const body = node("div", { class: `card-body ${card.id}` });
    part("card").replaceChildren(
      node("p", { class: "kicker" }, `Card ${current + 1} of ${CARDS.length}`),
      node("h2", {}, card.title(study)),
      node("p", { class: "idea" }, card.idea(study)),
      body,
      node("p", { class: "more" }, node("a", { href: `#about-${card.about}` }, "The same in writing ↓")),
    );
    part("card").dataset.card = card.id;
    this.leave = card.build(body, study, this.kit) || null;
    const last = current === CARDS.length - 1;
    part("back").disabled = current === 0;
    part("next").disabled = last;
    part("next").textContent = last ? "The end" : `${CARDS[current + 1].short} →`;
  }

  drawSteps() {
    const strip = this.part("steps");
    strip.replaceChildren(...CARDS.map(({ short }, at) => this.step(short, at)));
    const step = strip.querySelector("[aria-current]");
    strip.scrollLeft = step.offsetLeft - (strip.clientWidth - step.offsetWidth) / 2;
  }

  step(short, at) {
    return node(
      "a",
      {
        href: `#lesson-${at + 1}`,
        "aria-current": at === this.current ? "step" : null,
        class: at < this.current ? "done" : null,
        onclick: (event) => {
          event.preventDefault();
          this.turnTo(at);
          setLink(at + 1);
        },
      },
      node("b", {}, at + 1),
      node("span", {}, short),
    );
  }

  // -------------------------------------------------------------------------------------------- the page

  /** Whose page this is about, and what else there is. */
  drawSubject() {
    const { example, own, query, model, hint } = this.study.value;
    const about = (...content) => node("span", { class: "about" }, ...content);
    const linkTo = (words, source, key) =>
      node("button", { type: "button", class: "link", onclick: () => this.open(source, key) }, words);
    this.part("subject").replaceChildren(
      about(example ? "An example, computed beforehand: " : "Your page: ", this.pageChoice()),
      about("query ", node("b", {}, quoted(query.text))),
      about("model ", node("b", {}, model.name)),
      example && own ? linkTo(`Use my search ${quoted(own.query)}`, "own", own.pages[0][0]) : "",
      example ? "" : linkTo("Back to the example", "example", ""),
      example && hint ? node("span", { class: "quiet" }, hint) : "",
    );
  }

  /** The page's name, or where there is a choice, a list. */
  pageChoice() {
    const { example, own, page } = this.study.value;
    if (!own || example) return node("b", {}, `${page.source}, page ${page.page}`);
    return node(
      "select",
      { "aria-label": "Page", onchange: (event) => this.open("own", event.target.value) },
      ...own.pages.map(([key, source, number]) =>
        node("option", { value: key, selected: key === page.key }, `${source}, page ${number}`),
      ),
    );
  }

  drawSources() {
    this.part("sources").replaceChildren(
      ...Object.values(this.study.value.paper.sources).map(({ text, url }) =>
        node("li", {}, text, ". ", node("a", { href: url, rel: "noreferrer", target: "_blank" }, url)),
      ),
    );
  }

  open(source, key) {
    this.part("subject").setAttribute("aria-busy", "true");
    this.trigger("open_lesson", { source, key });
  }

  // -------------------------------------------------------------------------------------------- the value

  /** Show the value of the component: a lesson, or a message. */
  async load() {
    const { part } = this;
    const { value } = this.props;
    this.latest = value;
    if (!value?.lesson) return this.showMessage(value);
    part("subject").removeAttribute("aria-busy");
    if (this.study?.value.lesson === value.lesson) this.study.value = value;
    else {
      let study;
      try {
        study = await this.begun(value);
      } catch {
        return this.showMessage({ title: "This lesson is gone", message: "Open the tab again." });
      }
      if (this.latest !== value) return;
      study.augmented = this.study?.augmented ?? true;
      this.study = study;
    }
    part("empty").hidden = true;
    part("body").hidden = false;
    this.drawSubject();
    this.drawSources();
    this.draw();
    this.element.dataset.lesson = value.lesson;
  }

  /** A study of another page; rejects where one of its files is gone. */
  async begun(value) {
    const { vectors_file: file, image, input } = value.page;
    const [vectors, original, seen] = await Promise.all([
      fetched({ file }),
      picture(image),
      input ? picture(input.image) : null,
    ]);
    return Object.assign(new Study(value, new Float32Array(vectors)), { original, picture: seen });
  }

  showMessage(value) {
    const { part } = this;
    part("empty-title").textContent = value?.title || "";
    part("empty-text").textContent = value?.message || "";
    part("empty").hidden = false;
    part("body").hidden = true;
  }
}
