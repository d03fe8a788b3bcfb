// The frame around the cards: which page they are about, which card is shown, links to each.

const LINK = /^#lesson-(\d+)$/;
const linked = () => {
  const number = Number(LINK.exec(window.location.hash)?.[1]);
  return number >= 1 && number <= cards.length ? number - 1 : null;
};
let current = linked() ?? Number(stored?.getItem("lesson-card") || 0);
let leave = null; // what the card on show wants done when it goes

function turnTo(at, focus = false) {
  leave?.();
  current = Math.max(0, Math.min(cards.length - 1, at));
  stored?.setItem("lesson-card", current);
  if (linked() !== null) link(current); // an address that names a card names the one on show
  draw();
  if (!focus) return;
  part("card").focus({ preventScroll: true });
  if (part("steps").getBoundingClientRect().top < 0) part("steps").scrollIntoView();
}

/** Only a link that somebody follows goes into the history: turning cards must not fill it. */
function link(at) {
  window.history.replaceState(window.history.state, "", `#lesson-${at + 1}`);
}

function draw() {
  const card = cards[current];
  part("steps").replaceChildren(
    ...cards.map(({ short }, at) =>
      node(
        "a",
        {
          href: `#lesson-${at + 1}`,
          "aria-current": at === current ? "step" : null,
          class: at < current ? "done" : null,
          onclick: (event) => {
            event.preventDefault();
            turnTo(at);
            link(at);
          },
        },
        node("b", {}, at + 1),
        node("span", {}, short),
      ),
    ),
  );
  const body = node("div", { class: `card-body ${card.id}` });
  part("card").replaceChildren(
    node("p", { class: "kicker" }, `Card ${current + 1} of ${cards.length}`),
    node("h2", {}, card.title()),
    node("p", { class: "idea" }, card.idea()),
    body,
    node("p", { class: "more" }, node("a", { href: `#about-${card.about}` }, "The same in writing ↓")),
  );
  part("card").dataset.card = card.id;
  leave = card.build(body) || null;
  part("back").disabled = current === 0;
  part("next").disabled = current === cards.length - 1;
  part("next").textContent = current === cards.length - 1 ? "The end" : `${cards[current + 1].short} →`;
  const step = part("steps").querySelector("[aria-current]");
  const strip = part("steps");
  strip.scrollLeft = step.offsetLeft - (strip.clientWidth - step.offsetWidth) / 2;
}

/** Whose page this is about, and what else there is. */
function drawSubject() {
  const { value } = study;
  const { example, own, page, query, model } = value;
  const choice = own && !example
    ? node(
        "select",
        { "aria-label": "Page", onchange: (event) => open("own", event.target.value) },
        ...own.pages.map(([key, source, number]) =>
          node("option", { value: key, selected: key === page.key }, `${source}, page ${number}`),
        ),
      )
    : node("b", {}, `${page.source}, page ${page.page}`);
  part("subject").replaceChildren(
    node("span", { class: "about" }, example ? "An example, computed beforehand: " : "Your page: ", choice),
    node("span", { class: "about" }, "query ", node("b", {}, quoted(query.text))),
    node("span", { class: "about" }, "model ", node("b", {}, model.name)),
    example && own
      ? node("button", { type: "button", class: "link", onclick: () => open("own", own.pages[0][0]) }, `Use my search ${quoted(own.query)}`)
      : "",
    example ? "" : node("button", { type: "button", class: "link", onclick: () => open("example", "") }, "Back to the example"),
    example && value.hint ? node("span", { class: "quiet" }, value.hint) : "",
  );
}

function open(source, key) {
  part("subject").setAttribute("aria-busy", "true");
  trigger("open_lesson", { source, key });
}

/** The typed token with the largest MaxSim on a patch, where the cards begin. */
function firstToken(value) {
  const typed = value.page.tokens.filter(
    (match) => match.slot === "patch" && value.query.tokens[match.index].kind === "word",
  );
  return (typed.length ? typed : value.page.tokens).reduce((best, match) => (match.maxsim > best.maxsim ? match : best)).index;
}

function showMessage(value) {
  part("empty-title").textContent = value?.title || "";
  part("empty-text").textContent = value?.message || "";
  part("empty").hidden = false;
  part("body").hidden = true;
}

async function picture(file) {
  const image = new Image();
  image.src = file.url;
  await image.decode();
  return image;
}

let latest = null; // the value that came last, while its files may still be on their way

async function load() {
  const value = (latest = props.value);
  if (!value?.lesson) return showMessage(value);
  part("subject").removeAttribute("aria-busy");
  if (study.value?.lesson !== value.lesson) {
    let found;
    try {
      found = await Promise.all([
        fetched({ file: value.page.vectors_file }),
        picture(value.page.image),
        value.page.input ? picture(value.page.input.image) : null,
      ]);
    } catch {
      return showMessage({ title: "This lesson is gone", message: "Open the tab again." });
    }
    if (latest !== value) return;
    Object.assign(study, {
      value,
      vectors: new Float32Array(found[0]),
      original: found[1],
      picture: found[2],
      query: new Float32Array(bytes(value.query.vectors).buffer),
      cosines: new Map(),
      answers: new Map(),
      token: firstToken(value),
    });
    const match = value.page.tokens[study.token];
    study.patch = match.slot === "patch" ? [match.row, match.col] : [0, 0];
  }
  study.value = value;
  part("empty").hidden = true;
  part("body").hidden = false;
  drawSubject();
  part("sources").replaceChildren(
    ...Object.values(value.paper.sources).map((source) =>
      node("li", {}, source.text, ". ", node("a", { href: source.url, rel: "noreferrer", target: "_blank" }, source.url)),
    ),
  );
  leave?.();
  draw();
  element.dataset.lesson = value.lesson;
}

part("back").addEventListener("click", () => turnTo(current - 1, true));
part("next").addEventListener("click", () => turnTo(current + 1, true));
// Also right after following a link to a card or clicking the tab, when nothing in the cards has the focus yet.
document.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !study.value || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  const outside = !part("lessons").contains(event.target);
  if (outside && event.target !== document.body && event.target.id !== "how-it-works-button") return;
  if (event.target.closest("input, select, textarea, .article") || !part("card").offsetParent) return;
  event.preventDefault();
  turnTo(current + step, true);
});

window.addEventListener("hashchange", () => linked() !== null && study.value && turnTo(linked()));

element.lessonValue = () => study.value; // the JSON behind the cards, for scripts
watch("value", load);
load();
