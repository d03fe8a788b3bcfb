// The frame around the cards: which page they are about, which card is shown, links to each, the lecturer's notes.

import { fetched } from "../shared/arrays.js";
import { node, partsOf, stored } from "../shared/dom.js";
import { Palette } from "../shared/palette.js";
import { quoted } from "../shared/text.js";
import { CARDS } from "./cards/index.js";
import { linked, setLink } from "./link.js";
import { question, tokenChips } from "./parts.js";
import { Sheet } from "./sheet.js";
import { Study } from "./study.js";

/** The card that the address names, counted from 0, or null. */
function linkedCard() {
  const number = Number(linked());
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
    this.notesShown = linked() === "notes"; // instead of a card
    this.leave = null; // what to call when the card on show goes
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
      eraseWinners: () => trigger("erase_winners", {}),
    };
  }

  // -------------------------------------------------------------------------------------------- cards

  turnTo(at, focus = false) {
    const { part } = this;
    this.current = Math.max(0, Math.min(CARDS.length - 1, at));
    this.notesShown = false;
    stored?.setItem("lesson-card", this.current);
    if (linked()) setLink(this.current + 1); // an address that names a card names the one on show
    this.draw();
    if (!focus) return;
    part("card").focus({ preventScroll: true });
    if (part("body").getBoundingClientRect().top < 0) part("body").scrollIntoView();
  }

  /** Show what the address names. */
  follow() {
    if (linked() === "notes") this.showNotes(true);
    else if (linkedCard() !== null) this.turnTo(linkedCard());
  }

  draw() {
    const { part, current, study, notesShown } = this;
    const card = CARDS[current];
    this.leave?.();
    this.leave = null;
    this.drawSteps();
    part("card").hidden = notesShown;
    part("notes").hidden = !notesShown;
    part("notes-button").setAttribute("aria-expanded", notesShown);
    part("back").disabled = current === 0;
    part("next").disabled = current === CARDS.length - 1;
    if (notesShown) return part("notes").replaceChildren(...notes(study));
    const body = node("div", { class: `card-body ${card.id}` });
    part("card").replaceChildren(
      node(
        "p",
        { class: "aside" },
        node("span", { class: "kicker" }, `Card ${current + 1} of ${CARDS.length}`),
        node("a", { href: `#about-${card.about}` }, "The same in writing ↓"),
      ),
      node("h2", {}, card.title(study)),
      node("p", { class: "idea" }, card.idea(study)),
      body,
    );
    part("card").dataset.card = card.id;
    this.leave = card.build(body, study, this.kit) || null;
  }

  /** The cards on a screen of their own, or back on the page. A hall sees no query that nobody chose to show it. */
  present(on) {
    this.part("present").setAttribute("aria-pressed", on);
    if (!this.study) return;
    this.study.ownQueries = false;
    this.turnTo(this.current, true);
  }

  showNotes(on) {
    this.notesShown = on;
    if (on) setLink("notes");
    else if (linked()) setLink(this.current + 1);
    this.draw();
    this.part(on ? "notes" : "card").focus({ preventScroll: true });
  }

  drawSteps() {
    const strip = this.part("steps");
    strip.replaceChildren(...CARDS.map(({ short }, at) => this.step(short, at)));
    const step = strip.querySelector("[aria-current]");
    if (step) strip.scrollLeft = step.offsetLeft - (strip.clientWidth - step.offsetWidth) / 2;
  }

  step(short, at) {
    return node(
      "a",
      {
        href: `#lesson-${at + 1}`,
        "aria-current": at === this.current && !this.notesShown ? "step" : null,
        class: at < this.current ? "done" : null,
        onclick: (event) => {
          event.preventDefault();
          setLink(at + 1);
          this.turnTo(at);
        },
      },
      node("b", {}, at + 1),
      node("span", {}, ` ${short}`),
    );
  }

  // -------------------------------------------------------------------------------------------- the page

  /** Whose page this is about, and what else there is. */
  drawSubject() {
    const { example, own, query, model, hint } = this.study.value;
    const about = (...content) => node("span", {}, ...content);
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

/** What a lecturer reads: of each card the sentence that it is to leave behind, and how to present. */
function notes(study) {
  const entry = (card, at) =>
    node(
      "li",
      { "data-card": card.id },
      node("a", { href: `#lesson-${at + 1}` }, card.title(study)),
      node("p", {}, card.keep),
    );
  return [
    node("h2", {}, "What each card is to leave behind"),
    node("ol", {}, ...CARDS.map(entry)),
    node(
      "p",
      { class: "fine" },
      "To present: F fills the screen, Page Up and Page Down (a clicker’s buttons), the arrow keys and the space " +
        "bar turn the cards, D changes between light and dark, Esc leaves. These notes have a link, ",
      node("a", { href: "#lesson-notes" }, "#lesson-notes"),
      ": keep them open in a second window.",
    ),
  ];
}
